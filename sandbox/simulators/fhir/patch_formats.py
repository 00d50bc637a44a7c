"""The three forms of PATCH: JSON Patch (RFC 6902), merge patch (RFC 7386) and FHIRPath Patch (R4).

Each takes the resource and returns the patched copy; nothing is changed in place.
"""

import base64
import copy
from typing import Final

from sandbox import jsonio, limits
from sandbox.errors import Invalid, Malformed, TooLarge, Unprocessable, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.simulators.fhir import fhirpath_patch
from sandbox.simulators.fhir.calls import Call
from sandbox.simulators.fhir.negotiation import JSON_TYPES

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
OPERATIONS_MAX: Final = 1_000
_OPERATIONS: Final = frozenset("add remove replace move copy test".split())


def apply(call: Call, resource: Json) -> Json:
    """Apply the call's body to a resource; raises `Invalid`, `Unprocessable`, `UnsupportedMedia`.

    A JSON body without a patch type is a FHIRPath Patch when it is a Parameters resource, a JSON
    Patch when it is an array, and otherwise a merge patch, as some clients send it.
    """
    kind, body = _body(call)
    if kind == JSON_PATCH:
        return json_patch(resource, body)
    if kind == MERGE_PATCH:
        return _merged(resource, body)
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        return fhirpath_patch.apply(resource, body)
    if isinstance(body, list):
        return json_patch(resource, body)
    return _merged(resource, body)


def _body(call: Call) -> tuple[str, Json]:
    if call.resource is not None:  # a Bundle's entry: Parameters, or a Binary that holds the patch
        held = call.resource
        if isinstance(held, dict) and held.get("resourceType") == "Binary":
            return str(held.get("contentType", "")), jsonio.parse(base64.b64decode(held.get("data", "")))
        if not isinstance(held, dict) or held.get("resourceType") != "Parameters":
            message = (
                "A patch in a Bundle is a Parameters resource (FHIRPath Patch), or a Binary that holds a JSON Patch."
            )
            raise Invalid(message, issue_type="invalid")
        return "", held
    kind = call.media_type
    if kind and kind not in JSON_TYPES and kind not in (JSON_PATCH, MERGE_PATCH):
        raise UnsupportedMedia(
            f'A patch of type "{kind}" is not read; send {JSON_PATCH}, {MERGE_PATCH} or a FHIRPath Patch '
            "(a Parameters resource as application/fhir+json)."
        )
    if not call.body.strip():
        raise Malformed("The body is empty; a patch needs one.", issue_type="required")
    return kind, jsonio.parse(call.body)


def bounded(value: Json) -> bytes:
    """Return a patched resource as text; raises `TooLarge` when it grew past the limits of a body."""
    try:
        text = jsonio.dump(value)
    except (TypeError, ValueError, RecursionError):
        raise TooLarge(f"The patched resource is nested deeper than {limits.JSON_DEPTH} levels.") from None
    if len(text) > limits.REQUEST_BODY_BYTES:
        raise TooLarge(f"The patched resource is larger than {limits.REQUEST_BODY_BYTES} bytes.")
    return text


def json_patch(resource: Json, operations: Json) -> Json:
    """Apply a JSON Patch; a `test` that fails is `Unprocessable`.

    >>> json_patch({"resourceType": "Basic"}, [{"op": "add", "path": "/language", "value": "en"}])
    {'resourceType': 'Basic', 'language': 'en'}
    """
    import jsonpatch
    from jsonpointer import JsonPointerException

    if not isinstance(operations, list):
        raise Invalid("A JSON Patch is an array of operations.", issue_type="structure")
    for index, row in enumerate(operations):
        if not isinstance(row, dict) or row.get("op") not in _OPERATIONS:
            found = row.get("op") if isinstance(row, dict) else row
            known = "add, remove, replace, move, copy or test"
            message = f'Operation {index} of the JSON Patch has the op "{found}"; use {known}.'
            raise Invalid(message, issue_type="value")
        if not isinstance(row.get("path"), str):
            raise Invalid(f"Operation {index} of the JSON Patch needs a path.", issue_type="required")
    if len(operations) > OPERATIONS_MAX:
        raise TooLarge(f"The JSON Patch has {len(operations)} operations; the limit is {OPERATIONS_MAX}.")
    try:
        result = copy.deepcopy(resource)
        for row in operations:
            result = jsonpatch.JsonPatch([row]).apply(result, in_place=True)
            # A copy can double the resource each time, so its size is watched as it grows.
            if row["op"] == "copy":
                bounded(result)
        return result
    except jsonpatch.JsonPatchTestFailed as error:
        raise Unprocessable(f"A test of the JSON Patch failed: {error}.", issue_type="processing") from None
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError, IndexError, ValueError) as error:
        why = str(error) if str(error) not in ("", "None") else f"{row['op']} does not work on {row['path']}"
        raise Invalid(f"The JSON Patch cannot be applied: {why}.", issue_type="invalid") from None


def _merged(resource: Json, body: Json) -> Json:
    if not isinstance(body, dict):
        raise Invalid("A merge patch is a JSON object.", issue_type="structure")
    return merge_patch(resource, body)


def merge_patch(target: Json, patch: Json) -> Json:
    """Apply a JSON Merge Patch: null removes, objects merge, everything else replaces.

    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), item)
    return result
