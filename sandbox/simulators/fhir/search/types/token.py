"""Token search (R4 search, 3.1.1.4.10): codes and identifiers, optionally scoped by their system.

Matching is literal and case-sensitive, but not on elements of type string, and not on contact
points, where punctuation in telephone numbers does not count either ("special handling" is at the
server's discretion there).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import Index, Key, Postings, Selection, union
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue, NoSupport
from sandbox.simulators.fhir.search.terms.values import split, unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType
from sandbox.simulators.fhir.search.types.string import StringIndex, entry_of, parse_string

_WITHOUT_SYSTEM: Final = frozenset({"boolean", "uri", "ContactPoint", "string", "id", "deceased"})
# The data types that a modifier can look at; the others it takes all (R4 search, 3.1.1.4.10).
_CODED: Final = frozenset({"CodeableConcept", "Coding", "code"})
_MODIFIED: Final = {
    "text": frozenset({"CodeableConcept", "Coding", "Identifier"}),
    "of-type": frozenset({"Identifier"}),
    **dict.fromkeys(("in", "not-in", "above", "below"), _CODED),
}
_MIME_TYPES: Final = "urn:ietf:bcp:13"
_TELEPHONE: Final = frozenset({"phone", "fax", "sms", "pager"})
_TELEPHONE_PUNCTUATION: Final = re.compile(r"[\s().\-/]")


class TokenEntry(NamedTuple):
    """A code or value with its systems: None for none, several for a `code` bound to value sets."""

    systems: tuple[str | None, ...]
    code: str | None
    folded: str | None = None


@dataclass(frozen=True, slots=True)
class TokenTerm:
    """What to look for: a code, a system, or both. `has_bar` tells `|code` from `code`.

    `codes` are what a value set or a hierarchy came to; `is_base` takes parameters after a mime type too.
    """

    system: str | None
    code: str | None
    has_bar: bool = False
    codes: frozenset[tuple[str | None, str]] | None = None
    is_base: bool = field(default=False, repr=False)


class TokenIndex(Index):
    """Tokens by system and code, by code, by system, and by folded code."""

    def __init__(self) -> None:
        super().__init__()
        self._pairs = Postings()
        self._codes = Postings()
        self._systems = Postings()
        self._folded = Postings()

    def add(self, key: Key, entry: TokenEntry) -> None:
        """Add an entry."""
        for postings, value in self._places(entry):
            postings.add(value, key)

    def add_many(self, keys: list[Key], entry: TokenEntry) -> None:
        """Add an entry of many keys."""
        for postings, value in self._places(entry):
            postings.add_many(value, keys)

    def remove(self, key: Key, entry: TokenEntry) -> None:
        """Remove an entry."""
        for postings, value in self._places(entry):
            if key in postings.get(value):
                postings.remove(value, key)

    def _places(self, entry: TokenEntry) -> Iterable[tuple[Postings, Any]]:
        if entry.folded is not None:
            yield self._folded, entry.folded
            return
        if entry.code is not None:
            yield self._codes, entry.code
        for system in entry.systems:
            if entry.code is not None:
                yield self._pairs, (system, entry.code)
            if system is not None:
                yield self._systems, system

    def select(self, term: TokenTerm) -> Selection:
        """Select by a term."""
        if term.is_base:
            start = f"{term.code};"
            pairs = [p for p in self._pairs if p[0] == term.system and (p[1] == term.code or p[1].startswith(start))]
            return union([self._pairs.select(pair) for pair in pairs])
        if term.codes is not None:
            places = [self._codes.select(c) if s is None else self._pairs.select((s, c)) for s, c in term.codes]
            return union(places)
        if term.code is None:
            return self._systems.select(term.system)
        if term.has_bar:
            return self._pairs.select((term.system, term.code))
        exact = self._codes.select(term.code)
        if not self._folded:
            return exact
        forms = {fold(term.code), fold_telephone(term.code)}
        return union([exact, *(self._folded.select(form) for form in forms)])

    def rank(self, entry: TokenEntry, is_descending: bool) -> str | None:
        """Return what an entry sorts by."""
        return entry.folded if entry.folded is not None else entry.code


class TokenType(SearchType):
    """Parameters of type token."""

    name = "token"
    is_exact_to_the_digit = False
    modifiers = frozenset({"not", "text", "of-type", "in", "not-in", "above", "below"})

    def modifiers_of(self, parameter: Parameter) -> frozenset[str]:
        """Return the modifiers that have a meaning for a parameter: one that could find nothing is none."""
        types = {path.type for path in parameter.paths}
        return frozenset(m for m in self.modifiers if not types.isdisjoint(_MODIFIED.get(m, types)))

    def facet(self, modifier: str | None) -> str:
        """Return the facet that a modifier reads."""
        return modifier if modifier in ("text", "of-type") else ""

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> Any:
        """Read one value."""
        if modifier == "text":
            return parse_string(None, text)
        if modifier == "of-type":
            return parse_of_type(text)
        if modifier in ("in", "not-in"):
            members = context.terminology.members(unescape(text))
            if members is None:
                raise NoSupport("names a value set that is not in the store, or that cannot be expanded there")
            return TokenTerm(None, None, codes=members)
        types = {path.type for path in parameter.paths}
        term = parse_token(text, types)
        if modifier == "below" and any(_MIME_TYPES in path.systems for path in parameter.paths):
            return _below_mime_type(term)
        if modifier in ("above", "below"):
            return _subsumption(term, modifier, context)
        return term

    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[Any]:
        """Read the entries of one value of a resource."""
        if facet == "text":
            return [entry_of(text) for text in texts_of(path.type, raw)]
        if facet == "of-type":
            return of_type_entries(path.type, raw)
        if path.type == "deceased":
            return (TokenEntry((None,), "true" if is_deceased(resource) else "false"),)
        return token_entries(path, raw)

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return StringIndex() if facet == "text" else TokenIndex()


def fold(text: str) -> str:
    """Fold case, for values where it does not count."""
    return text.casefold()


def fold_telephone(text: str) -> str:
    """Fold a telephone number to what identifies it.

    >>> fold_telephone("(03) 5555 6473") == fold_telephone("03-5555-6473")
    True
    """
    return "tel:" + _TELEPHONE_PUNCTUATION.sub("", text.casefold())


def parse_token(text: str, types: set[str]) -> TokenTerm:
    r"""Read `code`, `system|code`, `|code` or `system|`.

    >>> parse_token("http://loinc.org|1234-5", {"CodeableConcept"})
    TokenTerm(system='http://loinc.org', code='1234-5', has_bar=True, codes=None)
    >>> parse_token("1234-5", {"CodeableConcept"})
    TokenTerm(system=None, code='1234-5', has_bar=False, codes=None)
    """
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) > 2:
        raise BadValue("has more than one |; write system|code, and \\| for a bar inside one of them")
    if types and types <= {"boolean", "deceased"} and text not in ("true", "false"):
        raise BadValue("is neither true nor false")
    if len(parts) == 1:
        return TokenTerm(None, parts[0])
    if types and types <= _WITHOUT_SYSTEM:
        raise BadValue("has a |, but this parameter's values have no system; give the value alone")
    system, code = parts
    if not system and not code:
        raise BadValue("has neither a system nor a code")
    return TokenTerm(system or None, code or None, has_bar=True)


def parse_of_type(text: str) -> TokenTerm:
    """Read `type-system|type-code|value` of `:of-type`; all three parts are needed."""
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) != 3 or not all(parts):
        raise BadValue("is not of the form type-system|type-code|value, all three given")
    return TokenTerm(f"{parts[0]}|{parts[1]}", parts[2], has_bar=True)


def _below_mime_type(term: TokenTerm) -> TokenTerm:
    """Look for a mime type whatever its parameters (R4 search, 3.1.1.4.10.1)."""
    if term.code is None or term.system not in (None, _MIME_TYPES) or (term.has_bar and term.system is None):
        raise BadValue("is not a mime type like text/xml")
    return TokenTerm(_MIME_TYPES, term.code, has_bar=True, is_base=True)


def _subsumption(term: TokenTerm, modifier: str, context: Context) -> TokenTerm:
    if term.system is None or term.code is None:
        raise BadValue(f"is not of the form system|code, which :{modifier} needs")
    walk = context.terminology.below if modifier == "below" else context.terminology.above
    codes = walk(term.system, term.code)
    if codes is None:
        raise NoSupport("is of a code system that is not in the store with its hierarchy, or is not one of its codes")
    return TokenTerm(None, None, codes=frozenset((term.system, code) for code in codes))


def token_entries(path: Path, raw: Json) -> Iterable[TokenEntry]:
    """Read the tokens of one value of a token parameter's data types."""
    match path.type:
        case "CodeableConcept":
            codings = raw.get("coding") if isinstance(raw, dict) else None
            if codings.__class__ is list and len(codings) == 1:
                only = codings[0]
                system, code = (only.get("system"), only.get("code")) if only.__class__ is dict else (None, None)
                if system.__class__ is str and code.__class__ is str:
                    return _usual(system, code)
            found = [_coding(c) for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
            # A concept of text alone has a value, though no code finds it.
            return found or (TokenEntry((), None),)
        case "Coding":
            return (_coding(raw),) if isinstance(raw, dict) else ()
        case "Identifier":
            return (_entry(raw.get("system"), raw.get("value")),) if isinstance(raw, dict) else ()
        case "ContactPoint":
            return _contact_point(raw) if isinstance(raw, dict) else ()
        case "boolean":
            return (TokenEntry((None,), "true" if raw else "false"),) if isinstance(raw, bool) else ()
        case "string":
            return (TokenEntry((), None, fold(raw)),) if isinstance(raw, str) else ()
        case "code":
            return (TokenEntry((None, *path.systems), raw),) if isinstance(raw, str) else ()
        case _:
            return (TokenEntry((None,), raw),) if isinstance(raw, str) else ()


@lru_cache(maxsize=4096)
def _usual(system: str, code: str) -> tuple[TokenEntry]:
    return (TokenEntry((system,), code),)


def _coding(raw: dict[str, Any]) -> TokenEntry:
    return _entry(raw.get("system"), raw.get("code"))


def _entry(system: Json, code: Json) -> TokenEntry:
    return TokenEntry(
        (system,) if isinstance(system, str) else (None,),
        code if isinstance(code, str) else None,
    )


def _contact_point(raw: dict[str, Any]) -> Iterable[TokenEntry]:
    value = raw.get("value")
    if not isinstance(value, str):
        return (TokenEntry((), None),)
    system = raw.get("system")
    is_telephone = isinstance(system, str) and system in _TELEPHONE
    return (TokenEntry((), None, fold_telephone(value) if is_telephone else fold(value)),)


def texts_of(kind: str, raw: Json) -> list[str]:
    """Return the texts that go with a code: CodeableConcept.text, Coding.display, Identifier.type.text."""
    if not isinstance(raw, dict):
        return []
    found = [raw.get("text"), raw.get("display")]
    if kind == "Identifier":
        found = [raw["type"].get("text")] if isinstance(raw.get("type"), dict) else []
    codings = raw.get("coding")
    if isinstance(codings, list):
        found += [coding.get("display") for coding in codings if isinstance(coding, dict)]
    return [text for text in found if isinstance(text, str)]


def of_type_entries(kind: str, raw: Json) -> list[TokenEntry]:
    """Return the entries of `:of-type`: each coding of an Identifier's type with its value."""
    if kind != "Identifier" or not isinstance(raw, dict) or not isinstance(raw.get("value"), str):
        return []
    concept = raw.get("type")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return [
        TokenEntry((f"{coding.get('system')}|{coding.get('code')}",), raw["value"])
        for coding in (codings if isinstance(codings, list) else ())
        if isinstance(coding, dict)
    ]


def is_deceased(resource: Json) -> bool:
    """Evaluate `Patient.deceased.exists() and Patient.deceased != false`."""
    return isinstance(resource, dict) and ("deceasedDateTime" in resource or resource.get("deceasedBoolean") is True)
