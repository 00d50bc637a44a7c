"""Events in plain JSON, whose they are, and whether one matches a scenario's `when … match`.

Knows what an event holds; knows nothing of criteria.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from sandbox import jsonio
from sandbox.definitions.assertions import MODIFIERS, FieldExpectation
from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.playground.events import Event
from sandbox.scoring.compare import FieldResult, compare_field, describe_problem, parse_path, read_path
from sandbox.suggest import did_you_mean

EVENT_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "request": ("method", "path", "query", "body"),
    "response": ("status", "body"),
}
_MODES: Final = frozenset(FieldExpectation.model_fields) - MODIFIERS
_ALTERNATIVES: Final = frozenset(FieldExpectation.model_fields) - {"path"}


def is_agents(event: Event) -> bool:
    """Whether the event is something the agent did: not the organization, the scenario, a delay or the clock."""
    return event.actor == "agent"


def event_json(event: Event) -> Json:
    """Return `{"request": {method, path, query, body}, "response": {status, body}}`.

    Bodies are JSON when they parse as JSON, else text, else null; of a page that is recorded with what it showed as
    data, that. A query name that is repeated holds a list. A side that the event does not have is null.
    """
    request: Json = None
    if event.request is not None:
        query: dict[str, Json] = {}
        for name, value in event.request.query:
            query[name] = value if name not in query else [*_as_list(query[name]), value]
        recorded = event.request.recorded_body
        body = _body(event.request.body if recorded is None else recorded)
        request = {"method": event.request.method, "path": event.request.path, "query": query, "body": body}
    response: Json = None
    if event.response is not None:
        recorded = event.response.recorded_body
        body = _body(event.response.body if recorded is None else recorded)
        if isinstance(body, str) and event.response.outcome is not None:
            body = _body(event.response.outcome)  # a page: what it showed, as data
        response = {"status": event.response.status, "body": body}
    return {"request": request, "response": response}


def matches_event(event: Event, match: Json) -> bool:
    """Whether an event satisfies every clause of a `match`.

    A key is a dotted path below `request.` or `response.`; any other key is read in the request's
    body and, when it is missing there, in the response's. A value is compared as a field is, or is
    a mapping with one of the alternatives of a field expectation. Nothing to match matches every
    event; a match that cannot be read matches none (`describe_match_problem` tells why).
    """
    if match is None or match == {}:
        return True
    if describe_match_problem(match) is not None:
        return False
    return all(result.passed for result in compare_match(event, match))


def compare_match(event: Event, match: Mapping[str, Json]) -> list[FieldResult]:
    """Return what became of each clause of a `match` that can be used, on one event."""
    if not match:
        return []
    document = event_json(event)
    return [_compare(_values_at(document, key), key, wanted) for key, wanted in match.items()]


def find_event_path_problem(path: str) -> str | None:
    """Return why no event has anything at a path, None when one may.

    >>> find_event_path_problem("request.body.name"), find_event_path_problem("response.stauts")
    (None, 'a response has no stauts; did you mean "status"?')
    """
    side, _, rest = path.partition(".")
    if side not in EVENT_PARTS:
        return f"a path into an event begins with request. or response.{did_you_mean(side, EVENT_PARTS)}"
    part = rest.partition(".")[0]
    if part not in EVENT_PARTS[side]:
        return f"a {side} has no {part or 'part without a name'}{did_you_mean(part, EVENT_PARTS[side])}"
    return None


def describe_match_problem(match: Json) -> str | None:
    """Return what is wrong with a `match`, None when it can be used.

    >>> describe_match_problem({"status": {"one_of": ["booked"]}}) is None
    True
    >>> describe_match_problem({"status": {"matches": "("}})
    'status: matches is not a regular expression: missing ), unterminated subpattern at position 0'
    """
    if not isinstance(match, dict) or not all(isinstance(key, str) for key in match):
        return "a match is an object of paths (text) and values"
    for key, wanted in match.items():
        if not key:
            return "a key of a match is a path, and one is empty"
        try:
            parse_path(key)
            expectation = _expectation(key, wanted)
        except Invalid as error:
            return error.message
        except ValidationError as error:
            return f"{key}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        problem = describe_problem(expectation) if expectation is not None else None
        if problem is not None:
            return f"{key}: {problem}"
    return None


def _expectation(key: str, wanted: Any) -> FieldExpectation | None:
    if isinstance(wanted, dict) and wanted.keys() & _MODES and wanted.keys() <= _ALTERNATIVES:
        return FieldExpectation.model_validate({"path": key, **wanted})
    return None


def _compare(values: list[Json], key: str, wanted: Json) -> FieldResult:
    expectation = _expectation(key, wanted) or FieldExpectation(path=key, expected=wanted)
    return compare_field(expectation, values)


def _values_at(document: Json, key: str) -> list[Json]:
    if key.startswith(("request.", "response.")):
        return read_path(document, key)
    for side in ("request", "response"):
        values = read_path(document, f"{side}.body.{key}")
        if values:
            return values
    return []


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _body(body: bytes) -> Json:
    try:
        return jsonio.parse(body)
    except SandboxError:
        pass
    try:
        return body.decode() or None
    except UnicodeDecodeError:
        return None
