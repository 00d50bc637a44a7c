"""`baselines.json` beside a benchmark: what each task pays to agents that do not deserve it, and what its criteria see.

`sandbox prove --write` makes it by playing them (`rehearsal/mutation/`), so that reports can give the numbers without
playing anything. An entry belongs to one definition of its task, criteria included, one seed and one `solution.py`;
with another of these it is stale, and is neither used nor passed over in silence.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sandbox import jsonio
from sandbox.definitions import solution_states
from sandbox.definitions.models import BenchmarkDefinition, TaskDefinition
from sandbox.definitions.reading import read_inside
from sandbox.errors import SandboxError
from sandbox.jsonio import Json

FILE: Final = "baselines.json"
IDLE: Final = "idle"
NONSENSE: Final = "nonsense"
MUTANTS: Final = "mutants"
_VERSION: Final = 1
_STAMPS: Final = ("definition", "seed", "solution")
_AGAIN: Final = "make it again with sandbox prove --write"


def stamp_of(
    directory: Path, definition: BenchmarkDefinition, task: TaskDefinition, dataset_hashes: Mapping[str, str]
) -> dict[str, str]:
    """Return the hashes of what a task's numbers follow from."""
    stamp = solution_states.stamp_of(definition, task, dataset_hashes)
    criteria = [criterion.model_dump(mode="json") for criterion in task.criteria]
    judged = hashlib.sha256(jsonio.canonical([stamp["definition"], criteria])).hexdigest()
    return {**stamp, "definition": judged, "solution": solution_states.solution_hash(directory)}


def write(directory: Path, entries: Mapping[str, Json]) -> None:
    """Write the entries of tasks by their keys, beside those of other tasks that are there already.

    What is known of a task and is not measured again stays where its stamp is the same.
    """
    known = _read(directory) if (directory / FILE).is_file() else {}
    merged = dict(known)
    for key, entry in entries.items():
        old = known.get(key, {})
        is_same = all(old.get(name) == entry[name] for name in _STAMPS)
        merged[key] = {**old, **entry} if is_same else entry
    document = {"version": _VERSION, "tasks": dict(sorted(merged.items()))}
    (directory / FILE).write_bytes(jsonio.dump_pretty(document) + b"\n")


def load(
    directory: Path, definition: BenchmarkDefinition, dataset_hashes: Mapping[str, str]
) -> tuple[dict[str, Json], list[tuple[str | None, str]]]:
    """Return the entries that are not stale, and what is wrong with the others: a task's key (or none) and a message.

    An entry: `{definition, seed, solution, idle: {score, axes}, nonsense: {score, axes}, mutants: {played, killed,
    refused, equivalent}}`, each measure where it was made.
    """
    if not (directory / FILE).is_file():
        return {}, []
    try:
        entries = _read(directory)
    except (SandboxError, KeyError, TypeError, AttributeError, ValueError) as error:
        return {}, [(None, f"cannot be read: {error}; {_AGAIN}")]
    tasks = {task.key: task for task in definition.tasks}
    fresh: dict[str, Json] = {}
    wrong: list[tuple[str | None, str]] = []
    for key, entry in entries.items():
        if key not in tasks:
            wrong.append((None, f'has an entry of a task "{key}" that is not there; {_AGAIN}'))
            continue
        stamps = stamp_of(directory, definition, tasks[key], dataset_hashes)
        stale = [name for name in _STAMPS if entry.get(name) != stamps[name]]
        if stale:
            wrong.append((key, f"is of another {' and '.join(stale)}; {_AGAIN}"))
        else:
            fresh[key] = entry
    return fresh, wrong


def _read(directory: Path) -> dict[str, Json]:
    value = jsonio.parse(read_inside(directory / FILE, directory, FILE))
    if value["version"] != _VERSION:
        raise ValueError(f"it is of version {value['version']}")
    return {key: dict(entry) for key, entry in value["tasks"].items()}
