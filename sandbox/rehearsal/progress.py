"""The progress bar of a rehearsal; on anything but a terminal it says nothing."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sandbox.client.models import BenchmarkRun
from sandbox.rehearsal.runner import TaskResult


class ProgressBar:
    """One bar, over the tasks of the run that goes on."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar = self._progress.add_task("")
        self._benchmark = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def run_created(self, run: BenchmarkRun, task_count: int) -> None:
        """Begin a new bar."""
        self._benchmark = str(run.benchmark or run.id)
        self._progress.reset(self._bar, total=task_count, description=escape(self._benchmark))

    def task_started(self, name: str) -> None:
        """Name the task that goes on."""
        self._progress.update(self._bar, description=f"{escape(self._benchmark)} · {escape(name)}")

    def task_ended(self, result: TaskResult) -> None:
        """Move the bar on by one."""
        self._progress.advance(self._bar)

    def run_abandoned(self, run: BenchmarkRun, problem: str | None) -> None:
        """Say what became of the run."""
        said = "was cancelled" if problem is None else f"is left as it is: {problem}"
        self._progress.console.print(f"{run.id} {said}", style="yellow", highlight=False, markup=False)
