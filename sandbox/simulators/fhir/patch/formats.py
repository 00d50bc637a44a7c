"""The three forms of PATCH: merge patch (RFC 7386), JSON Patch (`json_patch.py`) and FHIRPath Patch
(`fhirpath_patch.py`).

Each takes the resource and returns the patched copy; nothing is changed in place.
"""

from typing import Final

from sandbox import jsonio
from sandbox.errors import Invalid
from sandbox.fhirpath import Context
from sandbox.jsonio import Json
from sandbox.simulators.fhir.patch import fhirpath_patch
from sandbox.simulators.fhir.patch.json_patch import json_patch
from sandbox.wire.base64_text import read_base64

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
MEDIA_TYPES: Final = frozenset({JSON_PATCH, MERGE_PATCH})


def apply(kind: str, body: Json, resource: Json, context: Context, *, is_checked: bool) -> Json:
    """Apply a patch of a media type to a resource; raises `Invalid`, `Unprocessable`. FHIRPath sees the context.

    A JSON body without a patch type is a FHIRPath Patch when it is a Parameters resource, a JSON
    Patch when it is an array, and otherwise a merge patch, as some clients send it.
    """
    if kind == JSON_PATCH:
        return json_patch(resource, body)
    if kind == MERGE_PATCH:
        return _merged(resource, body)
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        return fhirpath_patch.apply(resource, body, context, is_checked=is_checked)
    if isinstance(body, list):
        return json_patch(resource, body)
    return _merged(resource, body)


def held_patch(resource: Json) -> tuple[str, Json]:
    """Return the patch in a Bundle's entry, with its content type; raises `Invalid`, `Malformed`, `TooLarge`."""
    if isinstance(resource, dict) and resource.get("resourceType") == "Binary":
        return str(resource.get("contentType", "")), jsonio.parse(read_base64(str(resource.get("data", ""))) or b"")
    if not isinstance(resource, dict) or resource.get("resourceType") != "Parameters":
        message = "A patch in a Bundle is a Parameters resource (FHIRPath Patch), or a Binary that holds a JSON Patch."
        raise Invalid(message, issue_type="invalid")
    return "", resource


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
        return jsonio.copied(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), item)
    return result
