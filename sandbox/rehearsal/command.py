"""An agent that is any shell command: one process per task. Whether it can be run at all is `spelling.py`'s to say.

It finds the server and its credentials in the environment, the start response as JSON on standard
input, and answers on standard output. It runs in a process group of its own, which is ended with
it: nothing an agent started outlives its task.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, Self

from sandbox import jsonio, limits
from sandbox.client.session import TaskSession
from sandbox.errors import Invalid, SandboxError
from sandbox.rehearsal.agents import AgentFailed
from sandbox.rehearsal.spelling import NOT_RUN

HIDDEN_VARIABLES: Final = frozenset({"SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY"})
GRACE_S: Final = 2.0
STDERR_LINES_SHOWN: Final = 20
_STDERR_KEPT: Final = 64 * limits.KIB
_NAME_CHARS: Final = 200  # what a run's agent may be called; a longer command is run all the same
_CHUNK: Final = 64 * limits.KIB


class CommandAgent:
    """A shell command. Its calls are its own, so they are counted from the recorded events."""

    counts_calls = False

    def __init__(self, command: str, server_url: str) -> None:
        self.name = command if len(command) <= _NAME_CHARS else f"{command[: _NAME_CHARS - 1]}…"
        self._command = command
        self._server_url = server_url

    async def solve(self, task: TaskSession) -> Any:
        """Run the command once.

        Raises `AgentFailed` when it exits with other than 0, and `Invalid` when the shell found nothing to run.
        """
        with tempfile.TemporaryFile() as start, _Pipe() as stdout, _Pipe() as stderr:
            start.write(jsonio.dump(task.started))
            start.seek(0)
            process = await _begin(
                asyncio.create_subprocess_shell(
                    self._command,
                    stdin=start,
                    stdout=stdout.inlet,
                    stderr=stderr.inlet,
                    start_new_session=True,
                    env=environment_of(os.environ, self._server_url, task),
                )
            )
            answer, complaint = _Head(limits.REQUEST_BODY_BYTES), _Tail(_STDERR_KEPT)
            reading = [asyncio.create_task(_read(*each)) for each in ((stdout, answer.take), (stderr, complaint.take))]
            try:
                status = await process.wait()
            finally:
                # Also when all went well: what it left in the background holds the pipes open.
                await _end_group(process)
                await _finish(reading)
        output = parse_output(bytes(answer.kept))
        if status in NOT_RUN:
            raise Invalid("\n".join([f"The agent cannot be run: {self._command}", *_last_lines(complaint.kept)]))
        if status != 0:
            raise AgentFailed(_explain(status, complaint.kept), output)
        if answer.is_cut:
            raise AgentFailed(f"the command wrote more than {limits.REQUEST_BODY_BYTES} bytes to stdout")
        return output


async def _begin(creating: Coroutine[Any, Any, Process]) -> Process:
    """Await the process; when cancelled meanwhile, end its group, of which asyncio would end the leader only."""
    work = asyncio.ensure_future(creating)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await _end_group(await work)
        raise


class _Pipe:
    """A pipe that a process writes into. asyncio's own pipes are not used because with them a process
    counts as ended only when nothing it left behind holds them any more."""

    def __enter__(self) -> Self:
        self._outlet, self.inlet = os.pipe()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close_inlet()
        if self._outlet >= 0:
            os.close(self._outlet)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield what is written until every writer has closed it; call it when the process has begun."""
        self._close_inlet()
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        outlet, self._outlet = os.fdopen(self._outlet, "rb", 0), -1
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), outlet)
        try:
            while chunk := await reader.read(_CHUNK):
                yield chunk
        finally:
            transport.close()

    def _close_inlet(self) -> None:
        if self.inlet >= 0:
            os.close(self.inlet)
            self.inlet = -1


def environment_of(inherited: Mapping[str, str], server_url: str, task: TaskSession) -> dict[str, str]:
    """Return the command's environment; the keys that would show it the criteria are taken out."""
    kept = {name: value for name, value in inherited.items() if name not in HIDDEN_VARIABLES}
    return kept | {
        "SANDBOX_URL": server_url,
        "BENCHMARK_RUN_ID": task.benchmark_run_id,
        "TASK_RUN_ID": task.task_run_id,
        "RUN_TOKEN": task.token,
        **url_variables(task.urls),
    }


def url_variables(urls: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that hand over a task's capability URLs.

    >>> url_variables({"fhir": "http://127.0.0.1:8787/t/…/fhir"})
    {'FHIR_URL': 'http://127.0.0.1:8787/t/…/fhir'}
    """
    return {f"{name.upper()}_URL": url for name, url in urls.items()}


def parse_output(stdout: bytes) -> Any:
    r"""Return what a command said: JSON if it parses, else text, None if it said nothing.

    >>> parse_output(b'{"done": true}\n'), parse_output(b"booked\n"), parse_output(b"\n")
    ({'done': True}, 'booked', None)
    """
    text = stdout.decode(errors="replace").strip()
    if not text:
        return None
    try:
        return jsonio.parse(text)
    except SandboxError:
        return text


def _explain(status: int, stderr: bytes) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            ended = f"the command was ended by {signal.Signals(-status).name}"
            return "\n".join([ended, *_last_lines(stderr)])
    return "\n".join([f"the command exited with status {status}", *_last_lines(stderr)])


def _last_lines(stderr: bytes) -> list[str]:
    return stderr.decode(errors="replace").rstrip().splitlines()[-STDERR_LINES_SHOWN:]


class _Head:
    """Keeps the first `size` bytes, and knows whether there were more."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.kept = bytearray()
        self.is_cut = False

    def take(self, chunk: bytes) -> None:
        self.is_cut = self.is_cut or len(self.kept) + len(chunk) > self._size
        self.kept += chunk[: self._size - len(self.kept)]


class _Tail:
    """Keeps the last `size` bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.kept = b""

    def take(self, chunk: bytes) -> None:
        self.kept = (self.kept + chunk)[-self._size :]


async def _read(pipe: _Pipe, take: Callable[[bytes], None]) -> None:
    async with aclosing(pipe.chunks()) as chunks:
        async for chunk in chunks:
            take(chunk)


async def _finish(reading: "list[asyncio.Task[None]]") -> None:
    """Read what is left; a process that left the group may hold a pipe open for ever, so not for long."""
    await asyncio.wait(reading, timeout=GRACE_S)
    for pending in reading:
        pending.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


async def _end_group(process: Process) -> None:
    """End the process group: SIGTERM, then SIGKILL to what is left after the grace period."""
    try:
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_S)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)
