"""What to tell of a task's result when a test of it failed: what did not pass first, and why."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

_SHORT_CHARS_MAX: Final = 100


class Checked(Protocol):
    """One criterion's result, as far as it is told here."""

    @property
    def label(self) -> str:
        """The criterion, for people."""
        ...

    @property
    def axis(self) -> str | None:
        """The axis it counts on."""
        ...

    @property
    def weight(self) -> float:
        """Its weight."""
        ...

    @property
    def required(self) -> bool:
        """Whether there is no `pass` without it."""
        ...

    @property
    def passed(self) -> bool:
        """Whether all of it passed."""
        ...

    @property
    def details(self) -> str | None:
        """What was found and missed; None where that is withheld."""
        ...


def explain(
    name: str, verdict: str | None, score: float | None, checks: Sequence[Checked], failure: str | None = None
) -> str:
    """Return lines that say how a task went: a summary, what failed with its details, then what passed."""
    failed = [check for check in checks if not check.passed]
    lines = [f"{name}: {verdict or 'no verdict'} {_number(score)}, {len(failed)} of {len(checks)} checks failed"]
    if required := sum(check.required for check in failed):
        lines[0] += f", {required} of them required"
    lines += [f"  {line}" for line in (failure or "").splitlines()]
    for check in failed:
        lines.append(f"  ✗ {check.label} ({standing(check)})")
        lines += [f"    {line}" for line in (check.details or "details are withheld: the run is scored").splitlines()]
    lines += [f"  ✓ {check.label} ({standing(check)})" for check in checks if check.passed]
    return "\n".join(lines)


def summary(kind: str, name: str, verdict: str | None, score: float | None, checks: Iterable[Checked]) -> str:
    """Return one short line for a debugger or a failed assertion: the checks that failed come first.

    >>> summary("TaskCompletion", "tr_1", "pass", 1.0, [])
    '<TaskCompletion pass 1.0 tr_1>'
    """
    failed = [check.label for check in checks if not check.passed]
    told = f"failed: {'; '.join(failed)}" if failed else ""
    if len(told) > _SHORT_CHARS_MAX:
        told = told[: _SHORT_CHARS_MAX - 1] + "…"
    return f"<{kind} {' '.join(part for part in (told, verdict or 'no verdict', _number(score), name) if part)}>"


def standing(check: Checked) -> str:
    """Return what a criterion counts for: its axis, its weight, and whether it is required."""
    axis = "" if check.axis in (None, "__default__") else f"{check.axis}, "
    return f"{axis}weight {check.weight:g}{', required' if check.required else ''}"


def _number(score: float | None) -> str:
    return "without a score" if score is None else f"{score}"
