"""Finding runs: active ones in memory, by whatever they are asked for; those that are over on disk."""

from sandbox import keys
from sandbox.clock import Clock
from sandbox.errors import NotFound, SetAside
from sandbox.playground.playground import Playground, Sandbox
from sandbox.record.reader import Reader
from sandbox.runs.models import BenchmarkRun, Fork, Holder, Phase, TaskRun
from sandbox.runs.recovery import Archive


class RunLookup:
    """All active runs, and the archive behind them."""

    def __init__(self, reader: Reader, archive: Archive, clock: Clock, key: bytes) -> None:
        self._reader = reader
        self._clock = clock
        self._key = key
        self.archive = archive
        self.active: dict[str, BenchmarkRun] = {}
        self.by_task_run: dict[str, BenchmarkRun] = {}
        self.by_token: dict[str, BenchmarkRun] = {}
        self.by_sandbox: dict[str, tuple[Holder, Sandbox]] = {}
        self.by_playground: dict[str, Holder] = {}
        self.active_forks: dict[str, Fork] = {}
        self._by_capability: dict[str, tuple[BenchmarkRun, TaskRun]] = {}
        self.set_aside: dict[str, str] = {}

    async def find_run(self, run_id: str) -> BenchmarkRun:
        """Return a run, active or over. Raises `NotFound`, `SetAside`."""
        if run_id in self.set_aside:
            raise SetAside(f"The benchmark run is set aside: {self.set_aside[run_id]}. Everything else goes on.")
        run = self.active.get(run_id) or await self.archive.run(run_id)
        if run is None:
            raise NotFound(f"There is no benchmark run {run_id[:100]}.")
        return run

    async def find_readable(self, run_id: str) -> BenchmarkRun | None:
        """Return a run for a list of them, one that is set aside as well; None for one that cannot be read at all."""
        try:
            return self.active.get(run_id) or await self.archive.run(run_id)
        except SetAside:
            return None

    async def find_task_run(self, task_run_id: str) -> tuple[BenchmarkRun, TaskRun]:
        """Return a task run with its run, active or over. Raises `NotFound`."""
        run = self.by_task_run.get(task_run_id)
        if run is None:
            row = await self._reader.row("SELECT benchmark_run_id FROM task_runs WHERE id = ?", task_run_id)
            if row is None:
                raise NotFound(f"There is no task run {task_run_id[:100]}.")
            run = await self.find_run(row["benchmark_run_id"])
        return run, next(t for t in run.task_runs if t.id == task_run_id)

    async def find_by_token(self, token: str) -> BenchmarkRun | None:
        """Return the run of an unexpired run token; None when there is none."""
        digest = keys.hash_key(token)
        run = self.by_token.get(digest)
        if run is None:
            row = await self._reader.row("SELECT id FROM benchmark_runs WHERE token_hash = ?", digest)
            run = await self.find_run(row["id"]) if row is not None else None
        if run is None or run.token_expires_at <= self._clock.now():
            return None
        return run

    def note_call(self, run: BenchmarkRun) -> None:
        """Take note that the agent, or whoever runs it, called: a run without calls may be ended."""
        run.last_call_at = self._clock.now()

    def active_by_token(self, token: str) -> BenchmarkRun | None:
        """Return the active run of an unexpired token, without touching the disk; it is a call of its agent's."""
        run = self.by_token.get(keys.hash_key(token))
        if run is None:
            return None
        now = self._clock.now()
        if run.token_expires_at <= now:
            return None
        run.last_call_at = now
        return run

    def capability_of(self, task_run: TaskRun) -> str:
        """Return the secret of a task run's capability URLs; they are good while it is started."""
        return keys.capability_secret(self._key, task_run.id)

    def active_by_capability(self, secret: str) -> tuple[BenchmarkRun, TaskRun] | None:
        """Return the started task run whose capability URLs have this secret; it is a call of its agent's.

        Looked up by a hash, as tokens are; what cannot be one costs nothing.
        """
        if len(secret) != keys.CAPABILITY_CHARS:
            return None
        found = self._by_capability.get(keys.hash_key(secret))
        if found is None or found[1].phase is not Phase.STARTED:
            return None
        playground, now = found[1].playground, self._clock.now()
        if playground is None or playground.is_torn_down or found[0].token_expires_at <= now:
            return None
        found[0].last_call_at = now
        return found

    def active_task_run(self, task_run_id: str) -> TaskRun | None:
        """Return a task run of an active run."""
        run = self.by_task_run.get(task_run_id)
        return next((t for t in run.task_runs if t.id == task_run_id), None) if run else None

    def active_sandbox(self, sandbox_id: str) -> tuple[Holder, Sandbox] | None:
        """Return a sandbox of an active playground with whose that is."""
        return self.by_sandbox.get(sandbox_id)

    def active_playground(self, playground_id: str) -> Playground | None:
        """Return a playground that is active."""
        holder = self.by_playground.get(playground_id)
        return holder.playground if holder is not None else None

    @property
    def playgrounds_in_use(self) -> int:
        """How many playgrounds are active."""
        return sum(t.playground is not None for r in self.active.values() for t in r.task_runs) + len(self.active_forks)

    def hold(self, holder: Holder, playground_id: str) -> None:
        """Make a playground and its sandboxes findable without the disk."""
        self.by_playground[playground_id] = holder
        for sandbox in holder.sandboxes:
            self.by_sandbox[sandbox.id] = (holder, sandbox)

    def let_go(self, holder: Holder, playground_id: str) -> None:
        """Leave a playground to the record."""
        self.by_playground.pop(playground_id, None)
        for sandbox in holder.sandboxes:
            self.by_sandbox.pop(sandbox.id, None)

    def admit(self, run: BenchmarkRun) -> None:
        """Make a run findable without the disk."""
        self.active[run.id] = run
        self.by_token[run.token_hash] = run
        for task_run in run.task_runs:
            self.by_task_run[task_run.id] = run
            if not task_run.is_over:
                self.hold(task_run, task_run.playground_id)
                self._by_capability[keys.hash_key(self.capability_of(task_run))] = run, task_run

    def forget(self, run: BenchmarkRun) -> None:
        """Leave a run that is over to the record."""
        if run.expiry is not None:
            run.expiry.cancel()
        self.active.pop(run.id, None)
        self.by_token.pop(run.token_hash, None)
        for task_run in run.task_runs:
            self.by_task_run.pop(task_run.id, None)
            self._by_capability.pop(keys.hash_key(self.capability_of(task_run)), None)
            self.let_go(task_run, task_run.playground_id)
