"""Agents: what `--agent` may name, and how each is asked to solve a task.

An agent is given a started task and returns its output; whatever it raises is an `AgentFailed`, so
that the runner completes the task with what there is. Commands live in `command.py`.
"""

import asyncio
import functools
import importlib
import importlib.util
import inspect
import re
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, TypeVar

from sandbox.client.session import TaskSession
from sandbox.client.sync import TaskSessionSync
from sandbox.errors import Invalid
from sandbox.ids import derived_id

T = TypeVar("T")

REFERENCE_FILES: Final[Mapping[str, str]] = {
    "solution": "solution.py",
    "near-miss": "near_miss.py",
    "alternative": "alternative.py",
}
ENTRY_POINT: Final = "solve"
_MODULE_FUNCTION: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class AgentFailed(Exception):
    """The agent did not end well. `output` is what it had said by then; the message is for people."""

    def __init__(self, message: str, output: Any = None) -> None:
        super().__init__(message)
        self.output = output


class Agent(Protocol):
    """Whoever solves tasks. `counts_calls` says whether its calls go through the session."""

    @property
    def name(self) -> str:
        """What the run is recorded under."""
        ...

    @property
    def counts_calls(self) -> bool:
        """Whether `session.calls` is the number of calls it made."""
        ...

    async def solve(self, task: TaskSession) -> Any:
        """Work on the task and return the output, any JSON; raises `AgentFailed`."""
        ...


class IdleAgent:
    """Does nothing and says nothing: what a benchmark must not reward."""

    name = "idle"
    counts_calls = True

    async def solve(self, task: TaskSession) -> None:
        """Do nothing."""


class FunctionAgent:
    """A Python function, `async def solve(task: TaskSession)` or `def solve(task: TaskSessionSync)`.

    A plain function runs on a thread of its own, so that its blocking calls block nobody else.
    """

    counts_calls = True

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self._function = function

    async def solve(self, task: TaskSession) -> Any:
        """Call the function with the task and return what it returns."""
        try:
            if inspect.iscoroutinefunction(self._function):
                return await self._function(task)
            loop = asyncio.get_running_loop()
            return await _on_thread(functools.partial(self._function, TaskSessionSync(task, _CallerLoop(loop))))
        except (Exception, SystemExit) as error:
            raise AgentFailed(_describe(error)) from error


class _CallerLoop:
    """Runs coroutines on the runner's loop, for a function on another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the coroutine's result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _on_thread(function: Callable[[], Any]) -> Any:
    """Run a function on a daemon thread; when the caller is cancelled, the thread is left behind.

    The executor's threads are not used because the interpreter waits for them at exit, and an agent
    that ran out of time may never return.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(setter: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            setter(value)

    def work() -> None:
        try:
            result, setter = function(), future.set_result
        except BaseException as error:
            # A StopIteration cannot be raised into a future.
            raised = RuntimeError(repr(error)) if isinstance(error, StopIteration) else error
            result, setter = raised, future.set_exception
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, setter, result)

    threading.Thread(target=work, name="agent", daemon=True).start()
    return await future


def _describe(error: BaseException) -> str:
    """Say what was raised and where in the agent's own code.

    >>> _describe(KeyError("id"))
    "KeyError: 'id'"
    """
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_agents(frame.filename)]
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _is_agents(filename: str) -> bool:
    if filename.startswith((_OWN_FOLDER, "<")):
        return False
    return not filename.startswith(_STDLIB) or "site-packages" in filename


_OWN_FOLDER: Final = str(Path(__file__).parent)
_STDLIB: Final = sysconfig.get_path("stdlib")


def find_reference(roots: tuple[Path, ...], slug: str, version: str, agent: str) -> Path | None:
    """Return the file of a reference agent beside its `benchmark.yaml`, or None."""
    for root in roots:
        file = root / slug / f"v{version}" / REFERENCE_FILES[agent]
        if file.is_file():
            return file
    return None


def load_reference(name: str, file: Path) -> FunctionAgent:
    """Load `solve` from a reference agent's file; raises `Invalid`.

    The benchmark's folder is loaded as a package of its own, so that the file may import its
    neighbours (`from .solution import book`) and two benchmarks' files never meet.
    """
    folder = file.resolve().parent
    package = derived_id("sandbox_agents", folder)
    if package not in sys.modules:
        parent = ModuleType(package)
        parent.__path__ = [str(folder)]
        sys.modules[package] = parent
    return FunctionAgent(name, _import(f"{package}.{file.stem}", ENTRY_POINT, str(file)))


def load_function(spec: str) -> FunctionAgent:
    """Load the agent `module:function`, looking in the current directory too; raises `Invalid`."""
    module, _, function = spec.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return FunctionAgent(spec, _import(module, function, spec))


def is_function_spec(spec: str) -> bool:
    """Whether an agent is named as `module:function`; anything else is a shell command.

    >>> [is_function_spec(s) for s in ("my.agent:solve", "python agent.py", "curl http://x:80/", "C:tool x")]
    [True, False, False, False]
    """
    return _MODULE_FUNCTION.fullmatch(spec) is not None


def _import(module_name: str, function_name: str, shown: str) -> Callable[..., Any]:
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise Invalid(f"The agent {shown} cannot be loaded: {_describe(error)}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise Invalid(f"The agent {shown} has no function {function_name!r}: write `async def {function_name}(task)`.")
    return function  # type: ignore[no-any-return]
