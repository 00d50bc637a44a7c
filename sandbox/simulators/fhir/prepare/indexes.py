"""Indexes of a large dataset, made on a thread ahead of the search that needs them.

An index over many resources takes longer to make than anything else may wait. The seed and its indexes are shared and
only ever added to, so a thread can make them while other playgrounds are served; the search itself then finds them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.errors import SandboxError
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Request
from sandbox.simulators.fhir.rest.calls import Query
from sandbox.simulators.fhir.search import SearchRequest, make_indexes
from sandbox.simulators.fhir.search.answer.pages import KEY
from sandbox.simulators.fhir.terms.names import SURFACE, collection_of
from sandbox.wire.forms import FORM, parse_form

LARGE: Final = 5_000  # resources; fewer are indexed in some ten milliseconds
KNOWN_MAX: Final = 10_000
_CACHE: Final = "fhir/ahead"


def make_ahead(request: Request, seed: Seed) -> Awaitable[None] | None:
    """Return the work that is better done before a request is handled; None when there is none, as nearly always.

    Looks at searches of one type, in a compartment or not, by GET or by POST. What cannot be honoured is left for the
    search to refuse.
    """
    path = request.path.split("/")[1:]
    if path[-1:] == ["_search"]:
        path.pop()
    elif request.method != "GET" or not request.query:
        return None
    if len(path) not in (1, 3):
        return None
    collection = seed.collections.get(collection_of(path[-1]))
    if collection is None:
        return None
    known: set[tuple[str, ...]] = collection.caches.setdefault(_CACHE, set())
    query = request.query
    if request.method == "POST" and request.media_type == FORM:
        try:
            query = query + parse_form(request.body)
        except SandboxError:
            return None
    names = tuple(name for name, _ in query)
    if names in known or KEY in names:
        return None
    if sum(map(len, seed.collections.values())) < LARGE:
        return None
    search = search_of(path, query, f"{request.base_url}/{SURFACE}")
    return _make(seed, search, lambda: known.add(names) if len(known) < KNOWN_MAX else None)


def search_of(path: list[str], query: Query, base_url: str) -> SearchRequest:
    """Return the search that a path and a query stand for, with whatever is wrong left out."""
    compartment = (path[0], path[1]) if len(path) == 3 else None
    return SearchRequest(path[-1], query, base_url, True, compartment)


async def _make(seed: Seed, search: SearchRequest, done: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(make_indexes, Branch(seed), search)
    except SandboxError:
        return
    done()
