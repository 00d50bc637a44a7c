"""How messy a seed is made: the level, the draws that say who is hit, and whom a definition names.

What a level does to a surface's data is the business of its simulator (`Simulator.mess`). Nothing here is random: a
draw follows from the mess's seed, the rule and the record alone, so that a level contains all that the levels below it
have, and a record stays as messy as it was when others come or go.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json

TIDY: Final = 0
MESSIEST: Final = 3

_WORD: Final = re.compile(r"\w+(?:[.-]\w+)*")
_RANGE: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Mess:
    """What simulators are told: the level, 1 to 3, the seed of the draws, and every word of the definition."""

    level: int
    seed: int
    words: frozenset[str]

    def draw(self, *parts: str) -> float:
        """Return a number from 0 to below 1 that always belongs to these parts.

        >>> mess = Mess(1, 0, frozenset())
        >>> mess.draw("a") == Mess(3, 0, frozenset()).draw("a"), mess.draw("a") == Mess(1, 1, frozenset()).draw("a")
        (True, False)
        """
        text = "\x1f".join((str(self.seed), *parts))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / _RANGE

    def renumber(self, number: str, *parts: str) -> str:
        """Return another number of the same form: letters and signs stay, each digit is drawn.

        >>> Mess(2, 0, frozenset()).renumber("EVM204817735", "former")
        'EVM051368020'
        """
        places = enumerate(number)
        return "".join(str(int(self.draw(number, *parts, str(i)) * 10)) if c.isdigit() else c for i, c in places)

    def names(self, *words: str) -> bool:
        """Whether the definition has each of these words, whatever their case."""
        return bool(words) and all(word.casefold() in self.words for word in words)


def frozen_level(frozen: Json) -> int:
    """Return the level of a frozen benchmark: what its run asked for, else what its environment says.

    >>> frozen_level({"mess": 0, "definition": {"environment": {"mess": {"level": 2, "seed": 0}}}})
    0
    """
    said = (((frozen.get("definition") or {}).get("environment") or {}).get("mess") or {}).get("level", TIDY)
    return int(frozen.get("mess", said))


def words_in(value: Json) -> frozenset[str]:
    """Return every word of a JSON value, folded; the text inside of `content_base64` is read, too.

    >>> sorted(words_in({"ref": "Patient/ana-reyes", "instruction": "Call Ana Reyes."}))
    ['ana', 'ana-reyes', 'call', 'patient', 'reyes']
    """
    return frozenset(word.casefold() for text in _texts(value) for word in _WORD.findall(text))


def _texts(value: Json, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _texts(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child, key)
    elif isinstance(value, str):
        yield _decoded(value) if key == "content_base64" else value


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
