"""Whether an answer fits its output format, and what is wrong with it when it does not."""

from collections.abc import Iterator

from sandbox.jsonio import Json
from sandbox.llm_tasks.output_format.grammar import Field, Fields
from sandbox.scoring.evidence import quote


def problems_of(value: Json, fields: Fields) -> list[str]:
    """Return what is wrong with an answer, one sentence each; empty when it fits.

    >>> from sandbox.llm_tasks.output_format.grammar import parse_format
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
