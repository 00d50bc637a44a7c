"""What a task run's start and end open and close beside HTTP."""

from typing import Protocol

from sandbox.runs.models import TaskRun


class Wires(Protocol):
    """The ports of task runs."""

    async def open(self, task_run: TaskRun) -> None:
        """Open those of a task run; those that are open stay. Raises `Unavailable` where there is none to be had."""
        ...

    def note_started(self, task_run: TaskRun) -> None:
        """Take note that a task run is started, or goes on after a restart."""
        ...

    def close(self, task_run: TaskRun) -> None:
        """Close those of a task run that is over, or was not started after all."""
        ...


class AllWires:
    """Several kinds of them, opened in order."""

    def __init__(self, *wires: Wires) -> None:
        self._wires = wires

    async def open(self, task_run: TaskRun) -> None:
        """Open those of each kind."""
        for wires in self._wires:
            await wires.open(task_run)

    def note_started(self, task_run: TaskRun) -> None:
        """Tell each."""
        for wires in self._wires:
            wires.note_started(task_run)

    def close(self, task_run: TaskRun) -> None:
        """Close those of each kind."""
        for wires in self._wires:
            wires.close(task_run)


class NoWires:
    """None: in strict mode, and where runs are not served."""

    async def open(self, task_run: TaskRun) -> None:
        """Open nothing."""

    def note_started(self, task_run: TaskRun) -> None:
        """Do nothing."""

    def close(self, task_run: TaskRun) -> None:
        """Close nothing."""
