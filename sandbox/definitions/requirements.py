"""`requires` among the criteria of a task: whether every label is there, and none waits for itself."""

from collections.abc import Iterator

from sandbox.definitions.models import TaskDefinition
from sandbox.suggest import did_you_mean


def requires_problems(task: TaskDefinition) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield `(path, message)`, paths below the task's criteria, for labels that are not there and for circles."""
    labels = [criterion.label for criterion in task.criteria]
    is_whole = True
    for place, criterion in enumerate(task.criteria):
        others = [label for other, label in enumerate(labels) if other != place]
        for index, label in enumerate(criterion.requires):
            if label not in others:
                is_whole = False
                near = did_you_mean(label, others) if others else ""
                yield (place, "requires", index), f'no other criterion of the task has the label "{label}"{near}'
    circle = _find_circle(task) if is_whole else None
    if circle is not None:
        named = " and ".join(f'"{labels[place]}"' for place in circle)
        yield (circle[0], "requires"), f"{named} wait for each other, so none of them ever counts"


def required_places(task: TaskDefinition, place: int) -> set[int]:
    """Return the positions of all criteria that one requires, and those require in turn."""
    found: set[int] = set()
    waiting = [place]
    while waiting:
        requires = task.criteria[waiting.pop()].requires
        new = {p for p, criterion in enumerate(task.criteria) if criterion.label in requires} - found
        found |= new
        waiting += new
    return found


def _find_circle(task: TaskDefinition) -> list[int] | None:
    circular = [place for place in range(len(task.criteria)) if place in required_places(task, place)]
    if not circular:
        return None
    return [place for place in circular if place in required_places(task, circular[0])]
