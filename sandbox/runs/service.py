"""The life of runs: create, start, complete, cancel, time out.

Transitions happen in memory in one step, without an `await` in between, and are stored as one unit
of work; a caller is answered when that unit is on disk. One that cannot be stored is taken back: memory
is never ahead of the disk. How they end is in `endings.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sandbox.clock import Clock, format_instant, parse_instant
from sandbox.definitions.library import Shelf
from sandbox.definitions.load import Benchmark
from sandbox.errors import Conflict, NotFound, SandboxError, SetAside, TooLarge
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.playground.crew import Crew
from sandbox.playground.playground import Playground, Recorder
from sandbox.playground.scenario import StepFailed, run_scenario
from sandbox.record.reader import Reader
from sandbox.record.writer import Writer
from sandbox.runs import scorekeeping, storage
from sandbox.runs.endings import TRY_AGAIN_S, Endings
from sandbox.runs.final_states import FinalStates
from sandbox.runs.memento import remember
from sandbox.runs.messy import MessyBenchmarks
from sandbox.runs.models import BenchmarkRun, Fork, Phase, Status, TaskRun
from sandbox.runs.playgrounds.forks import Forks
from sandbox.runs.playgrounds.moves import Moves
from sandbox.runs.playgrounds.states import States
from sandbox.runs.provisioning import chosen_tasks, new_run, provision, steps_of
from sandbox.runs.recovery import Archive
from sandbox.runs.registry import Registry
from sandbox.runs.tokens import Principal
from sandbox.settings import Settings
from sandbox.simulators.base import Fetch

_NEXT: Final = timedelta(milliseconds=1)  # between two runs, so that they have an order

log = get_logger()


class ScenarioFailed(SandboxError):
    """A scenario step could not be run: the definition's fault, so a 500 that names the step."""

    status = 500
    code = "INTERNAL_ERROR"


class RunService(Endings):
    """All active runs, and how they go on."""

    def __init__(
        self,
        registry: Registry,
        shelf: Shelf,
        reader: Reader,
        writer: Writer,
        recorder: Recorder,
        crew: Crew,
        clock: Clock,
        settings: Settings,
        fetch: Fetch,
        key: bytes,
        on_end: Callable[[str], None] = lambda playground_id: None,
    ) -> None:
        self._newest_run_at = clock.now() - _NEXT
        self._registry = registry
        self._shelf = shelf
        self._recorder = recorder
        self._crew = crew
        self._settings = settings
        self._fetch = fetch
        self._messy = MessyBenchmarks(shelf, registry)
        archive = Archive(reader, registry, shelf, clock, recorder, key)
        super().__init__(reader, archive, clock, writer, settings.run_idle_s, on_end, key)
        self.final_states = FinalStates(self, reader, writer.flush)
        self.states = States(self, writer, crew, registry.comparer.bookkeeping)
        self.moves = Moves(self, self.states, reader, writer, registry, crew, clock)
        self.forks = Forks(
            self,
            self.states,
            reader,
            writer,
            registry,
            recorder,
            clock,
            key,
            settings.max_active_playgrounds,
            on_end,
        )

    # -- transitions -----------------------------------------------------------------------------

    async def create(
        self,
        benchmark: Benchmark,
        principal: Principal,
        *,
        is_scored: bool,
        agent: str | None,
        seed: int | None,
        task_keys: Sequence[str] | None = None,
        mess: int | None = None,
    ) -> tuple[BenchmarkRun, str]:
        """Create a run, of chosen tasks if they are named, at another mess if one is; return it with its token.

        Raises `Invalid` for tasks that are not there or data that cannot be messy, `Conflict` where there is no room.
        """
        benchmark = benchmark if mess is None else await self._messy.at(benchmark, mess)
        self._writer.check_room()
        self._expiry.end_expired(self.active.values())
        chosen = chosen_tasks(benchmark.definition, task_keys)
        wanted = len(chosen)
        in_use = self.playgrounds_in_use
        if in_use + wanted > self._settings.max_active_playgrounds:
            raise Conflict(
                f"{in_use} playgrounds are active and this run needs {wanted} more; the limit is "
                f"{self._settings.max_active_playgrounds}. Complete or cancel runs, or raise the limit."
            )
        now = self._newest_run_at = max(self._clock.now(), self._newest_run_at + _NEXT)
        run, token = new_run(benchmark, principal, now, self._settings.run_token_lifetime_s)
        run.is_scored, run.agent, run.seed = is_scored, agent, seed
        run.task_runs = [
            provision(self._registry, run, task, i, self._clock, self._recorder, self._key) for i, task in chosen
        ]
        self.admit(run)
        self._expiry.watch(run)
        await self._writer.write(storage.insert_run(run, self._key), owners=(run.id,), undo=lambda: self.forget(run))
        if run.id in self.active:
            self._writer.witness.runs[run.id] = [t.playground_id for t in run.task_runs]
        return run, token

    def concurrency_of(self, run: BenchmarkRun) -> int:
        """Return how many of a run's task runs may be started at once."""
        return 1 if self._settings.is_strict else run.benchmark.definition.concurrency

    async def start(self, run: BenchmarkRun, task_run: TaskRun) -> None:
        """Run the scenario and hand the playground to the agent.

        Raises `Conflict` when it cannot be started now, `ScenarioFailed` when a step fails; either
        way nothing changed.
        """
        self._check_start(run, task_run)
        assert task_run.playground is not None
        async with task_run.playground.turns.mine():  # a dataset's owner may be at it
            self._check_start(run, task_run)
            await self.wires.open(task_run)
            try:
                stored = self._begin(run, task_run)
            except BaseException:
                self.wires.close(task_run)
                raise
        try:
            await stored
        except BaseException:
            if task_run.phase is Phase.CREATED:
                self.wires.close(task_run)
            raise
        self.wires.note_started(task_run)

    def _check_start(self, run: BenchmarkRun, task_run: TaskRun) -> None:
        if task_run.phase is not Phase.CREATED or task_run.playground is None:
            raise Conflict(f"The task run is already {_ended(task_run)}; only a created one can be started.")
        allowed = self.concurrency_of(run)
        if len(run.started) >= allowed:
            others = ", ".join(t.id for t in run.started)
            raise Conflict(f"{others} is started and the concurrency is {allowed}; complete it first.")

    def _begin(self, run: BenchmarkRun, task_run: TaskRun) -> Awaitable[None]:
        self._check_start(run, task_run)
        playground = task_run.playground
        assert playground is not None
        before = remember(run)
        with self._writer.together():  # the scenario's events and the start, all or nothing
            try:
                environment = run.benchmark.definition.environment_of(task_run.task)
                run_scenario(playground, environment.clock_start, steps_of(task_run.task))
            except StepFailed as error:
                raise ScenarioFailed(f"{error} The task run stays created; mend the definition.") from error
            now = self._clock.now()
            task_run.baseline_seq = playground.seq
            task_run.phase = Phase.STARTED
            task_run.started_at = run.updated_at = now
            task_run.timeout_at = now + timedelta(seconds=run.benchmark.definition.timeout_of(task_run.task))
            if run.phase is Phase.CREATED:
                run.phase = Phase.STARTED
                run.started_at = now
            self._set_timer(run, task_run)

            def undo() -> None:
                self._stop_timer(task_run)
                before()

            return self._writer.write(
                [storage.update_baseline(task_run), storage.update_task_run(task_run), storage.update_run(run)],
                owners=(run.id, playground.id),
                undo=undo,
            )

    async def complete(
        self, run: BenchmarkRun, task_run: TaskRun, *, output: Json = None, notes: str | None = None
    ) -> None:
        """Score a started task run and end it. Completing a completed one changes nothing.

        Raises `Conflict` for a task run that is not started or ended otherwise.
        """
        if task_run.completing is None:
            if task_run.is_over and task_run.status in (Status.COMPLETED, Status.FAILED):
                return
            if task_run.phase is not Phase.STARTED:
                raise Conflict(f"The task run is {_ended(task_run)}; only a started one can be completed.")
            if task_run.timeout_at is not None and task_run.timeout_at <= self._clock.now():
                self._time_out(run, task_run)
                await self._writer.flush()
                raise Conflict("The task run is timed_out; only a started one can be completed.")
            task_run.completing = asyncio.create_task(self._complete(run, task_run, output, notes))
        await asyncio.shield(task_run.completing)

    async def _complete(self, run: BenchmarkRun, task_run: TaskRun, output: Json, notes: str | None) -> None:
        playground = task_run.playground
        assert playground is not None
        try:
            await self._score_and_end(run, task_run, playground, output, notes)
        except BaseException:
            if not task_run.is_over:  # it goes on as if nobody had asked
                playground.is_torn_down = False
                task_run.output = task_run.notes = task_run.criterion_runs = None
                task_run.verdict = task_run.score = task_run.axes = None
                task_run.failed_required = ()
                task_run.completing = None
                self._set_timer(run, task_run, least_s=TRY_AGAIN_S)
            raise

    async def _score_and_end(
        self, run: BenchmarkRun, task_run: TaskRun, playground: Playground, output: Json, notes: str | None
    ) -> None:
        async with playground.turns.mine():  # what is being done is done first; what waits behind finds it over
            with suppress(TooLarge):  # a task run that is full takes no more delayed effects
                await playground.settle_in_parts(self._crew)
            playground.is_torn_down = True
        self._stop_timer(task_run)
        task_run.output, task_run.notes = output, notes
        started_at = self._clock.now()
        with suppress(TooLarge):
            await self._ask_outside(run, task_run, playground)
        await self._writer.flush((playground.id,))
        score = await scorekeeping.score(self._reader, self._registry, self._crew, run, task_run)
        before = remember(run)
        task_run.criterion_runs = scorekeeping.to_criterion_runs(task_run, score, started_at, self._clock.now())
        scorekeeping.take(task_run, score)
        status = Status.COMPLETED if score.failed_criterion is None else Status.FAILED
        statements = list(storage.insert_criterion_runs(task_run.criterion_runs))
        await self._store_end(run, [*statements, *self._end(run, task_run, status)], before)

    async def _ask_outside(self, run: BenchmarkRun, task_run: TaskRun, playground: Playground) -> None:
        """Let simulators record what checks would have to ask servers outside of this one."""
        for sandbox in task_run.sandboxes:
            assertions = scorekeeping.assertions_of(self._registry, run, task_run)
            await self._registry.simulator(sandbox.type).before_scoring(playground, sandbox, assertions, self._fetch)

    async def cancel_task_run(self, run: BenchmarkRun, task_run: TaskRun) -> None:
        """End a task run without a verdict. Raises `Conflict` when it is over."""
        if task_run.is_over or task_run.completing is not None:
            raise Conflict(f"The task run is already {_ended(task_run)}.")
        before = remember(run)
        await self._store_end(run, self._end(run, task_run, Status.CANCELLED), before)

    async def cancel_run(self, run: BenchmarkRun) -> None:
        """Cancel a run: what is completed is retained, the rest ends without a verdict."""
        if run.is_over:
            raise Conflict(f"The benchmark run is already {run.status}.")
        for task_run in run.task_runs:
            if task_run.completing is not None:
                await asyncio.shield(task_run.completing)
        if run.is_over:
            raise Conflict(f"The benchmark run is already {run.status}.")
        statements = []
        before = remember(run)
        run.status = Status.CANCELLED
        for task_run in run.task_runs:
            if not task_run.is_over:
                statements += self._end(run, task_run, Status.CANCELLED)
        await self._store_end(run, statements, before)

    async def complete_run(self, run: BenchmarkRun) -> None:
        """Finalize a run now: score what is started, cancel what never was."""
        if run.is_over:
            raise Conflict(f"The benchmark run is already {run.status}.")
        for task_run in list(run.started):
            await self.complete(run, task_run)
        statements = []
        before = remember(run)
        for task_run in run.task_runs:
            if task_run.phase is Phase.CREATED:
                statements += self._end(run, task_run, Status.CANCELLED)
        await self._store_end(run, statements, before)

    async def set_published(self, run: BenchmarkRun, is_published: bool) -> None:
        """Show a completed run on the leaderboard, or take it off."""
        if is_published and run.status is not Status.COMPLETED:
            raise Conflict(f"The benchmark run is {run.status}; only a completed one can be published.")
        if is_published and run.benchmark.mess_asked is not None:
            raise Conflict(
                f"The run is at mess {run.benchmark.mess_level}; only one at the benchmark's own is published."
            )
        if is_published and not run.is_whole:
            raise Conflict(
                f"The run is of {len(run.task_runs)} of {len(run.benchmark.definition.tasks)} tasks; only a run of all "
                "of them can be published."
            )
        before = remember(run)
        run.published_at = self._clock.now() if is_published else None
        run.updated_at = self._clock.now()
        await self._writer.write([storage.update_run(run)], owners=(run.id,), undo=before)

    async def tear_down(self, playground_id: str) -> None:
        """Tear down a playground, of a task run by ending that. Raises `NotFound`, `Conflict`, `SetAside`."""
        holder = self.by_playground.get(playground_id)
        if isinstance(holder, TaskRun):
            await self.cancel_task_run(self.by_task_run[holder.id], holder)
            return
        if isinstance(holder, Fork):
            await self.forks.tear_down(holder)
            return
        if playground_id in self.forks.set_aside:
            why = self.forks.set_aside[playground_id]
            raise SetAside(f"The playground is set aside: {why}. Everything else goes on.")
        row = await self._reader.row("SELECT status FROM playgrounds WHERE id = ?", playground_id)
        if row is None:
            raise NotFound(f"There is no playground {playground_id[:100]}.")
        raise Conflict("The playground is already torn down.")

    async def rescore(self, run: BenchmarkRun, task_run: TaskRun, *, use_recorded: bool = False) -> None:
        """Score a recorded task run again, with today's criteria unless `use_recorded`.

        The old criterion runs are kept as superseded. Raises `Conflict` when it was never scored.
        """
        if not task_run.is_over or task_run.status not in (Status.COMPLETED, Status.FAILED):
            raise Conflict(f"The task run is {_ended(task_run)}; only a completed one can be scored again.")
        started_at = self._clock.now()
        seeded = await self.archive.benchmark(run.benchmark.hash, with_seed=True)
        criteria_run = replace(run, benchmark=seeded)
        if not use_recorded:
            criteria_run = scorekeeping.with_current_criteria(criteria_run, self._shelf.library)
        current = next(t for t in criteria_run.task_runs if t.id == task_run.id)
        score = await scorekeeping.score(self._reader, self._registry, self._crew, criteria_run, current)
        now = self._clock.now()
        before = remember(run)
        task_run.criterion_runs = scorekeeping.to_criterion_runs(current, score, started_at, now)
        scorekeeping.take(task_run, score)
        task_run.status = Status.COMPLETED if score.failed_criterion is None else Status.FAILED
        run.updated_at = now
        if run.is_over and run.status is not Status.CANCELLED:
            self._settle_score(run)
        await self._writer.write(
            [
                storage.supersede_criterion_runs(task_run.id, now),
                *storage.insert_criterion_runs(task_run.criterion_runs),
                storage.update_task_run(task_run),
                storage.update_run(run),
            ],
            owners=(run.id,),
            undo=before,
        )

    async def changes_of(self, run: BenchmarkRun, task_run: TaskRun) -> Json:
        """Return what a task run that is over changed. Raises `Conflict` for one that is not, or never started."""
        if not task_run.is_over or task_run.started_at is None:
            raise Conflict(f"The task run is {_ended(task_run)}; its changes can be told when it was completed.")
        seeded = replace(run, benchmark=await self.archive.benchmark(run.benchmark.hash, with_seed=True))
        return await scorekeeping.changes_of(self._reader, self._registry, self._crew, seeded, task_run)

    # -- the server's own life -------------------------------------------------------------------

    async def restore(self) -> int:
        """Bring back every active run after a restart; return how many there were."""
        newest = await self._reader.row("SELECT MAX(created_at) AS at FROM benchmark_runs")
        if newest is not None and newest["at"]:  # the machine's clock may have been set back since
            self._newest_run_at = max(self._newest_run_at, parse_instant(newest["at"]))
        rows = await self._reader.rows("SELECT id FROM benchmark_runs WHERE phase != 'completed'")
        for row in rows:
            try:
                run = await self.archive.run(row["id"], with_playgrounds=True)
            except Exception as error:  # whatever is wrong with one run, the others go on
                reason = error.message if isinstance(error, SetAside) else f"{type(error).__name__}: {error}"
                self.set_aside[row["id"]] = reason
                log.error("run set aside", benchmark_run_id=row["id"], reason=reason)
                continue
            assert run is not None
            self.admit(run)
            await self._note_in_witness(run)
            self.note_call(run)
            self._expiry.watch(run)
            for task_run in run.started:
                await self.wires.open(task_run)
                self._set_timer(run, task_run)
                self.wires.note_started(task_run)
        restored = len(rows) - len(self.set_aside)
        await self.forks.restore()
        return restored

    async def _note_in_witness(self, run: BenchmarkRun) -> None:
        witness = self._writer.witness
        witness.runs[run.id] = [t.playground_id for t in run.task_runs]
        for task_run in run.task_runs:
            row = await self._reader.last_event_row(task_run.playground_id)
            if row is not None:
                witness.heads[task_run.playground_id] = row["seq"], row["chain"] or b""

    async def close(self) -> None:
        """Stop timers and wait for completions that are under way; active runs stay active."""
        pending = []
        self.forks.close()
        for run in self.active.values():
            if run.expiry is not None:
                run.expiry.cancel()
            for task_run in run.task_runs:
                if task_run.timer is not None:
                    task_run.timer.cancel()
                if task_run.completing is not None and not task_run.completing.done():
                    pending.append(task_run.completing)
        await asyncio.gather(*pending, return_exceptions=True)

    def now_text(self) -> str:
        """Return the server's time as written on the wire."""
        return format_instant(self._clock.now())


def _ended(task_run: TaskRun) -> str:
    if task_run.completing is not None and not task_run.is_over:
        return "being completed"
    return str(task_run.status if task_run.is_over else task_run.phase)
