"""Did you mean …? The one rule for how a misspelt name is answered, wherever names are known."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import partial
from typing import Final

from rapidfuzz.distance import OSA

from sandbox import work

SUGGESTED_MAX: Final = 20  # of what is wrong with one request; for more nobody needs to guess
_COMPARED: Final = 20  # units of work: a word is compared with a known one
_LISTED_MAX: Final = 12
_WORD_CHARS_MAX: Final = 100
_COMPARED_MAX: Final = 8


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that a word is most like, None when it is like none.

    Two letters that changed places are one slip. Case counts only where nothing else tells two names apart.

    >>> nearest("SUI", ["SUR", "SIU"]), nearest("patient", ["Patient"]), nearest("zebra", ["label"])
    ('SIU', 'Patient', None)
    """
    if len(word) > _WORD_CHARS_MAX:  # comparing takes time that grows with the square of the length
        return None
    names = sorted(set(known))
    work.spend(_COMPARED * len(names))
    if found := get_close_matches(word, names, _COMPARED_MAX):
        return min(found, key=partial(_slips, word))
    folded = {name.casefold(): name for name in reversed(names)}
    alike = get_close_matches(word.casefold(), folded, _COMPARED_MAX)
    return folded[min(alike, key=partial(_slips, word.casefold()))] if alike else None


def _slips(word: str, name: str) -> tuple[int, bool]:
    """Count the letters to change, swap, add or drop; of equals, a swap is likelier than another letter."""
    return OSA.distance(word, name), sorted(word) != sorted(name)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint to put after a message: the nearest name, else all names where they are few, else nothing.

    >>> did_you_mean("GTE", ["GET", "PUT"]), did_you_mean("x", ["GET", "PUT"]), did_you_mean("x", map(str, range(99)))
    ('; did you mean "GET"?', '; there are GET, PUT', '')
    """
    names = sorted(set(known))
    near = nearest(word, names)
    if near is not None:
        return f'; did you mean "{near}"?'
    return f"; there are {', '.join(names)}" if 0 < len(names) <= _LISTED_MAX else ""
