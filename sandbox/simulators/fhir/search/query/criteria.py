"""Criteria: what a search asks of a resource, as selections on the indexes of a layer.

A criterion is parsed once and asked for a selection per layer. What does not depend on the layer
(the targets of a chain, the sources of a `_has`) is worked out once per run.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.jsonio import Json
from sandbox.playground.branch import Document
from sandbox.simulators.fhir.search.indexes.index import (
    EMPTY,
    NOTHING,
    Index,
    Keys,
    Selection,
    complement,
    intersect,
    selection_of,
    union,
)
from sandbox.simulators.fhir.search.query.store import Layer, Store
from sandbox.simulators.fhir.search.query.terminology import by_canonical
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import read
from sandbox.simulators.fhir.search.types.reference import CONTAINED, ReferenceIndex


class Run:
    """One evaluation on one store; remembers what chains and `_has` led to."""

    __slots__ = ("_found", "base", "store")

    def __init__(self, store: Store, base_url: str) -> None:
        self.store = store
        self.base = base_url.rstrip("/")
        self._found: dict[int, Any] = {}

    def matches(self, resource_type: str, criteria: Sequence["Criterion"]) -> Keys:
        """Return the ids of the resources that meet all criteria."""
        return self.store.type(resource_type).evaluate(lambda layer: [c.select(self, layer) for c in criteria])

    def once(self, criterion: "Criterion") -> Any:
        """Return what a criterion resolves to, resolving it on first use."""
        place = id(criterion)
        if place not in self._found:
            self._found[place] = criterion.resolve(self)
        return self._found[place]


class Criterion(ABC):
    """One condition on a resource."""

    @abstractmethod
    def select(self, run: Run, layer: Layer) -> Selection:
        """Select the layer's resources that meet it."""

    def resolve(self, run: Run) -> Any:
        """Work out what does not depend on the layer."""
        return None


@dataclass(slots=True, eq=False)
class Matches(Criterion):
    """A parameter with a value, made for each search: any of the terms, or none of them when negated."""

    parameter: Parameter
    facet: str
    terms: tuple[Any, ...]
    is_negated: bool = False

    def select(self, run: Run, layer: Layer) -> Selection:
        """Look the terms up."""
        index, terms = layer.index(self.parameter, self.facet), self.terms
        found = index.select(terms[0]) if len(terms) == 1 else union([index.select(term) for term in terms])
        return complement(index.entries.keys(), found) if self.is_negated else found


@dataclass(frozen=True, slots=True)
class IsMissing(Criterion):
    """`:missing`: whether there is a value at all."""

    parameter: Parameter
    is_missing: bool

    def select(self, run: Run, layer: Layer) -> Selection:
        """Look at which resources have no value."""
        return layer.index(self.parameter).missing(self.is_missing)


@dataclass(frozen=True, slots=True)
class HasId(Criterion):
    """`_id`: one of these ids."""

    ids: frozenset[str]

    def select(self, run: Run, layer: Layer) -> Selection:
        """Look the ids up."""
        return selection_of({key for key in self.ids if key in layer.documents})


@dataclass(frozen=True, slots=True)
class AnyOf(Criterion):
    """Any of several criteria, as in a compartment."""

    criteria: tuple[Criterion, ...]

    def select(self, run: Run, layer: Layer) -> Selection:
        """Join what each selects."""
        return union([criterion.select(run, layer) for criterion in self.criteria])


def reference_index(layer: Layer, parameter: Parameter) -> ReferenceIndex:
    """Return the index of a reference parameter."""
    index: Index = layer.index(parameter)
    if not isinstance(index, ReferenceIndex):
        raise TypeError(f"{parameter.code} is not a reference parameter")
    return index


def referring(store: Store, parameter: Parameter, forms: frozenset[str]) -> Keys:
    """Return the ids of the resources that refer by a parameter in any of these forms."""
    return store.type(parameter.resource_type).evaluate(
        lambda layer: [reference_index(layer, parameter).select_any(forms)]
    )


def types_referred_to(
    store: Store, parameter: Parameter, targets: Sequence[str], identity: str, base: str
) -> list[str]:
    """Return the types of the resources with this id that a parameter's references lead to."""
    resources = store.type(parameter.resource_type)
    indexes = [reference_index(layer, parameter).forms for layer in (resources.seed, resources.overlay) if layer]
    forms = {target: (f"{target}/{identity}", f"{base}/{target}/{identity}") for target in targets}
    # Most ids lead to one type; a layer's index also holds what the other layer hides, so look again at the rest.
    found = [t for t, (local, absolute) in forms.items() if any(local in i or absolute in i for i in indexes)]
    return [t for t in found if referring(store, parameter, frozenset(forms[t]))] if len(found) > 1 else found


def has_canonicals(parameter: Parameter) -> bool:
    """Whether a reference parameter reads canonical URLs."""
    return any(path.type in ("canonical", "uri") for path in parameter.paths)


def forms_of_targets(run: Run, parameter: Parameter, resource_type: str, ids: Keys) -> set[str]:
    """Return the forms under which references to these resources are indexed."""
    forms = {f"{resource_type}/{key}" for key in ids}
    if run.base:
        forms |= {f"{run.base}/{form}" for form in forms}
    if has_canonicals(parameter):
        resources = run.store.type(resource_type)
        for key in ids:
            document = resources.document(key)
            if document is not None and isinstance(url := document.value.get("url"), str):
                forms |= {f"{url}|", f"{url}|{document.value.get('version', '')}"}
    return forms


@dataclass(frozen=True, slots=True)
class Chain(Criterion):
    """A chained parameter: the reference leads to a resource that meets the rest (3.1.1.4.15).

    `branches` holds, for each possible type of the target, what it must meet. Contained resources
    that are referred to are looked at too. Where the parameter reads resources that are inside this
    one (a Bundle's Composition), those are meant, not others of the same id (3.1.1.4.12).
    """

    parameter: Parameter
    branches: tuple[tuple[str, Criterion], ...]

    def resolve(self, run: Run) -> frozenset[str]:
        """Return the forms of every reference to a target that meets its criterion."""
        forms: set[str] = set()
        for resource_type, criterion in self.branches:
            forms |= forms_of_targets(run, self.parameter, resource_type, run.matches(resource_type, [criterion]))
        return frozenset(forms)

    def select(self, run: Run, layer: Layer) -> Selection:
        """Look up who refers to the targets."""
        index = reference_index(layer, self.parameter)
        is_inside = any(path.type == "Resource" for path in self.parameter.paths)
        found = EMPTY if is_inside else index.select_any(run.once(self))
        holders = index.forms.get(CONTAINED)
        if not holders:
            return found

        def keep(candidates: Keys) -> Keys:
            return {key for key in candidates & holders if self._holds(run, layer.documents[key].value)}

        return union([found, Selection(len(holders), lambda: keep(holders), keep)])

    def _holds(self, run: Run, resource: Json) -> bool:
        beside = resource.get("contained") or []
        for held in held_resources(self.parameter, resource):
            for resource_type, criterion in self.branches:
                if resource_type != held.get("resourceType"):
                    continue
                # A contained resource refers to those beside it.
                whole = {"contained": beside, **held} if isinstance(criterion, Chain) else held
                # Its id is none of the store's, so no `_id`, `_has` or `_list` may find it by that.
                if intersect([criterion.select(run, Layer({CONTAINED: Document(whole)}))]):
                    return True
        return False


def held_resources(parameter: Parameter, resource: Json) -> list[dict[str, Any]]:
    """Return the resources that a reference parameter leads to inside a resource itself."""
    values = [raw for path in parameter.paths for raw in read(resource, path.steps) if isinstance(raw, dict)]
    references = {raw["reference"] for raw in values if isinstance(raw.get("reference"), str)}
    contained = [item for item in resource.get("contained") or [] if isinstance(item, dict)]
    found = [raw for raw in values if isinstance(raw.get("resourceType"), str)]
    return found + [item for item in contained if f"#{item.get('id')}" in references]


@dataclass(frozen=True, slots=True)
class IsReferredTo(Criterion):
    """`_has`: some resource of the source type meets the criterion and refers here (3.1.1.4.16)."""

    resource_type: str
    source_type: str
    parameter: Parameter
    criterion: Criterion

    def resolve(self, run: Run) -> frozenset[str]:
        """Return the ids that the sources refer to."""
        sources = run.matches(self.source_type, [self.criterion])
        return targets_of(run, self.source_type, self.parameter, sources, self.resource_type)

    def select(self, run: Run, layer: Layer) -> Selection:
        """Keep those that are here."""
        found = run.once(self)
        return selection_of({key for key in found if key in layer.documents} if found else NOTHING)


def targets_of(run: Run, source_type: str, parameter: Parameter, sources: Keys, resource_type: str) -> frozenset[str]:
    """Return the ids of a type that these sources refer to by a parameter."""
    resources = run.store.type(source_type)
    local, absolute = f"{resource_type}/", f"{run.base}/{resource_type}/" if run.base else None
    is_canonical = has_canonicals(parameter)
    found: set[str] = set()
    for key in sources:
        for forms in resources.index_at(key, parameter).entries.get(key, ()):
            if not forms:
                continue
            form = forms[0]
            if form.startswith(local):
                found.add(form[len(local) :])
            elif absolute is not None and form.startswith(absolute):
                found.add(form[len(absolute) :])
            elif is_canonical and len(forms) > 1:
                found.update(key for key, _ in by_canonical(run.store, resource_type, forms[1].rstrip("|")))
    return frozenset(found)
