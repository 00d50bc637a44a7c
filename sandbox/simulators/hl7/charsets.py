"""From bytes to text and back without losing one (HL7 table 0211, MSH-18).

A message that came as raw bytes is kept as text together with the name of the character set that
gives exactly those bytes again.
"""

import codecs
from dataclasses import dataclass
from typing import Final

CHARSETS: Final = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc_kr",
    "ISO IR87": "iso2022_jp",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}

# Codecs of Python's that are no character sets: some of them cannot replace what they cannot encode.
_NO_CHARSETS: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the Python name of its character set, and what had to be assumed, if anything."""

    text: str
    charset: str
    note: str | None = None


def decode(body: bytes, declared: str | None = None) -> Decoded:
    r"""Decode a message's bytes so that `text.encode(charset)` gives them back.

    Tried in turn: `declared` (the content type's charset), MSH-18, UTF-8, and at last ISO 8859-1,
    which any bytes are.

    >>> decode("MSH|é".encode()).charset, decode(b"MSH|\xe9").charset
    ('utf-8', 'iso8859-1')
    """
    named = declared or CHARSETS.get(_declared_in_header(body).upper())
    for charset in dict.fromkeys(filter(None, (_known(named), "utf-8"))):
        text = _exact(body, charset)
        if text is not None:
            note = None
            if named and charset != _known(named):
                note = f"The bytes are not the declared character set {named}; read as {charset}."
            return Decoded(text, charset, note)
    return Decoded(body.decode("iso8859-1"), "iso8859-1", "The bytes are not UTF-8; read as ISO 8859-1.")


def _known(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return None if found.replace("_", "-") in _NO_CHARSETS else found


def _exact(body: bytes, charset: str) -> str | None:
    try:
        text = body.decode(charset)
        is_exact = text.encode(charset) == body
    except (UnicodeError, LookupError):
        return None
    return text if is_exact else None


def _declared_in_header(body: bytes) -> str:
    header = body[body.find(b"MSH") :].replace(b"\n", b"\r").partition(b"\r")[0]
    fields = header.split(header[3:4]) if len(header) > 3 else []
    if len(fields) < 18:
        return ""
    separator = fields[1][1:2] or b"~"
    return fields[17].split(separator)[0].decode("ascii", "replace").strip()
