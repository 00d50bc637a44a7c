"""Rows back to runs: for a start after a crash, and for reading what is over.

A run is read with its frozen definition, never with what the disk says today. Playgrounds are
folded from their seed and events only for runs that are still active, or to be scored again.
"""

import sqlite3
from datetime import datetime, timedelta

from sandbox import jsonio
from sandbox.clock import Clock, parse_instant
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.environments import seeds_of
from sandbox.definitions.library import Shelf
from sandbox.definitions.load import Benchmark
from sandbox.definitions.models import thaw
from sandbox.errors import Gone, NotFound, SandboxError, SetAside
from sandbox.keys import KEY_FILE, fingerprint, minter
from sandbox.playground.branch import Seed
from sandbox.playground.playground import Playground, Recorder, Sandbox
from sandbox.record import restore
from sandbox.record.reader import Reader
from sandbox.record.timeline import Timeline
from sandbox.runs.models import BenchmarkRun, CriterionRun, Fork, Phase, Status, TaskRun
from sandbox.runs.registry import Registry
from sandbox.runs.storage import DERIVED
from sandbox.runs.timelines import Timelines
from sandbox.scoring.matching import matches_event


def _at(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None


class Archive:
    """Reads runs back from the record."""

    def __init__(
        self, reader: Reader, registry: Registry, shelf: Shelf, clock: Clock, recorder: Recorder, key: bytes
    ) -> None:
        self._reader = reader
        self._registry = registry
        self._shelf = shelf
        self._clock = clock
        self._recorder = recorder
        self._key = key
        self._thawed: dict[str, Benchmark] = {}
        self._seeded: dict[str, Benchmark] = {}
        self.timelines = Timelines(reader, self._seed_of)

    async def benchmark(self, definition_hash: str, *, with_seed: bool = False) -> Benchmark:
        """Return the benchmark of a content hash; its seed is empty unless asked for."""
        for loaded in self._shelf.library.benchmarks.values():
            if loaded.hash == definition_hash:
                return loaded
        cache = self._seeded if with_seed else self._thawed
        if definition_hash not in cache:
            try:
                body = await restore.read_frozen(self._reader, definition_hash)
                value, hashes, states = restore.frozen_parts(body)
                definition = thaw(value)
            except (LookupError, ValueError, SandboxError) as error:  # also pydantic's
                raise SetAside(f"its definition cannot be used: {_in_a_line(error)}") from error
            seed, seeds = Seed(), dict[str, Seed]()
            if with_seed:
                datasets = {name: await self._dataset(name, digest) for name, digest in hashes.items()}
                seed, seeds = seeds_of(definition, datasets, self._registry)
            cache[definition_hash] = Benchmark(
                definition, seed, hashes, body, definition_hash, None, seeds=seeds, solution_states=states
            )
        return cache[definition_hash]

    async def _dataset(self, name: str, digest: str) -> Dataset:
        current = self._shelf.library.datasets.get(name)
        if current is not None and current.hash == digest:
            return current
        stored = Dataset(name, await restore.read_dataset(self._reader, digest))
        if stored.hash != digest:
            how = "are not what they were when the run was made" if stored.files else "are not stored any more"
            raise SetAside(f"the files of its dataset {name} {how}")
        return stored

    async def run(self, run_id: str, *, with_playgrounds: bool = False) -> BenchmarkRun | None:
        """Return a stored run, or None. Playgrounds are folded for task runs that are not over."""
        row = await self._reader.row("SELECT * FROM benchmark_runs WHERE id = ?", run_id)
        if row is None:
            return None
        benchmark = await self.benchmark(row["definition_hash"], with_seed=with_playgrounds)
        run = BenchmarkRun(
            id=row["id"],
            organization_id=row["organization_id"],
            solver_id=row["solver_id"],
            benchmark=benchmark,
            is_scored=bool(row["scored"]),
            agent=row["agent"],
            seed=row["seed"],
            token_hash=row["token_hash"],
            token_expires_at=parse_instant(row["token_expires_at"]),
            created_at=parse_instant(row["created_at"]),
            updated_at=parse_instant(row["updated_at"]),
            phase=Phase(row["phase"]),
            status=Status(row["status"]),
            verdict=row["verdict"],
            score=row["score"],
            started_at=_at(row["started_at"]),
            completed_at=_at(row["completed_at"]),
            published_at=_at(row["published_at"]),
        )
        for task_row in await self._reader.rows(
            "SELECT * FROM task_runs WHERE benchmark_run_id = ? ORDER BY position", run_id
        ):
            run.task_runs.append(await self._task_run(run, task_row, with_playgrounds))
        return run

    async def _task_run(self, run: BenchmarkRun, row: sqlite3.Row, with_playgrounds: bool) -> TaskRun:
        playground_row = await self._reader.row("SELECT * FROM playgrounds WHERE id = ?", row["playground_id"])
        task = next((t for t in run.benchmark.definition.tasks if t.key == row["key"]), None)
        if task is None:
            raise SetAside(f"its definition has no task {row['key']}")
        task_run = TaskRun(
            id=row["id"],
            benchmark_run_id=run.id,
            task=task,
            task_id=row["task_id"],
            position=row["position"],
            playground_id=row["playground_id"],
            sandboxes=await self.sandboxes(row["playground_id"]),
            created_at=parse_instant(row["created_at"]),
            phase=Phase(row["phase"]),
            status=Status(row["status"]),
            verdict=row["verdict"],
            score=row["score"],
            axes=jsonio.parse(row["axes"]) if row["axes"] else None,
            failed_required=tuple(jsonio.parse(row["failed_required"])),
            output=jsonio.parse(row["output"]) if row["output"] else None,
            notes=row["notes"],
            started_at=_at(row["started_at"]),
            timeout_at=_at(row["timeout_at"]),
            completed_at=_at(row["completed_at"]),
            baseline_seq=playground_row["baseline_seq"] if playground_row else 0,
        )
        if with_playgrounds and not task_run.is_over:
            task_run.playground = await self.playground(run, task_run)
        return task_run

    async def sandboxes(self, playground_id: str) -> tuple[Sandbox, ...]:
        """Return the sandboxes of a playground, in the environment's order."""
        rows = await self._reader.rows(
            "SELECT * FROM sandboxes WHERE playground_id = ? ORDER BY position", playground_id
        )
        return tuple(
            Sandbox(
                row["id"],
                row["simulator_id"],
                row["type"],
                row["name"],
                row["surface"],
                jsonio.parse(row["config"]),
                self._secrets(row),
                row["dataset"],
            )
            for row in rows
        )

    def _secrets(self, row: sqlite3.Row) -> dict[str, str]:
        stored: dict[str, str] = jsonio.parse(row["secrets"])
        made_from = stored.get(DERIVED)
        if made_from is None:  # by a version that stored them
            return stored
        if made_from != fingerprint(self._key):
            raise SetAside(f"its credentials were made with another key than the one in {KEY_FILE}")
        return self._registry.simulator(row["type"]).mint_secrets(minter(self._key, row["id"]))

    async def playground(self, run: BenchmarkRun, task_run: TaskRun) -> Playground:
        """Fold a task run's playground from its seed and its events."""
        benchmark = await self.benchmark(run.benchmark.hash, with_seed=True)
        timeline = Timeline(self._reader, task_run.playground_id, benchmark.seed_of(task_run.task))
        folded = await self._fold(task_run.playground_id, timeline)
        return Playground(
            id=task_run.playground_id,
            key=task_run.task.key,
            task_run_id=task_run.id,
            branch=folded.branch,
            sandboxes=task_run.sandboxes,
            clock=self._clock,
            recorder=self._recorder,
            actions=self._registry.actions,
            matches=matches_event,
            random_seed=run.seed,
            seq=folded.seq,
            asides=folded.asides,
            last_at=folded.at,
        )

    async def fork(self, row: sqlite3.Row) -> Fork:
        """Return a fork from its row; one that is active is folded on what it came from. Raises `Gone`, `SetAside`."""
        is_over = row["status"] != "active"
        fork = Fork(
            id=row["id"],
            organization_id=row["organization_id"],
            benchmark_run_id=row["benchmark_run_id"],
            parent_id=row["parent_id"],
            parent_seq=row["parent_seq"],
            environment_id=row["environment_id"],
            definition_hash=row["definition_hash"],
            key=row["key"],
            seed=row["seed"],
            lag_s=row["lag_s"],
            sandboxes=await self.sandboxes(row["id"]),
            created_at=parse_instant(row["created_at"]),
            updated_at=parse_instant(row["updated_at"]),
            expires_at=parse_instant(row["expires_at"]),
            phase=Phase.COMPLETED if is_over else Phase.STARTED,
            status=Status.COMPLETED if is_over else Status.ACTIVE,
        )
        if not is_over:
            fork.playground = await self.fork_playground(fork)
        return fork

    async def fork_playground(self, fork: Fork) -> Playground:
        """Fold a fork's playground from what it came from and its own events. Raises `Gone`, `SetAside`."""
        timeline = await self.timelines.of(fork.id)
        folded, base = await self._fold(fork.id, timeline), timeline.base
        parent = await self.inherited_by(fork.parent_id, fork.parent_seq)
        return Playground(
            id=fork.id,
            key=fork.key,
            task_run_id=None,
            branch=folded.branch,
            sandboxes=fork.sandboxes,
            clock=self._clock,
            recorder=self._recorder,
            actions=self._registry.actions,
            matches=matches_event,
            random_seed=fork.seed,
            seq=folded.seq,
            asides=folded.asides,
            inherited=parent,
            inherited_asides=base.asides,
            lag=timedelta(seconds=fork.lag_s),
            last_at=folded.at,
        )

    async def inherited_by(self, parent_id: str, parent_seq: int) -> int:
        """Return how many events came before the first of a fork's own."""
        total, place = 0, (parent_id, parent_seq)
        while True:
            row = await self._reader.row("SELECT parent_id, parent_seq FROM playgrounds WHERE id = ?", place[0])
            total += place[1]
            if row is None or row["parent_id"] is None:
                return total
            place = row["parent_id"], row["parent_seq"]

    async def fold(self, playground_id: str, until_seq: int | None = None) -> restore.Folded:
        """Fold any playground from what is recorded, up to an event if one is named.

        Raises `NotFound`, `Gone` for one that was pruned, `SetAside` where what is recorded cannot be used.
        """
        return await self._fold(playground_id, await self.timelines.of(playground_id), until_seq)

    async def _seed_of(self, definition_hash: str, key: str) -> Seed:
        benchmark = await self.benchmark(definition_hash, with_seed=True)
        return benchmark.seeds.get(key, benchmark.seed)

    async def _fold(self, playground_id: str, timeline: Timeline, until_seq: int | None = None) -> restore.Folded:
        try:
            return await restore.fold_timeline(timeline, until_seq)
        except (Gone, NotFound):
            raise
        except (LookupError, ValueError, TypeError, SandboxError) as error:
            raise SetAside(f"the events of {playground_id} cannot be used: {_in_a_line(error)}") from error

    async def criterion_runs(self, task_run_id: str, *, with_superseded: bool = False) -> list[CriterionRun]:
        """Return a task run's criterion runs in the order of their criteria."""
        clause = "" if with_superseded else "AND superseded_at IS NULL"
        rows = await self._reader.rows(
            f"SELECT * FROM criterion_runs WHERE task_run_id = ? {clause} ORDER BY started_at, position", task_run_id
        )
        return [criterion_run_of(row) for row in rows]


def _in_a_line(error: Exception) -> str:
    """Return what an error says, short enough for an answer."""
    text = " ".join(str(error).split())
    return (text or type(error).__name__)[:300]


def criterion_run_of(row: sqlite3.Row) -> CriterionRun:
    """Read a criterion run from its row."""
    return CriterionRun(
        id=row["id"],
        task_run_id=row["task_run_id"],
        criterion_id=row["criterion_id"],
        label=row["label"],
        axis=row["axis"],
        weight=row["weight"],
        passed=bool(row["passed"]),
        score=row["score"],
        details=row["details"],
        evidence=jsonio.parse(row["evidence"]) if row["evidence"] else None,
        started_at=parse_instant(row["started_at"]),
        completed_at=parse_instant(row["completed_at"]),
        superseded_at=_at(row["superseded_at"]),
        required=bool(row["required"]),
    )
