"""From bytes to text and back without losing one (HL7 table 0211, MSH-18).

A message that came as raw bytes is kept as text together with the name of the character set that
gives exactly those bytes again; where there is none, with the bytes themselves.
"""

import codecs
import re
from dataclasses import dataclass, replace
from typing import Final

from sandbox.simulators.hl7 import iso2022
from sandbox.simulators.hl7.charset_names import (
    ASCII,
    LATIN_1,
    UTF_8,
    WINDOWS,
    Declared,
    declared,
    spoken,
    undeclared,
)
from sandbox.simulators.hl7.delimiters import Delimiters
from sandbox.wire.charsets import find_charset

_HEADER: Final = re.compile(rb"(?:^|[\r\n])[ \t\x0b]*(?:\xef\xbb\xbf)?[ \t\x0b]*(MSH[^\r\n]*)")
_WIDE: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SWITCHING_CODECS: Final = ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2", "iso2022_kr")
_CONTROLS: Final = re.compile("[\x80-\x9f]")
_WIDER: Final = {
    LATIN_1: WINDOWS,
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "cp950",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
}
"""What vendors write under a standard's name, which has the same characters and more."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text and the Python name of its character set; `is_exact` tells whether that gives the bytes again,
    `is_switched` whether the text switched between sets.

    `notes` say what had to be assumed, `unread` what could not be read as it was declared.
    """

    text: str
    charset: str
    is_exact: bool = True
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    is_switched: bool = False


def decode(body: bytes, named: str | None = None) -> Decoded:
    r"""Decode a message's bytes.

    Tried in turn: `named` (the content type's charset); UTF-16 and UTF-32 by their first bytes; what MSH-18
    says, with its switches; UTF-8; and at last Windows-1252 and ISO 8859-1, which any bytes are.

    >>> decode("MSH|é".encode()).charset, decode(b"MSH|\xe9").charset, decode(b"MSH|\x80").charset
    ('utf-8', 'iso8859-1', 'cp1252')
    """
    found = declared(_names_in_header(body))
    given = find_charset(named) if named else None
    for charset in filter(None, (given, _wide(body))):
        text = _exact(body, charset)
        if text is not None:
            # A client may name the charset of every text it sends; the text may switch all the same.
            is_switching = iso2022.ESCAPE in text and not charset.startswith(("utf-16", "utf-32"))
            switched = _decode_switched(body, found, charset) if is_switching else None
            return switched or Decoded(text, charset)
    decoded = _decode_switched(body, found, found.default or UTF_8) or _decode_plain(body, found)
    if not named or (decoded.is_switched and (given or "").startswith("iso2022")):
        return decoded
    reason = f"The bytes are not the declared character set {named}; read as {spoken(decoded.charset)}."
    return replace(decoded, unread=(reason, *decoded.unread))


def _decode_plain(body: bytes, found: Declared) -> Decoded:
    for name, charset in zip(found.names, found.codecs, strict=True):
        if charset is None:
            continue
        text, wider = _exact(body, charset), _WIDER.get(charset)
        if wider and (text is None or _CONTROLS.search(text)) and (meant := _exact(body, wider)) is not None:
            note = f"{name} does not have all of the characters; read as {spoken(wider)}, often sent under that name."
            return Decoded(meant, wider, notes=(note,), unread=_unknown(found, wider))
        if charset != found.default and text is not None and _exact(body, UTF_8) is None:
            note = f"The bytes are not {found.names[0] or 'ASCII'}; read as {name}, which MSH-18 names too."
            return Decoded(text, charset, notes=(note,), unread=_unknown(found, charset))
        if charset == found.default and text is not None:
            return Decoded(text, charset, unread=_unknown(found, charset))
    text, charset = _fall_back(body)
    unread = _unknown(found, charset)
    if found.names and not unread:
        names = ", ".join(name or "ASCII" for name in found.names)
        unread = (f"The bytes are not the declared character set {names}; read as {spoken(charset)}.",)
    elif charset != UTF_8 and not unread:
        unread = (f"The bytes are not UTF-8, and MSH-18 names nothing else; read as {spoken(charset)}.",)
    return Decoded(text, charset, unread=unread)


def _unknown(found: Declared, charset: str) -> tuple[str, ...]:
    return tuple(
        f"MSH-18 names {name!r}, no character set known here; read as {spoken(charset)}." for name in found.unknown
    )


def _decode_switched(body: bytes, found: Declared, own: str) -> Decoded | None:
    """Decode bytes that switch between character sets, `own` being that of the rest; None if they do not."""
    if b"\x1b" not in body:
        return None
    fallen: list[str] = []

    def decode_run(run: str) -> str:
        data = run.encode(LATIN_1)
        text = _exact(data, own)
        if text is None:
            text, charset = _fall_back(data)
            fallen.append(f"The bytes are not {spoken(own)}, which MSH-18 names first; read as {spoken(charset)}.")
        return text

    reading = iso2022.read(body.decode(LATIN_1), _delimiters(body), decode_run)
    if reading.text.count(iso2022.ESCAPE) == body.count(b"\x1b"):
        return None
    carriers = [own, *_SWITCHING_CODECS, UTF_8]
    exact = next((codec for codec in carriers if _is_exact(reading.text, codec, body)), None)
    return Decoded(
        reading.text,
        exact or next(codec for codec in carriers if _can_encode(reading.text, codec)),
        exact is not None,
        undeclared(reading.names, found.names),
        tuple(dict.fromkeys([*_unknown(found, own), *fallen, *reading.unread]))[: iso2022.UNREAD_REPORTED],
        is_switched=True,
    )


def _exact(body: bytes, charset: str | None) -> str | None:
    if charset is None:
        return None
    try:
        text = body.decode(charset)
        is_exact = text.encode(charset) == body
    except (UnicodeError, LookupError):
        return None
    return text if is_exact else None


def _is_exact(text: str, charset: str, body: bytes) -> bool:
    return _can_encode(text, charset) and text.encode(charset) == body


def _can_encode(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except (UnicodeError, LookupError):
        return False
    return True


def _fall_back(body: bytes) -> tuple[str, str]:
    for charset in (UTF_8, WINDOWS):
        text = _exact(body, charset)
        if text is not None and (charset == UTF_8 or _CONTROLS.search(body.decode(LATIN_1))):
            return text, charset
    return body.decode(LATIN_1), LATIN_1


def _wide(body: bytes) -> str | None:
    """Return UTF-16 or UTF-32 where the first bytes are theirs: a byte order mark, or MSH itself."""
    for mark, charset in _WIDE:
        if body.startswith((mark, "MSH".encode(charset))):
            return charset
    return None


def _names_in_header(body: bytes) -> list[str]:
    found = _HEADER.search(body)
    header = found[1] if found else b""
    fields = header.split(header[3:4]) if len(header) > 3 else []
    if len(fields) < 18:
        return []
    names = fields[17].split(fields[1][1:2] or b"~")
    return [name.decode(ASCII, "replace").strip() for name in names]


def _delimiters(body: bytes) -> Delimiters:
    """Return MSH-1 and MSH-2 as far as they can be told before the text is read."""
    found = _HEADER.search(body)
    header = found[1].decode(LATIN_1) if found else ""
    encoding = header[4:].partition(header[3:4])[0] if len(header) > 4 else ""
    return Delimiters(header[3:4], *(encoding[i : i + 1] for i in range(5))) if header[3:4] else Delimiters()
