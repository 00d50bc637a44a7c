"""Judge an assertion before anything runs: its surface, its paths, and values that can never be there.

Knows no simulator: what may lie at a path is asked of the check, what an environment has of the
`Surroundings`. An assertion that says something no run could ever satisfy, or that every run does,
is a mistake of its author; nothing here refuses one that merely looks unusual.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.definitions.assertions import FieldExpectation
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.events import METHODS
from sandbox.scoring.checks.interaction import find_path_problem
from sandbox.simulators.base import Check
from sandbox.simulators.vocabulary import Finding, Surface, Surroundings, find_value_problem
from sandbox.suggest import did_you_mean, nearest

_LISTS: Final = ("fields", "assertions")
_EVENT_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "request": ("method", "path", "query", "body"),
    "response": ("status", "body"),
}
_STATUS: Final = re.compile(r"[1-5]\d\d", re.ASCII)
_WHOLE_VALUES: Final = frozenset({"exists", "contains"})


def inspect_assertion(
    check: Check, surface: str | None, assertion: Any, surroundings: Surroundings
) -> Iterator[Finding]:
    """Yield what is wrong with an assertion that its check has read; `surface` is the check's own, if it has one."""
    if surface is not None and surface not in surroundings.surfaces:
        there_are = ", ".join(sorted(surroundings.surfaces)) or "none"
        yield ("assert",), f"{check.name} needs a simulator on the surface {surface}; the environment has {there_are}"
        return
    for name in _LISTS:
        for index, expectation in enumerate(getattr(assertion, name, None) or ()):
            for message in _field_problems(check, assertion, expectation):
                yield (name, index), message
    yield from check.inspect(assertion, surroundings)


def _field_problems(check: Check, assertion: Any, expectation: FieldExpectation) -> Iterator[str]:
    if check.path_type is None:
        return
    try:
        type_ = check.path_type(assertion, expectation.path)
    except Invalid as error:
        yield error.message
        return
    for value in _values_of(expectation):
        problem = find_value_problem(type_, value)
        if problem is not None:
            yield f"{expectation.path}: {problem}"
            return
    if type_.kind in ("list", "object") and expectation.mode not in (*_WHOLE_VALUES, "expected", "one_of"):
        what = "a list; write a number or * after it" if type_.kind == "list" else "an object; name one of its members"
        yield f"{expectation.path}: {expectation.mode} never holds of {what}"


def _values_of(expectation: FieldExpectation) -> list[Json]:
    """Return the values one of which the field must equal."""
    if expectation.mode == "expected":
        return [expectation.expected]
    return list(expectation.one_of or ()) if expectation.mode == "one_of" else []


def find_match_problems(match: Mapping[str, Any], surfaces: Mapping[str, Surface]) -> Iterator[tuple[str, str]]:
    """Yield keys of a scenario's `when … match` that no event can satisfy, each with the reason.

    A key that does not begin with `request.` or `response.` is a path into bodies, which may hold anything.
    """
    for key, wanted in match.items():
        side, dot, rest = key.partition(".")
        if dot and side not in _EVENT_PARTS and (near := nearest(side, _EVENT_PARTS)) is not None:
            yield key, f'a key begins with request. or response.; did you mean "{near}.{rest}"?'
            continue
        if not dot or side not in _EVENT_PARTS:
            continue
        part = rest.partition(".")[0]
        if part not in _EVENT_PARTS[side]:
            yield key, f"a {side} has no {part}{did_you_mean(part, _EVENT_PARTS[side])}"
            continue
        for value in _sought(wanted):
            problem = _match_value_problem(part, value, surfaces)
            if problem is not None:
                yield key, problem


def _sought(wanted: Json) -> list[Json]:
    if not isinstance(wanted, dict):
        return [wanted]
    return [wanted["expected"]] if "expected" in wanted else list(wanted.get("one_of") or ())


def _match_value_problem(part: str, value: Json, surfaces: Mapping[str, Surface]) -> str | None:
    if part == "method" and value not in METHODS:
        return f"{value} is no method; methods are written in capitals{did_you_mean(str(value), METHODS)}"
    if part == "status" and not (isinstance(value, int | str) and _STATUS.fullmatch(str(value))):
        return f"{value} is no status; write a number such as 201, or {{min: 200, max: 299}}"
    if part == "path" and isinstance(value, str):
        return find_path_problem(value, surfaces)
    return None
