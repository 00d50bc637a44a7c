r"""Switching character sets within a text: ISO 2022 as HL7 uses it (§2.9.2, §2.10.2; HL7 table 0211).

A switch is the escape character and two or three more (`ESC $ B`), or HL7's own spelling of them
(`\M2442\`). It designates a set for the codes below 128 (G0) or for those above (G1), and holds to the end
of the segment. What is not switched is the caller's to decode.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sandbox.simulators.hl7.delimiters import DEFAULT_DELIMITERS, Delimiters

ESCAPE: Final = "\x1b"
UNREAD_REPORTED: Final = 5


@dataclass(frozen=True, slots=True)
class CodedSet:
    """A character set of 7-bit codes: its name in HL7 table 0211, the Python codecs that know it with the high
    bit set (none: it cannot be read here), what each of its characters is prefixed with there, and how many
    codes a character has."""

    name: str
    codecs: tuple[str, ...] = ()
    width: int = 1
    prefix: bytes = b""


_ROMAN: Final = CodedSet("ISO IR14")
_KATAKANA: Final = CodedSet("ISO IR13", ("shift_jis",))
_KANJI: Final = CodedSet("ISO IR87", ("euc_jp", "euc_jis_2004"), 2)
_MORE_KANJI: Final = CodedSet("ISO IR159", ("euc_jp",), 2, b"\x8f")
_HANGUL: Final = CodedSet("KS X 1001", ("euc_kr",), 2)
_HANZI: Final = CodedSet("GB 2312", ("gb2312",), 2)
_TAIWAN: Final = CodedSet("CNS 11643-1992", (), 2)

# The part of 8859 that a final letter names, in G1.
_LATIN: Final = {"A": 1, "B": 2, "C": 3, "D": 4, "L": 5, "G": 6, "F": 7, "H": 8, "M": 9, "T": 11, "b": 15}

G0: Final[dict[str, CodedSet | None]] = {
    "(B": None,
    "(J": _ROMAN,
    "(I": _KATAKANA,
    **dict.fromkeys(("$@", "$B", "$(@", "$(B"), _KANJI),
    "$(D": _MORE_KANJI,
    **dict.fromkeys(("$A", "$(A"), _HANZI),
    "$(C": _HANGUL,
    **dict.fromkeys(("$(G", "$(H"), _TAIWAN),
}
"""What a switch puts in the place of the codes below 128; None is ASCII (ISO IR6)."""
G1: Final[dict[str, CodedSet]] = {
    ")I": _KATAKANA,
    "$)B": _KANJI,
    "$)C": _HANGUL,
    "$)A": _HANZI,
    **dict.fromkeys(("$)G", "$)H"), _TAIWAN),
    **{f"-{letter}": CodedSet(f"8859/{part}", (f"iso8859-{part}",)) for letter, part in _LATIN.items()},
}
"""What a switch puts in the place of the codes above 127."""
_REVISION: Final = "&@"
"""Says that the revision of 1990 follows; changes nothing itself."""

SWITCHED_TO: Final = frozenset({found.name for found in (*G0.values(), *G1.values()) if found})
"""The names of all sets that a text can switch to."""

_RUN: Final = re.compile(r"[\x21-\x7e]+|[\xa0-\xff]+|[^\x21-\x7e\xa0-\xff]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text without its switches, the names of the sets it switched to, and what could not be read."""

    text: str
    names: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def is_switching(text: str, delimiters: Delimiters = DEFAULT_DELIMITERS) -> bool:
    """Whether there is anything here for `read` to do."""
    mark = delimiters.escape
    return ESCAPE in text or (bool(mark) and (f"{mark}C" in text or f"{mark}M" in text))


def read(text: str, delimiters: Delimiters = DEFAULT_DELIMITERS, default: Callable[[str], str] = str) -> Reading:
    r"""Read a text that switches; codes are characters below 256.

    `default` decodes what stands in the text's own character set. What cannot be read stays as it is.

    >>> read("PID|1||7||\x1b$B;3ED\x1b(B^\\M2442\\B@O:\\C2842\\").text
    'PID|1||7||山田^太郎'
    """
    reader = _Reader(delimiters, default)
    for part in re.split(_switches(delimiters.escape), text):
        reader.take(part)
    unread = tuple(dict.fromkeys(reader.unread))[:UNREAD_REPORTED]
    return Reading("".join(reader.done), tuple(dict.fromkeys(reader.names)), unread)


def _switches(mark: str) -> str:
    escaped = re.escape(mark)
    spelled = rf"|{escaped}C[0-9A-Fa-f]{{4}}{escaped}|{escaped}M[0-9A-Fa-f]{{4}}(?:[0-9A-Fa-f]{{2}})?{escaped}"
    return rf"(\x1b[ -/]*[0-~]|[\r\n]+{spelled if mark else ''})"


class _Reader:
    def __init__(self, delimiters: Delimiters, default: Callable[[str], str]) -> None:
        self.mark = delimiters.escape
        self.own = delimiters.field + delimiters.encoding_characters
        self.default = default
        self.low: CodedSet | None = None
        self.high: CodedSet | None = None
        self.done: list[str] = []
        self.names: list[str] = []
        self.unread: list[str] = []

    def take(self, part: str) -> None:
        if not part:
            return
        if not part.strip("\r\n"):
            self.low = self.high = None
            self.done.append(part)
        elif part.startswith(ESCAPE):
            self.switch(part[1:], part)
        elif self.mark and re.fullmatch(_switches(self.mark), part):
            self.switch(bytes.fromhex(part[2:-1]).decode("latin-1"), part)
        elif self.low is None and self.high is None:
            self.done.append(self.default(part))
        else:
            self.done.extend(map(self.decode, _RUN.findall(part)))

    def switch(self, designation: str, part: str) -> None:
        if designation == _REVISION:
            return
        if designation in G0:
            self.low = found = G0[designation]
        elif designation in G1:
            self.high = found = G1[designation]
        else:
            self.unread.append(f"ESC {' '.join(designation)} switches to a character set that is not known here.")
            self.done.append(part)
            return
        if found is not None:
            self.names.append(found.name)

    def decode(self, run: str) -> str:
        found = self.low if run[0] < "\x7f" else self.high
        is_code = "\x21" <= run[0] <= "\x7e" or "\xa0" <= run[0] <= "\xff"
        if found is None or not is_code:
            return self.default(run)
        if found is _ROMAN:
            # Two of its codes are other characters than ASCII's, unless they are the message's delimiters.
            return "".join({"\\": "¥", "~": "‾"}.get(char, char) if char not in self.own else char for char in run)
        codes = bytes(ord(char) | 0x80 for char in run)
        step = found.width
        whole = b"".join(found.prefix + codes[i : i + step] for i in range(0, len(codes), step))
        for codec in found.codecs if len(codes) % step == 0 else ():
            try:
                return whole.decode(codec)
            except UnicodeDecodeError:
                continue
        why = "is not read here" if not found.codecs else "does not have them"
        self.unread.append(
            f"The codes {run.encode('latin-1').hex(' ')[:40]} are unread: the character set {found.name} {why}."
        )
        return run
