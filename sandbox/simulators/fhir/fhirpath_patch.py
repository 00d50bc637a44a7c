"""FHIRPath Patch (R4, FHIRPath Patch): `add`, `insert`, `delete`, `replace`, `move` in a Parameters resource."""

from sandbox.errors import Unsupported
from sandbox.jsonio import Json


def apply(resource: Json, parameters: Json) -> Json:
    """Apply a FHIRPath Patch and return the patched copy."""
    raise Unsupported("FHIRPath Patch is not supported by this server.", issue_type="not-supported")
