"""What a task run changed: every document that is at the end as it was not at the start, in a form to compare.

What the scenario or a delay did is no change of the agent's, as long as it did not touch the same thing; bookkeeping
is left out. Which part of a document says something is its simulator's to tell (`Simulator.comparable`).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from sandbox import jsonio
from sandbox.clock import format_instant
from sandbox.globs import glob_matcher
from sandbox.jsonio import Json
from sandbox.paths import Segment, parse_path
from sandbox.playground.branch import Branch, Document
from sandbox.scoring.matching import is_agents
from sandbox.simulators.base import View

Comparable: TypeAlias = Callable[[Branch, str, str, Json], Json]


@dataclass(frozen=True, slots=True)
class Change:
    """One document as it was at the start and as it is at the end, null where it is not there."""

    collection: str
    key: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of a run, by collection and key, and the time that it took: from its start to its end."""

    changes: tuple[Change, ...]
    begin: str
    end: str

    def to_json(self) -> dict[str, Json]:
        """Return `{begin, end, changes: [{collection, key, before, after}]}`."""
        rows = [{"collection": c.collection, "key": c.key, "before": c.before, "after": c.after} for c in self.changes]
        return {"begin": self.begin, "end": self.end, "changes": rows}

    @classmethod
    def of_json(cls, value: Json) -> "Changes":
        """Read what `to_json` wrote; raises KeyError and TypeError for anything else."""
        rows = (Change(c["collection"], c["key"], c["before"], c["after"]) for c in value["changes"])
        return cls(tuple(rows), value["begin"], value["end"])

    def without(self, ignored: list[str]) -> "Changes":
        """Return the changes less what globs name: `collection/key`, or `collection/key:path` for a part of it."""
        whole = glob_matcher([glob for glob in ignored if ":" not in glob])
        parts = []
        for glob in ignored:
            place, colon, path = glob.partition(":")
            if colon:
                parts.append((glob_matcher([place]), parse_path(path)))
        kept = []
        for change in self.changes:
            name = f"{change.collection}/{change.key}"
            if whole(name):
                continue
            for matches, segments in parts:
                if matches(name):
                    before, after = _removed(change.before, segments), _removed(change.after, segments)
                    change = replace(change, before=before, after=after)
            if not is_same(change.before, change.after):
                kept.append(change)
        return replace(self, changes=tuple(kept))


def changes_of(view: View, comparable: Comparable, bookkeeping: frozenset[str]) -> Changes:
    """Return what the agent changed."""
    found = tuple(_changes(view, comparable, bookkeeping))
    begin = next((event.at for event in view.events), view.now)
    return Changes(found, format_instant(begin), format_instant(view.now))


def _changes(view: View, comparable: Comparable, bookkeeping: frozenset[str]) -> Iterator[Change]:
    def form(branch: Branch, collection: str, key: str, document: Document | None) -> Json:
        value = None if document is None else comparable(branch, collection, key, document.value)
        return {"sha256": hashlib.sha256(value).hexdigest()} if isinstance(value, bytes) else value

    expected = expected_branch(view)
    for difference in view.branch.diff(expected):
        collection, key = difference.collection, difference.key
        if is_bookkeeping(collection, bookkeeping):
            continue
        before = form(expected, collection, key, difference.before)
        after = form(view.branch, collection, key, difference.after)
        if not is_same(before, after):
            yield Change(collection, key, before, after)


def expected_branch(view: View) -> Branch:
    """Return the start with what the scenario and delays did to each document, up to the agent's
    first touch of it."""
    expected = view.baseline.fork()
    touched: set[tuple[str, str]] = set()
    for event in sorted(view.events, key=lambda event: event.seq):
        for change in event.changes:
            place = (change.collection, change.key)
            if is_agents(event):
                touched.add(place)
            elif place not in touched:
                expected.apply(change)
    return expected


def is_bookkeeping(collection: str, bookkeeping: frozenset[str]) -> bool:
    """Whether a collection records work rather than holding state."""
    return collection in bookkeeping or any(part.startswith("_") for part in collection.split("/"))


def is_same(before: Json, after: Json) -> bool:
    """Whether two JSON values are the same to the digit, whatever the order of their keys.

    >>> is_same({"a": 1, "b": 2}, {"b": 2, "a": 1}), is_same(1, True), is_same(1, "1")
    (True, False, False)
    """
    return before is after or jsonio.canonical(before) == jsonio.canonical(after)


def _removed(value: Json, segments: tuple[Segment, ...]) -> Json:
    """Return a value less what is at a path."""
    if not segments:
        return None
    first, rest = segments[0], segments[1:]
    if isinstance(value, dict):
        hit = [name for name in value if first.is_any or name == first.name]
        if not rest:
            return {name: item for name, item in value.items() if name not in hit}
        return {name: _removed(item, rest) if name in hit else item for name, item in value.items()}
    if isinstance(value, list):
        hits = [first.is_any or first.name == str(place) for place in range(len(value))]
        if not rest:
            return [item for item, is_hit in zip(value, hits, strict=True) if not is_hit]
        return [_removed(item, rest) if is_hit else item for item, is_hit in zip(value, hits, strict=True)]
    return value
