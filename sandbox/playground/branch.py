"""The branch: all state of one playground, a persistent map `(collection, key) → document`.

Two layers. The **seed** is sealed and shared by every playground of a dataset. The **overlay** is
a persistent map of what this playground changed, deletions included. So giving a playground its
own state is O(1) whatever the seed's size, forks and snapshots are free, and the difference from
the seed is the overlay itself.

Documents are values: never modify one in place, `put` a new one.

This module must not know what the documents mean.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import immutables

from sandbox import jsonio, work
from sandbox.jsonio import Json

Overlay: TypeAlias = "immutables.Map[str, immutables.Map[str, Document | Tombstone]]"

_EMPTY: Final[Overlay] = immutables.Map()
_NOTHING: Final[immutables.Map[str, "Document | Tombstone"]] = immutables.Map()
_MODULUS: Final = 1 << 256
_WRITE: Final = 5  # units of work
_WALKED: Final = 128  # bytes of a text whose value is walked for a unit of work
_LONG_BYTES: Final = 256 << 10
VIEWS: Final = "_views/"
_RESET: Final = ("_reset", "")  # in a log: everything may be different from here on


class Document:
    """A JSON value or raw bytes under one key, with its version (1 for the first).

    `value` is parsed on first use when only the JSON text was given; `json` is written on first
    use when only the value was given. Both are kept. `derived` is for what a simulator computes from the
    document again and again; it may only hold what can be computed once more.
    """

    __slots__ = ("_digest", "_json", "_value", "derived", "version")

    def __init__(self, value: Json = None, *, json: bytes | None = None, version: int = 1) -> None:
        self._value = value if json is None or len(json) <= _LONG_BYTES else None
        self._json = json
        self._digest: bytes | None = None
        self.derived: Any = None
        self.version = version

    @property
    def value(self) -> Json:
        """The value; treat it as frozen. That of a long text is made anew each time, as it takes many times as much."""
        text = self._json
        if text is None:
            return self._value
        if len(text) > _WALKED:
            work.spend(len(text) // _WALKED)
        if self._value is None:
            value = jsonio.parse(text)
            if len(text) > _LONG_BYTES:
                return value
            self._value = value
        return self._value

    @property
    def is_binary(self) -> bool:
        """Whether the document is raw bytes, not JSON."""
        return isinstance(self._value, bytes)

    @property
    def known_size(self) -> int:
        """How many bytes its content has; 0 for JSON that was not written yet."""
        return len(self._value) if isinstance(self._value, bytes) else len(self._json or b"")

    @property
    def json(self) -> bytes:
        """The document as JSON text, exact to the digit."""
        if self._json is None:
            self._json = jsonio.dump_to_keep(self._value)
        return self._json

    @property
    def digest(self) -> bytes:
        """A digest of the content that does not depend on key order."""
        if self._digest is None:
            kept = self._value
            content = b"b" + kept if isinstance(kept, bytes) else b"j" + jsonio.canonical(self.value)
            self._digest = hashlib.blake2b(content, digest_size=32).digest()
        return self._digest


class Tombstone:
    """A deleted document; keeps the version, so that a later `put` goes on counting."""

    __slots__ = ("version",)

    def __init__(self, version: int) -> None:
        self.version = version


class SeedCollection(Mapping[str, Document]):
    """One collection of a seed: sealed documents and what was derived from them.

    `caches` is for indexes that simulators derive lazily; it is shared by all playgrounds on the
    seed, and may only hold what can be computed again from the documents.
    """

    def __init__(self, documents: dict[str, Document]) -> None:
        self._documents = documents
        self.caches: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Document:
        return self._documents[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __contains__(self, key: object) -> bool:
        return key in self._documents

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        """The documents by key, in load order."""
        return self._documents


def is_of_views(collection: str) -> bool:
    """Whether a collection holds what views leave for later views: no part of the state, its hash, its differences."""
    return collection.startswith(VIEWS)


class Seed:
    """The sealed lower layer of a branch: collections by name."""

    def __init__(self, collections: Mapping[str, SeedCollection] | None = None) -> None:
        self.collections: Mapping[str, SeedCollection] = dict(collections or {})

    @classmethod
    def of(cls, values: Mapping[str, Mapping[str, Json]]) -> "Seed":
        """Build a seed from plain values (tests, small simulators)."""
        return cls({name: SeedCollection({k: Document(v) for k, v in rows.items()}) for name, rows in values.items()})

    def merged(self, other: "Seed") -> "Seed":
        """Return a seed with the collections of both. One that is in both must be the same: `ValueError` names it."""
        both = set(self.collections) & set(other.collections)
        different = sorted(name for name in both if _differ(self.collections[name], other.collections[name]))
        if different:
            raise ValueError(f"two seeds hold the collections {different}")
        return Seed({**self.collections, **other.collections})

    @cached_property
    def hash_sum(self) -> int:
        """The sum of all documents' hashes, the seed's share of a branch's state hash."""
        return sum(_entry_hash(c, k, d) for c, docs in self.collections.items() for k, d in docs.items()) % _MODULUS


def _differ(one: Mapping[str, Document], other: Mapping[str, Document]) -> bool:
    return one.keys() != other.keys() or any(one[key].digest != other[key].digest for key in one)


def _entry_hash(collection: str, key: str, document: Document) -> int:
    head = f"{collection}\x00{key}\x00".encode()
    return int.from_bytes(hashlib.blake2b(head + document.digest, digest_size=32).digest(), "big")


@dataclass(frozen=True, slots=True)
class Change:
    """One changed document: what an event stores, enough to fold it again.

    `document` is None for a deletion.
    """

    collection: str
    key: str
    version: int
    document: Document | None

    @property
    def op(self) -> str:
        """`put` or `delete`."""
        return "delete" if self.document is None else "put"


@dataclass(slots=True)
class Savepoint:
    """A point inside an interaction to roll back to; a value (not `frozen`, as every request makes one)."""

    overlay: Overlay
    log_length: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One document that differs between two branches; None where it is missing."""

    collection: str
    key: str
    before: Document | None
    after: Document | None


class Branch:
    """A handle on one playground's state.

    The handle is mutable, the maps under it are not: `fork` and `savepoint` only copy references.
    `log` lists every `(collection, key)` touched through this handle, in order; an index that
    remembers how far it has read can catch up with `touched_since`.
    """

    __slots__ = ("caches", "log", "overlay", "seed")

    def __init__(self, seed: Seed, overlay: Overlay = _EMPTY) -> None:
        self.seed = seed
        self.overlay = overlay
        self.log: list[tuple[str, str]] = []
        self.caches: dict[str, Any] = {}

    # -- reading ----------------------------------------------------------------------------

    def get_document(self, collection: str, key: str) -> Document | None:
        """Return the document, or None."""
        work.spend(1)
        changed = self.overlay.get(collection)
        if changed is not None:
            entry = changed.get(key)
            if entry is not None:
                return entry if isinstance(entry, Document) else None
        seeded = self.seed.collections.get(collection)
        return seeded.documents.get(key) if seeded is not None else None

    def get(self, collection: str, key: str) -> Json:
        """Return the document's value, or None. Treat it as frozen."""
        document = self.get_document(collection, key)
        return None if document is None else document.value

    def version_of(self, collection: str, key: str) -> int:
        """Return the latest version under the key, 0 if there never was one."""
        entry = self.overlay.get(collection, _NOTHING).get(key)
        if entry is not None:
            return entry.version
        seeded = self.seed.collections.get(collection)
        if seeded is not None and key in seeded:
            return seeded[key].version
        return 0

    def is_deleted(self, collection: str, key: str) -> bool:
        """Whether there was a document under the key that is now deleted."""
        return isinstance(self.overlay.get(collection, _NOTHING).get(key), Tombstone)

    def documents(self, collection: str) -> Iterator[tuple[str, Document]]:
        """Yield the collection's documents: the seed's in load order, then new ones by key."""
        changed = self.overlay.get(collection, _NOTHING)
        seeded: Mapping[str, Document] = self.seed.collections.get(collection) or {}
        budget = work.current()
        for key, document in seeded.items():
            budget.spend(1)
            entry = changed.get(key) if changed else None
            if entry is None:
                yield key, document
            elif isinstance(entry, Document):
                yield key, entry
        budget.spend(len(changed))
        for key in sorted(k for k in changed if k not in seeded):
            entry = changed[key]
            if isinstance(entry, Document):
                budget.spend(1)
                yield key, entry

    def items(self, collection: str) -> Iterator[tuple[str, Json]]:
        """Yield `(key, value)` in the order of `documents`."""
        for key, document in self.documents(collection):
            yield key, document.value

    def count(self, collection: str) -> int:
        """Return how many documents the collection holds; O(changes)."""
        seeded: Mapping[str, Document] = self.seed.collections.get(collection) or {}
        total = len(seeded)
        for key, entry in self.overlay.get(collection, _NOTHING).items():
            total += isinstance(entry, Document) - (key in seeded)
        return total

    def is_empty(self, collection: str) -> bool:
        """Whether the collection holds nothing; free when it was never used."""
        if collection not in self.overlay and collection not in self.seed.collections:
            return True
        return self.count(collection) == 0

    def collections(self, prefix: str = "") -> list[str]:
        """Return the names of all collections that were ever used, sorted."""
        names = set(self.seed.collections) | set(self.overlay)
        return sorted(name for name in names if name.startswith(prefix))

    def overlay_of(self, collection: str) -> Mapping[str, Document | Tombstone]:
        """Return what this branch changed in a collection since its seed."""
        return self.overlay.get(collection, _NOTHING)

    # -- writing (through `Playground.interact` only) ----------------------------------------

    def put(self, collection: str, key: str, value: Json, *, json: bytes | None = None) -> Document:
        """Store a value (JSON or bytes) as the key's next version and return its document.

        Give `json` too when the exact text is at hand.
        """
        document = Document(value, json=json, version=self.version_of(collection, key) + 1)
        self._set(collection, key, document)
        return document

    def delete(self, collection: str, key: str) -> bool:
        """Delete a document; return whether there was one."""
        if self.get_document(collection, key) is None:
            return False
        self._set(collection, key, Tombstone(self.version_of(collection, key) + 1))
        return True

    def apply(self, change: Change) -> None:
        """Fold one recorded change."""
        entry = change.document if change.document is not None else Tombstone(change.version)
        self._set(change.collection, change.key, entry)

    def _set(self, collection: str, key: str, entry: Document | Tombstone) -> None:
        work.spend(_WRITE)
        changed = self.overlay.get(collection, _NOTHING)
        self.overlay = self.overlay.set(collection, changed.set(key, entry))
        self.log.append((collection, key))

    # -- time travel -------------------------------------------------------------------------

    def fork(self) -> "Branch":
        """Return an independent branch in the same state; O(1)."""
        return Branch(self.seed, self.overlay)

    def savepoint(self) -> Savepoint:
        """Mark the present state; O(1)."""
        return Savepoint(self.overlay, len(self.log))

    def reset(self, overlay: Overlay) -> None:
        """Take on another state of this seed's, as a whole; O(1), but indexes are made anew."""
        self.overlay = overlay
        self.caches.clear()
        self.log.append(_RESET)

    def rollback(self, savepoint: Savepoint) -> None:
        """Return to a savepoint. The log grows by what was undone, so that indexes notice."""
        undone = self.log[savepoint.log_length :]
        self.overlay = savepoint.overlay
        if _RESET in undone:
            self.caches.clear()
        self.log.extend(undone)

    def touched_since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        """Return what was touched after a position of the log, and the log's new end."""
        return self.log[position:], len(self.log)

    def changes_since(self, savepoint: Savepoint) -> list[Change]:
        """Return the net changes since a savepoint, each key once, in order of first touch."""
        changes: list[Change] = []
        if len(self.log) == savepoint.log_length:
            return changes
        for collection, key in dict.fromkeys(self.log[savepoint.log_length :]):
            before = savepoint.overlay.get(collection, _NOTHING).get(key)
            after = self.overlay.get(collection, _NOTHING).get(key)
            if after is None or after is before:
                continue
            changes.append(Change(collection, key, after.version, after if isinstance(after, Document) else None))
        return changes

    def diff(self, before: "Branch") -> list[Difference]:
        """Return what differs from another branch, sorted by collection and key.

        On one seed it costs what the two changed; a collection that they have from different seeds is compared whole.
        """
        found = []
        for collection in sorted({*self.overlay, *before.overlay, *self._seeded_otherwise(before)}):
            if is_of_views(collection):
                continue
            mine, theirs = self.overlay.get(collection, _NOTHING), before.overlay.get(collection, _NOTHING)
            keys = set(mine) | set(theirs)
            seeded, others = self.seed.collections.get(collection), before.seed.collections.get(collection)
            if seeded is not others:
                keys.update(seeded or (), others or ())
            elif mine is theirs:
                continue
            for key in sorted(keys):
                if seeded is others and mine.get(key) is theirs.get(key):
                    continue
                old, new = before.get_document(collection, key), self.get_document(collection, key)
                if old is not new and (old.digest if old else None) != (new.digest if new else None):
                    found.append(Difference(collection, key, old, new))
        return found

    def _seeded_otherwise(self, other: "Branch") -> set[str]:
        mine, theirs = self.seed.collections, other.seed.collections
        if mine is theirs:
            return set()
        return {name for name in {*mine, *theirs} if mine.get(name) is not theirs.get(name)}

    def state_hash(self) -> str:
        """Return the hash of all live documents, whatever the order in which they came.

        A sum of one hash per document, so the seed's share is computed once and a playground's
        costs only what it changed.
        """
        total = self.seed.hash_sum
        for collection, changed in self.overlay.items():
            if is_of_views(collection):
                continue
            seeded: Mapping[str, Document] = self.seed.collections.get(collection) or {}
            for key, entry in changed.items():
                if key in seeded:
                    total -= _entry_hash(collection, key, seeded[key])
                if isinstance(entry, Document):
                    total += _entry_hash(collection, key, entry)
        return f"{total % _MODULUS:064x}"
