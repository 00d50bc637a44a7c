"""Reference search (R4 search, 3.1.1.4.12): by local id, by type and id, by URL, by canonical.

A reference is indexed under every form by which it may be asked for. Which absolute URLs are local
depends on the base of the search, not of the store, so that is settled when a value is read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir.search.indexes.index import Index, Key, Keys, Postings, Selection, union
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue, NoSupport
from sandbox.simulators.fhir.search.terms.values import unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType
from sandbox.simulators.fhir.search.types.token import TokenIndex, parse_token, token_entries

_LOCAL: Final = re.compile(
    r"(?:(?P<type>[A-Z][A-Za-z]+)/)?(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[^/]+))?"
)
_RESTFUL: Final = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
CONTAINED: Final = "#"
IDENTIFIER: Final = Path((), "Identifier")


@dataclass(frozen=True, slots=True)
class ReferenceTerm:
    """The forms of a reference, any of which will do; `is_below` takes what they are the beginning of a version of."""

    forms: tuple[str, ...]
    is_below: bool = False


class ReferenceIndex(Index):
    """References by form. An entry is the tuple of forms: `Patient/1` and `1`, or a URL."""

    def __init__(self) -> None:
        super().__init__()
        self.forms = Postings()

    def add(self, key: Key, entry: tuple[str, ...]) -> None:
        """Add an entry."""
        for form in entry:
            self.forms.add(form, key)

    def add_many(self, keys: list[Key], entry: tuple[str, ...]) -> None:
        """Add an entry of many keys."""
        for form in entry:
            self.forms.add_many(form, keys)

    def remove(self, key: Key, entry: tuple[str, ...]) -> None:
        """Remove an entry."""
        for form in entry:
            if key in self.forms.get(form):
                self.forms.remove(form, key)

    def select(self, term: ReferenceTerm) -> Selection:
        """Select by a term."""
        if term.is_below:
            start = f"{term.forms[0]}."
            return union([self.forms.select(f) for f in self.forms if f == term.forms[0] or f.startswith(start)])
        return union([self.forms.select(form) for form in term.forms])

    def select_any(self, forms: frozenset[str]) -> Selection:
        """Select the keys that refer to any of many targets."""

        def keys() -> Keys:
            found: set[Any] = set()
            for form in forms:
                found.update(self.forms.get(form))
            return found

        def keep(candidates: Keys) -> Keys:
            entries = self.entries
            return {k for k in candidates if any(not forms.isdisjoint(entry) for entry in entries.get(k, ()))}

        return Selection(len(forms), keys, keep)

    def rank(self, entry: tuple[str, ...], is_descending: bool) -> str | None:
        """Return what an entry sorts by."""
        return entry[0] if entry else None


class ReferenceType(SearchType):
    """Parameters of type reference. Any resource type is a modifier too."""

    name = "reference"
    is_exact_to_the_digit = False

    @property
    def modifiers(self) -> frozenset[str]:  # type: ignore[override]
        """`:identifier`, `:below`, and a resource type."""
        return resource_types() | {"identifier", "below"}

    def modifiers_of(self, parameter: Parameter) -> frozenset[str]:
        """Return `:identifier` where there are References, `:below` where there are canonicals, and a resource type."""
        types = {path.type for path in parameter.paths}
        is_reference, is_canonical = "Reference" in types, not types.isdisjoint(("canonical", "uri"))
        return self.modifiers - {*(() if is_reference else ("identifier",)), *(() if is_canonical else ("below",))}

    def facet(self, modifier: str | None) -> str:
        """Return the facet that a modifier reads."""
        return "identifier" if modifier == "identifier" else ""

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> Any:
        """Read one value."""
        if modifier == "identifier":
            return parse_token(text, {"Identifier"})
        if modifier == "below":
            # Without a version any will do, as without the modifier (R4 search, 3.1.1.4.13).
            value = unescape(text)
            return ReferenceTerm((value,), is_below="|" in value)
        if modifier and parameter.targets and modifier not in parameter.targets:
            raise NoSupport(f"cannot be a {modifier}: {parameter.code} refers to {', '.join(parameter.targets)}")
        value = unescape(text)
        local = value
        base = context.base_url.rstrip("/")
        if base and value.startswith(base + "/"):
            local = value[len(base) + 1 :]
        match = _LOCAL.fullmatch(local)
        if match is None or (match["type"] and match["type"] not in resource_types()):
            return _elsewhere(parameter, modifier, value)
        kind, identity, version = match["type"], match["id"], match["version"]
        if version and not kind:
            raise BadValue("is not a reference; write Type/id/_history/version")
        if modifier and kind and kind != modifier:
            raise BadValue(f"refers to a {kind}, but the modifier asks for :{modifier}")
        types = (kind or modifier,) if kind or modifier else parameter.targets
        suffix = f"/_history/{version}" if version else ""
        forms = [f"{t}/{identity}{suffix}" for t in types]
        absolute = [f"{base}/{form}" for form in forms] if base else []
        return ReferenceTerm((*forms, *absolute) if kind or modifier else (identity, *absolute))

    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[Any]:
        """Read the entries of one value of a resource."""
        if facet == "identifier":
            identifier = raw.get("identifier") if isinstance(raw, dict) else None
            is_other = path.target is not None and target_type(raw, resource) not in (None, path.target)
            return token_entries(IDENTIFIER, identifier) if identifier and not is_other else ()
        return reference_entries(path, raw, resource)

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return TokenIndex() if facet == "identifier" else ReferenceIndex()


def _elsewhere(parameter: Parameter, modifier: str | None, value: str) -> ReferenceTerm:
    is_canonical = any(path.type != "Reference" for path in parameter.paths)
    if any(c.isspace() for c in value) or not (_SCHEME.match(value) or is_canonical):
        raise BadValue("is not a reference; write Type/id, an id, or an absolute URL")
    if modifier:
        found = _RESTFUL.search(value)
        if found is None or found["type"] != modifier:
            raise BadValue(f"does not refer to a {modifier}, which the modifier asks for")
    return ReferenceTerm((value,))


@lru_cache(maxsize=16_384)
def forms_of(reference: str) -> tuple[str, ...]:
    """Return the forms by which a reference can be asked for.

    >>> forms_of("Patient/1/_history/2")
    ('Patient/1', '1', 'Patient/1/_history/2')
    >>> forms_of("http://a.org/ValueSet/1|2.0"), forms_of("http://a.org/ValueSet/1")
    (('http://a.org/ValueSet/1', 'http://a.org/ValueSet/1|2.0'), ('http://a.org/ValueSet/1', 'http://a.org/ValueSet/1|'))
    """
    if reference.startswith("#"):
        return (CONTAINED,)
    plain, mark, _ = reference.partition("/_history/")
    if _SCHEME.match(reference):
        # The last form is the exact one, so that `url|` tells "any version" from "this version".
        bare, bar, version = plain.partition("|")
        exact = f"{bare}|{version}" if bar else f"{bare}|"
        return (bare, exact, reference) if mark else (bare, exact)
    identity = plain.rpartition("/")[2]
    return (plain, identity, reference) if mark else (plain, identity)


def reference_entries(path: Path, raw: Json, resource: Json) -> Iterable[tuple[str, ...]]:
    """Read the forms of one value of a reference parameter's data types."""
    if path.type == "Resource":
        if not isinstance(raw, dict) or raw.get("resourceType") != path.target:
            return ()
        identity = raw.get("id")
        return ((f"{path.target}/{identity}", identity, CONTAINED),) if isinstance(identity, str) else ((CONTAINED,),)
    if path.type != "Reference":
        return (forms_of(raw),) if isinstance(raw, str) else ()
    if not isinstance(raw, dict):
        return ()
    reference = raw.get("reference")
    if path.target is not None and target_type(raw, resource) != path.target:
        return ()
    return (forms_of(reference),) if isinstance(reference, str) else ((),)


def target_type(raw: Json, resource: Json) -> str | None:
    """Return the type of the resource that a Reference points at, as far as it tells."""
    if not isinstance(raw, dict):
        return None
    reference = raw.get("reference")
    if isinstance(reference, str):
        if reference.startswith("#"):
            contained = resource.get("contained") if isinstance(resource, dict) else None
            for item in contained if isinstance(contained, list) else ():
                if isinstance(item, dict) and item.get("id") == reference[1:]:
                    return str(item.get("resourceType"))
        named = _type_named(reference)
        if named is not None:
            return named
    kind = raw.get("type")
    return kind.rpartition("/")[2] if isinstance(kind, str) else None


@lru_cache(maxsize=16_384)
def _type_named(reference: str) -> str | None:
    found = _RESTFUL.search(reference)
    return found["type"] if found is not None else None
