"""The difference between two states, for people and tools to read: per surface, document by document, field by field.

What is left out is said: bookkeeping (`changes.is_bookkeeping`) is counted and not shown, and an answer is bounded, in
documents, in the fields of each, and in bytes.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Difference, Document
from sandbox.scoring.evidence import bounded
from sandbox.scoring.states.changes import is_bookkeeping, is_same

DOCUMENTS_MAX: Final = 1_000
FIELDS_MAX: Final = 200
BYTES_MAX: Final = 2 << 20

Kind: TypeAlias = Literal["added", "changed", "removed"]
KINDS: Final[tuple[Kind, ...]] = ("added", "changed", "removed")


@dataclass(frozen=True, slots=True)
class Field:
    """One value that differs; `before` is None where it was added, `after` where it was removed.

    `path` is as checks write it (`name.0.given.1`); an index is the place in the list that the value is in.
    """

    path: str
    kind: Kind
    before: Json
    after: Json

    def to_json(self) -> Json:
        """Return `{path, change, before, after}`, long values shortened."""
        return {"path": self.path, "change": self.kind, "before": bounded(self.before), "after": bounded(self.after)}


@dataclass(frozen=True, slots=True)
class Changed:
    """One document that differs: the fields that do, or the whole of it where it was added or removed.

    Raw bytes are told by their size and SHA-256.
    """

    collection: str
    key: str
    kind: Kind
    version_before: int | None
    version_after: int | None
    is_binary: bool
    before: Json
    after: Json
    fields: tuple[Field, ...] = ()
    fields_left_out: int = 0

    def to_json(self) -> dict[str, Json]:
        """Return the document as the API shows it."""
        return {
            "collection": self.collection,
            "key": self.key,
            "change": self.kind,
            "version_before": self.version_before,
            "version_after": self.version_after,
            "binary": self.is_binary,
            "before": self.before,
            "after": self.after,
            "fields": [each.to_json() for each in self.fields],
            "fields_left_out": self.fields_left_out,
        }


@dataclass(slots=True)
class SurfaceDifferences:
    """What differs on one surface: all of it counted, `documents` as far as there is room."""

    surface: str
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    documents: list[Changed] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """How many documents are counted and not shown."""
        return sum(self.counts.values()) - len(self.documents)

    def to_json(self) -> Json:
        """Return `{surface, added, changed, removed, documents, left_out}`."""
        documents = [document.to_json() for document in self.documents]
        return {"surface": self.surface, **self.counts, "documents": documents, "left_out": self.left_out}


@dataclass(slots=True)
class Differences:
    """What differs between two states, by surface; `bookkeeping` counts the documents that only record work."""

    surfaces: list[SurfaceDifferences]
    bookkeeping: int

    def to_json(self) -> dict[str, Json]:
        """Return `{added, changed, removed, left_out, bookkeeping, surfaces}`."""
        return {
            **{str(kind): sum(surface.counts[kind] for surface in self.surfaces) for kind in KINDS},
            "left_out": sum(surface.left_out for surface in self.surfaces),
            "bookkeeping": self.bookkeeping,
            "surfaces": [surface.to_json() for surface in self.surfaces],
        }


def differences(before: Branch, after: Branch, bookkeeping: frozenset[str], surface: str | None = None) -> Differences:
    """Return what differs from one state to another, on one surface if it is named.

    Takes long for large states; `bookkeeping` are the collections that simulators declare as such.
    """
    found: dict[str, SurfaceDifferences] = {}
    aside = shown = size = 0
    for difference in after.diff(before):
        name = difference.collection.partition("/")[0]
        if is_bookkeeping(difference.collection, bookkeeping):
            aside += surface in (None, name)
            continue
        if surface not in (None, name):
            continue
        of_surface = found.setdefault(name, SurfaceDifferences(name))
        kind = _kind_of(difference)
        of_surface.counts[kind] += 1
        if shown < DOCUMENTS_MAX and size < BYTES_MAX:
            changed = document_difference(difference)
            shown, size = shown + 1, size + len(jsonio.dump(changed.to_json()))
            of_surface.documents.append(changed)
    return Differences(list(found.values()), aside)


def document_difference(difference: Difference) -> Changed:
    """Return what differs in one document."""
    kind, before, after = _kind_of(difference), difference.before, difference.after
    is_binary = any(document is not None and document.is_binary for document in (before, after))
    head = (
        difference.collection,
        difference.key,
        kind,
        None if before is None else before.version,
        None if after is None else after.version,
        is_binary,
    )
    if before is None or after is None or is_binary:
        return Changed(*head, _shown(before), _shown(after))
    fields: list[Field] = []
    left_out = 0
    for each in field_differences(before.value, after.value):
        if len(fields) < FIELDS_MAX:
            fields.append(each)
        else:
            left_out += 1
    return Changed(*head, None, None, tuple(fields), left_out)


def field_differences(before: Json, after: Json, path: str = "") -> Iterator[Field]:
    r"""Yield where two JSON values differ, in document order.

    Lists are matched from both ends, so what was put in or taken out in the middle is just that.

    >>> [(f.path, f.kind, f.before, f.after) for f in field_differences({"a": [1, 2, 3]}, {"a": [1, 3], "b": True})]
    [('a.1', 'removed', 2, None), ('b', 'added', None, True)]
    >>> [(f.path, f.before, f.after) for f in field_differences({"v": {"x.y": 1}}, {"v": {"x.y": True}})]
    [('v.x\\.y', 1, True)]
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            inner = _join(path, _escaped(name))
            if name not in after:
                yield Field(inner, "removed", before[name], None)
            elif name not in before:
                yield Field(inner, "added", None, after[name])
            else:
                yield from field_differences(before[name], after[name], inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, path)
    elif not is_same(before, after):
        yield Field(path, "changed", before, after)


def _list_differences(before: list[Json], after: list[Json], path: str) -> Iterator[Field]:
    least, first = min(len(before), len(after)), 0
    while first < least and is_same(before[first], after[first]):
        first += 1
    last = 0
    while last < least - first and is_same(before[-1 - last], after[-1 - last]):
        last += 1
    old, new = before[first : len(before) - last], after[first : len(after) - last]
    for place, (one, other) in enumerate(zip(old, new, strict=False), first):
        yield from field_differences(one, other, _join(path, str(place)))
    for place, value in enumerate(old[len(new) :], first + len(new)):
        yield Field(_join(path, str(place)), "removed", value, None)
    for place, value in enumerate(new[len(old) :], first + len(old)):
        yield Field(_join(path, str(place)), "added", None, value)


def _join(path: str, segment: str) -> str:
    return f"{path}.{segment}" if path else segment


def _escaped(name: str) -> str:
    """Write a name as a segment of a path (`sandbox/paths.py`)."""
    return "".join(f"\\{char}" if char in "\\.*" else char for char in name)


def _kind_of(difference: Difference) -> Kind:
    if difference.before is None:
        return "added"
    return "removed" if difference.after is None else "changed"


def _shown(document: Document | None) -> Json:
    if document is None:
        return None
    value = document.value
    if isinstance(value, bytes):
        return {"size": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    return bounded(value)
