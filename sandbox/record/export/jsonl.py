"""JSON Lines: one line an event, as the API shows it, with what says where it belongs and when it was."""

from collections.abc import AsyncIterator
from functools import partial

from sandbox import jsonio
from sandbox.clock import format_instant
from sandbox.jsonio import Json
from sandbox.record.encode import show_event
from sandbox.record.export.source import Recorded, RunRecord, RunSource, TaskRecord


async def write(source: RunSource, record: RunRecord, url: str) -> AsyncIterator[bytes]:
    """Yield a line for each event of a run, task by task, oldest first."""
    for task in record.tasks:
        async for recorded in source.events(task):
            yield await recorded.written(partial(_line, record, task, recorded))


def _line(record: RunRecord, task: TaskRecord, recorded: Recorded) -> bytes:
    return jsonio.dump(line_of(record, task, recorded)) + b"\n"


def line_of(record: RunRecord, task: TaskRecord, recorded: Recorded) -> Json:
    """Return the value of one line: the run, the task's key, the server's time, then the event."""
    return {
        "benchmark_run_id": record.run["id"],
        "task_key": task.key,
        "server_at": format_instant(recorded.server_at) if recorded.server_at is not None else None,
        **show_event(recorded.event),
    }
