"""`output_format`: the documented grammar of what a task answers, and what can be done with it.

    output_format := { key: spec, … }
    spec          := type | {type, description?, options?, item_type?, nested_structure?}

A format is parsed once into `Field`s; these become JSON Schema and are read back from it, and an
answer is checked against them. Null is a value of every field: there is no "optional" in the grammar,
and models answer null where the input has nothing. Knows nothing of engines.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox import limits
from sandbox.jsonio import Json
from sandbox.scoring.evidence import quote

_KEY: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES: Final = {
    "str": "str", "string": "str",
    "int": "int", "integer": "int",
    "number": "number",
    "bool": "bool", "boolean": "bool",
    "list": "list", "array": "list",
    "object": "object",
}  # fmt: skip
_SCHEMA_TYPES: Final = {
    "str": "string", "int": "integer", "number": "number", "bool": "boolean", "list": "array", "object": "object"
}  # fmt: skip
_FROM_SCHEMA: Final = {name: word for word, name in _SCHEMA_TYPES.items()}
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


# -- JSON Schema ---------------------------------------------------------------------------------


def to_json_schema(fields: Fields, *, is_nullable: bool = False) -> dict[str, Json]:
    """Return the JSON Schema of an answer: every key required, none besides, in declared order.

    With `is_nullable` every field may also be null, for a model that is held to the schema.

    >>> to_json_schema(parse_format({"a": "int"}))["properties"]
    {'a': {'type': 'integer'}}
    """
    return {
        "type": "object",
        "properties": {field.name: _schema(field, is_nullable) for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def _schema(field: Field, is_nullable: bool) -> dict[str, Json]:
    name = _SCHEMA_TYPES[field.type]
    schema: dict[str, Json] = {"type": [name, "null"] if is_nullable else name}
    if field.description is not None:
        schema["description"] = field.description
    if field.options and field.type == "str":
        schema["enum"] = [*field.options, None] if is_nullable else list(field.options)
    if field.type == "object" and field.fields:
        schema |= {k: v for k, v in to_json_schema(field.fields, is_nullable=is_nullable).items() if k != "type"}
    if field.type == "list":
        if field.fields:
            schema["items"] = to_json_schema(field.fields, is_nullable=is_nullable)
        else:
            schema["items"] = {"type": _SCHEMA_TYPES[field.item_type]} if field.item_type else {}
            if field.options and field.item_type == "str":
                schema["items"]["enum"] = list(field.options)
    return schema


def from_json_schema(schema: Mapping[str, Any]) -> dict[str, Json]:
    """Return the `output_format` of a JSON Schema that `to_json_schema` could have written.

    Raises `FormatError` for anything the grammar cannot say.

    >>> from_json_schema(to_json_schema(parse_format({"a": {"type": "str", "options": ["x"]}})))
    {'a': {'type': 'str', 'options': ['x']}}
    """
    return _format_of(schema, ())


def _format_of(schema: Mapping[str, Any], path: Path) -> dict[str, Json]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise FormatError((*path, "properties"), "must be an object with at least one property")
    return {name: _spec_of(part, (*path, "properties", name)) for name, part in properties.items()}


def _spec_of(schema: Any, path: Path) -> Json:
    if not isinstance(schema, Mapping):
        raise FormatError(path, "must be a schema")
    kind = _word_of(schema, path)
    spec: dict[str, Json] = {"type": kind}
    if schema.get("description") is not None:
        spec["description"] = schema["description"]
    if schema.get("enum") is not None:
        spec["options"] = [item for item in schema["enum"] if item is not None]
    if kind == "object" and "properties" in schema:
        spec["nested_structure"] = _format_of(schema, path)
    items = schema.get("items")
    if kind == "list" and items:
        if _word_of(items, (*path, "items")) == "object" and "properties" in items:
            spec["item_type"], spec["nested_structure"] = "object", _format_of(items, (*path, "items"))
        else:
            spec["item_type"] = _word_of(items, (*path, "items"))
            if items.get("enum") is not None:
                spec["options"] = list(items["enum"])
    return kind if len(spec) == 1 else spec


def _word_of(schema: Mapping[str, Any], path: Path) -> str:
    name = schema.get("type")
    names = [n for n in name if n != "null"] if isinstance(name, list) else [name]
    if len(names) != 1 or names[0] not in _FROM_SCHEMA:
        raise FormatError((*path, "type"), f"{name!r} is not a type that output_format has")
    return _FROM_SCHEMA[names[0]]


# -- checking an answer --------------------------------------------------------------------------


def problems_of(value: Json, fields: Fields) -> list[str]:
    """Return what is wrong with an answer, one sentence each; empty when it fits.

    >>> problems_of({"a": "1"}, parse_format({"a": "int", "b": "str"}))
    ['a: must be int, not "1"', 'b: is missing']
    """
    return list(_check_object(value, fields, ""))


def _check_object(value: Json, fields: Fields, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at or 'the answer'}: must be an object, not {_short(value)}"
        return
    prefix = f"{at}." if at else ""
    for field in fields:
        if field.name not in value:
            yield f"{prefix}{field.name}: is missing"
        else:
            yield from _check(value[field.name], field, f"{prefix}{field.name}")
    names = {field.name for field in fields}
    yield from (f"{prefix}{name}: is not in the output_format" for name in value if name not in names)


def _check(value: Json, field: Field, at: str) -> Iterator[str]:
    if value is None:
        return
    if field.type == "object" and field.fields:
        yield from _check_object(value, field.fields, at)
    elif not _is_a(value, field.type):
        yield f"{at}: must be {field.type}, not {_short(value)}"
    elif field.type == "str" and field.options and value not in field.options:
        yield f"{at}: must be one of {', '.join(field.options)}, not {_short(value)}"
    elif field.type == "list":
        for index, item in enumerate(value):
            if field.fields:
                yield from _check_object(item, field.fields, f"{at}.{index}")
            elif field.item_type is not None and not _is_a(item, field.item_type):
                yield f"{at}.{index}: must be {field.item_type}, not {_short(item)}"


def _is_a(value: Json, kind: str) -> bool:
    match kind:
        case "str":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def _short(value: Json) -> str:
    return quote(value) if value is not None else "null"
