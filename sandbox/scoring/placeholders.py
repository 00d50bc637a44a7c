"""`{entity.<path>}` and `{output.<path>}` in an assertion: values of the bound entity, and of what the agent said."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.paths import read_path
from sandbox.placeholders import fill_text, fill_within, paths_in

_ENTITY: Final = "entity"
_OUTPUT: Final = "output"
# Texts with a syntax of their own, in which a value could say more than itself: FHIR searches, FHIRPath, globs.
_SYNTAX: Final = frozenset({"search", "fhirpath", "glob", "pattern", "path", "ignore", "except", "except_created"})


def bind_entity(assertion: Json, entity: Json) -> Json:
    """Return the assertion with every placeholder of the entity replaced, in all strings that are values.

    A string that is one placeholder and nothing else takes the value with its type; inside a
    longer string the value must be text, a number or a boolean. In a field's `matches` it is
    taken literally, not as a regular expression. Raises `Invalid` for a placeholder that has no
    entity or no single value.

    >>> bind_entity({"patient": "Patient/{entity.id}"}, {"id": "maria-chen"})
    {'patient': 'Patient/maria-chen'}
    >>> bind_entity({"expected": "{entity.active}"}, {"active": True})
    {'expected': True}
    """
    return _bind(assertion, _ENTITY, partial(_look_up, entity))


def bind_output(assertion: Json, output: Json) -> Json:
    """Return the assertion with every placeholder of the agent's output replaced, as `bind_entity` does.

    What the agent said is data: it must be one text, number or boolean, so that it can be compared and cannot become
    a part of the assertion. Raises `Invalid` where it is none, or nothing was said.

    >>> bind_output({"path": "auth_number", "expected": "{output.number}"}, {"number": "PA1"})
    {'path': 'auth_number', 'expected': 'PA1'}
    """
    if not _is_said_in(assertion):
        return assertion
    problem = find_misplaced(assertion)
    if problem is not None:
        raise Invalid(problem)
    return _bind(assertion, _OUTPUT, partial(_said, output))


def find_misplaced(assertion: Json) -> str | None:
    """Return why a placeholder of the output cannot stand where it does, None where none does so.

    >>> find_misplaced({"search": {"identifier": "{output.number}"}})
    '{output.…} cannot stand in search; compare with it in expected, value or where'
    """
    if isinstance(assertion, list):
        return next((found for item in assertion if (found := find_misplaced(item)) is not None), None)
    if not isinstance(assertion, dict):
        return None
    for key, value in assertion.items():
        if key in _SYNTAX and _is_said_in(value):
            return f"{{output.…}} cannot stand in {key}; compare with it in expected, value or where"
        if (found := find_misplaced(value)) is not None:
            return found
    return None


def _is_said_in(value: Json) -> bool:
    return any(True for _ in paths_in(value, _OUTPUT))


def _bind(assertion: Json, name: str, look_up: Callable[[str], Json]) -> Json:
    if isinstance(assertion, str):
        return fill_text(assertion, name, look_up)
    if isinstance(assertion, list):
        return [_bind(item, name, look_up) for item in assertion]
    if isinstance(assertion, dict):
        return {key: _bind_member(assertion, key, name, look_up) for key in assertion}
    return assertion


def _bind_member(parent: dict[str, Json], key: str, name: str, look_up: Callable[[str], Json]) -> Json:
    value = parent[key]
    if key == "matches" and "path" in parent and isinstance(value, str):
        return fill_within(value, name, look_up, re.escape)
    return _bind(value, name, look_up)


def _look_up(entity: Json, path: str) -> Json:
    shown = f"{{{_ENTITY}.{path}}}" if path else f"{{{_ENTITY}}}"
    if not path:
        raise Invalid(f"{shown} names no value; write {{entity.id}} or {{entity.<path>}}")
    if entity is None:
        raise Invalid(f"{shown} needs an entity, but the criterion has no input_entity")
    values = read_path(entity, path)
    if len(values) != 1:
        found = "no value" if not values else f"{len(values)} values"
        raise Invalid(f"{shown} has {found} in the bound entity; name exactly one")
    return values[0]


def _said(output: Json, path: str) -> Json:
    if not path:
        raise Invalid("{output} names no value; write {output.<path>}")
    values = read_path(output, path)
    if len(values) != 1 or not isinstance(values[0], str | int | float):
        raise Invalid(f"the output says no one value of {path}")
    if any(True for _ in paths_in(values[0], _ENTITY)):  # it would be filled in next
        raise Invalid(f"the output's {path} is no value but a placeholder")
    return values[0]
