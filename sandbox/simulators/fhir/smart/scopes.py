"""What SMART scopes a request needs (SMART App Launch 1.0 `.read`/`.write` and 2.0 `.cruds`).

A search, and the condition of a write, need the right to read every type that shows through: included
resources, and those that chains, `_has` and `_list` ask about; so do the criteria of a Subscription, by which whoever
writes it is told of what they find. Reads only paths and parameters; the
interactions themselves check the rest.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from sandbox import jsonio
from sandbox.errors import Malformed, SandboxError
from sandbox.jsonio import Json
from sandbox.playground.events import Request
from sandbox.r4.model import resource_types
from sandbox.r4.validation.literals import parse_conditional
from sandbox.simulators.fhir.operations import operation_of
from sandbox.simulators.fhir.patch.formats import held_patch
from sandbox.simulators.fhir.search import SearchRequest, types_named
from sandbox.simulators.fhir.search.terms import definitions
from sandbox.simulators.fhir.table import INTERACTIONS
from sandbox.simulators.fhir.terms.names import SURFACE
from sandbox.simulators.fhir.terms.parameters import is_criterion
from sandbox.simulators.fhir.terms.urls import Path, split_condition, split_url
from sandbox.simulators.fhir_api import scopes
from sandbox.simulators.fhir_api.scopes import ANY, Need
from sandbox.wire.forms import FORM, Pairs, parse_form, read_pairs

_OPEN: Final = ((".well-known", "smart-configuration"), ("token",), ("metadata",))
# The letters of SMART 2.0: create, read, update, delete, search.
_LETTERS: Final = {
    "read": "r", "vread": "r", "history-instance": "r", "search-type": "s", "history-type": "s", "create": "c",
    "update": "u", "patch": "u", "delete": "d",
}  # fmt: skip
_ACROSS_TYPES: Final = frozenset({"$everything", "$document"})


def check(scope: str, request: Request) -> None:
    """Raise `Forbidden`, naming the scope that is missing, unless the granted scopes allow the request."""
    scopes.check(scope, needs(request))


def check_search(scope: str, resource_type: str, query: Pairs) -> None:
    """Raise `Forbidden` unless the granted scopes allow to read what a search finds and shows."""
    scopes.check(scope, [(resource_type, "rs"), *((shown, "rs") for shown in _shown(resource_type, query))])


def needs(request: Request) -> list[Need]:
    """Return `(type, letters)` for everything that a request does; raises as dispatch does for unknown paths."""
    path = tuple(part for part in request.path.split("/")[1:] if part)
    if path in _OPEN:
        return []
    if not path and request.method == "POST":
        return _of_bundle(request)
    query = request.query
    if request.method == "POST" and path[-1] == "_search" and request.media_type == FORM:
        query = (*query, *parse_form(request.body))
    base = f"{request.base_url}/{SURFACE}"
    return [*_of_call(path, request.method, query), *_of_condition(path, request.headers.get("if-none-exist"), base)]


def _of_bundle(request: Request) -> list[Need]:
    found: list[Need] = []
    base = f"{request.base_url}/{SURFACE}"
    try:
        bundle = jsonio.parse(request.body)
        for entry in bundle.get("entry", ()):
            row = entry["request"]
            path, query = split_url(row["url"], base)
            found += _of_call(path, row["method"], read_pairs(query))
            found += _of_condition(path, row.get("ifNoneExist"), base)
            resource = entry.get("resource")
            found += _of_patch(resource) if row["method"] == "PATCH" else _of_references(resource)
    except (Malformed, KeyError, TypeError, AttributeError):
        return [(ANY, "cruds")]  # it will be refused, and needs no right to be
    return found


def _of_condition(path: Path, condition: str | None, base: str) -> Iterator[Need]:
    """Yield what `If-None-Exist` needs: it may answer with a resource of the type, and look at others."""
    if condition is not None and len(path) == 1:
        yield path[0], "r"
        yield from ((name, "rs") for name in _shown(path[0], read_pairs(split_condition(condition, base)[1])))


def _of_references(resource: Json) -> Iterator[Need]:
    """Yield what the conditional references of a transaction's entry need: the right to search for them."""
    if isinstance(resource, dict):
        yield from _of_text(resource.get("reference"))
    for item in resource.values() if isinstance(resource, dict) else resource if isinstance(resource, list) else ():
        if isinstance(item, dict | list):
            yield from _of_references(item)


def _of_patch(resource: Json) -> Iterator[Need]:
    """Yield what a patch in a Bundle needs: any string in it may become a conditional reference."""
    try:
        waiting = [held_patch(resource)[1]]
    except (SandboxError, TypeError, ValueError):
        return  # it will be refused
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            waiting += item.values() if isinstance(item, dict) else item
        else:
            yield from _of_text(item)


def _of_text(text: Json) -> Iterator[Need]:
    found = parse_conditional(text) if isinstance(text, str) else None
    if found is not None and found[0] in resource_types():
        yield found[0], "s"
        yield from ((name, "rs") for name in _shown(found[0], read_pairs(found[1])))


def _of_call(path: Path, method: str, query: Pairs) -> Iterator[Need]:
    if path and path[-1].startswith("$"):
        operation = operation_of(path, method)
        resource_type = path[0] if len(path) > 1 and path[-1] not in _ACROSS_TYPES else ANY
        yield resource_type, "cu" if operation.scope == "write" else "rs"
        return
    found = INTERACTIONS.served(path, method)
    if found.scope == "none":
        return
    resource_type = path[0] if path and path[0] in resource_types() else ANY
    if len(path) >= 3 and path[2] != "_history":
        resource_type = path[2]
    if found.scope == "write":
        yield resource_type, _LETTERS.get(found.code or "") or {"PUT": "cu", "PATCH": "u"}.get(method, "d")
        if method == "POST" and any(is_criterion(name) for name, _ in query):
            yield resource_type, "r"  # a conditional create may answer with what it found
        yield from ((shown, "rs") for shown in _shown(resource_type, query))
        return
    is_search = found.code in ("search-type", "search-system", None)
    letters = "s" if is_search else _LETTERS.get(found.code or "", "rs")
    types: Iterable[str] = [resource_type]
    if is_search and resource_type == ANY:
        compartment = (path[0], path[1]) if len(path) >= 3 else None
        types = types_named(SearchRequest(None, query, "", compartment=compartment)) or types
    for name in types:
        yield name, letters
    if is_search:
        for shown in _shown(resource_type, query):
            yield shown, "rs"


def _shown(resource_type: str, query: Pairs) -> Iterator[str]:
    """Yield the other types that a search's parameters show, `*` where they cannot be told."""
    for name, value in query:
        code = name.partition(":")[0]
        parts = value.split(":")
        if code == "_revinclude":
            yield parts[0]
        elif code == "_include":
            yield from _targets(parts[0], parts[1] if len(parts) > 1 else ANY, parts[2] if len(parts) > 2 else "")
        elif code == "_list":
            yield "List"
        elif code == "_has":
            steps = name.split(":")
            yield from (step for step in steps if step in resource_types())
        elif "." in name:
            step = name.partition(".")[0]
            parameter, _, wanted = step.partition(":")
            yield from _targets(resource_type, parameter, wanted)
            if name.count(".") > 1:
                yield ANY


def _targets(resource_type: str, code: str, wanted: str) -> Iterator[str]:
    if wanted:
        yield wanted
        return
    parameter = definitions.parameters_of(resource_type).get(code) if resource_type in resource_types() else None
    yield from parameter.targets if parameter is not None and parameter.targets else (ANY,)
