"""One rehearsal: create a run, let the agent solve its tasks, complete them, gather the results.

It knows the server only through the client. A task is completed whatever became of the agent, with
what there is; a run that cannot go on is cancelled, so that nothing is left behind on the server.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from sandbox import jsonio
from sandbox.client.client import SandboxClient
from sandbox.client.errors import ClientError, ConflictError
from sandbox.client.explaining import explain, summary
from sandbox.client.models import Axis, BenchmarkRun, CheckResult, JsonObject, TaskCompletion, TaskRun
from sandbox.client.session import TaskSession, seconds_allowed
from sandbox.clock import monotonic_s
from sandbox.errors import Invalid
from sandbox.rehearsal.agents import Agent, AgentFailed
from sandbox.scoring.figures import Outcome, figures_of
from sandbox.scoring.scores import DEFAULT_AXIS, verdict_of

# How long past the task's own timeout the agent may go on: the server's clock decides, not ours.
TIMEOUT_GRACE_S: Final = 1.0
_NOT_AGENTS_TYPES: Final = frozenset({"scenario_step", "clock_advanced", "fax_received", "message_received"})


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How one task ended. `calls` is None when they could not be counted; `failure` is what was
    wrong with the agent, for people; `baseline` is what agents that deserve nothing earn, where the server knows."""

    id: str
    key: str
    name: str
    verdict: str | None
    score: float | None
    axes: dict[str, Axis]
    checks: tuple[CheckResult, ...]
    calls: int | None
    duration_s: float
    failure: str | None = None
    failed_required: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    baseline: JsonObject | None = None

    @property
    def is_pass(self) -> bool:
        """Whether the task's verdict is `pass`."""
        return self.verdict == "pass"

    def explain(self) -> str:
        """Return lines for people: what was wrong with the agent, the checks that failed and why, the others."""
        return explain(self.key, self.verdict, self.score, self.checks, self.failure)

    def __repr__(self) -> str:
        return summary("TaskResult", self.key, self.verdict, self.score, self.checks)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How one run ended. Of a selection of tasks, score, verdict and `figures` (`scoring/figures.py`) are those tasks'
    alone."""

    benchmark: str
    benchmark_run_id: str
    agent: str
    score: float | None
    verdict: str | None
    started_at: datetime | None
    completed_at: datetime | None
    task_runs: tuple[TaskResult, ...]
    figures: JsonObject | None = None

    @property
    def is_pass(self) -> bool:
        """Whether every task of it passed."""
        return bool(self.task_runs) and all(task.is_pass for task in self.task_runs)

    def explain(self) -> str:
        """Return lines for people on every task, those that did not pass first."""
        return "\n".join(task.explain() for task in sorted(self.task_runs, key=lambda task: task.is_pass))


@dataclass(frozen=True, slots=True)
class Options:
    """How to rehearse: which tasks (all when empty), `scored` as the API has it, how many at a time."""

    task_keys: tuple[str, ...] = ()
    scored: bool = False
    seed: int | None = None
    parallel: int = 1
    can_cancel: bool = True


class Observer(Protocol):
    """Who watches a rehearsal; all methods are called on the runner's loop and must be quick."""

    def run_created(self, run: BenchmarkRun, task_count: int) -> None:
        """Take note of a new run."""
        ...

    def task_started(self, name: str) -> None:
        """Take note of a task that begins."""
        ...

    def task_ended(self, result: TaskResult) -> None:
        """Take note of a task's result."""
        ...

    def run_abandoned(self, run: BenchmarkRun, problem: str | None) -> None:
        """Take note of a run that was cancelled, or could not be, for that reason."""
        ...


async def rehearse_once(
    client: SandboxClient, benchmark: str, agent: Agent, options: Options, observer: Observer
) -> RunResult:
    """Run a benchmark once and return the result.

    Raises `Invalid` for a task that the benchmark does not have and `ClientError` when the server
    does not play along. However it ends early, cancellation included, the run is cancelled first.
    """
    run = await client.create_benchmark_run(benchmark, scored=options.scored, agent=agent.name, seed=options.seed)
    try:
        chosen = choose_tasks(run, options.task_keys)
        observer.run_created(run, len(chosen))
        if options.can_cancel:
            for left_out in (task_run for task_run in run.task_runs if task_run not in chosen):
                await client.cancel_task_run(left_out.id)
        results: dict[str, TaskResult] = {}
        # Workers that share one iterator, not a task each: after a failure nothing more is started.
        waiting = iter(chosen)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(options.parallel, len(chosen))):
                group.create_task(_work_off(waiting, results, client, agent, options, observer))
        return await _finish(client, run, benchmark, agent, [results[task_run.id] for task_run in chosen], options)
    except BaseExceptionGroup as errors:
        await _abandon(client, run, options, observer)
        raise _first(errors) from None
    except BaseException:
        await _abandon(client, run, options, observer)
        raise


def choose_tasks(run: BenchmarkRun, keys: Sequence[str]) -> list[TaskRun]:
    """Return the task runs with these keys, in the benchmark's order; all of them without keys."""
    if not keys:
        return list(run.task_runs)
    known = {task_run.key or task_run.id for task_run in run.task_runs}
    if unknown := [key for key in keys if key not in known]:
        raise Invalid(f"{run.benchmark or run.id} has no task {', '.join(unknown)}; it has {', '.join(sorted(known))}.")
    return [task_run for task_run in run.task_runs if (task_run.key or task_run.id) in keys]


async def _work_off(
    waiting: Iterator[TaskRun],
    results: dict[str, TaskResult],
    client: SandboxClient,
    agent: Agent,
    options: Options,
    observer: Observer,
) -> None:
    for task_run in waiting:
        observer.task_started(task_run.name or task_run.key or task_run.id)
        results[task_run.id] = await _solve_one(client, agent, task_run, options)
        observer.task_ended(results[task_run.id])


async def _solve_one(client: SandboxClient, agent: Agent, task_run: TaskRun, options: Options) -> TaskResult:
    session = await client.start_task_run(task_run.id, is_task_scoped=options.parallel > 1)
    began = monotonic_s()
    output, failure = await _ask(agent, session)
    ended, said = await _complete(client, session, output, failure)
    duration_s = round(monotonic_s() - began, 3)
    calls = session.calls if agent.counts_calls else await _count_calls(client, session.task_run_id, options)
    key = task_run.key or session.key
    return TaskResult(
        task_run.id,
        key,
        task_run.name or key,
        ended.verdict,
        ended.score,
        dict(ended.axes),
        ended.checks if isinstance(ended, TaskCompletion) else (),
        calls,
        duration_s,
        "\n".join(text for text in (failure, said) if text) or None,
        ended.failed_required,
    )


async def _ask(agent: Agent, session: TaskSession) -> tuple[Any, str | None]:
    """Let the agent work for as long as the task allows; return its output and what went wrong."""
    allowed_s = seconds_allowed(session.started)
    limit_s = None if allowed_s is None else allowed_s + TIMEOUT_GRACE_S
    try:
        async with asyncio.timeout(limit_s) as deadline:
            output = await agent.solve(session)
    except AgentFailed as error:
        return error.output, str(error)
    except TimeoutError:
        if not deadline.expired():
            raise
        return None, f"the agent was stopped after {allowed_s:g} s, the task's timeout"
    try:
        jsonio.dump(output)
    except TypeError as error:
        return None, f"the agent's output is not JSON: {error}"
    return output, None


async def _complete(
    client: SandboxClient, session: TaskSession, output: Any, failure: str | None
) -> tuple[TaskCompletion | TaskRun, str | None]:
    """Complete the task run; return how it ended and what there is to say of that."""
    notes = None if failure is None else f"agent failed: {failure}"
    try:
        done = await client.complete_task_run(session.task_run_id, output=output, notes=notes)
    except ConflictError as error:
        # The task ended without us: timed out, or cancelled by somebody else.
        run = await client.get_benchmark_run(session.benchmark_run_id, token=session.token)
        ended = run.task_run(session.task_run_id)
        if ended.phase != "completed":
            raise
        return ended, f"{ended.status}: {error.message}"
    session.close()
    return done, None if done.status == "completed" else f"the task run ended as {done.status}"


async def _count_calls(client: SandboxClient, task_run_id: str, options: Options) -> int | None:
    if not options.can_cancel:  # no organization key: the events are not ours to read
        return None
    events = await client.list_events(task_run_id)
    return sum(event.actor in (None, "agent") and event.type not in _NOT_AGENTS_TYPES for event in events)


async def _finish(
    client: SandboxClient,
    run: BenchmarkRun,
    benchmark: str,
    agent: Agent,
    results: list[TaskResult],
    options: Options,
) -> RunResult:
    final = await client.get_benchmark_run(run.id, token=run.bearer_token)
    score, verdict = final.score, final.verdict
    of = {task_run.id: task_run.raw for task_run in final.task_runs}
    results = [
        replace(
            result, tags=tuple(of.get(result.id, {}).get("tags") or ()), baseline=of.get(result.id, {}).get("baseline")
        )
        for result in results
    ]
    if len(results) != len(run.task_runs):
        score = round(sum(result.score or 0.0 for result in results) / len(results), 6)
        verdict = verdict_of(score, [label for result in results for label in result.failed_required])
    return RunResult(
        str(run.benchmark or benchmark),
        run.id,
        agent.name,
        score,
        verdict,
        final.started_at,
        final.completed_at,
        tuple(results),
        figures_of([_outcome(result) for result in results]),
    )


def _outcome(result: TaskResult) -> Outcome:
    axes = {check.axis or DEFAULT_AXIS: 0.0 for check in result.checks if check.weight}
    scored = {name: axis.score for name, axis in result.axes.items()}
    return Outcome(result.tags, result.is_pass, result.score or 0.0, {**axes, **scored}, result.baseline)


async def _abandon(client: SandboxClient, run: BenchmarkRun, options: Options, observer: Observer) -> None:
    problem = None if options.can_cancel else "cancelling needs the organization key (--api-key)"
    if options.can_cancel:
        try:
            await asyncio.shield(client.cancel_benchmark_run(run.id))
        except ConflictError:
            return  # it is over already
        except ClientError as error:
            problem = str(error)
    observer.run_abandoned(run, problem)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
