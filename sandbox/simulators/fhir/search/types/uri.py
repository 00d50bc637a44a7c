"""URI search (R4 search, 3.1.1.4.9): the whole URI, to the letter; `:below` and `:above` by path.

`:below` finds the URIs that begin with the value at a path boundary, `:above` those that the value
begins with; with a version, `:below` finds those whose version begins with it. They make no sense for
URNs. A canonical is found with and without its version, and so is the resource that it names.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import Index, Key, Postings, Selection, union
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path, parse_steps
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType

_OWN_URL: Final = parse_steps("url")


@dataclass(frozen=True, slots=True)
class UriTerm:
    """What to look for, and how: `exact`, `below` or `above`."""

    mode: str
    uri: str


def ancestors(uri: str) -> list[str]:
    """Return the URI and every URI above it, with and without the final slash.

    >>> ancestors("http://a.org/b/c")
    ['http://a.org/b/c', 'http://a.org/b', 'http://a.org/b/', 'http://a.org', 'http://a.org/']
    """
    scheme, mark, rest = uri.partition("://")
    found = [uri]
    while "/" in rest.rstrip("/"):
        rest = rest.rstrip("/").rpartition("/")[0]
        found += [f"{scheme}{mark}{rest}", f"{scheme}{mark}{rest}/"]
    return found


class UriIndex(Index):
    """URIs in order. An entry is the tuple of forms by which the value is found."""

    def __init__(self) -> None:
        super().__init__()
        self._uris = Postings()
        self._order: list[str] = []
        self._is_sealed = False

    def seal(self) -> None:
        """Sort what was loaded."""
        self._order = sorted(self._uris)
        self._is_sealed = True

    def add(self, key: Key, entry: tuple[str, ...]) -> None:
        """Add an entry."""
        for uri in entry:
            if self._uris.add(uri, key) and self._is_sealed:
                insort(self._order, uri)

    def remove(self, key: Key, entry: tuple[str, ...]) -> None:
        """Remove an entry."""
        for uri in entry:
            if key in self._uris.get(uri) and self._uris.remove(uri, key):
                del self._order[bisect_left(self._order, uri)]

    def select(self, term: UriTerm) -> Selection:
        """Select by a term."""
        if term.mode == "exact":
            return self._uris.select(term.uri)
        if term.mode == "above":
            return union([self._uris.select(uri) for uri in ancestors(term.uri)])
        if "|" in term.uri:
            return union([self._uris.select(u) for u in self._uris if u == term.uri or u.startswith(f"{term.uri}.")])
        root = term.uri.rstrip("/")
        start = bisect_left(self._order, root + "/")
        stop = bisect_left(self._order, root + "0")  # "0" follows "/" in ASCII
        below = self._uris.select_many(self._order[start:stop])
        return below if term.uri.endswith("/") else union([self._uris.select(root), below])

    def rank(self, entry: tuple[str, ...], is_descending: bool) -> str | None:
        """Return what an entry sorts by."""
        return entry[0] if entry else None


class UriType(SearchType):
    """Parameters of type uri."""

    name = "uri"
    is_exact_to_the_digit = False
    modifiers = frozenset({"below", "above"})

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> UriTerm:
        """Read one value."""
        uri = unescape(text)
        if any(c.isspace() for c in uri):
            raise BadValue("is not a URI: it has white space in it")
        if modifier is None:
            return UriTerm("exact", uri)
        if uri.lower().startswith("urn:") or "://" not in uri:
            raise BadValue(f"is not a URL with a path, which :{modifier} needs")
        return UriTerm(modifier, uri)

    def entries(
        self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json
    ) -> Iterable[tuple[str, ...]]:
        """Read the entries of one value of a resource."""
        if not isinstance(raw, str):
            return ()
        if path.type == "canonical" and "|" in raw:
            return ((raw, raw.partition("|")[0]),)
        if path.steps == _OWN_URL and isinstance(resource, dict) and isinstance(resource.get("version"), str):
            return ((raw, f"{raw}|{resource['version']}"),)
        return ((raw,),)

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return UriIndex()
