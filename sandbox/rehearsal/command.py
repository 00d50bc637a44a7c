"""An agent that is any shell command: one process per task.

It finds the server and its credentials in the environment, the start response as JSON on standard
input, and answers on standard output. It runs in a process group of its own, which is ended with
it: nothing an agent started outlives its task.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from typing import Any, Final

from sandbox import jsonio, limits
from sandbox.errors import SandboxError
from sandbox.rehearsal.agents import AgentFailed
from sandbox.rehearsal.client.session import TaskSession

HIDDEN_VARIABLES: Final = frozenset({"SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY"})
GRACE_S: Final = 2.0
STDERR_LINES_SHOWN: Final = 20
_STDERR_KEPT: Final = 64 * limits.KIB
_CHUNK: Final = 64 * limits.KIB


class CommandAgent:
    """A shell command. Its calls are its own, so they are counted from the recorded events."""

    counts_calls = False

    def __init__(self, command: str, server_url: str) -> None:
        self.name = command
        self._command = command
        self._server_url = server_url

    async def solve(self, task: TaskSession) -> Any:
        """Run the command once; raises `AgentFailed` when it exits with other than 0."""
        process = await asyncio.create_subprocess_shell(
            self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=environment_of(os.environ, self._server_url, task),
        )
        assert process.stdin and process.stdout and process.stderr  # they are pipes
        feeding = asyncio.create_task(_feed(process.stdin, jsonio.dump(task.started)))
        answering = asyncio.create_task(_read_head(process.stdout, limits.REQUEST_BODY_BYTES))
        complaining = asyncio.create_task(_read_tail(process.stderr, _STDERR_KEPT))
        work = (feeding, answering, complaining)
        try:
            status = await process.wait()
        finally:
            # Also when all went well: whatever it left in the background holds the pipes open.
            await _end_group(process)
            await asyncio.wait(work, timeout=GRACE_S)
            for pending in work:
                pending.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        stdout, is_cut = _result(answering, (b"", False))
        output = parse_output(stdout)
        if status != 0:
            raise AgentFailed(_explain(status, _result(complaining, b"")), output)
        if is_cut:
            raise AgentFailed(f"the command wrote more than {limits.REQUEST_BODY_BYTES} bytes to stdout")
        return output


def environment_of(inherited: Mapping[str, str], server_url: str, task: TaskSession) -> dict[str, str]:
    """Return the command's environment; the keys that would show it the criteria are taken out."""
    kept = {name: value for name, value in inherited.items() if name not in HIDDEN_VARIABLES}
    return kept | {
        "SANDBOX_URL": server_url,
        "BENCHMARK_RUN_ID": task.benchmark_run_id,
        "TASK_RUN_ID": task.task_run_id,
        "RUN_TOKEN": task.token,
    }


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


async def _feed(stream: asyncio.StreamWriter, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read what it does not want
        stream.write(content)
        await stream.drain()
    stream.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await stream.wait_closed()


async def _read_head(stream: asyncio.StreamReader, size: int) -> tuple[bytes, bool]:
    """Read to the end, keep the first `size` bytes, and say whether there were more."""
    head = bytearray()
    is_cut = False
    while chunk := await stream.read(_CHUNK):
        is_cut = is_cut or len(head) + len(chunk) > size
        head += chunk[: size - len(head)]
    return bytes(head), is_cut


async def _read_tail(stream: asyncio.StreamReader, size: int) -> bytes:
    tail = b""
    while chunk := await stream.read(_CHUNK):
        tail = (tail + chunk)[-size:]
    return tail


def _result(work: "asyncio.Task[Any]", otherwise: Any) -> Any:
    return otherwise if work.cancelled() or work.exception() else work.result()


async def _end_group(process: asyncio.subprocess.Process) -> None:
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
