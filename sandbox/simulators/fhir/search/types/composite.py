"""Composite search (R4 search, 3.1.1.4.14): parts joined by `$`, all true of the same element."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import Index, Key, Keys, Selection, intersect, union
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path, read
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import split
from sandbox.simulators.fhir.search.types.base import Context, SearchType

# A term holds what a value may mean: for each reading the parts' own terms.
Term: TypeAlias = tuple[tuple[Any, ...], ...]
# R4 gives this one's components each other's expressions, so that its text and its definition disagree about the order.
# The parts are of different types, a code and a reference: no value can mean both.
EITHER_ORDER: Final = frozenset({"http://hl7.org/fhir/SearchParameter/DocumentReference-relationship"})


class CompositeIndex(Index):
    """One index a component, over the elements of the resources; an entry is one element's parts."""

    def __init__(self, parts: list[Index]) -> None:
        super().__init__()
        self._parts = parts

    def load(self, rows: Iterable[tuple[Key, tuple[Any, ...]]]) -> None:
        """Fill an empty index."""
        for key, entries in rows:
            self.entries[key] = entries
            if not entries:
                self.absent.add(key)
        for number, part in enumerate(self._parts):
            part.load(
                ((key, place), element[number])
                for key, elements in self.entries.items()
                for place, element in enumerate(elements)
            )

    def put(self, key: Key, entries: tuple[Any, ...]) -> None:
        """Replace what a key holds."""
        self.drop(key)
        self.entries[key] = entries
        if not entries:
            self.absent.add(key)
        for place, element in enumerate(entries):
            for number, part in enumerate(self._parts):
                part.put((key, place), element[number])

    def drop(self, key: Key) -> None:
        """Forget a key."""
        for place in range(len(self.entries.pop(key, ()))):
            for part in self._parts:
                part.drop((key, place))
        self.absent.discard(key)

    def add(self, key: Key, entry: Any) -> None:
        """Add an entry."""
        raise NotImplementedError("elements are numbered: use put")

    def remove(self, key: Key, entry: Any) -> None:
        """Remove an entry."""
        raise NotImplementedError("elements are numbered: use drop")

    def select(self, term: Term) -> Selection:
        """Select by a term, in any of its readings."""
        return union([self._select(reading) for reading in term])

    def _select(self, reading: tuple[Any, ...]) -> Selection:
        selections = [part.select(wanted) for part, wanted in zip(self._parts, reading, strict=True)]

        def keep(candidates: Keys) -> Keys:
            places: Keys = {(k, place) for k in candidates for place in range(len(self.entries.get(k, ())))}
            for selection in selections:
                places = selection.keep(places)
            return {key for key, _ in places}

        return Selection(min(s.estimate for s in selections), lambda: {key for key, _ in intersect(selections)}, keep)

    def rank(self, entry: Any, is_descending: bool) -> None:
        """Return nothing: these have no order."""


class CompositeType(SearchType):
    """Parameters of type composite."""

    name = "composite"

    def __init__(self, types: Mapping[str, SearchType]) -> None:
        self._types = types

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> Term:
        """Read one value; the parts of a few parameters may come in either order."""
        parts = split(text, "$")
        if len(parts) != len(parameter.components) or not all(parts):
            shape = "$".join(component.code for component in parameter.components)
            raise BadValue(f"is not of the form {shape}")
        if parameter.url not in EITHER_ORDER:
            return (self._reading(parameter, parts, context),)
        readings, refusal = [], None
        for ordered in (parts, parts[::-1]):
            try:
                readings.append(self._reading(parameter, ordered, context))
            except BadValue as error:
                refusal = refusal or error
        if refusal is not None and not readings:
            raise refusal
        return tuple(readings)

    def _reading(self, parameter: Parameter, parts: list[str], context: Context) -> tuple[Any, ...]:
        terms = []
        for part, component in zip(parts, _component_parameters(parameter), strict=True):
            try:
                terms.append(self._types[component.type].parse(component, None, part, context))
            except BadValue as error:
                raise BadValue(f'is wrong in its part "{part}" ({component.code}), which {error}') from None
        return tuple(terms)

    def read(self, parameter: Parameter, facet: str, resource: Json) -> tuple[Any, ...]:
        """Read all entries of a resource."""
        parts = _component_parameters(parameter)
        elements = []
        for root in parameter.roots:
            for element in read(resource, root.steps):
                row = tuple(
                    tuple(
                        entry
                        for path in paths
                        for raw in read(resource if path.is_rooted else element, path.steps)
                        for entry in self._types[part.type].entries(part, "", path, raw, resource)
                    )
                    for part, paths in zip(parts, root.components, strict=True)
                )
                if all(row):
                    elements.append(row)
        return tuple(elements)

    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[Any]:
        """Read the entries of one value of a resource."""
        raise NotImplementedError("a composite is read as a whole")

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        parts = _component_parameters(parameter)
        return CompositeIndex([self._types[part.type].new_index(part, "") for part in parts])


def _component_parameters(parameter: Parameter) -> list[Parameter]:
    found = []
    for number, component in enumerate(parameter.components):
        paths = tuple(path for root in parameter.roots for path in root.components[number])
        found.append(replace(parameter, code=component.code, type=component.type, paths=paths, roots=(), components=()))
    return found
