"""Delimiters and escape sequences of ER7 text (HL7 v2.5 chapter 2, §2.5.4 and §2.7).

Pure text in, text out; knows nothing of segments.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The separators a sender chose in MSH-1 and MSH-2. One that was left out is an empty string."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def encoding_characters(self) -> str:
        r"""MSH-2 as it is written.

        >>> Delimiters().encoding_characters
        '^~\\&'
        """
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


DEFAULT_DELIMITERS: Final = Delimiters()

_HEX_PAIRS: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_FORMATTING: Final = re.compile(r"\.(?:(br|ce)|(sp|sk)([+]?\d*)|(?:in|ti)[+-]?\d*|fi|nf)")


def split(text: str, delimiter: str) -> list[str]:
    """Split at a delimiter that may be undefined (empty).

    >>> split("a^b", "^"), split("a^b", "")
    (['a', 'b'], ['a^b'])
    """
    return text.split(delimiter) if delimiter else [text]


def first(text: str, delimiter: str) -> str:
    """Return what stands before the first delimiter.

    >>> first("a~b", "~")
    'a'
    """
    return text.partition(delimiter)[0] if delimiter else text


@lru_cache(maxsize=256)
def _characters(delimiters: Delimiters) -> dict[str, str]:
    named = {
        "F": delimiters.field,
        "S": delimiters.component,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "T": delimiters.subcomponent,
        "P": delimiters.truncation,
    }
    return {letter: char for letter, char in named.items() if char}


def unescape(text: str, delimiters: Delimiters) -> str:
    r"""Replace escape sequences by what they stand for.

    Delimiters, hexadecimal data and line breaks are replaced, highlighting and indentation are
    dropped; a sequence that is not HL7's (`C:\temp\x`) stays as it is.

    >>> unescape(r"Smith \T\ Sons\.br\2 \XC3A9\ \H\bold\N\ C:\temp\x", DEFAULT_DELIMITERS)
    'Smith & Sons\n2 é bold C:\\temp\\x'
    """
    escape_char = delimiters.escape
    if not escape_char or escape_char not in text:
        return text
    characters = _characters(delimiters)
    done = []
    position = 0
    while True:
        start = text.find(escape_char, position)
        end = text.find(escape_char, start + 1) if start >= 0 else -1
        if end < 0:
            done.append(text[position:])
            return "".join(done)
        done.append(text[position:start])
        meaning = _meaning(text[start + 1 : end], characters)
        if meaning is None:
            done.append(escape_char)
            position = start + 1
        else:
            done.append(meaning)
            position = end + 1


def _meaning(sequence: str, characters: dict[str, str]) -> str | None:
    if sequence in characters:
        return characters[sequence]
    if sequence in ("H", "N"):
        return ""
    if sequence[:1] == "X" and _HEX_PAIRS.fullmatch(sequence, 1):
        data = bytes.fromhex(sequence[1:])
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")
    formatting = _FORMATTING.fullmatch(sequence)
    if formatting is None:
        return None
    line_break, space, count = formatting.groups()
    if line_break:
        return "\n"
    if space:
        return ("\n" if space == "sp" else " ") * min(int(count.lstrip("+") or 1), 1000)
    return ""


def escape(text: str, delimiters: Delimiters) -> str:
    r"""Write text so that it can stand in a field; `unescape` gives it back.

    Where the sender defined no escape character, what cannot be written becomes a space.

    >>> escape("AT&T | 50^2\r", DEFAULT_DELIMITERS)
    'AT\\T\\T \\F\\ 50\\S\\2\\X0D\\'
    """
    special = {char: letter for letter, char in _characters(delimiters).items()} | {"\r": "X0D", "\n": "X0A"}
    mark = delimiters.escape
    return "".join(char if char not in special else f"{mark}{special[char]}{mark}" if mark else " " for char in text)
