"""What loads, and should not be so: mistakes in a definition that only show when it is judged or never.

`sandbox check` counts them as problems; a server takes the definition all the same. What the simulators
and checks bring is asked of the `Vocabulary`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Protocol

from sandbox.definitions.models import BenchmarkDefinition, CriterionDefinition, TaskDefinition, WhenClause
from sandbox.definitions.problems import Problem
from sandbox.definitions.templates import unused
from sandbox.definitions.yamlio import Located, Path

# Where a YAML scalar keeps whatever type it was read as; everywhere else a model says what it must be.
_TYPED_KEYS: Final = frozenset({"absent", "accepted", "exists", "min", "max", "tolerance"})


class Judge(Protocol):
    """What is asked of the vocabulary here; `load.py` describes it."""

    def assertion_problems(
        self, criterion: CriterionDefinition, task: TaskDefinition, definition: BenchmarkDefinition
    ) -> list[tuple[Path, str]]:
        """Return `(path, message)` for everything wrong with a criterion's assertion."""
        ...

    def when_problems(self, when: WhenClause, definition: BenchmarkDefinition) -> list[tuple[Path, str]]:
        """Return `(path, message)` for every part of a `when` clause that no event can satisfy."""
        ...


def inspect(definition: BenchmarkDefinition, judge: Judge, file: str, located: Located) -> list[Problem]:
    """Return the problems, in the order of the file."""
    found = [*_task_problems(definition, judge), *_axis_problems(definition)]
    problems = [located.problem(file, path, text) for path, text in found]
    lines = {problem.line for problem in problems}
    written = located.written
    problems += [written.problem(file, path, "no criterion uses it") for path in unused(written.value)]
    more = [written.problem(file, path, text) for path, text in _ambiguous(written)]
    problems += [problem for problem in more if problem.line not in lines]
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line)


def _task_problems(definition: BenchmarkDefinition, judge: Judge) -> Iterator[tuple[Path, str]]:
    for t, task in enumerate(definition.tasks):
        at: Path = ("tasks", t)
        if not task.criteria:
            yield at, f'the task "{task.key}" has no criteria, so its verdict is always fail'
        elif not any(criterion.weight for criterion in task.criteria):
            yield (*at, "criteria"), "all weights are 0, so the task's verdict is always fail"
        for s, step in enumerate(task.steps):
            if step.when is not None:
                for path, message in judge.when_problems(step.when, definition):
                    yield (*at, "scenario", "steps", s, "when", *path), message
        labels: dict[str, int] = {}
        for c, criterion in enumerate(task.criteria):
            here = (*at, "criteria", c)
            if labels.setdefault(criterion.label, c) != c:
                yield (
                    (*here, "label"),
                    f'criterion {labels[criterion.label]} of the task has the label "{criterion.label}", too',
                )
            for path, message in judge.assertion_problems(criterion, task, definition):
                yield (*here, "assertion", *path), message


def _axis_problems(definition: BenchmarkDefinition) -> Iterator[tuple[Path, str]]:
    """Yield axes that are written in two ways: their scores would be told apart."""
    known: list[str] = []
    for t, task in enumerate(definition.tasks):
        for c, criterion in enumerate(task.criteria):
            axis = criterion.axis
            if axis is None or axis in known:
                continue
            other = next((name for name in known if _are_one(name, axis)), None)
            if other is None:
                known.append(axis)
            else:
                yield (
                    ("tasks", t, "criteria", c, "axis"),
                    f'is another axis than "{other}", as another criterion writes it',
                )


def _are_one(one: str, other: str) -> bool:
    """Whether two names differ in case, spaces and dashes alone, or by one letter.

    >>> _are_one("safety", "Safety"), _are_one("correctness", "correctnes"), _are_one("part-1", "part-2")
    (True, True, False)
    """
    a, b = ("".join(char for char in name.casefold() if char.isalnum()) for name in (one, other))
    if a == b:
        return True
    if min(len(a), len(b)) < 5 or abs(len(a) - len(b)) > 1 or any(char.isdigit() for char in a + b):
        return False
    if len(a) == len(b):
        differing = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        is_swap = len(differing) == 2 and differing[1] - differing[0] == 1 and sorted(a) == sorted(b)
        return len(differing) == 1 or is_swap
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def _ambiguous(located: Located) -> Iterator[tuple[Path, str]]:
    """Yield scalars that YAML 1.1 reads as something else than they look, where nothing says what they must be."""
    for path, text, value in located.surprises:
        is_free = any(
            outer in ("assertion", "match", "task_item", "with") for outer in path if isinstance(outer, str)
        ) and not any(outer == "task_item" and inner == "answer" for outer, inner in pairwise(path))
        if is_free and (path[-1] not in _TYPED_KEYS or isinstance(value, float)):
            shown = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
            yield path, f'YAML reads {text} as {shown}; write {shown}, or "{text}" in quotes'
