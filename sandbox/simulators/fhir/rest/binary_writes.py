"""What a body sent to Binary becomes (R4, Binary, "Serving Binary Resources using the RESTful API").

Whatever its type, a body is the content of a Binary, kept to the byte; FHIR's own types are no exception. Only a
body that *is* a Binary resource is read as that. Reading is in `binary.py`.
"""

import base64
import re
from collections.abc import Mapping
from typing import Final

from sandbox import jsonio
from sandbox.errors import Malformed, NotAcceptable, SandboxError
from sandbox.jsonio import Json
from sandbox.simulators.fhir_api.negotiation import JSON_TYPES, check_json_body

_XML_TYPES: Final = frozenset({"application/fhir+xml", "application/xml", "text/xml"})
_CLAIM: Final = re.compile(rb'"resourceType"\s{0,100}:\s{0,100}"Binary"').search
_ROOT: Final = re.compile(rb"<(?:[A-Za-z_][\w.\-]*:)?Binary[\s/>]").match
_NAMESPACE: Final = b"http://hl7.org/fhir"


def is_write(method: str, path: tuple[str, ...]) -> bool:
    """Whether a call creates or updates a Binary.

    >>> is_write("POST", ("Binary",)), is_write("PUT", ("Binary", "1")), is_write("PATCH", ("Binary", "1"))
    (True, True, False)
    """
    if path[:1] != ("Binary",):
        return False
    return (method == "POST" and len(path) == 1) or (method == "PUT" and len(path) <= 2)


def resource_of(path: tuple[str, ...], headers: Mapping[str, str], media_type: str, body: bytes) -> Json:
    """Return the Binary that a write's body is, or becomes the content of.

    Raises `Malformed` (no body, no content type, broken JSON that says it is a Binary), `UnsupportedMedia` (a Binary
    resource in another character set or version of FHIR) and `NotAcceptable` (a Binary resource in XML).
    """
    if not body:
        raise Malformed("The body is empty; a Binary needs content.", issue_type="required")
    resource = read_resource(media_type, body)
    content_type = headers.get("content-type", media_type)
    if resource is not None:
        check_json_body(media_type, "a Binary", content_type)
        return resource
    if not media_type:
        raise Malformed("The content has no type; say what it is in Content-Type.", issue_type="required")
    if media_type in _XML_TYPES and _is_binary_in_xml(body):
        raise NotAcceptable("This is a Binary resource in XML, which is not served; send application/fhir+json.")
    value: Json = {"resourceType": "Binary"}
    if len(path) == 2:
        value["id"] = path[1]
    value["contentType"] = content_type
    context = headers.get("x-security-context")
    if context:
        value["securityContext"] = {"reference": context}
    value["data"] = base64.b64encode(body).decode()
    return value


def read_resource(media_type: str, body: bytes) -> Json | None:
    """Return the Binary resource that a body is in JSON, None for one that is content.

    Raises what reading it raises when it cannot be read and says that it is a Binary.

    >>> read_resource("application/json", b'{"resourceType": "Patient"}') is None
    True
    """
    if media_type and media_type not in JSON_TYPES:
        return None
    try:
        value = jsonio.parse(body)
    except SandboxError:
        if _CLAIM(body):
            raise
        return None
    return value if isinstance(value, dict) and value.get("resourceType") == "Binary" else None


def _is_binary_in_xml(body: bytes) -> bool:
    """Whether an XML document's root is FHIR's Binary; looks at the start alone, and resolves nothing."""
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    while text.startswith((b"<?", b"<!")):
        end = b"?>" if text.startswith(b"<?") else b"-->" if text.startswith(b"<!--") else b">"
        text = text.partition(end)[2].lstrip()
    return _ROOT(text) is not None and _NAMESPACE in text.partition(b">")[0]
