"""Pages: benchmarks with their tasks and criteria, datasets with their files, and what on disk does not load."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sandbox.api.context import RUNS, SHELF
from sandbox.dashboard.access import Session
from sandbox.dashboard.history import read_seq
from sandbox.dashboard.shell import render
from sandbox.dashboard.task_runs import asked_of
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.load import Benchmark
from sandbox.definitions.models import CriterionDefinition
from sandbox.errors import NotFound
from sandbox.scoring.parsing import combination_of, leaves_of
from sandbox.simulators.showing import show_plain

_FILES: Final = 500
_TASKS: Final = 20
_SHOWN_BYTES: Final = 64 * 1024


async def show_benchmarks(request: web.Request, session: Session) -> web.Response:
    """GET /ui/benchmarks: those that are loaded."""
    library = request.app[SHELF].library
    found = [
        {
            "definition": b.definition,
            "is_superseded": library.is_superseded(b.definition.slug, b.definition.version),
            "criteria": sum(len(task.criteria) for task in b.definition.tasks),
        }
        for b in library.benchmarks.values()
    ]
    return render(request, session, "benchmarks.html", section="benchmarks", benchmarks=found)


def find_benchmark(request: web.Request) -> Benchmark:
    """Return the benchmark `slug@version` in the path. Raises `NotFound`, `Malformed`."""
    return request.app[SHELF].library.find(request.match_info["reference"])


async def show_benchmark(request: web.Request, session: Session) -> web.Response:
    """GET /ui/benchmarks/{reference}: its systems, its tasks with their criteria, some at a time; with `task` one."""
    benchmark = find_benchmark(request)
    definition = benchmark.definition
    key, after = request.query.get("task", ""), read_seq(request.query, "after", 0)
    tasks = [task for task in definition.tasks if task.key == key] if key else definition.tasks[after : after + _TASKS]
    if key and not tasks:
        raise NotFound(f"{definition.reference} has no task {key[:100]}.")
    return render(
        request,
        session,
        "benchmark.html",
        section="benchmarks",
        benchmark=benchmark,
        definition=definition,
        key=key,
        after=after,
        page_tasks=_TASKS,
        tasks=[{"task": t, "asked": asked_of(t.task_item), "checks": list(map(_checks, t.criteria))} for t in tasks],
        active=sum(
            run.benchmark.definition.reference == definition.reference for run in request.app[RUNS].active.values()
        ),
    )


def _checks(criterion: CriterionDefinition) -> str:
    """Return the names of the checks that a criterion asks."""
    name = combination_of(criterion.assertion)
    leaves = dict.fromkeys(str(leaf.get("assert", "?")) for _, leaf in leaves_of(criterion.assertion))
    return f"{name.replace('_', ' ')}: {', '.join(leaves)}" if name else ", ".join(leaves)


async def show_datasets(request: web.Request, session: Session) -> web.Response:
    """GET /ui/datasets: those that are loaded, and which benchmarks begin with them."""
    library = request.app[SHELF].library
    users: dict[str, list[str]] = {}
    for benchmark in library.benchmarks.values():
        for name in benchmark.definition.datasets:
            users.setdefault(name, []).append(benchmark.definition.reference)
    found = [
        {"dataset": d, "size": sum(map(len, d.files.values())), "users": users.get(d.name, [])}
        for d in library.datasets.values()
    ]
    return render(request, session, "datasets.html", section="datasets", datasets=found)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a dataset."""

    path: str
    size: int


def _dataset(request: web.Request) -> Dataset:
    name = request.match_info["name"]
    found = request.app[SHELF].library.datasets.get(name)
    if found is None:
        raise NotFound(f"There is no dataset {name[:100]}.")
    return found


def _files(dataset: Dataset) -> Iterator[FileRow]:
    for path, content in dataset.files.items():
        yield FileRow(path, len(content))


async def show_dataset(request: web.Request, session: Session) -> web.Response:
    """GET /ui/datasets/{name}: its files; with `file` the beginning of one of them."""
    dataset = _dataset(request)
    path = request.query.get("file", "")
    shown: dict[str, Any] = {"path": path, "parts": (), "size": 0, "is_cut": False}
    if path:
        content = dataset.files.get(path)
        if content is None:
            raise NotFound(f"The dataset {dataset.name} has no file {path[:100]}.")
        kind = "application/json" if path.endswith(".json") and len(content) <= _SHOWN_BYTES else "text/plain"
        parts = show_plain(kind, content[:_SHOWN_BYTES])
        shown = {"path": path, "parts": parts, "size": len(content), "is_cut": len(content) > _SHOWN_BYTES}
    files = list(_files(dataset))
    return render(
        request,
        session,
        "dataset.html",
        section="datasets",
        dataset=dataset,
        files=files[:_FILES],
        left_out=max(0, len(files) - _FILES),
        **shown,
    )


async def show_problems(request: web.Request, session: Session) -> web.Response:
    """GET /ui/problems: what on disk does not load, with file and line."""
    shelf = request.app[SHELF]
    return render(request, session, "problems.html", section="problems", found=shelf.problems)
