"""`sandbox check`: load everything as a server would, and look closer than it does.

On top of what loading refuses, whatever `definitions/inspection.py` finds is a problem here, and files
that nothing reads; FHIR seeds get a second opinion from an independent set of models. What may well be
meant, and pays an agent for less than the task, is a warning (`scoring/leniency.py`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.builtin import create_registry
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.library import Library, load_library
from sandbox.definitions.load import BENCHMARK_FILES, Benchmark
from sandbox.definitions.problems import DefinitionError, Problem
from sandbox.globs import glob_matcher
from sandbox.playground.scenario import StepFailed
from sandbox.runs.registry import Registry
from sandbox.runs.scorekeeping import criteria_of
from sandbox.runs.untouched import untouched_view
from sandbox.scoring.leniency import find_cheap_failures, find_gifts
from sandbox.settings import Settings
from sandbox.simulators.base import Simulator
from sandbox.suggest import did_you_mean, nearest

_FORM = "a benchmark is <slug>/v<version>/benchmark.yaml"
_DEPTH_MAX = 4
_OR_REQUIRED = "write required: true, or required: false where that is meant"
_OR_REQUIRES = "let it require the criterion that it guards (requires: [label])"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, one line each, and a summary line. Only problems make a check fail."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    summary: str


def check_definitions(path: Path | None, seeds: tuple[Path, ...]) -> Report:
    """Check a directory of benchmarks, or a single benchmark's."""
    registry = create_registry()
    settings = Settings(playgrounds=(_root_of(path),) if path is not None else (), seeds=seeds)
    try:
        library = load_library(settings.playground_dirs, settings.seed_dirs, registry)
    except DefinitionError as error:
        return Report(tuple(map(str, error.problems)), (), f"{_count(len(error.problems), 'problem')}.")
    chosen = _chosen(library, path)
    found = [w for key in chosen for w in library.benchmarks[key].warnings]
    for directory in (path.resolve(),) if path is not None and path.is_dir() else settings.playground_dirs:
        found += _unread_definitions(directory, library)
    if not chosen and not found:
        found.append(Problem(str(path or settings.playground_dirs[0]), 0, "", f"holds no benchmark; {_FORM}"))
    for name in sorted({name for key in chosen for name in library.benchmarks[key].definition.datasets}):
        found += _unread_seeds(library.datasets[name], registry.simulators)
        for simulator in registry.simulators:
            found += simulator.inspect_seed(library.datasets[name])
    if found:  # what they keep from being judged cannot be warned of
        return Report(tuple(map(str, found)), (), f"{_count(len(found), 'problem')}.")
    newest = [library.benchmarks[key] for key in chosen if not library.is_superseded(*key)]
    warnings = [w for benchmark in newest for w in sorted(_lenient(benchmark, registry), key=lambda p: p.line)]
    tasks = sum(len(library.benchmarks[key].definition.tasks) for key in chosen)
    checked = f"{_count(len(chosen), 'benchmark')} with {_count(tasks, 'task')}"
    warned = f", {_count(len(warnings), 'warning')}" if warnings else ""
    summary = f"{checked}, {_count(len(library.datasets), 'dataset')}: no problems{warned}."
    return Report((), tuple(map(str, warnings)), summary)


def _lenient(benchmark: Benchmark, registry: Registry) -> Iterator[Problem]:
    """Yield criteria that cost too little to break and those that pay for nothing, where nothing says it is meant."""
    assert benchmark.problem_at is not None
    for t, task in enumerate(benchmark.definition.tasks):
        criteria = criteria_of(benchmark.definition, task)
        for place, message in find_cheap_failures(criteria, registry.checks):
            if task.criteria[place].required is None:
                yield benchmark.problem_at(("tasks", t, "criteria", place), f"{message}; {_OR_REQUIRED}")
        try:
            view = untouched_view(registry, benchmark, task)
        except StepFailed as error:
            yield benchmark.problem_at(("tasks", t, "scenario", "steps", error.position), str(error))
            continue
        for place, message in find_gifts(criteria, view, registry.checks):
            yield benchmark.problem_at(("tasks", t, "criteria", place), f"{message}; {_OR_REQUIRES}")


def _unread_definitions(directory: Path, library: Library) -> Iterator[Problem]:
    """Yield what looks like a definition and lies or is called so that nothing reads it."""
    read = {b.directory.resolve() for b in library.benchmarks.values() if b.directory is not None}
    for file in _files(directory, _DEPTH_MAX):
        folder = file.parent.resolve()
        near = nearest(file.name, BENCHMARK_FILES)
        if file.name in BENCHMARK_FILES:
            if folder not in read:
                yield Problem(_shown(file, directory), 0, "", f"is not read where it lies; {_FORM}")
        elif near is not None and folder not in read:
            yield Problem(_shown(file, directory), 0, "", f'is not read; did you mean "{near}"?')


def _files(directory: Path, depth: int) -> Iterator[Path]:
    for child in sorted(directory.iterdir()):
        if child.name.startswith((".", "_")):
            continue
        if child.is_file():
            yield child
        elif child.is_dir() and depth > 1:
            yield from _files(child, depth - 1)


def _shown(file: Path, directory: Path) -> str:
    return f"{directory.name}/{file.relative_to(directory).as_posix()}"


def _unread_seeds(dataset: Dataset, simulators: Iterable[Simulator]) -> Iterator[Problem]:
    """Yield the folders and files at the top of a dataset of which no simulator reads anything."""
    globs = [glob for simulator in simulators for glob in simulator.seed_files]
    is_read = glob_matcher(globs)
    tops = {glob.partition("/")[0] + ("/" if "/" in glob else "") for glob in globs}
    for top in sorted({path.partition("/")[0] + ("/" if "/" in path else "") for path in dataset.files}):
        files = [path for path in dataset.files if path == top or (top.endswith("/") and path.startswith(top))]
        if not any(map(is_read, files)):
            yield Problem(dataset.display(top), 0, "", f"no simulator reads it{did_you_mean(top, tops)}")


def _count(number: int, noun: str) -> str:
    """Say how many there are.

    >>> _count(1, "task"), _count(0, "task")
    ('1 task', '0 tasks')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _root_of(path: Path) -> Path:
    path = path.resolve()
    if path.is_file():
        path = path.parent
    if any((path / name).is_file() for name in BENCHMARK_FILES):
        return path.parent.parent
    if any(child.is_file() for name in BENCHMARK_FILES for child in path.glob(f"v*/{name}")):
        return path.parent
    return path


def _chosen(library: Library, path: Path | None) -> list[tuple[str, int]]:
    if path is None:
        return list(library.benchmarks)
    wanted = path.resolve()
    wanted = wanted.parent if wanted.is_file() else wanted
    return [k for k, b in library.benchmarks.items() if b.directory and b.directory.resolve().is_relative_to(wanted)]
