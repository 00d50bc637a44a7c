"""How runs end: timers, the ends themselves, what a run scores when its last task run is over.

A transition happens in memory in one step and is stored as one unit; one that cannot be stored is taken back.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from sandbox.clock import Clock
from sandbox.logs import get_logger
from sandbox.record.reader import Reader
from sandbox.record.writer import Statement, Writer
from sandbox.runs import scorekeeping, storage
from sandbox.runs.expiry import Expiry
from sandbox.runs.lookup import RunLookup
from sandbox.runs.memento import remember
from sandbox.runs.models import BenchmarkRun, Phase, Status, TaskRun
from sandbox.runs.recovery import Archive
from sandbox.runs.wires import NoWires, Wires
from sandbox.scoring.scores import score_run, verdict_of

TRY_AGAIN_S: Final = 1.0  # after a timeout that could not be stored

log = get_logger()


class Endings(RunLookup):
    """The active runs, and their ends."""

    def __init__(
        self,
        reader: Reader,
        archive: Archive,
        clock: Clock,
        writer: Writer,
        run_idle_s: float | None,
        on_end: Callable[[str], None],
        key: bytes,
    ) -> None:
        super().__init__(reader, archive, clock, key)
        self._writer = writer
        self._on_end = on_end
        self.wires: Wires = NoWires()
        self._expiry = Expiry(clock, self._end_rest, run_idle_s)

    def _set_timer(self, run: BenchmarkRun, task_run: TaskRun, *, least_s: float = 0.0) -> None:
        self._stop_timer(task_run)
        assert task_run.timeout_at is not None
        left_s = (task_run.timeout_at - self._clock.now()).total_seconds()
        loop = asyncio.get_running_loop()
        task_run.timer = loop.call_later(max(left_s, least_s), self._time_out, run, task_run)

    @staticmethod
    def _stop_timer(task_run: TaskRun) -> None:
        if task_run.timer is not None:
            task_run.timer.cancel()
            task_run.timer = None

    def _time_out(self, run: BenchmarkRun, task_run: TaskRun) -> None:
        if task_run.phase is not Phase.STARTED or task_run.completing is not None:
            return
        before = remember(run)
        scorekeeping.take_timeout(task_run)
        log.info("task run timed out", task_run_id=task_run.id)
        self._store_end(run, self._end(run, task_run, Status.TIMED_OUT), before)

    def _end_rest(self, run: BenchmarkRun) -> None:
        """End what is left of a run whose token has expired, or that nobody calls any more."""
        statements = []
        before = remember(run)
        for task_run in run.task_runs:
            if task_run.is_over or task_run.completing is not None:
                continue
            if task_run.phase is Phase.STARTED:
                scorekeeping.take_timeout(task_run)
                statements += self._end(run, task_run, Status.TIMED_OUT)
            else:
                statements += self._end(run, task_run, Status.CANCELLED)
        if statements:
            log.info("run ended with its token, or as nobody called", benchmark_run_id=run.id)
            self._store_end(run, statements, before)

    def _end(self, run: BenchmarkRun, task_run: TaskRun, status: Status) -> list[Statement]:
        """End a task run, and the run with its last one; return what to store."""
        now = self._clock.now()
        self._stop_timer(task_run)
        if task_run.playground is not None:
            task_run.playground.is_torn_down = True
            task_run.playground = None
        task_run.phase, task_run.status, task_run.completed_at = Phase.COMPLETED, status, now
        run.updated_at = now
        self.let_go(task_run, task_run.playground_id)
        statements = [storage.update_task_run(task_run), *storage.tear_down([task_run.playground_id], now)]
        if all(t.is_over for t in run.task_runs):
            self._finalize(run)
        return [*statements, storage.update_run(run)]

    def _store_end(
        self, run: BenchmarkRun, statements: list[Statement], before: Callable[[], None]
    ) -> "asyncio.Future[None]":
        """Store an end; a run that is over stays in memory until the record can answer for it.

        When it cannot be stored, all is as `before`.
        """

        def undo() -> None:
            before()
            self.admit(run)
            if run.expiry is not None:
                run.expiry.cancel()
            self._expiry.watch(run, least_s=TRY_AGAIN_S)
            for task_run in run.started:
                if task_run.timer is None and task_run.completing is None:
                    self._set_timer(run, task_run, least_s=TRY_AGAIN_S)

        owners = (run.id, *(t.playground_id for t in run.task_runs))
        stored = self._writer.write(statements, owners=owners, undo=undo)
        stored.add_done_callback(lambda done: self._tell_ends(run) if done.exception() is None else None)
        return stored

    def _tell_ends(self, run: BenchmarkRun) -> None:
        if run.is_over:
            self.forget(run)
            self._writer.witness.forget(run.id, [t.playground_id for t in run.task_runs])
        for task_run in run.task_runs:
            if task_run.is_over:
                self.wires.close(task_run)
                self._on_end(task_run.playground_id)

    def _finalize(self, run: BenchmarkRun) -> None:
        run.phase = Phase.COMPLETED
        run.completed_at = run.updated_at
        self._settle_score(run)
        log.info("benchmark run over", benchmark_run_id=run.id, status=str(run.status), score=run.score)

    def _settle_score(self, run: BenchmarkRun) -> None:
        statuses = {t.status for t in run.task_runs}
        was_cancelled = run.status is Status.CANCELLED
        if statuses == {Status.CANCELLED}:
            run.status, run.score, run.verdict = Status.CANCELLED, None, None
            return
        run.score = score_run([t.score for t in run.task_runs])
        if was_cancelled:
            run.verdict = None
            return
        run.status = Status.FAILED if statuses == {Status.FAILED} else Status.COMPLETED
        failed = [label for t in run.task_runs for label in t.failed_required]
        run.verdict = verdict_of(run.score, failed) if run.score is not None else None
