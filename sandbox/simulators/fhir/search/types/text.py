"""`_text` and `_content` (R4 search, 3.1.1.4.20): words in the narrative, or anywhere in the resource.

Words are compared as strings are (case, accents and punctuation aside), whole or from their start
with a final `*`. Several words must all be there. `AND`, `OR`, `NOT`, brackets and "quoted phrases"
combine them; the specification's own example writes `and`, so these two may be small. `:contains` is not
needed and not accepted.
"""

import re
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from sandbox import limits, work
from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import (
    Index,
    Key,
    Keys,
    Postings,
    Selection,
    complement,
    intersect,
    selection_of,
    union,
)
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType
from sandbox.simulators.fhir.search.types.string import normalise

TextTerm: TypeAlias = tuple[Any, ...]

_TAG: Final = re.compile(r"<[^>]*>")
_TOKEN: Final = re.compile(r'\s*(?:(?P<bracket>[()])|"(?P<phrase>[^"]*)"|(?P<word>[^\s()"]+))')
_DEPTH: Final = 16


class TextIndex(Index):
    """Resources by word. An entry is one word-separated, normalised text."""

    def __init__(self) -> None:
        super().__init__()
        self._words = Postings()
        self._order: list[str] = []
        self._is_sealed = False

    def seal(self) -> None:
        """Sort the words."""
        self._order = sorted(self._words)
        self._is_sealed = True

    def add(self, key: Key, entry: str) -> None:
        """Add a text's words."""
        for word in set(entry.split()):
            if self._words.add(word, key) and self._is_sealed:
                insort(self._order, word)

    def remove(self, key: Key, entry: str) -> None:
        """Remove a text's words."""
        for word in set(entry.split()):
            if key in self._words.get(word) and self._words.remove(word, key):
                del self._order[bisect_left(self._order, word)]

    def select(self, term: TextTerm) -> Selection:
        """Select by a tree of words, phrases and operators."""
        kind, *parts = term
        match kind:
            case "word":
                return self._words.select(parts[0])
            case "prefix":
                start = bisect_left(self._order, parts[0])
                stop = bisect_left(self._order, parts[0] + "\U0010ffff", lo=start)
                return self._words.select_many(self._order[start:stop])
            case "phrase":
                return self._select_phrase(parts[0])
            case "not":
                return complement(self.entries.keys(), self.select(parts[0]))
            case "or":
                return union([self.select(part) for part in parts])
            case _:
                return selection_of(intersect([self.select(part) for part in parts]))

    def _select_phrase(self, phrase: str) -> Selection:
        words = phrase.split()
        found: Keys = intersect([self._words.select(word) for word in words])
        needle = f" {phrase} "
        return selection_of({k for k in found if any(needle in f" {text} " for text in self.entries[k])})

    def rank(self, entry: str, is_descending: bool) -> None:
        """Texts have no order."""


class TextType(SearchType):
    """The parameters `_text` and `_content`."""

    name = "text"

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> TextTerm:
        """Read an expression of words."""
        work.spend(len(text) // 4)
        tokens = [match for match in _TOKEN.finditer(unescape(text)) if match.group().strip()]
        if len(tokens) > limits.SEARCH_WORDS:
            raise BadValue(f"has {len(tokens):,} words; the limit is {limits.SEARCH_WORDS:,}")
        term, position = _any_of(tokens, 0, 0)
        if position != len(tokens):
            raise BadValue("has a bracket that does not fit")
        return term

    def read(self, parameter: Parameter, facet: str, resource: Json) -> tuple[Any, ...]:
        """Read the narrative's text, or every text of the resource."""
        if parameter.code == "_content":
            joined = " ".join(words_of(text) for text in _strings(resource))
            return (joined,) if joined else ()
        narrative = resource.get("text") if isinstance(resource, dict) else None
        div = narrative.get("div") if isinstance(narrative, dict) else None
        words = words_of(_TAG.sub(" ", div)) if isinstance(div, str) else ""
        return (words,) if words else ()

    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[Any]:
        """Texts are read as a whole."""
        raise NotImplementedError("a text is read as a whole")

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an index of words."""
        return TextIndex()


def words_of(text: str) -> str:
    """Return the words of a text, normalised, with one space between them.

    >>> words_of("Heart-rate:  72/min")
    'heart rate 72 min'
    """
    spaced = "".join(c if c.isalnum() or c in "'\u2019" else " " for c in text)
    return " ".join(word for part in spaced.split() if (word := normalise(part)))


def _strings(value: Json) -> Iterable[str]:
    if isinstance(value, str):
        yield _TAG.sub(" ", value) if value.startswith("<") else value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield getattr(value, "text", None) or str(value)


def _operator(token: re.Match[str]) -> str | None:
    word: str | None = token["word"]
    return word.upper() if word in ("and", "or") else word if word in ("AND", "OR", "NOT") else None


def _any_of(tokens: list[re.Match[str]], position: int, depth: int) -> tuple[TextTerm, int]:
    if depth > _DEPTH:
        raise BadValue(f"has brackets more than {_DEPTH} deep")
    terms = []
    while True:
        term, position = _all_of(tokens, position, depth)
        terms.append(term)
        if position < len(tokens) and _operator(tokens[position]) == "OR":
            position += 1
            continue
        return (terms[0] if len(terms) == 1 else ("or", *terms)), position


def _all_of(tokens: list[re.Match[str]], position: int, depth: int) -> tuple[TextTerm, int]:
    terms: list[TextTerm] = []
    while position < len(tokens) and tokens[position]["bracket"] != ")" and _operator(tokens[position]) != "OR":
        if terms and _operator(tokens[position]) == "AND":
            position += 1
        is_negated = position < len(tokens) and _operator(tokens[position]) == "NOT"
        term, position = _one(tokens, position + is_negated, depth)
        terms.append(("not", term) if is_negated else term)
    if not terms:
        raise BadValue("has no word to look for where there should be one")
    return (terms[0] if len(terms) == 1 else ("and", *terms)), position


def _one(tokens: list[re.Match[str]], position: int, depth: int) -> tuple[TextTerm, int]:
    if position >= len(tokens) or _operator(tokens[position]):
        raise BadValue("has an operator without a word after it")
    token = tokens[position]
    if token["bracket"]:
        term, position = _any_of(tokens, position + 1, depth + 1)
        if position >= len(tokens) or tokens[position]["bracket"] != ")":
            raise BadValue("has a bracket that is not closed")
        return term, position + 1
    if token["phrase"] is not None:
        words = words_of(token["phrase"])
        if not words:
            raise BadValue("has an empty phrase")
        return ("phrase", words), position + 1
    words = words_of(token["word"])
    if not words:
        raise BadValue("has no letter or digit to look for")
    if token["word"].endswith("*") and " " not in words:
        return ("prefix", words), position + 1
    return (("phrase", words) if " " in words else ("word", words)), position + 1
