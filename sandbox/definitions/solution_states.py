"""`solution_state.json` beside a benchmark: what its reference solution changed in each task, and of what it is.

`sandbox prove --write` makes it by playing the solution; `state-equals-solution` compares with it. An entry belongs to
one definition of its task (less its criteria), one seed and one `solution.py`: with another of these it is stale, and
is neither used nor passed over in silence.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sandbox import jsonio
from sandbox.definitions.models import BenchmarkDefinition, TaskDefinition
from sandbox.definitions.reading import read_inside
from sandbox.errors import SandboxError
from sandbox.jsonio import Json

FILE: Final = "solution_state.json"
SOLUTION: Final = "solution.py"
CHECK: Final = "state-equals-solution"
_VERSION: Final = 1
_STAMPS: Final = ("definition", "seed", "solution")


def stamp_of(
    definition: BenchmarkDefinition, task: TaskDefinition, dataset_hashes: Mapping[str, str]
) -> dict[str, str]:
    """Return the hashes of what a task's state follows from, less those of the solution."""
    environment = definition.environment_of(task)
    frozen = task.model_dump(mode="json", by_alias=True)
    del frozen["criteria"]
    names = {s.dataset for s in environment.simulators if s.dataset}
    return {
        "definition": _hash({"task": frozen, "environment": environment.model_dump(mode="json")}),
        "seed": _hash({name: dataset_hashes[name] for name in names}),
    }


def solution_hash(directory: Path) -> str:
    """Return the hash of a benchmark's reference solution; of nothing where there is none."""
    file = directory / SOLUTION
    return hashlib.sha256(read_inside(file, directory, SOLUTION) if file.is_file() else b"").hexdigest()


def write(directory: Path, states: Mapping[str, Json]) -> None:
    """Write the entries of tasks by their keys, beside those of other tasks that are there already."""
    known = _read(directory) if (directory / FILE).is_file() else {}
    document = {"version": _VERSION, "tasks": dict(sorted({**known, **states}.items()))}
    (directory / FILE).write_bytes(jsonio.dump_pretty(document) + b"\n")


def load(
    directory: Path, definition: BenchmarkDefinition, dataset_hashes: Mapping[str, str]
) -> tuple[dict[str, Json], list[tuple[str | None, str]]]:
    """Return the entries that are not stale, and what is wrong with the others: a task's key (or none) and a message.

    An entry of a task that the benchmark has no more is stale, too.
    """
    if not (directory / FILE).is_file():
        return {}, []
    try:
        entries = _read(directory)
    except (SandboxError, KeyError, TypeError, AttributeError, ValueError) as error:
        return {}, [(None, f"cannot be read: {error}; make it again with sandbox prove --write")]
    tasks = {task.key: task for task in definition.tasks}
    solution = solution_hash(directory)
    fresh: dict[str, Json] = {}
    wrong: list[tuple[str | None, str]] = []
    for key, entry in entries.items():
        task = tasks.get(key)
        if task is None:
            wrong.append(
                (None, f'has an entry of a task "{key}" that is not there; make it again with sandbox prove --write')
            )
            continue
        stamps = {**stamp_of(definition, task, dataset_hashes), "solution": solution}
        stale = [name for name in _STAMPS if entry.get(name) != stamps[name]]
        if stale:
            wrong.append((key, f"is of another {' and '.join(stale)}; make it again with sandbox prove --write"))
        else:
            fresh[key] = entry
    return fresh, wrong


def _read(directory: Path) -> dict[str, Json]:
    value = jsonio.parse(read_inside(directory / FILE, directory, FILE))
    if value["version"] != _VERSION:
        raise ValueError(f"it is of version {value['version']}")
    return dict(value["tasks"])


def _hash(value: Json) -> str:
    return hashlib.sha256(jsonio.canonical(value)).hexdigest()


def is_asked_in(assertion: Json) -> bool:
    """Whether an assertion compares with the solution's state, alternatives and denials included."""
    if isinstance(assertion, list):
        return any(map(is_asked_in, assertion))
    if not isinstance(assertion, dict):
        return False
    return assertion.get("assert") == CHECK or any(is_asked_in(assertion.get(name)) for name in ("any_of", "not"))
