"""What the store knows of codes, for `:in`, `:not-in`, `:above` and `:below`.

Value sets are expanded from their `expansion`, or from `compose` as far as that names codes, whole
code systems in the store, `is-a` and `descendent-of` filters, and other value sets. What needs
more than the store holds is not guessed: the caller gets None and refuses the search.
"""

from dataclasses import dataclass
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.search.terms.definitions import parameters_of
from sandbox.simulators.fhir.search.types import Code
from sandbox.simulators.fhir.search.types.uri import UriTerm

_DEPTH: Final = 8


@dataclass(slots=True)
class StoredTerminology:
    """What a store knows; nothing is read before it is asked."""

    store: Store
    base_url: str

    def members(self, value_set: str) -> frozenset[Code] | None:
        """Return the codes of a value set."""
        return _members(self.store, self.base_url, value_set, 0)

    def below(self, system: str, code: str) -> frozenset[str] | None:
        """Return a code and what it subsumes."""
        return _related(self.store, system, code, is_below=True)

    def above(self, system: str, code: str) -> frozenset[str] | None:
        """Return a code and what subsumes it."""
        return _related(self.store, system, code, is_below=False)


def by_canonical(store: Store, resource_type: str, canonical: str) -> list[tuple[str, Json]]:
    """Return the ids and resources of a type that a canonical names, `|version` honoured."""
    url, bar, version = canonical.partition("|")
    parameter = parameters_of(resource_type).get("url")
    if parameter is None:
        return []
    resources = store.type(resource_type)
    keys = resources.evaluate(lambda layer: [layer.index(parameter).select(UriTerm("exact", url))])
    found = [(key, d.value) for key in resources.in_order(keys) if (d := resources.document(key)) is not None]
    return [(key, value) for key, value in found if not bar or value.get("version") == version]


def _members(store: Store, base_url: str, reference: str, depth: int) -> frozenset[Code] | None:
    if depth > _DEPTH:
        return None
    local = reference.removeprefix(base_url.rstrip("/") + "/") if base_url else reference
    if local.startswith("ValueSet/"):
        document = store.type("ValueSet").document(local.removeprefix("ValueSet/"))
        value_set = document.value if document is not None else None
    else:
        found = by_canonical(store, "ValueSet", reference)
        value_set = found[-1][1] if found else None
    if value_set is None:
        return None
    expansion = value_set.get("expansion") or {}
    contains = expansion.get("contains")
    if contains:
        is_part = expansion.get("offset") or len(_rows_of(contains)) < expansion.get("total", 0)
        return None if is_part else frozenset(_contained(contains))
    compose = value_set.get("compose") or {}
    included = _union(store, base_url, compose.get("include") or [], depth)
    excluded = _union(store, base_url, compose.get("exclude") or [], depth)
    return None if included is None or excluded is None else included - excluded


def _rows_of(contains: list[Any]) -> list[Any]:
    """Return the rows of an expansion, those below others too."""
    return [found for row in contains for found in (row, *_rows_of(row.get("contains") or []))]


def _contained(rows: list[Any]) -> list[Code]:
    return [(row.get("system"), row["code"]) for row in _rows_of(rows) if "code" in row and not row.get("abstract")]


def _union(store: Store, base_url: str, rows: list[Any], depth: int) -> frozenset[Code] | None:
    found: set[Code] = set()
    for row in rows:
        codes = _component(store, base_url, row, depth)
        if codes is None:
            return None
        found |= codes
    return frozenset(found)


def _component(store: Store, base_url: str, row: dict[str, Any], depth: int) -> frozenset[Code] | None:
    found: frozenset[Code] | None = None
    for reference in row.get("valueSet") or []:
        members = _members(store, base_url, reference, depth + 1)
        if members is None:
            return None
        found = members if found is None else found & members
    system = row.get("system")
    if system is None:
        return found
    if row.get("concept"):
        own = frozenset((system, concept["code"]) for concept in row["concept"] if "code" in concept)
    else:
        version = row.get("version")
        canonical = f"{system}|{version}" if isinstance(version, str) else system
        codes = _filtered(store, canonical, row.get("filter") or [])
        if codes is None:
            return None
        own = frozenset((system, code) for code in codes)
    return own if found is None else found & own


def _filtered(store: Store, canonical: str, filters: list[Any]) -> frozenset[str] | None:
    parents = _hierarchy(store, canonical)
    if parents is None:
        return None
    codes = frozenset(parents)
    for row in filters:
        if row.get("op") not in ("is-a", "descendent-of") or row.get("property") not in ("concept", "code"):
            return None
        below = _related(store, canonical, row.get("value", ""), is_below=True)
        if below is None:
            return None
        codes &= below - ({row["value"]} if row["op"] == "descendent-of" else set())
    return codes


def _hierarchy(store: Store, canonical: str) -> dict[str, set[str]] | None:
    """Return every code of a complete code system with its parents."""
    found = by_canonical(store, "CodeSystem", canonical)
    code_system = found[-1][1] if found else None
    if code_system is None or code_system.get("content") not in ("complete", None):
        return None
    parents: dict[str, set[str]] = {}
    rows: list[tuple[Any, str | None]] = [(concept, None) for concept in code_system.get("concept") or []]
    while rows:
        concept, parent = rows.pop()
        if "code" not in concept:
            continue
        own = parents.setdefault(concept["code"], set())
        if parent is not None:
            own.add(parent)
        own |= {p["valueCode"] for p in concept.get("property") or [] if p.get("code") == "parent" and "valueCode" in p}
        rows += [(child, concept["code"]) for child in concept.get("concept") or []]
    return parents


def _related(store: Store, canonical: str, code: str, *, is_below: bool) -> frozenset[str] | None:
    parents = _hierarchy(store, canonical)
    if parents is None or code not in parents:
        return None
    links: dict[str, set[str]] = parents
    if is_below:
        links = {}
        for child, above in parents.items():
            for parent in above:
                links.setdefault(parent, set()).add(child)
    found, waiting = {code}, [code]
    while waiting:
        fresh = links.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return frozenset(found)
