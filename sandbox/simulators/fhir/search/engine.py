"""Run a search: plan, evaluate, order, page, answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sandbox import limits
from sandbox.errors import TooLarge
from sandbox.playground.branch import Branch
from sandbox.playground.playground import Interaction
from sandbox.simulators.fhir.search import bundle, pages, problems
from sandbox.simulators.fhir.search.criteria import Run
from sandbox.simulators.fhir.search.includes import included
from sandbox.simulators.fhir.search.order import Match, sort
from sandbox.simulators.fhir.search.plan import Plan, plan_of
from sandbox.simulators.fhir.search.request import SearchRequest
from sandbox.simulators.fhir.search.store import Store
from sandbox.simulators.fhir.search.subset import rendered

_PAGE_PARAMETERS: Final = frozenset({pages.KEY, pages.OFFSET, "_count", "_format", "_pretty"})


def search(tx: Interaction, request: SearchRequest) -> bytes:
    """Answer a search with a searchset Bundle, as JSON text.

    Raises `Invalid` or `Unsupported` naming the parameter, modifier or value that cannot be
    honoured, `TooLarge` past `limits.SEARCH_RESULTS`, `Gone` for a page that is no longer kept.
    Uncommitted writes of the interaction are seen. Source: https://hl7.org/fhir/R4/search.html.
    """
    for name, _ in request.parameters:
        if name == pages.KEY:
            return _later_page(tx, request)
    store = Store.of(tx.branch)
    plan = plan_of(store, request, tx.now)
    run = Run(store, request.base_url)
    base = request.base_url.rstrip("/")
    path = path_of(request)
    own_url = base + path + plan.query
    found = {t: run.matches(t, plan.criteria[t]) for t in plan.types}
    total = sum(map(len, found.values()))
    shown_total = None if plan.options.total == "none" and not plan.options.is_count_only else total
    notes = [bundle.outcome_entry(plan.ignored)] if plan.ignored else []
    if plan.options.is_count_only:
        return bundle.bundle(shown_total, [("self", own_url)], notes)
    if total > limits.SEARCH_RESULTS:
        message = (
            f"The search matches {total} resources; the limit is {limits.SEARCH_RESULTS}. "
            "Add a parameter that narrows it, or ask for the number alone with _summary=count."
        )
        raise TooLarge(message, issue_type="too-costly")
    matches = ordered(store, plan, found)
    count = plan.options.count
    links = [("self", own_url)]
    if total > count:
        kept = {
            "path": path,
            "parameters": [list(pair) for pair in plan.understood],
            "count": count,
            "total": shown_total,
        }
        links += _links(base + path, pages.keep(tx, matches, kept), 0, count, total)
    return bundle.bundle(shown_total, links, notes + _entries(run, plan, matches[:count], base))


def find(
    branch: Branch,
    resource_type: str,
    parameters: Sequence[tuple[str, str]],
    base_url: str = "",
    *,
    now: datetime | None = None,
) -> list[str]:
    """Return the ids of all matches in result order, whatever their number.

    For conditional operations and checks. Raises as `search` does; `_include` and what else only
    shapes a Bundle is read and has no effect. `now` is what `ap` on dates is measured from; without
    it `ap` only looks for an overlap.
    """
    store = Store.of(branch)
    plan = plan_of(store, SearchRequest(resource_type, tuple(parameters), base_url), now)
    found = Run(store, base_url).matches(resource_type, plan.criteria[resource_type])
    return [key for _, key in ordered(store, plan, {resource_type: found})]


def make_indexes(branch: Branch, request: SearchRequest, now: datetime | None = None) -> None:
    """Make every index that a search reads, without answering it; raises as `search` does."""
    store = Store.of(branch)
    plan = plan_of(store, request, now)
    run = Run(store, request.base_url)
    matches = ordered(store, plan, {t: run.matches(t, plan.criteria[t]) for t in plan.types})
    if plan.options.includes:
        included(run, matches[: plan.options.count], plan.options.includes)


def ordered(store: Store, plan: Plan, found: dict[str, Any]) -> list[Match]:
    """Put the matches into the order asked for, types in the order given."""
    matches = [(t, key) for t in plan.types for key in store.type(t).in_order(found[t])]
    return sort(store, matches, plan.options.sort) if plan.options.sort else matches


def path_of(request: SearchRequest) -> str:
    """Return the path of a search below the base: of a type, a compartment, or the system."""
    if request.compartment is None:
        return f"/{request.resource_type}" if request.resource_type else ""
    kind, key = request.compartment
    return f"/{kind}/{key}/{request.resource_type or '*'}"


def _entries(run: Run, plan: Plan, page: list[Match], base: str) -> list[bytes]:
    extra = included(run, page, plan.options.includes) if plan.options.includes else []
    entries = []
    # `_elements` is for matches alone (R4 search, 3.1.1.5.9).
    whole = replace(plan.options, elements=()) if plan.options.elements else plan.options
    for mode, rows, options in (("match", page, plan.options), ("include", extra, whole)):
        for resource_type, key in rows:
            document = run.store.type(resource_type).document(key)
            if document is not None:
                resource = rendered(document, resource_type, options)
                entries.append(bundle.entry(base, resource_type, key, resource, mode))
    return entries


def _links(url: str, key: str, offset: int, count: int, total: int) -> list[tuple[str, str]]:
    def at(place: int) -> str:
        return f"{url}?{pages.KEY}={key}&{pages.OFFSET}={place}&_count={count}"

    last = (total - 1) // count * count
    links = [("first", at(0))]
    if offset > 0:
        links.append(("previous", at(max(0, offset - count))))
    if offset + count < total:
        links.append(("next", at(offset + count)))
    return [*links, ("last", at(last))]


def _later_page(tx: Interaction, request: SearchRequest) -> bytes:
    given = dict(request.parameters)
    for name in given:
        if name not in _PAGE_PARAMETERS:
            message = f'The parameter "{name}" cannot be added to a page of a result; follow the links as they are.'
            raise problems.invalid(name, message)
    row = pages.recall(tx, given[pages.KEY])
    base, path = request.base_url.rstrip("/"), path_of(request)
    if row["path"] != path:
        raise problems.bad_value(
            pages.KEY, given[pages.KEY], f"is the key of a result of {row['path'] or 'the system'}"
        )
    store = Store.of(tx.branch)
    parameters = tuple((name, value) for name, value in row["parameters"])
    kept = SearchRequest(request.resource_type, parameters, request.base_url, True, request.compartment)
    plan = plan_of(store, kept, tx.now)
    plan.options.count = row["count"]
    if "_count" in given:
        plan.options.read("_count", given["_count"], plan.types)
    count, offset_text = plan.options.count or row["count"], given.get(pages.OFFSET, "0")
    if not (offset_text.isascii() and offset_text.isdigit() and len(offset_text) < 9):
        raise problems.bad_value(pages.OFFSET, offset_text, "is not a whole number of 0 or more")
    offset = int(offset_text)
    matches = [(t, key) for t, _, key in (text.partition("/") for text in row["matches"])]
    links = _links(base + path, given[pages.KEY], offset, count, len(matches))
    own = f"{base}{path}?{pages.KEY}={given[pages.KEY]}&{pages.OFFSET}={offset}&_count={count}"
    entries = _entries(Run(store, request.base_url), plan, matches[offset : offset + count], base)
    return bundle.bundle(row["total"], [("self", own), *links], entries)
