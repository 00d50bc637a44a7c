"""JSON Schemas of arguments, as short as they can be said: a model reads all of them before it does anything."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sandbox import limits
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.suggest import SUGGESTED_MAX, did_you_mean

# Left to the refusal, which says it to the one model in many that needs it.
_UNTOLD: Final = frozenset("title pattern minLength maxLength minItems minimum exclusiveMinimum".split())


@cache
def schema_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return the schema of a model's fields; made once, as every request asks for those of all its tools.

    >>> class Page(BaseModel):
    ...     limit: int | None = None
    >>> schema_of(Page)["properties"]
    {'limit': {'type': 'integer'}}
    >>> schema_of(Page) is schema_of(Page)
    True
    """
    whole = model.model_json_schema()
    schema = {name: value for name, value in whole.items() if name in ("type", "required")}
    schema["properties"] = {name: _short(value) for name, value in whole.get("properties", {}).items()}
    return schema


def _short(schema: Any) -> Any:
    """Leave out titles, and null where it only says that something may be left out."""
    if not isinstance(schema, dict):
        return schema
    short = {name: value for name, value in schema.items() if name not in _UNTOLD}
    choices = [choice for choice in short.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        short = {**_short(choices[0]), **{name: value for name, value in short.items() if name != "anyOf"}}
    elif choices:
        short["anyOf"] = [_short(choice) for choice in choices]
    if short.get("additionalProperties") is True:
        del short["additionalProperties"]
    if not short.get("default", True):
        del short["default"]
    for name in ("items", "additionalProperties"):
        if name in short:
            short[name] = _short(short[name])
    return short


def read_arguments(model: type[BaseModel], tool: str, given: Mapping[str, Json]) -> Any:
    """Return the arguments of a call. Raises `Invalid` that names what is wrong, and what there is."""
    if len(given) > limits.BODY_FIELDS:
        raise Invalid(f"{tool} has {len(model.model_fields)} arguments; this call gives {len(given):,}.")
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        details: dict[str, list[str]] = {}
        for item in error.errors(include_url=False):
            name = ".".join(map(str, item["loc"])) or "arguments"
            told = item["msg"].removeprefix("Value error, ")
            if item["type"] == "extra_forbidden":
                near = did_you_mean(name, model.model_fields) if len(details) < SUGGESTED_MAX else ""
                told = f"{tool} has no such argument{near}"
            details.setdefault(name, []).append(told)
        raise Invalid(f"The arguments of {tool} are wrong.", details=details) from None
