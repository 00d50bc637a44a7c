"""Whether two runs changed the same: documents paired so that one renaming of minted ids makes them alike.

A document whose key was minted may be any of its collection; every other one is known by its key. Pairs are tried in
order, those that look alike without their ids only, and taken back where a renaming contradicts itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from sandbox import jsonio
from sandbox.clock import parse_instant
from sandbox.equality import equal, to_number
from sandbox.jsonio import Json
from sandbox.scoring.states.changes import Change, Changes
from sandbox.scoring.states.tokens import Span, Token, ids_in, same_time, tokens_of

TRIES_MAX: Final = 20_000


class TooManyAlike(Exception):
    """More documents look alike than pairs can be tried."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Where two states differ; `path` is empty for a document that only one of them has."""

    collection: str
    key: str
    path: str
    expected: Json
    actual: Json

    def to_json(self) -> Json:
        """Return it as evidence."""
        return {
            "collection": self.collection,
            "key": self.key,
            "path": self.path,
            "expected": self.expected,
            "actual": self.actual,
        }


@dataclass
class _Renaming:
    """Which id of one state stands for which of the other."""

    forth: dict[str, str] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "_Renaming":
        return _Renaming(dict(self.forth), dict(self.back))

    def admits(self, one: str, other: str) -> bool:
        """Whether the two may stand for each other; if so, they do from now on."""
        return self.forth.setdefault(one, other) == other and self.back.setdefault(other, one) == one


class Alignment:
    """The comparison of two runs' changes.

    `minted` are patterns of ids; `fixed` are ids that both have from their seed, which stand for themselves.
    """

    def __init__(self, expected: Changes, actual: Changes, minted: tuple[str, ...], fixed: frozenset[str]) -> None:
        self._expected, self._actual = expected, actual
        self._minted, self._fixed = minted, fixed
        self._first = Span(parse_instant(expected.begin), parse_instant(expected.end))
        self._second = Span(parse_instant(actual.begin), parse_instant(actual.end))
        self._tries = 0
        self._looks: dict[int, bytes] = {}

    def differences(self) -> list[Apart]:
        """Return where they differ, nothing when they are alike. Raises `TooManyAlike`."""
        wanted, given = list(self._expected.changes), list(self._actual.changes)
        if len(wanted) == len(given) and self._pair(self._in_order(wanted), given):
            return []
        return list(self._report(wanted, given))

    # -- pairing -----------------------------------------------------------------------------------

    def _in_order(self, wanted: Sequence[Change]) -> list[Change]:
        """Those that look like the fewest others first, and of these what refers to the least."""
        counts = Counter(map(self._look, wanted))

        def rank(change: Change) -> tuple[int, int, bytes]:
            return counts[self._look(change)], len(ids_in(change.after, self._minted)), self._look(change)

        return sorted(wanted, key=rank)

    def _pair(self, wanted: list[Change], given: list[Change]) -> bool:
        """Whether each change has a partner of its own under one renaming; goes back where it has to."""
        alike: dict[bytes, list[int]] = {}
        for place, change in enumerate(given):
            alike.setdefault(self._look(change), []).append(place)
        renamings = [_Renaming()]
        taken: list[int] = []
        untried = [iter(alike.get(self._look(wanted[0]), ()))] if wanted else []
        while len(taken) < len(wanted):
            place = next(untried[-1], -1)
            if place < 0:
                untried.pop()
                if not taken:
                    return False
                taken.pop()
                renamings.pop()
                continue
            if place in taken:
                continue
            self._tries += 1
            if self._tries > TRIES_MAX:
                raise TooManyAlike
            trial = renamings[-1].copy()
            if self._are_alike(wanted[len(taken)], given[place], trial):
                taken.append(place)
                renamings.append(trial)
                if len(taken) < len(wanted):
                    untried.append(iter(alike.get(self._look(wanted[len(taken)]), ())))
        return True

    def _look(self, change: Change) -> bytes:
        """Return what a change is without its ids and times."""
        key = id(change)
        if key not in self._looks:
            values = [change.before is None, self._blanked(change.after)]
            self._looks[key] = jsonio.canonical([change.collection, self._blank(change.key), *values])
        return self._looks[key]

    def _blanked(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._blank(value)
        if isinstance(value, list):
            return [self._blanked(item) for item in value]
        if isinstance(value, dict):
            return {self._blank(key): self._blanked(item) for key, item in value.items()}
        number = to_number(value)
        return str(number.normalize()) if number is not None else value

    def _blank(self, text: str) -> str:
        return "".join(self._sign(token) for token in self._tokens(text))

    def _sign(self, token: Token) -> str:
        if token.kind == "text" or token.text in self._fixed:
            return token.text
        return "\x00id" if token.kind == "id" else "\x00time"

    def _tokens(self, text: str) -> list[Token]:
        return tokens_of(text, self._minted)

    def _are_alike(self, one: Change, other: Change, renaming: _Renaming) -> bool:
        return not any(True for _ in self._apart(one, other, renaming))

    def _apart(self, one: Change, other: Change, renaming: _Renaming) -> Iterator[tuple[str, Json, Json]]:
        if (one.before is None) != (other.before is None) or not self._texts_alike(one.key, other.key, renaming):
            yield "", one.key, other.key
        yield from self._values_apart(one.after, other.after, renaming, "")

    def _values_apart(self, one: Json, other: Json, renaming: _Renaming, path: str) -> Iterator[tuple[str, Json, Json]]:
        if isinstance(one, str) and isinstance(other, str):
            if not self._texts_alike(one, other, renaming):
                yield path, one, other
        elif isinstance(one, dict) and isinstance(other, dict):
            for name in dict.fromkeys((*one, *other)):
                yield from self._values_apart(one.get(name), other.get(name), renaming, f"{path}.{name}".lstrip("."))
        elif isinstance(one, list) and isinstance(other, list):
            for place, (a, b) in enumerate(zip_longest(one, other)):
                yield from self._values_apart(a, b, renaming, f"{path}.{place}".lstrip("."))
        elif not equal(one, other, is_strict=True):
            yield path, one, other

    def _texts_alike(self, one: str, other: str, renaming: _Renaming) -> bool:
        if one == other and all(token.kind != "id" for token in self._tokens(one)):
            return True
        mine, theirs = self._tokens(one), self._tokens(other)
        return len(mine) == len(theirs) and all(
            self._tokens_alike(a, b, renaming) for a, b in zip(mine, theirs, strict=True)
        )

    def _tokens_alike(self, one: Token, other: Token, renaming: _Renaming) -> bool:
        if one.kind != other.kind:
            return False
        if one.kind == "text" or one.text in self._fixed or other.text in self._fixed:
            return one.text == other.text
        if one.kind == "id":
            return renaming.admits(one.text, other.text)
        return same_time(one.text, other.text, self._first, self._second)

    # -- telling -----------------------------------------------------------------------------------

    def _report(self, wanted: list[Change], given: list[Change]) -> Iterator[Apart]:
        """Pair what is alike by itself, then what comes nearest, and tell what is left of each."""
        renaming, left = _Renaming(), list(given)
        unpaired = []
        for change in self._in_order(wanted):
            place = next((i for i, other in enumerate(left) if self._fits(change, other, renaming)), None)
            if place is None:
                unpaired.append(change)
            else:
                self._are_alike(change, left.pop(place), renaming)
        for change in unpaired:
            near = [other for other in left if self._may_be(change, other)]
            if not near:
                yield Apart(change.collection, change.key, "", change.after, None)
                continue
            best = min(near, key=lambda other: sum(1 for _ in self._apart(change, other, renaming.copy())))
            left.remove(best)
            for path, expected, actual in self._apart(change, best, renaming):
                yield Apart(best.collection, best.key, path, expected, actual)
        for other in left:
            yield Apart(other.collection, other.key, "", None, other.after)

    def _fits(self, change: Change, other: Change, renaming: _Renaming) -> bool:
        return self._may_be(change, other) and self._are_alike(change, other, renaming.copy())

    def _may_be(self, change: Change, other: Change) -> bool:
        return (change.collection, self._blank(change.key)) == (other.collection, self._blank(other.key))
