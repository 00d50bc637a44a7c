"""`sandbox check`: load everything as a server would, and look closer than it does.

On top of what loading refuses, an assertion that no check accepts is a problem here, and FHIR
seeds get a second opinion from an independent set of models.
"""

from pathlib import Path

from sandbox.app import create_registry
from sandbox.definitions.library import Library, load_library
from sandbox.definitions.load import BENCHMARK_FILES
from sandbox.definitions.problems import DefinitionError
from sandbox.settings import Settings


def check_definitions(path: Path | None, seeds: tuple[Path, ...]) -> tuple[list[str], str]:
    """Check a directory of benchmarks (or a single benchmark's); return the problems and a summary line."""
    registry = create_registry()
    settings = Settings(playgrounds=(_root_of(path),) if path is not None else (), seeds=seeds)
    try:
        library = load_library(settings.playground_dirs, settings.seed_dirs, registry)
    except DefinitionError as error:
        return [str(p) for p in error.problems], f"{_count(len(error.problems), 'problem')}."
    chosen = _chosen(library, path)
    warnings = [w for key in chosen for w in library.benchmarks[key].warnings]
    problems = [str(w) for w in warnings]
    names = {s.dataset for key in chosen for s in library.benchmarks[key].definition.environment.simulators}
    for name in sorted(n for n in names if n is not None):
        for simulator in registry.simulators:
            problems += [str(p) for p in simulator.inspect_seed(library.datasets[name])]
    tasks = sum(len(library.benchmarks[key].definition.tasks) for key in chosen)
    if problems:
        return problems, f"{_count(len(problems), 'problem')}."
    checked = f"{_count(len(chosen), 'benchmark')} with {_count(tasks, 'task')}"
    return [], f"{checked}, {_count(len(library.datasets), 'dataset')}: no problems."


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
