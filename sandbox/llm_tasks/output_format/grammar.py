"""The grammar of `output_format`, parsed once into `Field`s.

    output_format := { key: spec, … }
    spec          := type | {type, description?, options?, item_type?, nested_structure?}

Null is a value of every field: there is no "optional" in the grammar, and models answer null where the input
has nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sandbox import limits
from sandbox.jsonio import Json

_KEY: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES: Final = {
    "str": "str", "string": "str",
    "int": "int", "integer": "int",
    "number": "number",
    "bool": "bool", "boolean": "bool",
    "list": "list", "array": "list",
    "object": "object",
}  # fmt: skip
_PARTS: Final = frozenset({"type", "description", "options", "item_type", "nested_structure"})

Path = tuple[str | int, ...]


class FormatError(Exception):
    """An `output_format` that breaks the grammar, with the path of what is wrong."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `type` is the canonical word; `fields` are those of an object or of a list's objects.

    A list whose items may be anything has `item_type` None.
    """

    name: str
    type: str
    description: str | None = None
    options: tuple[str, ...] = ()
    item_type: str | None = None
    fields: tuple["Field", ...] = ()


Fields = tuple[Field, ...]


def parse_format(value: Json) -> Fields:
    """Parse an `output_format`. Raises `FormatError`.

    >>> [(f.name, f.type, f.item_type) for f in parse_format({"a": "int", "b": {"type": "list", "item_type": "str"}})]
    [('a', 'int', None), ('b', 'list', 'str')]
    """
    fields = _parse_map(value, ())
    if sum(1 for _ in walk(fields)) > limits.OUTPUT_FORMAT_FIELDS:
        raise FormatError((), f"has more than {limits.OUTPUT_FORMAT_FIELDS} fields")
    return fields


def _parse_map(value: Json, path: Path) -> Fields:
    if not isinstance(value, Mapping):
        raise FormatError(path, "must be an object of field names and types")
    if not value:
        raise FormatError(path, "must have at least one field")
    found = []
    for name, spec in value.items():
        if not isinstance(name, str) or not _KEY.fullmatch(name):
            raise FormatError((*path, str(name)), "is not a field name: 1 to 64 letters, digits, _, . or -")
        found.append(_parse_spec(name, spec, (*path, name)))
    return tuple(found)


def _parse_spec(name: str, spec: Json, path: Path) -> Field:
    if isinstance(spec, str):
        return Field(name, _type(spec, path))
    if not isinstance(spec, Mapping):
        raise FormatError(path, "must be a type or an object with a type")
    if "type" not in spec:
        raise FormatError((*path, "type"), "is required")
    kind = _type(spec["type"], (*path, "type"))
    description = spec.get("description")
    if description is not None and not isinstance(description, str):
        raise FormatError((*path, "description"), "must be text")
    item = spec.get("item_type")
    nested = spec.get("nested_structure")
    if item is not None and kind != "list":
        raise FormatError((*path, "item_type"), "only a list has an item_type")
    if nested is not None and kind not in ("list", "object"):
        raise FormatError((*path, "nested_structure"), "only a list or an object has a nested_structure")
    item_type = _type(item, (*path, "item_type")) if item is not None else None
    if nested is None and (kind == "object" or item_type == "object"):
        raise FormatError((*path, "nested_structure"), "is required for an object")
    if nested is not None and kind == "list":
        if item_type not in (None, "object"):
            raise FormatError((*path, "item_type"), "must be object when there is a nested_structure")
        item_type = "object"
    fields = _parse_map(nested, (*path, "nested_structure")) if nested is not None else ()
    return Field(name, kind, description, _options(spec.get("options"), (*path, "options")), item_type, fields)


def unknown_parts(value: Json, path: Path = ()) -> list[tuple[Path, str]]:
    """Return what `parse_format` ignores, as upstream does: parts of fields that the grammar does not have.

    >>> unknown_parts({"a": {"type": "str", "option": ["x"]}})[0][0]
    ('a', 'option')
    """
    found: list[tuple[Path, str]] = []
    for name, spec in value.items() if isinstance(value, Mapping) else ():
        if isinstance(spec, Mapping):
            known = ", ".join(sorted(_PARTS))
            found += [
                ((*path, name, str(key)), f"is not part of a field; there are {known}")
                for key in spec
                if key not in _PARTS
            ]
            found += unknown_parts(spec.get("nested_structure"), (*path, name, "nested_structure"))
    return found


def _type(value: Json, path: Path) -> str:
    found = _TYPES.get(value) if isinstance(value, str) else None
    if found is None:
        raise FormatError(path, f"is not a type; there are {', '.join(t for t in _TYPES if t != 'array')}")
    return found


def _options(value: Json, path: Path) -> tuple[str, ...]:
    if value is None or value == []:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FormatError(path, "must be a list of texts")
    if len(set(value)) != len(value):
        raise FormatError(path, "must not repeat a text")
    return tuple(value)


def walk(fields: Fields) -> Iterator[Field]:
    """Yield every field at every depth."""
    for field in fields:
        yield field
        yield from walk(field.fields)
