"""JSON Patch (RFC 6902), as R4's PATCH takes it.

The library `jsonpatch` changes the document; the comparison of `test` and what is said of a patch
that fails are our own, since both have to be JSON's and not Python's.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sandbox import jsonio, limits, work
from sandbox.errors import Invalid, TooLarge, Unprocessable
from sandbox.jsonio import Json
from sandbox.r4.validation.primitives import shown

_OPERATION: Final = 20  # units of work
_COPIED: Final = 20  # bytes that are copied for one
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("value",),
    "remove": (),
    "replace": ("value",),
    "move": ("from",),
    "copy": ("from",),
    "test": ("value",),
}


def json_patch(resource: Json, operations: Json) -> Json:
    """Apply a JSON Patch to a copy; raises `Invalid` naming the operation, `Unprocessable` for a `test` that fails.

    >>> json_patch({"resourceType": "Basic"}, [{"op": "add", "path": "/language", "value": "en"}])
    {'resourceType': 'Basic', 'language': 'en'}
    """
    if not isinstance(operations, list):
        raise Invalid("A JSON Patch is an array of operations.", issue_type="structure")
    if len(operations) > limits.PATCH_OPERATIONS:
        raise TooLarge(f"The JSON Patch has {len(operations)} operations; the limit is {limits.PATCH_OPERATIONS}.")
    for index, row in enumerate(operations):
        _check(index, row)
    result = jsonio.copied(resource)
    for index, row in enumerate(operations):
        at = f"Operation {index} of the JSON Patch ({row['op']} {shown(row['path'])})"
        work.spend(_OPERATION)
        result = _apply(result, row, at)
        # A copy can double the resource each time, so its size is watched as it grows.
        if row["op"] == "copy":
            work.spend(len(bounded(result)) // _COPIED)
    return result


def _check(index: int, row: Json) -> None:
    """Refuse what is no operation before any is carried out."""
    kind = row.get("op") if isinstance(row, dict) else row
    if not isinstance(row, dict) or not isinstance(kind, str) or kind not in _NEEDS:
        message = f"Operation {index} of the JSON Patch has the op {shown(kind)}; use {', '.join(_NEEDS)}."
        raise Invalid(message, issue_type="value")
    for name in ("path", *_NEEDS[kind]):
        if name not in row or (name != "value" and not isinstance(row[name], str)):
            raise Invalid(f"Operation {index} of the JSON Patch needs a {name}.", issue_type="required")


def _apply(document: Json, row: Any, at: str) -> Json:
    import jsonpatch
    from jsonpointer import EndOfList, JsonPointer, JsonPointerException

    try:
        if row["op"] == "copy":  # the library copies many times slower
            value = JsonPointer(row["from"]).resolve(document)
            if isinstance(value, EndOfList):
                raise JsonPointerException("there is no such place in the resource")
            row = {"op": "add", "path": row["path"], "value": jsonio.copied(value)}
        if row["op"] != "test":
            return jsonpatch.JsonPatch([row]).apply(document, in_place=True)
        found = JsonPointer(row["path"]).resolve(document, _NOTHING)
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError, IndexError, ValueError) as error:
        why = str(error).strip("'\"")
        if not why or any(word in why for word in _PYTHON):
            why = "there is no such place in the resource"
        raise Invalid(f"{at} cannot be applied: {why}.", issue_type="invalid") from None
    if found is _NOTHING:
        raise Unprocessable(f"{at} failed: there is no such element.", issue_type="processing")
    if not is_same(found, row["value"]):
        raise Unprocessable(f"{at} failed: it is {shown(found)}, not {shown(row['value'])}.", issue_type="processing")
    return document


_NOTHING: Final = object()
# Words of the libraries' own messages that tell of their insides.
_PYTHON: Final = ("class", "indices", "None", "__")


def is_same(one: Json, other: Json) -> bool:
    """Whether two JSON values are equal (RFC 6902, 4.6): numbers by value, everything else by kind and content.

    >>> is_same(1, 1.0), is_same(True, 1), is_same({"a": [None]}, {"a": [None]}), is_same("1", 1)
    (True, False, True, False)
    """
    work.spend(1)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(item, other[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if _is_number(one) and _is_number(other):
        return _decimal(one) == _decimal(other)
    return type(one) is type(other) and bool(one == other)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimal(value: Json) -> Decimal:
    return Decimal(getattr(value, "text", None) or repr(value))


def bounded(value: Json) -> bytes:
    """Return a patched resource as text; raises `TooLarge` when it grew past the limits of a body."""
    try:
        text = jsonio.dump_long(value)
    except (TypeError, ValueError, RecursionError):
        raise TooLarge(f"The patched resource is nested deeper than {limits.JSON_DEPTH} levels.") from None
    if len(text) > limits.REQUEST_BODY_BYTES:
        raise TooLarge(f"The patched resource is larger than {limits.REQUEST_BODY_BYTES} bytes.")
    return text
