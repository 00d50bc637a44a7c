"""Judge an assertion before anything runs: its surface, its paths, and values that can never be there.

Knows no simulator: what may lie at a path is asked of the check, what an environment has of the
`Surroundings`. An assertion that says something no run could ever satisfy, or that every run does,
is a mistake of its author; nothing here refuses one that merely looks unusual.
"""

from collections.abc import Iterator
from typing import Any, Final

from sandbox.definitions.assertions import FieldExpectation
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.simulators.base import Check
from sandbox.simulators.vocabulary import Finding, Surroundings, find_value_problem

_LISTS: Final = ("fields", "assertions")
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
