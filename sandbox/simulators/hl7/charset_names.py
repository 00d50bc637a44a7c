"""The names of character sets in MSH-18: HL7's own (table 0211) and those that senders write."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.wire.charsets import find_charset

ASCII: Final = "ascii"
UTF_8: Final = "utf-8"
LATIN_1: Final = "iso8859-1"
WINDOWS: Final = "cp1252"

CHARSETS: Final = {
    **dict.fromkeys(("ASCII", "USASCII", "ISOIR6", "ISOIR14"), ASCII),
    **dict.fromkeys(("UNICODE", "UNICODEUTF8"), UTF_8),
    **dict.fromkeys(("UNICODEUTF16", "UTF16"), "utf-16"),
    **dict.fromkeys(("UNICODEUTF32", "UTF32"), "utf-32"),
    **dict.fromkeys(("GB180302000", "GB18030"), "gb18030"),
    "BIG5": "big5",
    "KSX1001": "euc_kr",
    "ISOIR13": "shift_jis",
    **dict.fromkeys(("ANSI", "MSANSI"), WINDOWS),
    **dict.fromkeys(("WINDOWS31J", "CSWINDOWS31J"), "cp932"),
    **{f"8859{part}": f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15, 16)},
    # The registration numbers, as DICOM writes them too (ISO_IR 100, ISO 2022 IR 100).
    **{
        f"ISOIR{number}": f"iso8859-{part}"
        for number, part in zip(
            (100, 101, 109, 110, 144, 127, 126, 138, 148, 166, 203), (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15), strict=True
        )
    },
    **dict.fromkeys(("ISOIR58", "GB2312"), "gb2312"),
    "ISOIR149": "euc_kr",
    "ISOIR192": UTF_8,
}
"""Python's codecs by the names that MSH-18 holds: HL7's own and those that senders use, in capitals and without
punctuation. Other names are looked for among those of `wire.charsets`."""

_ANY_SWITCH: Final = frozenset({"JAS2020", "JISX02021998", "JISX0202", "ISO2022JP", "ISO2022"})
_SWITCHING: Final = _ANY_SWITCH | {"ISOIR87", "ISOIR159"}
"""Names that say that the text switches between sets, and is ASCII where it does not."""
_CODE_PAGE: Final = re.compile(r"(?:MICROSOFT|WINDOWS|WIN|MSCP|CP|MS|IBM|ANSI)?(\d{3,5})")


@dataclass(frozen=True, slots=True)
class Declared:
    """What MSH-18 says: the names as they stand there, the codec of each (None: unknown or switching), and
    those that mean nothing here."""

    names: tuple[str, ...]
    codecs: tuple[str | None, ...]
    unknown: tuple[str, ...]

    @property
    def default(self) -> str | None:
        """The codec of what is not switched: that of the first name, ASCII where it is left out (§2.15.9.18)."""
        return self.codecs[0] if self.codecs else None


def declared(names: Sequence[str]) -> Declared:
    """Read the repetitions of MSH-18.

    >>> declared(["", "ISO IR87"]).default, declared(["Windows-1252"]).default, declared(["x"]).unknown
    ('ascii', 'cp1252', ('x',))
    """
    if not any(names):
        return Declared((), (), ())
    found = tuple(_codec(name) for name in names)
    unknown = tuple(name for name, codec in zip(names, found, strict=True) if codec is None)
    return Declared(tuple(names), found, unknown)


def _codec(name: str) -> str | None:
    squeezed = _squeeze(name)
    if not squeezed or squeezed in _SWITCHING:
        return ASCII
    if squeezed in CHARSETS:
        return CHARSETS[squeezed]
    page = _CODE_PAGE.fullmatch(squeezed)
    return find_charset(name) or find_charset(squeezed) or (find_charset(f"cp{page[1]}") if page else None)


def undeclared(used: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return a note for each set that a text switches to and MSH-18 does not name."""
    if any(_squeeze(name) in _ANY_SWITCH for name in names):
        return ()
    known = {_identity(name) for name in (*names, "ISO IR14")}
    return tuple(
        f"MSH-18 does not name {name}, to which the text switches; read all the same."
        for name in used
        if _identity(name) not in known
    )


def _identity(name: str) -> str:
    codec = _codec(name)
    return _squeeze(name) if codec is None or codec == ASCII else codec


def _squeeze(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper()).replace("ISO2022IR", "ISOIR").replace("ISO8859", "8859")


def spoken(codec: str) -> str:
    """Return the name of a codec as people write it.

    >>> spoken("iso8859-1"), spoken("cp1252"), spoken("gb18030")
    ('ISO 8859-1', 'Windows-1252', 'GB18030')
    """
    page = re.fullmatch(r"cp(125\d)", codec)
    return f"Windows-{page[1]}" if page else codec.upper().replace("ISO8859", "ISO 8859").replace("_", "-")
