"""String search (R4 search, 3.1.1.4.8): starts-with, without regard to case, accents, punctuation.

`:exact` compares the whole string as it is, `:contains` looks anywhere. A HumanName or Address is
searched by each of its string parts, and a family name by each of its own parts too, as the
specification asks for: "Quinones" finds "Carreno Quinones".
"""

import re
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import Index, Key, Keys, Postings, Selection
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType

PARTS: Final = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}
_FAMILY: Final = "family"
_BETWEEN_PARTS: Final = re.compile(r"[\s\-\u2010-\u2015]+")
_LAST: Final = "\U0010ffff"
# Letters that are not a base letter with an accent to Unicode, but are to people who type names.
_FOLDED_LETTERS: Final = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "æ": "ae", "œ": "oe", "\u0131": "i"})


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """Fold case, accents, punctuation and white space away.

    >>> normalise("  José  O'Neill-Peña ")
    'jose oneillpena'
    """
    folded = text.casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded)
        folded = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_FOLDED_LETTERS)
    if folded.isalnum():
        return folded
    kept = [c for c in folded if c.isspace() or not unicodedata.category(c).startswith("P")]
    return " ".join("".join(kept).split())


StringEntry: TypeAlias = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class StringTerm:
    """What to look for, and how: `starts`, `exact` or `contains`."""

    mode: str
    text: str


class StringIndex(Index):
    """Normalised strings in order, and exact ones. An entry is `(normalised, exact)`.

    The entry of a later part of a family name has no exact string, and nothing is sorted by it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exact = Postings()
        self._normalised = Postings()
        self._order: list[str] = []
        self._is_sealed = False

    def seal(self) -> None:
        """Sort what was loaded."""
        self._order = sorted(self._normalised)
        self._is_sealed = True

    def add(self, key: Key, entry: StringEntry) -> None:
        """Add an entry."""
        if entry[1] is not None:
            self._exact.add(entry[1], key)
        if self._normalised.add(entry[0], key) and self._is_sealed:
            insort(self._order, entry[0])

    def remove(self, key: Key, entry: StringEntry) -> None:
        """Remove an entry."""
        if entry[1] is not None and key in self._exact.get(entry[1]):
            self._exact.remove(entry[1], key)
        if key in self._normalised.get(entry[0]) and self._normalised.remove(entry[0], key):
            del self._order[bisect_left(self._order, entry[0])]

    def select(self, term: StringTerm) -> Selection:
        """Select by a term."""
        if term.mode == "exact":
            return self._exact.select(term.text)
        if term.mode == "contains":
            return self._select_containing(term.text)
        start = bisect_left(self._order, term.text)
        stop = bisect_left(self._order, term.text + _LAST, lo=start)
        return self._normalised.select_many(self._order[start:stop])

    def _select_containing(self, needle: str) -> Selection:
        def keys() -> Keys:
            found: set[Any] = set()
            for text in self._order:
                if needle in text:
                    found |= self._normalised.get(text)
            return found

        def keep(candidates: Keys) -> Keys:
            return {k for k in candidates if any(needle in entry[0] for entry in self.entries.get(k, ()))}

        return Selection(len(self.entries), keys, keep)

    def rank(self, entry: StringEntry, is_descending: bool) -> str | None:
        """Return what an entry sorts by."""
        return entry[0] if entry[1] is not None else None


class StringType(SearchType):
    """Parameters of type string."""

    name = "string"
    is_exact_to_the_digit = False
    modifiers = frozenset({"exact", "contains"})

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> StringTerm:
        """Read one value."""
        return parse_string(modifier, text)

    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[StringEntry]:
        """Read the entries of one value of a resource."""
        if isinstance(raw, str):
            return family_entries(raw) if path.steps and path.steps[-1].key == _FAMILY else (entry_of(raw),)
        if not isinstance(raw, dict):
            return ()
        found: list[StringEntry] = []
        for part in PARTS.get(path.type, ()):
            value = raw.get(part)
            if part == _FAMILY:
                found += family_entries(value) if isinstance(value, str) else ()
                continue
            found += [
                entry_of(item) for item in (value if isinstance(value, list) else (value,)) if isinstance(item, str)
            ]
        return found

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return StringIndex()


def entry_of(text: str) -> StringEntry:
    """Make the index entry of a string."""
    return normalise(text), text


def family_entries(text: str) -> list[StringEntry]:
    """Make the entries of a family name: the whole, and what begins with each later part.

    >>> family_entries("van der Berg")
    [('van der berg', 'van der Berg'), ('der berg', None), ('berg', None)]
    """
    later = [normalise(text[match.end() :]) for match in _BETWEEN_PARTS.finditer(text)]
    return [entry_of(text), *((part, None) for part in later if part)]


def parse_string(modifier: str | None, text: str) -> StringTerm:
    """Read a string value; raises `BadValue` when nothing is left to look for.

    >>> parse_string(None, "Peña")
    StringTerm(mode='starts', text='pena')
    """
    value = unescape(text)
    if modifier == "exact":
        return StringTerm("exact", value)
    normalised = normalise(value)
    if not normalised:
        raise BadValue("has no letter or digit to look for")
    return StringTerm("contains" if modifier == "contains" else "starts", normalised)
