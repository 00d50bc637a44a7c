"""Who comes in, and to which sandbox: one resolver for every scope.

A scope's path names playgrounds: those of a run, of one task run, or the one a sandbox belongs to. A caller is let
in by the scope's key (the run token; on direct paths the organization key; the path itself, where it is a capability
URL's) or by what the sandbox itself gave
out (an access token, a session's cookie), which is enough everywhere. At a door, where one logs in, and for
documents nothing has to be shown; there the path alone says which sandbox is meant.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from enum import Enum, auto
from typing import ClassVar, Final, Protocol, TypeAlias

from aiohttp import web

from sandbox.api import auth
from sandbox.api.capability import Alias, may_name_one
from sandbox.api.context import RUNS
from sandbox.errors import Conflict, NotFound, SandboxError, Unauthorized
from sandbox.playground.events import Actor, Request
from sandbox.playground.playground import Sandbox
from sandbox.runs.models import BenchmarkRun, Holder, Phase, TaskRun
from sandbox.simulators.base import Access, Simulator

Target: TypeAlias = tuple[Holder, Sandbox]
Started: TypeAlias = tuple[BenchmarkRun, TaskRun]
NOT_ANY_MORE: Final = "The task run is over; its systems take no more calls."
NONE_STARTED: Final = "No task run is started; start a task run first."


class Standing(Enum):
    """What a caller has shown: the scope's key, a credential of the sandbox's own, or nothing yet."""

    KEY = auto()
    OWN = auto()
    STRANGER = auto()


class Way(Protocol):
    """One way to name playgrounds in a path. `actor` is whose doing a call with the scope's key is."""

    actor: ClassVar[Actor]

    def find(self, app: web.Application, request: auth.Carrying, surface: str) -> Target | None:
        """Return what the path names if the request carries its key; quick, and without a reason if not."""
        ...

    async def recall(self, request: web.Request, surface: str) -> Target | None:
        """Return what the path names and is over, if the request carries a key that opens it to be looked at."""
        ...

    def active(self, app: web.Application, request: auth.Carrying, surface: str) -> Iterable[Target]:
        """Return everything the path names that is active, whoever asks."""
        ...

    async def named(self, request: web.Request, surface: str) -> list[Target]:
        """Return everything the path names, over or not, at least one. Raises `NotFound`."""
        ...

    def alias_of(self, request: auth.Carrying, holder: Holder) -> Alias | None:
        """Return the task run's two names where the path is the other one."""
        ...

    async def explain(self, request: web.Request, surface: str) -> SandboxError:
        """Return why `find` found nothing, as far as the caller may know."""
        ...


async def admit(
    way: Way, app: web.Application, request: web.Request, simulator: Simulator, access: Access, call: Request
) -> tuple[Target, Standing]:
    """Return whom a call reaches that has not the scope's key, and what it has shown instead.

    Raises `Unauthorized`, `NotFound`, `Conflict`.
    """
    surface = simulator.surface
    if access != "organization":
        try:
            target = _by_own_credential(way.active(app, request, surface), simulator, call)
        except Unauthorized:
            if access == "credential":
                raise
            target = None
        if target is not None:
            _note_call(app, target[0])
            return target, Standing.OWN
    if access not in ("document", "door"):
        reason = await way.explain(request, surface)
        if isinstance(reason, Unauthorized) and access == "credential" and simulator.own_credential:
            raise Unauthorized(f"{reason.message} {simulator.own_credential}")
        raise reason
    targets = await way.named(request, surface)
    started = [target for target in targets if target[0].phase is Phase.STARTED]
    if access == "document":
        return (started or targets)[0], Standing.STRANGER
    if not started:
        raise not_started(task_run for task_run, _ in targets)
    if len(started) > 1:
        started = [target for target in started if simulator.is_named(target[1], call)]
        if len(started) != 1:
            raise Unauthorized("Several task runs are started here, and this names the sandbox of none of them.")
    return started[0], Standing.STRANGER


def _note_call(app: web.Application, task_run: Holder) -> None:
    run = app[RUNS].by_task_run.get(task_run.id)
    if run is not None:
        app[RUNS].note_call(run)


def _by_own_credential(targets: Iterable[Target], simulator: Simulator, call: Request) -> Target | None:
    reason: Unauthorized | None = None
    for task_run, sandbox in targets:
        playground = task_run.playground
        if task_run.phase is not Phase.STARTED or playground is None or playground.is_torn_down:
            continue
        try:
            if simulator.is_known(playground.look(sandbox), call):
                return task_run, sandbox
        except Unauthorized as error:
            reason = error
    if reason is not None:
        raise reason
    return None


def not_started(task_runs: Iterable[Holder]) -> Conflict:
    """Return the refusal of calls to systems that are not open now, or not any more."""
    states = list(dict.fromkeys(str(t.status if t.is_over else t.phase) for t in task_runs))
    if Phase.CREATED in states:
        return Conflict(NONE_STARTED)
    return Conflict(f"The task run is {states[0]}; its systems take no more calls.")


class AgentWay(ABC):
    """What the agent's scopes have in common: a task run that is started, and when it is over, it is over."""

    actor: ClassVar[Actor] = "agent"

    @abstractmethod
    def started(self, app: web.Application, request: auth.Carrying) -> Started | None:
        """Return the started task run that the path names, and its run, if the request carries its key; quick."""

    @abstractmethod
    async def explain(self, request: web.Request, surface: str) -> SandboxError:
        """Return why `started` found nothing, as far as the caller may know."""

    def find(self, app: web.Application, request: auth.Carrying, surface: str) -> Target | None:
        """Return the started task run's sandbox. Raises `NotFound` where it has none on the surface."""
        found = self.started(app, request)
        return None if found is None else (found[1], sandbox_of(*found, surface))

    async def recall(self, request: web.Request, surface: str) -> Target | None:
        """Return None."""
        return None

    def alias_of(self, request: auth.Carrying, holder: Holder) -> Alias | None:
        """Return None: the path is the task run's own."""
        return None


class ByRun(AgentWay):
    """`/v1/benchmark-runs/{benchmark_run_id}`: the one task run of the run that is started.

    With `takes_basic` the run token may be the password of HTTP Basic.
    """

    def __init__(self, *, takes_basic: bool) -> None:
        self._takes_basic = takes_basic

    def started(self, app: web.Application, request: auth.Carrying) -> Started | None:
        """Return the run's one started task run."""
        run = app[RUNS].active_by_token(auth.token_of(request, takes_basic=self._takes_basic))
        if run is None or run.id != request.match_info["benchmark_run_id"]:
            return None
        started = run.started
        return (run, started[0]) if len(started) == 1 else None

    def active(self, app: web.Application, request: auth.Carrying, surface: str) -> Iterable[Target]:
        """Return the sandboxes of all its task runs."""
        run = app[RUNS].active.get(request.match_info["benchmark_run_id"])
        return [] if run is None else _having(run.task_runs, surface)

    async def named(self, request: web.Request, surface: str) -> list[Target]:
        """Return the sandboxes of its task runs that are not over, of all if they are."""
        run = await request.app[RUNS].find_run(request.match_info["benchmark_run_id"])
        chosen = [t for t in run.task_runs if not t.is_over] or run.task_runs
        return [(t, sandbox_of(run, t, surface)) for t in chosen]

    async def explain(self, request: web.Request, surface: str) -> SandboxError:
        """Say whether it is the token, the run, or the task runs."""
        try:
            run = await auth.run_in_path(request)
        except SandboxError as error:
            return error
        if run.is_over:
            return Conflict(f"The benchmark run is {run.status}; its systems take no more calls.")
        started = run.started
        if not started:
            return Conflict(NONE_STARTED)
        ids = ", ".join(f"/v1/task-runs/{t.id}/{surface}" for t in started)
        return Conflict(f"{len(started)} task runs are started; use the task-scoped URL of one of them: {ids}.")


class ByTaskRun(AgentWay):
    """`/v1/task-runs/{task_run_id}`: that task run, if it is started. `takes_basic` as `ByRun`."""

    def __init__(self, *, takes_basic: bool) -> None:
        self._takes_basic = takes_basic

    def started(self, app: web.Application, request: auth.Carrying) -> Started | None:
        """Return the task run."""
        run = app[RUNS].active_by_token(auth.token_of(request, takes_basic=self._takes_basic))
        task_run = app[RUNS].active_task_run(request.match_info["task_run_id"])
        is_of_run = run is not None and task_run is not None and task_run.benchmark_run_id == run.id
        if run is None or task_run is None or not is_of_run or task_run.phase is not Phase.STARTED:
            return None
        return run, task_run

    def active(self, app: web.Application, request: auth.Carrying, surface: str) -> Iterable[Target]:
        """Return the task run's sandbox."""
        task_run = app[RUNS].active_task_run(request.match_info["task_run_id"])
        return [] if task_run is None else _having([task_run], surface)

    async def named(self, request: web.Request, surface: str) -> list[Target]:
        """Return the task run's sandbox."""
        run, task_run = await request.app[RUNS].find_task_run(request.match_info["task_run_id"])
        return [(task_run, sandbox_of(run, task_run, surface))]

    async def explain(self, request: web.Request, surface: str) -> SandboxError:
        """Say whether it is the token or the task run."""
        try:
            _, task_run = await auth.task_run_in_path(request)
        except SandboxError as error:
            return error
        state = task_run.status if task_run.is_over else task_run.phase
        return Conflict(f"The task run is {state}; its systems take calls while it is started.")


class ByCapability(AgentWay):
    """`/t/{capability}`: the task run whose secret that is, while it is started; else there is nothing.

    The path is the key; what a request carries besides opens nothing more here, and closes nothing.
    """

    def started(self, app: web.Application, request: auth.Carrying) -> Started | None:
        """Return the task run."""
        return app[RUNS].active_by_capability(request.match_info["capability"])

    def alias_of(self, request: auth.Carrying, holder: Holder) -> Alias | None:
        """Return the names of the task run."""
        return Alias(request.match_info["capability"], holder.id)

    def active(self, app: web.Application, request: auth.Carrying, surface: str) -> Iterable[Target]:
        """Return nothing: whoever has the secret is found at once."""
        return []

    async def named(self, request: web.Request, surface: str) -> list[Target]:
        """Raise `NotFound`: without the right secret the path names nothing."""
        raise await self.explain(request, surface)

    async def explain(self, request: web.Request, surface: str) -> SandboxError:
        """Say the same, whatever is wrong."""
        return NotFound("There is no started task run at this URL; it is good from its start to its end.")


class BySandbox:
    """`/sandboxes/{sandbox_id}`: that sandbox. With the organization key before its task run is started, too, and to
    be looked at when it is over."""

    actor: ClassVar[Actor] = "organization"

    def alias_of(self, request: auth.Carrying, holder: Holder) -> Alias | None:
        """Return None: the path is the sandbox's own."""
        return None

    async def recall(self, request: web.Request, surface: str) -> Target | None:
        """Return the sandbox as it was left."""
        if not auth.is_organization(request):
            return None
        found = await request.app[RUNS].final_states.of_sandbox(request.match_info["sandbox_id"])
        return found if found is not None and found[1].surface == surface else None

    def find(self, app: web.Application, request: auth.Carrying, surface: str) -> Target | None:
        """Return the sandbox."""
        if not auth.has_organization_key(app, request):
            return None
        return next(iter(self.active(app, request, surface)), None)

    def active(self, app: web.Application, request: auth.Carrying, surface: str) -> Iterable[Target]:
        """Return the sandbox."""
        found = app[RUNS].active_sandbox(request.match_info["sandbox_id"])
        return [found] if found is not None and found[1].surface == surface else []

    async def named(self, request: web.Request, surface: str) -> list[Target]:
        """Return the sandbox."""
        found = request.app[RUNS].active_sandbox(request.match_info["sandbox_id"])
        if found is None:
            raise NotFound("There is no active sandbox of this id.")
        if found[1].surface != surface:
            raise NotFound(f"The sandbox is a {found[1].type}; it has no {surface} surface.")
        return [found]

    async def explain(self, request: web.Request, surface: str) -> SandboxError:
        """Say whether it is the key or the sandbox."""
        try:
            auth.organization(request)
            await self.named(request, surface)
        except SandboxError as error:
            return error
        return Conflict("The sandbox takes no calls now.")


def without_secret(
    app: web.Application, holder: Holder, alias: Alias | None, call: Request, *, is_content: bool = False
) -> Request:
    """Return a call as its simulator may see it: one to a capability URL (`alias`) as if it had come to the own path,
    and one to any other path of the task run without the secret that it may name."""
    if alias is not None:
        return alias.take_in(call, is_content=is_content)
    if isinstance(holder, TaskRun) and may_name_one(call, is_content=is_content):
        return Alias(app[RUNS].capability_of(holder), holder.id).inward_call(call, is_content=is_content)
    return call


def _having(task_runs: Iterable[TaskRun], surface: str) -> list[Target]:
    return [(t, sandbox) for t in task_runs for sandbox in t.sandboxes if sandbox.surface == surface]


def sandbox_of(run: BenchmarkRun, task_run: TaskRun, surface: str) -> Sandbox:
    """Return a task run's sandbox on a surface. Raises `NotFound`."""
    for sandbox in task_run.sandboxes:
        if sandbox.surface == surface:
            return sandbox
    reference = run.benchmark.definition.reference
    raise NotFound(f"The environment of {reference} has no simulator on the surface {surface}.")
