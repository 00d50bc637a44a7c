"""`{entity.id}` and `{entity.<path>}` in an assertion: the values of the criterion's bound entity."""

import re
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.scoring.compare import read_path, to_text

_PLACEHOLDER: Final = re.compile(r"\{entity(?:\.([^{}]*))?\}")


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
        return _bind_string(assertion, entity, is_pattern=False)
    if isinstance(assertion, list):
        return [bind_entity(item, entity) for item in assertion]
    if isinstance(assertion, dict):
        return {key: _bind_member(assertion, key, entity) for key in assertion}
    return assertion


def _bind_member(parent: dict[str, Json], key: str, entity: Json) -> Json:
    value = parent[key]
    if key == "matches" and "path" in parent and isinstance(value, str):
        return _bind_string(value, entity, is_pattern=True)
    return bind_entity(value, entity)


def _bind_string(text: str, entity: Json, *, is_pattern: bool) -> Json:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None and not is_pattern:
        return _lookup(whole, entity)

    def replacement(match: re.Match[str]) -> str:
        value = to_text(_lookup(match, entity))
        if value is None:
            raise Invalid(f"{match.group()} is not text or a number, so it cannot stand inside a longer string")
        return re.escape(value) if is_pattern else value

    return _PLACEHOLDER.sub(replacement, text)


def _lookup(match: re.Match[str], entity: Json) -> Json:
    path = match.group(1)
    if not path:
        raise Invalid(f"{match.group()} names no value; write {{entity.id}} or {{entity.<path>}}")
    if entity is None:
        raise Invalid(f"{match.group()} needs an entity, but the criterion has no input_entity")
    values = read_path(entity, path)
    if len(values) != 1:
        found = "no value" if not values else f"{len(values)} values"
        raise Invalid(f"{match.group()} has {found} in the bound entity; name exactly one")
    return values[0]
