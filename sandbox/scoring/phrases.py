"""Phrases in what somebody said or wrote: found whatever the case, the punctuation, a small slip.

Numbers and negations are never matched loosely: `6.8` is not `68`, and "is allergic" is not
"is not allergic".
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

RATIO_MIN: Final = 85.0
_NEGATIONS: Final = frozenset("no not nor never none without".split())
_FUZZY_WORDS_MAX: Final = 50_000  # past these only the exact words are looked for
_NOT: Final = re.compile(r"(?<=\bcan)['\u2019]t\b|(?<!\bca)n['\u2019]t\b|(?<=\bcan)not\b")
_WORD: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)*|[^\W_]+")
_APOSTROPHE: Final = re.compile(r"(?<=\w)['\u2019](?=\w)")


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """How well a phrase was found: `ratio` 0 to 100, `excerpt` the words it was found in."""

    found: bool
    ratio: float
    excerpt: str


_MISSING: Final = PhraseMatch(False, 0.0, "")


def words_of(text: str) -> list[str]:
    """Return the words of a text, case-folded, without punctuation; decimals stay whole.

    >>> words_of("Patient's K+ is 6.8, it isn't normal.")
    ['patients', 'k', 'is', '6.8', 'it', 'is', 'not', 'normal']
    """
    folded = _NOT.sub(" not", unicodedata.normalize("NFKC", text).casefold())
    words = _WORD.findall(_APOSTROPHE.sub("", folded))
    return [word.replace(",", "") if word[0].isdigit() else word for word in words]


def compare_phrase(phrase: str, text: str) -> PhraseMatch:
    """Look for a phrase in a text: the best run of words of about its length, 85 or better.

    Words with digits in them and negations must be the same on both sides.

    >>> compare_phrase("date of birth", "May I have your Date-of-Birth, please?").ratio
    100.0
    >>> compare_phrase("member ID", "your memberid?").found
    True
    >>> compare_phrase("authorization 1234567", "authorization 1234568").found
    False
    """
    sought, words = words_of(phrase), words_of(text)
    if not sought:
        return _MISSING
    wanted, guarded = " ".join(sought), _guarded(sought)
    if f" {wanted} " in f" {' '.join(words)} ":
        return PhraseMatch(True, 100.0, wanted)
    del words[_FUZZY_WORDS_MAX:]
    best = _MISSING
    for size in dict.fromkeys((len(sought), max(1, len(sought) - 1), len(sought) + 1)):
        for start in range(max(1, len(words) - size + 1)):
            window = words[start : start + size]
            ratio = fuzz.ratio(wanted, " ".join(window), score_cutoff=best.ratio)
            if ratio > best.ratio and (ratio < RATIO_MIN or _guarded(window) == guarded):
                best = PhraseMatch(ratio >= RATIO_MIN, ratio, " ".join(window))
    return best


def find_text(phrase: str, text: str) -> PhraseMatch:
    """Look for a phrase in a text as it is written, to the letter.

    >>> (find_text("Chen", "Maria Chen").found, find_text("chen", "Maria Chen").found)
    (True, False)
    """
    return PhraseMatch(True, 100.0, phrase) if phrase and phrase in text else _MISSING


def _guarded(words: Sequence[str]) -> Counter[str]:
    return Counter(word for word in words if word in _NEGATIONS or any(char.isdigit() for char in word))
