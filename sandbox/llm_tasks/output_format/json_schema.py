"""An output format as JSON Schema, and back."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.llm_tasks.output_format.grammar import Field, Fields, FormatError, Path

_SCHEMA_TYPES: Final = {
    "str": "string", "int": "integer", "number": "number", "bool": "boolean", "list": "array", "object": "object"
}  # fmt: skip
_FROM_SCHEMA: Final = {name: word for word, name in _SCHEMA_TYPES.items()}


def to_json_schema(fields: Fields, *, is_nullable: bool = False) -> dict[str, Json]:
    """Return the JSON Schema of an answer: every key required, none besides, in declared order.

    With `is_nullable` every field may also be null, for a model that is held to the schema.

    >>> from sandbox.llm_tasks.output_format.grammar import parse_format
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

    >>> from sandbox.llm_tasks.output_format.grammar import parse_format
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
