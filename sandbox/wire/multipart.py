"""`multipart/form-data` (RFC 7578, RFC 2046 §5.1): from a body to its parts, byte for byte.

The one reading of it, for attachments of the portal and for runs and tokens of the task API.
"""

import quopri
from dataclasses import dataclass
from email.message import Message
from typing import Final

from sandbox import limits
from sandbox.errors import Malformed, TooLarge
from sandbox.wire.base64_text import read_base64
from sandbox.wire.charsets import find_charset

_MAX_HEAD_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; `filename` is None for a plain field. Bytes of a name that are no UTF-8 are surrogates."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


def parse_multipart(content_type: str, body: bytes) -> list[Part]:
    r"""Split a body into its parts.

    Raises `Malformed` (no boundary, no closing boundary, a part without a name) and `TooLarge`.

    >>> body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhi\r\n--x--\r\n'
    >>> parse_multipart("multipart/form-data; boundary=x", body)
    [Part(name='file', filename='a.txt', content_type='application/octet-stream', content=b'hi')]
    """
    boundary = _parameter(content_type, "boundary")
    if not boundary or len(boundary) > 70 or not boundary.isascii():
        raise Malformed("The Content-Type names no boundary; send multipart/form-data; boundary=….")
    delimiter = b"\r\n--" + boundary.encode()
    text = b"\r\n" + body
    at = text.find(delimiter)
    parts: list[Part] = []
    while at >= 0:
        rest = at + len(delimiter)
        if text.startswith(b"--", rest):
            return parts
        line_end = text.find(b"\r\n", rest)
        if line_end < 0 or text[rest:line_end].strip(b" \t"):
            raise Malformed("The multipart body has a broken boundary line.")
        at = text.find(delimiter, line_end)
        if at < 0:
            break
        parts.append(_parse_part(text[line_end:at]))
        if len(parts) > limits.FORM_PARTS:
            raise TooLarge(f"The form has more than {limits.FORM_PARTS} parts.")
    raise Malformed("The multipart body does not end with its closing boundary.")


def _parse_part(text: bytes) -> Part:
    if text.startswith(b"\r\n\r\n"):  # no header at all
        raise Malformed('A part of the form has no Content-Disposition with a "name".')
    head, separator, content = text[2:].partition(b"\r\n\r\n")
    if not separator or len(head) > _MAX_HEAD_BYTES:
        raise Malformed("A part of the form has no end of its headers.")
    headers = {}
    for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed("A part of the form has a header line without a colon.")
        headers[name.strip().lower()] = value.strip()
    disposition = headers.get("content-disposition", "")
    name_given = _parameter(disposition, "name")
    if not disposition.lower().startswith("form-data") or name_given is None:
        raise Malformed('A part of the form has no Content-Disposition: form-data with a "name".')
    media_type = headers.get("content-type", "application/octet-stream")
    content = _decoded(content, headers.get("content-transfer-encoding", "binary").lower())
    return Part(name_given, _parameter(disposition, "filename"), media_type, content)


def _decoded(content: bytes, encoding: str) -> bytes:
    """Undo a transfer encoding, which RFC 7578 §4.7 does away with and old clients still send (RFC 2045 §6)."""
    if encoding in ("binary", "8bit", "7bit"):
        return content
    found = quopri.decodestring(content) if encoding == "quoted-printable" else None
    if encoding == "base64":
        found = read_base64(content.decode("latin-1"))
    if found is None:
        raise Malformed(f'A part of the form is not what its Content-Transfer-Encoding "{encoding[:40]}" says.')
    return found


def _parameter(value: str, name: str) -> str | None:
    message = Message()
    message["Content-Type"] = value.replace("\r", " ").replace("\n", " ")
    try:
        found = message.get_param(name, header="Content-Type")
    except Exception:  # the standard library's RFC 2231 decoding trips over odd input in several ways
        return None
    if isinstance(found, tuple):
        charset, _, text = found[0] or "utf-8", found[1], found[2]
        known = find_charset(charset)
        if known is None:
            raise Malformed(f'A part has a {name} in the character set "{charset[:40]}", which is not known.')
        try:
            return text.encode("latin-1").decode(known)
        except UnicodeError:
            return None
    return found
