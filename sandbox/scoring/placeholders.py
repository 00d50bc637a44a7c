"""`{entity.id}` and `{entity.<path>}` in an assertion: the values of the criterion's bound entity."""

import re
from functools import partial
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.paths import read_path
from sandbox.placeholders import fill_text, fill_within

_NAME: Final = "entity"


def bind_entity(assertion: Json, entity: Json) -> Json:
    """Return the assertion with every placeholder replaced, in all strings that are values.

    A string that is one placeholder and nothing else takes the value with its type; inside a
    longer string the value must be text, a number or a boolean. In a field's `matches` it is
    taken literally, not as a regular expression. Raises `Invalid` for a placeholder that has no
    entity or no single value.

    >>> bind_entity({"patient": "Patient/{entity.id}"}, {"id": "maria-chen"})
    {'patient': 'Patient/maria-chen'}
    >>> bind_entity({"expected": "{entity.active}"}, {"active": True})
    {'expected': True}
    """
    if isinstance(assertion, str):
        return fill_text(assertion, _NAME, partial(_look_up, entity))
    if isinstance(assertion, list):
        return [bind_entity(item, entity) for item in assertion]
    if isinstance(assertion, dict):
        return {key: _bind_member(assertion, key, entity) for key in assertion}
    return assertion


def _bind_member(parent: dict[str, Json], key: str, entity: Json) -> Json:
    value = parent[key]
    if key == "matches" and "path" in parent and isinstance(value, str):
        return fill_within(value, _NAME, partial(_look_up, entity), re.escape)
    return bind_entity(value, entity)


def _look_up(entity: Json, path: str) -> Json:
    shown = f"{{{_NAME}.{path}}}" if path else f"{{{_NAME}}}"
    if not path:
        raise Invalid(f"{shown} names no value; write {{entity.id}} or {{entity.<path>}}")
    if entity is None:
        raise Invalid(f"{shown} needs an entity, but the criterion has no input_entity")
    values = read_path(entity, path)
    if len(values) != 1:
        found = "no value" if not values else f"{len(values)} values"
        raise Invalid(f"{shown} has {found} in the bound entity; name exactly one")
    return values[0]
