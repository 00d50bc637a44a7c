"""All definitions at one moment: benchmarks by slug and version, datasets by name.

A `Library` is a sealed value; a reload makes a new one. `Shelf` is the one mutable reference to
the current library, with the last error of a reload that was not taken.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.load import BENCHMARK_FILES, Benchmark, load_benchmark
from sandbox.definitions.problems import DefinitionError, Problem
from sandbox.definitions.vocabulary import Vocabulary
from sandbox.errors import Malformed, NotFound
from sandbox.garbage import no_collection
from sandbox.jsonio import Json


@dataclass(frozen=True)
class Library:
    """Every benchmark and dataset."""

    benchmarks: Mapping[tuple[str, int], Benchmark] = field(default_factory=dict)
    datasets: Mapping[str, Dataset] = field(default_factory=dict)

    def find(self, reference: str, *, allow_latest: bool = True) -> Benchmark:
        """Return the benchmark `slug@version`, or the latest version of `slug`.

        Raises `Malformed` for a reference that cannot be read, `NotFound` for an unknown one.
        """
        slug, at, version = reference.partition("@")
        if not slug or (at and not (version.isascii() and version.isdigit())) or (not at and not allow_latest):
            raise Malformed(
                f'"{reference[:100]}" is not a benchmark reference; write slug@version, for example mock@2.',
                details={"benchmark": ["must be slug@version, for example mock@2"]},
            )
        if at:
            found = self.benchmarks.get((slug, int(version))) if len(version) < 10 else None
        else:
            versions = [v for s, v in self.benchmarks if s == slug]
            found = self.benchmarks[slug, max(versions)] if versions else None
        if found is None:
            known = ", ".join(b.definition.reference for b in self.benchmarks.values()) or "none"
            raise NotFound(f"There is no benchmark {reference[:100]}. Known: {known}.")
        return found

    def is_superseded(self, slug: str, version: int) -> bool:
        """Whether there is a newer version of the benchmark."""
        return any(s == slug and v > version for s, v in self.benchmarks)

    def baselines_of(self, benchmark: Benchmark) -> Mapping[str, Json]:
        """Return what the tasks of a benchmark pay to agents that deserve nothing, of one that a run kept as well.

        What was measured after the run was made counts; what was measured of another definition does not.
        """
        current = self.benchmarks.get((benchmark.definition.slug, benchmark.definition.version))
        return current.baselines if current is not None and current.hash == benchmark.hash else benchmark.baselines

    def by_id(self, benchmark_id: str) -> Benchmark | None:
        """Return the benchmark of an id."""
        return next((b for b in self.benchmarks.values() if b.definition.id == benchmark_id), None)


def load_library(playgrounds: Iterable[Path], seeds: Iterable[Path], vocabulary: Vocabulary) -> Library:
    """Read every dataset and benchmark below the directories.

    Raises `DefinitionError` with all problems of all files; nothing is half-loaded.
    """
    problems: list[Problem] = []
    datasets = _read_datasets(seeds, problems)
    benchmarks: dict[tuple[str, int], Benchmark] = {}
    for path, shown in _benchmark_files(playgrounds, problems):
        try:
            with no_collection():
                benchmark = load_benchmark(path, datasets, vocabulary, shown=shown)
        except DefinitionError as error:
            problems.extend(error.problems)
            continue
        key = (benchmark.definition.slug, benchmark.definition.version)
        if key in benchmarks:
            problems.append(Problem(shown, 1, "slug", f"{benchmark.definition.reference} is defined twice"))
        benchmarks[key] = benchmark
    if problems:
        raise DefinitionError(list(dict.fromkeys(problems)))
    return Library(dict(sorted(benchmarks.items())), datasets)


def _read_datasets(directories: Iterable[Path], problems: list[Problem]) -> dict[str, Dataset]:
    datasets: dict[str, Dataset] = {}
    for directory in directories:
        if not directory.is_dir():
            problems.append(Problem(str(directory), 0, "", "is not a directory"))
            continue
        for child in sorted(directory.iterdir()):
            if child.is_dir() and not child.name.startswith((".", "_")):
                if child.name in datasets:
                    problems.append(Problem(str(child), 0, "", "a dataset of this name was already read"))
                try:
                    datasets[child.name] = Dataset.read(child)
                except DefinitionError as error:
                    problems.extend(error.problems)
    return datasets


def _benchmark_files(directories: Iterable[Path], problems: list[Problem]) -> Iterable[tuple[Path, str]]:
    for directory in directories:
        if not directory.is_dir():
            problems.append(Problem(str(directory), 0, "", "is not a directory"))
            continue
        for name in BENCHMARK_FILES:
            for path in sorted(directory.glob(f"*/v*/{name}")):
                yield path, f"{directory.name}/{path.relative_to(directory).as_posix()}"


class Shelf:
    """The current library. Only `swap` changes it, and only for a whole, valid one."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.last_error: str | None = None
        self.problems: tuple[Problem, ...] = ()
        self.loads = 1
        self._listeners: list[Callable[[], None]] = []

    def swap(self, library: Library) -> None:
        """Put a new library in place; running benchmark runs keep what they started with."""
        self.library = library
        self.last_error = None
        self.problems = ()
        self.loads += 1
        self._tell()

    def refuse(self, error: DefinitionError) -> None:
        """Keep the present library and remember why the new one was not taken."""
        self.last_error = str(error)
        self.problems = tuple(error.problems)
        self._tell()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every swap or refusal."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
