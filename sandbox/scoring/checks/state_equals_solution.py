"""`state-equals-solution` (extension): the agent changed what the reference solution changes, and nothing else.

Compared is what differs from the start, once for the agent's run and once for the recorded run of the solution
(`definitions/solution_states.py`), up to a renaming of ids that servers minted and to the times of the two runs.
One item: it holds or it does not.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from pydantic import Field, field_validator

from sandbox import jsonio
from sandbox.definitions.assertions import Assertion
from sandbox.definitions.solution_states import CHECK
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.paths import parse_path
from sandbox.playground.branch import Branch
from sandbox.scoring.checks.state_unchanged import find_glob_problem
from sandbox.scoring.evidence import bounded
from sandbox.scoring.states.alignment import Alignment, Apart, TooManyAlike
from sandbox.scoring.states.changes import Changes, changes_of
from sandbox.scoring.states.tokens import ids_in
from sandbox.simulators.base import Check, Selection, Simulator, Subject, View
from sandbox.simulators.vocabulary import Finding, Surroundings

DIFFERENCES_SHOWN_MAX: Final = 20
_SEED_IDS: Final = "ids in its documents"
_MISSING: Final = (
    "There is no state of the reference solution to compare with: none was recorded for this task, or the definition, "
    "the seed or the solution have changed since. Make it with sandbox prove --write."
)


class StateEqualsSolutionAssertion(Assertion):
    """What may differ: globs over `collection/key`, or `collection/key:path` for a part of what is there."""

    absent: ClassVar[bool] = True

    ignore: list[str] = Field(default_factory=list)

    @field_validator("ignore")
    @classmethod
    def _paths_read(cls, ignore: list[str]) -> list[str]:
        for glob in ignore:
            _, colon, path = glob.partition(":")
            try:
                is_whole = bool(colon) and not parse_path(path)
            except Invalid as error:
                raise ValueError(error.message) from None
            if is_whole:
                raise ValueError(f"{glob} names no path after the colon")
        return ignore


@dataclass(frozen=True)
class Comparer:
    """How the states of one set of simulators are compared."""

    simulators: Sequence[Simulator]
    bookkeeping: frozenset[str]

    @property
    def minted(self) -> tuple[str, ...]:
        """Patterns of ids that the simulators mint beside those of 26 characters."""
        return tuple(pattern for simulator in self.simulators for pattern in simulator.minted)

    def comparable(self, branch: Branch, collection: str, key: str, value: Json) -> Json:
        """Return what a document says, as its simulator has it."""
        surface = collection.partition("/")[0]
        simulator = next((s for s in self.simulators if s.surface == surface), None)
        return value if simulator is None else simulator.comparable(branch, collection, key, value)

    def changes(self, view: View) -> Changes:
        """Return what the agent changed."""
        return changes_of(view, self.comparable, self.bookkeeping)

    def given_ids(self, view: View) -> list[str]:
        """Return the ids that a task began with, beside its seed: what its scenario brought or had minted."""
        baseline = view.baseline
        values = [baseline.get(name, key) for name in baseline.overlay for key in baseline.overlay_of(name)]
        return sorted(ids_in([v for v in values if not isinstance(v, bytes)], self.minted))

    def seed_ids(self, branch: Branch) -> frozenset[str]:
        """Return the ids that stand in a seed, kept with it."""
        found: set[str] = set()
        for documents in branch.seed.collections.values():
            if _SEED_IDS not in documents.caches:
                values = [(key, d.value) for key, d in documents.items() if not d.is_binary]
                documents.caches[_SEED_IDS] = ids_in(values, self.minted)
            found |= documents.caches[_SEED_IDS]
        return frozenset(found)

    def differences(self, view: View, ignore: list[str]) -> list[Apart]:
        """Return in what the agent's changes are not the solution's. Raises `TooManyAlike`."""
        solution = view.solution
        shared = set(solution["given"]) & set(self.given_ids(view))
        fixed = self.seed_ids(view.branch) | shared | set(solution["named"])
        expected = Changes.of_json(solution).without(ignore)
        return Alignment(expected, self.changes(view).without(ignore), self.minted, frozenset(fixed)).differences()


def comparer_of(simulators: Iterable[Simulator]) -> Comparer:
    """Return how states of these simulators are compared."""
    known = tuple(simulators)
    return Comparer(known, frozenset[str]().union(*(simulator.bookkeeping for simulator in known)))


def state_equals_solution(comparer: Comparer) -> Check:
    """Make the check for a set of simulators."""
    return Check(
        CHECK,
        StateEqualsSolutionAssertion,
        partial(select_differences, comparer),
        matched_key="differences",
        is_upstream=False,
        inspect=inspect,
    )


def select_differences(comparer: Comparer, assertion: StateEqualsSolutionAssertion, view: View) -> Selection:
    """Select what the agent left otherwise than the solution does."""
    sought = "difference from the state that the solution leaves"
    if view.solution is None:
        return Selection(sought, (), problem=_MISSING)
    try:
        found = comparer.differences(view, assertion.ignore)
    except TooManyAlike:
        return Selection(sought, (), problem="Too many documents look alike to tell which is which.")
    subjects = tuple(Subject(_told(apart)) for apart in found)
    shown = [
        {**apart.to_json(), "expected": bounded(apart.expected), "actual": bounded(apart.actual)}
        for apart in found[:DIFFERENCES_SHOWN_MAX]
    ]
    return Selection(sought, subjects, {"differences": shown})


def _told(apart: Apart) -> str:
    name = f"{apart.collection}/{apart.key}"
    if apart.path:
        return f"{name} has {_short(apart.actual)} at {apart.path} where the solution has {_short(apart.expected)}"
    if apart.actual is None:
        return f"{name} of the solution is missing" if apart.expected is not None else f"{name} should be gone"
    return f"{name} is not of the solution" if apart.expected is None else f"{name} is not as the solution has it"


def _short(value: Json) -> str:
    text = jsonio.dump(value).decode()
    return text if len(text) <= 60 else text[:59] + "…"


def inspect(assertion: StateEqualsSolutionAssertion, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield globs that nothing can fall under."""
    for index, glob in enumerate(assertion.ignore):
        problem = find_glob_problem(re.split(":", glob, maxsplit=1)[0], surroundings.surfaces, ())
        if problem is not None:
            yield ("ignore", index), problem
