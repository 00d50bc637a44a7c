"""What the criteria of benchmarks are worth, task by task, out of what `prove --write` has kept: no agent is played.

A table in Markdown, for the documentation and whoever chooses among benchmarks. Superseded versions are not in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.definitions.baselines import IDLE, MUTANTS, NONSENSE
from sandbox.definitions.library import Library

_HEAD: Final = ("task", "idle", "nonsense", "mutants that do not pass")
_UNKNOWN: Final = "-"


@dataclass(frozen=True, slots=True)
class Worth:
    """The three numbers of a task; None for what was not measured, or of another definition."""

    benchmark: str
    task: str
    idle: float | None
    nonsense: float | None
    killed: int | None
    played: int | None


def find_worth(library: Library, slugs: Iterable[str] = ()) -> list[Worth]:
    """Return the numbers of the newest versions' tasks, in their order; of all benchmarks where none is named."""
    chosen = set(slugs)
    found = []
    for (slug, version), benchmark in library.benchmarks.items():
        if library.is_superseded(slug, version) or (chosen and slug not in chosen):
            continue
        for task in benchmark.definition.tasks:
            entry: dict[str, Any] = benchmark.baselines.get(task.key) or {}
            mutants = entry.get(MUTANTS) or {}
            found.append(
                Worth(
                    benchmark.definition.reference,
                    task.key,
                    (entry.get(IDLE) or {}).get("score"),
                    (entry.get(NONSENSE) or {}).get("score"),
                    mutants.get("killed"),
                    mutants.get("played"),
                )
            )
    return found


def to_markdown(tasks: Sequence[Worth]) -> str:
    """Write the numbers as a table.

    >>> print(to_markdown([Worth("mock@2", "next-appointment", 0.0, 0.125, 6, 6)]))
    | task | idle | nonsense | mutants that do not pass |
    |---|---|---|---|
    | `mock@2` next-appointment | 0.00 | 0.13 | 6 of 6 |
    """
    rows = [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
    for task in tasks:
        mutants = _UNKNOWN if task.played is None else f"{task.killed} of {task.played}"
        cells = (f"`{task.benchmark}` {task.task}", _score(task.idle), _score(task.nonsense), mutants)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _score(score: float | None) -> str:
    """Write a score so that it never looks smaller than it is: the limits are upper ones.

    >>> _score(0.0), _score(0.301), _score(None)
    ('0.00', '0.31', '-')
    """
    if score is None:
        return _UNKNOWN
    return f"{-(-round(score * 1_000_000) // 10_000) / 100:.2f}"
