"""The two layers of a branch as search sees them: the sealed seed, and what a playground changed.

Indexes of the seed live in `SeedCollection.caches`, shared by every playground on it. Indexes of
the overlay live in `Branch.caches`; before every search they catch up with what was touched since,
by looking at each touched key's present state, so that rolled-back writes undo themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import orjson

from sandbox import jsonio, work
from sandbox.garbage import no_collection
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Document, SeedCollection
from sandbox.simulators.fhir.search.indexes.index import NOTHING, Index, Keys, Selection, intersect
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.types import search_type_of

COLLECTION_PREFIX: Final = "fhir/"
_CACHE: Final = "fhir/search"
_INDEXED: Final = 20  # units of work for each resource


class Layer:
    """Some resources of one type, and the indexes over them, made when first asked for."""

    __slots__ = ("_indexes", "documents")

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self.documents = documents
        self._indexes: dict[tuple[str, str], tuple[Parameter, Index]] = {}

    def index(self, parameter: Parameter, facet: str = "") -> Index:
        """Return the index of a parameter's facet."""
        place = (parameter.code, facet)
        found = self._indexes.get(place)
        if found is None:
            found = self._indexes.setdefault(place, (parameter, self._made(parameter, facet)))
        return found[1]  # another thread may have made it meanwhile

    def _made(self, parameter: Parameter, facet: str) -> Index:
        kind = search_type_of(parameter)
        index = kind.new_index(parameter, facet)
        rows = self.values(kind.is_exact_to_the_digit, names_of(parameter))
        with no_collection():
            index.load((key, kind.read(parameter, facet, value) if value is not None else ()) for key, value in rows)
        return index

    def values(self, is_exact: bool, names: tuple[bytes, ...]) -> Iterator[tuple[str, Json]]:
        """Yield the resources to read an index from.

        `is_exact` asks for decimals as they were written. Of a resource that has none of the `names` in it, if
        there are any, None may be yielded.
        """
        for key, document in self.documents.items():
            yield key, document.value

    def indexes(self) -> Iterator[tuple[Parameter, str, Index]]:
        """Yield the indexes that exist."""
        for (_, facet), (parameter, index) in self._indexes.items():
            yield parameter, facet, index


class SeedLayer(Layer):
    """The seed's resources of one type. Its indexes are everybody's: whoever asks first leaves the loop for them."""

    __slots__ = ("ordinals",)

    def __init__(self, collection: SeedCollection) -> None:
        super().__init__(collection.documents)
        self.ordinals = {key: number for number, key in enumerate(collection.documents)}

    def values(self, is_exact: bool, names: tuple[bytes, ...]) -> Iterator[tuple[str, Json]]:
        """Yield the resources, parsed for the moment: what a seed keeps is their text."""
        parse = parse_exactly if is_exact else parse_quickly
        name = names[0] if len(names) == 1 else None
        for key, document in self.documents.items():
            text = document.json
            if name is not None:
                yield key, parse(text) if name in text else None
            elif names and not any(other in text for other in names):
                yield key, None
            else:
                yield key, parse(text)

    def _made(self, parameter: Parameter, facet: str) -> Index:
        work.current().expect(len(self.documents) * _INDEXED)
        with work.unbounded():
            return super()._made(parameter, facet)


@cache
def names_of(parameter: Parameter) -> tuple[bytes, ...]:
    """Return the elements, in quotes, of which a resource has at least one if the parameter has a value; none if open.

    >>> from sandbox.simulators.fhir.search.terms.definitions import parameters_of
    >>> names_of(parameters_of("Patient")["birthdate"]), names_of(parameters_of("Patient")["deceased"])
    ((b'"birthDate"',), ())
    """
    if parameter.roots:
        # A composite has a value where all of its parts have one.
        paths = [root.steps or path.steps for root in parameter.roots for path in root.components[-1]]
    else:
        paths = [path.steps for path in parameter.paths]
    if not paths or not all(paths):
        return ()
    return tuple(dict.fromkeys(f'"{steps[0].key}"'.encode() for steps in paths))


def parse_quickly(text: bytes) -> Json:
    """Parse a stored text, whose form was checked before it was stored; decimals become floats."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a number that no float holds
        return jsonio.parse(text)


# Digits and points, and what else a number may hold, as one character: a run of them that a float might not give back.
_NUMERIC: Final = bytes(48 if chr(code) in "0123456789.eE+-" else 32 for code in range(256))
_RUN: Final = b"0" * 17
_FAR: Final = (b"e-3", b"E-3")


def parse_exactly(text: bytes) -> Json:
    """Parse a stored text so that every number has the value it was written with.

    A float gives back 15 digits, if its exponent is not below -300; that is looked for in strings, too, since it is
    quicker than to tell them apart.

    >>> parse_exactly(b'{"a":0.1,"b":0.12345678901234567}')["b"].text
    '0.12345678901234567'
    """
    is_far = _FAR[0] in text or _FAR[1] in text
    return jsonio.parse(text) if is_far or _RUN in text.translate(_NUMERIC) else parse_quickly(text)


class OverlayLayer(Layer):
    """A playground's own resources of one type. `shadowed` are the keys that hide the seed's."""

    __slots__ = ("_own", "shadowed")

    def __init__(self) -> None:
        self._own: dict[str, Document] = {}
        super().__init__(self._own)
        self.shadowed: set[str] = set()

    def refresh(self, branch: Branch, collection: str, key: str) -> None:
        """Take over the present state of one key."""
        entry = branch.overlay_of(collection).get(key)
        if entry is None:
            self.shadowed.discard(key)
        else:
            self.shadowed.add(key)
        document = entry if isinstance(entry, Document) else None
        if self._own.get(key) is document:
            return
        if document is None:
            del self._own[key]
            for _, _, index in self.indexes():
                index.drop(key)
            return
        self._own[key] = document
        for parameter, facet, index in self.indexes():
            index.put(key, search_type_of(parameter).read(parameter, facet, document.value))


class TypeStore:
    """All resources of one type in a branch: the seed's, less the shadowed, and the overlay's."""

    __slots__ = ("overlay", "resource_type", "seed")

    def __init__(self, resource_type: str, seed: SeedLayer | None, overlay: OverlayLayer) -> None:
        self.resource_type = resource_type
        self.seed = seed
        self.overlay = overlay

    def evaluate(self, select: Callable[[Layer], list[Selection]]) -> Keys:
        """Return the ids that all selections of each layer have in common."""
        work.spend(10)
        found: Keys = NOTHING
        if self.seed is not None:
            selections = select(self.seed)
            found = intersect(selections) if selections else self.seed.documents.keys()
            shadowed = self.overlay.shadowed
            if shadowed and found:
                found = found - shadowed
        if self.overlay.documents:
            selections = select(self.overlay)
            own = intersect(selections) if selections else self.overlay.documents.keys()
            if own:
                found = found | own if found else own
        return found

    def count(self) -> int:
        """Return how many resources there are."""
        if self.seed is None:
            return len(self.overlay.documents)
        hidden = sum(key in self.seed.documents for key in self.overlay.shadowed)
        return len(self.seed.documents) - hidden + len(self.overlay.documents)

    def layer_of(self, key: str) -> Layer:
        """Return the layer that holds a key's present document."""
        return self.overlay if self.seed is None or key in self.overlay.shadowed else self.seed

    def document(self, key: str) -> Document | None:
        """Return a resource's document, None when it is not there."""
        return self.layer_of(key).documents.get(key)

    def index_at(self, key: str, parameter: Parameter, facet: str = "") -> Index:
        """Return the index that covers a key."""
        return self.layer_of(key).index(parameter, facet)

    def in_order(self, keys: Keys) -> list[str]:
        """Put ids into the default order: the seed's in load order, then the others by id."""
        if len(keys) < 2:
            return list(keys)
        if self.seed is None:
            return sorted(keys)
        ordinals = self.seed.ordinals
        seeded = [key for key in keys if key in ordinals]
        others = sorted(key for key in keys if key not in ordinals) if len(seeded) < len(keys) else []
        seeded.sort(key=ordinals.__getitem__)
        return seeded + others


class Store:
    """A branch's resources as search sees them. One per branch, caught up by `of`."""

    __slots__ = ("_branch", "_position", "_types", "plans")

    def __init__(self, branch: Branch) -> None:
        self._branch = branch
        self._position = len(branch.log)
        self._types: dict[str, TypeStore] = {}
        self.plans: dict[Any, Any] = {}  # what `plan.py` keeps

    @classmethod
    def of(cls, branch: Branch) -> "Store":
        """Return the branch's store, up to date with every write, uncommitted ones included."""
        store = branch.caches.get(_CACHE)
        if not isinstance(store, Store):
            store = branch.caches[_CACHE] = cls(branch)
        elif len(branch.log) != store._position:
            store._catch_up()
        return store

    def _catch_up(self) -> None:
        work.spend(_INDEXED * (len(self._branch.log) - self._position))
        touched, self._position = self._branch.touched_since(self._position)
        for collection, key in dict.fromkeys(touched):
            if collection.startswith(COLLECTION_PREFIX):
                known = self._types.get(collection[len(COLLECTION_PREFIX) :])
                if known is not None:
                    known.overlay.refresh(self._branch, collection, key)

    def type(self, resource_type: str) -> TypeStore:
        """Return the resources of one type."""
        found = self._types.get(resource_type)
        if found is None:
            found = self._types[resource_type] = self._load(resource_type)
        return found

    def _load(self, resource_type: str) -> TypeStore:
        collection = COLLECTION_PREFIX + resource_type
        seeded = self._branch.seed.collections.get(collection)
        layer = None
        if seeded is not None:
            layer = seeded.caches.get(_CACHE)
            if layer is None:
                layer = seeded.caches.setdefault(_CACHE, SeedLayer(seeded))
        overlay = OverlayLayer()
        for key in self._branch.overlay_of(collection):
            overlay.refresh(self._branch, collection, key)
        return TypeStore(resource_type, layer, overlay)

    def types(self) -> list[str]:
        """Return the names of the resource types that were ever stored, sorted."""
        names = self._branch.collections(COLLECTION_PREFIX)
        return [name[len(COLLECTION_PREFIX) :] for name in names if not name.startswith(COLLECTION_PREFIX + "_")]
