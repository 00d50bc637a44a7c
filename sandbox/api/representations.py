"""How runs and what belongs to them look on the wire.

Field names and shapes are the documented ones; what is ours beside them is marked as an extension
in the documentation.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sandbox.api import waiting
from sandbox.api.capability import capability_path
from sandbox.clock import format_instant
from sandbox.definitions import baselines
from sandbox.definitions.library import Library
from sandbox.jsonio import Json
from sandbox.playground.playground import Sandbox
from sandbox.runs.models import BenchmarkRun, CriterionRun, Phase, Status, TaskRun
from sandbox.runs.registry import Registry
from sandbox.scoring.answers import announce
from sandbox.scoring.figures import figures_of_run
from sandbox.scoring.scores import wire_score

TOOLS: Final = "mcp"
"""Where a task run's tools are, below its root."""


class Representations:
    """Renders runs for one request: `root` is the server's absolute URL, `library` the present definitions,
    `capability_of` gives the secret of a task run's capability URLs, `ports` are those open beside HTTP, by sandbox."""

    def __init__(
        self,
        registry: Registry,
        library: Library,
        root: str,
        is_strict: bool,
        capability_of: Callable[[TaskRun], str],
        ports: Mapping[str, int],
        wire_credentials: Callable[[Sandbox, str], Mapping[str, Json]],
    ) -> None:
        self._ports = ports
        self._registry = registry
        self._library = library
        self._root = root
        self._is_strict = is_strict
        self._capability_of = capability_of
        self._wire_credentials = wire_credentials

    # -- parts -------------------------------------------------------------------------------------

    def endpoints(self, sandboxes: Sequence[Sandbox], prefix: str) -> dict[str, str]:
        """Return the surfaces' URLs, root-relative, one key per documented endpoint."""
        found: dict[str, str] = {}
        for sandbox in sandboxes:
            simulator = self._registry.on_surface(sandbox.surface)
            if self._is_strict and not simulator.is_run_scoped_upstream:
                continue
            endpoints = dict(simulator.endpoints)
            if not self._is_strict:
                endpoints.update(simulator.extension_endpoints)
            found.update({name: f"{prefix}/{path}" for name, path in endpoints.items()})
        return found

    def sandbox(self, sandbox: Sandbox, task_run: TaskRun, *, is_over: bool) -> Json:
        """Return a sandbox as an element of a run; with a capability URL while its task run is started."""
        credentials = self.credentials(sandbox, f"/v1/benchmark-runs/{task_run.benchmark_run_id}")
        if task_run.phase is Phase.STARTED and not self._is_strict:
            credentials = {**credentials, "capability_url": self.urls(task_run)[sandbox.surface]}
        return {
            "id": sandbox.id,
            "simulator_id": sandbox.simulator_id,
            "type": sandbox.type,
            "name": sandbox.name,
            "task_run_id": task_run.id,
            "playground_id": task_run.playground_id,
            "status": "teardown" if is_over else "active",
            "credentials": credentials,
        }

    def credentials(self, sandbox: Sandbox, prefix: str) -> Json:
        """Return what an agent needs to connect to a sandbox below a surface root."""
        simulator = self._registry.on_surface(sandbox.surface)
        found = simulator.credentials(sandbox, self._root + prefix, self._is_strict)
        if not self._is_strict:
            host = urlsplit(self._root).hostname or ""
            found.update(simulator.port_credentials(host, self._ports.get(sandbox.id)))
            found.update(self._wire_credentials(sandbox, self._root))
        return found

    def urls(self, task_run: TaskRun) -> dict[str, str]:
        """Return the capability URLs of a started task run (extended mode): one a surface, for tools, and to wait."""
        root = self._root + capability_path(self._capability_of(task_run))
        names = [*(sandbox.surface for sandbox in task_run.sandboxes), TOOLS]
        found = {name: f"{root}/{name}" for name in names}
        return {**found, waiting.NAME: f"{root}/{waiting.PATH}"} if task_run.task.may_advance_clock else found

    def task_run_endpoints(self, task_run: TaskRun) -> dict[str, str]:
        """Return the task-scoped URLs (extended mode)."""
        return self.endpoints(task_run.sandboxes, f"/v1/task-runs/{task_run.id}")

    def run_endpoints(self, run: BenchmarkRun) -> dict[str, str]:
        """Return the run-scoped URLs."""
        return self.endpoints(run.task_runs[0].sandboxes, f"/v1/benchmark-runs/{run.id}")

    def run_sandboxes(self, run: BenchmarkRun) -> list[Json]:
        """Return the sandboxes of all task runs."""
        return [self.sandbox(s, t, is_over=t.is_over) for t in run.task_runs for s in t.sandboxes]

    def figures(self, run: BenchmarkRun) -> Json:
        """Return a run in numbers, null as long as it has no score."""
        if run.score is None:
            return None
        ended = [(t.task.key, t.verdict, t.score, t.axes) for t in run.task_runs]
        return figures_of_run(run.benchmark.definition, ended, self._library.baselines_of(run.benchmark))

    def _baseline(self, run: BenchmarkRun, task_run: TaskRun) -> Json:
        entry = self._library.baselines_of(run.benchmark).get(task_run.task.key)
        return None if entry is None else {agent: entry.get(agent) for agent in (baselines.IDLE, baselines.NONSENSE)}

    # -- the public v1 API -------------------------------------------------------------------------

    def created_run(self, run: BenchmarkRun, token: str) -> Json:
        """Return the answer of `POST /v1/benchmark-runs`."""
        definition = run.benchmark.definition
        return {
            "benchmark_run_id": run.id,
            "benchmark": {"slug": definition.slug, "version": str(definition.version), "name": definition.name},
            "scored": run.is_scored,
            "phase": run.phase,
            "bearer_token": token,
            "bearer_token_expires_at": format_instant(run.token_expires_at),
            "endpoints": self.run_endpoints(run),
            "sandboxes": self.run_sandboxes(run),
            "task_runs": [self._created_task_run(t) for t in run.task_runs],
            "status": run.status,
            "agent": run.agent,
            "seed": run.seed,
            "mess": run.benchmark.mess_level,
            "created_at": format_instant(run.created_at),
        }

    def _created_task_run(self, task_run: TaskRun) -> Json:
        value: dict[str, Json] = {
            "id": task_run.id,
            "task_id": task_run.task_id,
            "key": task_run.task.key,
            "name": task_run.task.name,
            "phase": task_run.phase,
            "playground_id": task_run.playground_id,
            "start_url": f"/v1/task-runs/{task_run.id}/start",
            "complete_url": complete_url(task_run),
        }
        if not self._is_strict:
            value["endpoints"] = self.task_run_endpoints(task_run)
        return value

    def public_run(self, run: BenchmarkRun) -> Json:
        """Return the answer of `GET /v1/benchmark-runs/{id}`."""
        definition = run.benchmark.definition
        return {
            "benchmark_run_id": run.id,
            "benchmark": {"slug": definition.slug, "version": str(definition.version), "name": definition.name},
            "scored": run.is_scored,
            "phase": run.phase,
            "status": run.status,
            "verdict": run.verdict,
            "score": wire_score(run.score),
            "agent": run.agent,
            "started_at": _at(run.started_at),
            "completed_at": _at(run.completed_at),
            "bearer_token_expires_at": format_instant(run.token_expires_at),
            "endpoints": self.run_endpoints(run),
            "sandboxes": self.run_sandboxes(run),
            "task_runs": [self._public_task_run(run, t) for t in run.task_runs],
            "figures": self.figures(run),
        }

    def _public_task_run(self, run: BenchmarkRun, task_run: TaskRun) -> Json:
        value = self._created_task_run(task_run)
        value.update(
            tags=list(task_run.task.tags),
            baseline=self._baseline(run, task_run),
            status=task_run.status,
            verdict=task_run.verdict,
            score=wire_score(task_run.score),
            failed_required=list(task_run.failed_required),
            started_at=_at(task_run.started_at),
            timeout_at=_at(task_run.timeout_at),
            completed_at=_at(task_run.completed_at),
        )
        if not self._is_strict:
            value["urls"] = self.urls(task_run) if task_run.phase is Phase.STARTED else None
        return value

    def started(self, run: BenchmarkRun, task_run: TaskRun) -> Json:
        """Return the answer of `POST /v1/task-runs/{id}/start`."""
        endpoints = self.run_endpoints(run) if self._is_strict else self.task_run_endpoints(task_run)
        assertions = [criterion.assertion for criterion in task_run.task.criteria]
        value: dict[str, Json] = {
            "task_run_id": task_run.id,
            "benchmark_run_id": run.id,
            "task_id": task_run.task_id,
            "key": task_run.task.key,
            "name": task_run.task.name,
            "phase": task_run.phase,
            "status": task_run.status,
            "started_at": _at(task_run.started_at),
            "timeout_at": _at(task_run.timeout_at),
            "task_item": announce(task_run.task.task_item, assertions, complete_url(task_run)),
            "endpoints": endpoints,
            "sandboxes": [self.sandbox(s, task_run, is_over=task_run.is_over) for s in task_run.sandboxes],
        }
        if not self._is_strict:
            may_wait = task_run.task.may_advance_clock
            where = f"/v1/task-runs/{task_run.id}/{waiting.PATH}" if may_wait else None
            value.update(urls=self.urls(task_run), waiting={"allowed": may_wait, "advance_url": where})
        return value

    def completed(self, run: BenchmarkRun, task_run: TaskRun, criterion_runs: Sequence[CriterionRun]) -> Json:
        """Return the answer of `POST /v1/task-runs/{id}/complete`."""
        return {
            "task_run_id": task_run.id,
            "benchmark_run_id": run.id,
            "phase": task_run.phase,
            "status": task_run.status,
            "verdict": task_run.verdict,
            "score": wire_score(task_run.score),
            "axes": _axes(task_run),
            "failed_required": list(task_run.failed_required),
            "checks": [_check(c, is_scored=run.is_scored) for c in criterion_runs],
            "started_at": _at(task_run.started_at),
            "completed_at": _at(task_run.completed_at),
        }

    # -- the internal API --------------------------------------------------------------------------

    def internal_run(self, run: BenchmarkRun) -> Json:
        """Return a benchmark run as the internal API shows it."""
        definition = run.benchmark.definition
        return {
            "id": run.id,
            "benchmark_id": definition.id,
            "benchmark": {"slug": definition.slug, "version": str(definition.version), "name": definition.name},
            "organization_id": run.organization_id,
            "solver_id": run.solver_id,
            "status": run.status,
            "phase": run.phase,
            "scored": run.is_scored,
            "verdict": run.verdict,
            "score": wire_score(run.score),
            "figures": self.figures(run),
            "agent": run.agent,
            "seed": run.seed,
            "mess": run.benchmark.mess_level,
            "definition_hash": run.benchmark.hash,
            "started_at": _at(run.started_at),
            "completed_at": _at(run.completed_at),
            "published_at": _at(run.published_at),
            "created_at": format_instant(run.created_at),
            "updated_at": format_instant(run.updated_at),
        }

    def internal_task_run(self, run: BenchmarkRun, task_run: TaskRun) -> Json:
        """Return a task run as the internal API shows it."""
        return {
            "id": task_run.id,
            "benchmark_run_id": run.id,
            "task_id": task_run.task_id,
            "key": task_run.task.key,
            "name": task_run.task.name,
            "playground_id": task_run.playground_id,
            "status": task_run.status,
            "phase": task_run.phase,
            "verdict": task_run.verdict,
            "score": wire_score(task_run.score),
            "axes": _axes(task_run),
            "failed_required": list(task_run.failed_required),
            "tags": list(task_run.task.tags),
            "baseline": self._baseline(run, task_run),
            "output": task_run.output,
            "notes": task_run.notes,
            "started_at": _at(task_run.started_at),
            "timeout_at": _at(task_run.timeout_at),
            "completed_at": _at(task_run.completed_at),
            "created_at": format_instant(task_run.created_at),
        }


def complete_url(task_run: TaskRun) -> str:
    """Return where a task run is completed, root-relative."""
    return f"/v1/task-runs/{task_run.id}/complete"


def snapshot(run: BenchmarkRun, task_run: TaskRun) -> Json:
    """Return the frozen copy of a task that its run uses."""
    definition = run.benchmark.definition
    value = task_run.task.model_dump(mode="json", by_alias=True)
    value["id"] = task_run.task_id
    value["benchmark_id"] = definition.id
    value["timeout"] = definition.timeout_of(task_run.task)
    for position, criterion in enumerate(value["criteria"]):
        criterion["id"] = definition.criterion_id(task_run.task, position)
    return value


def criterion_run(c: CriterionRun) -> Json:
    """Return a criterion run with all of its evidence."""
    return {
        "id": c.id,
        "task_run_id": c.task_run_id,
        "criterion_id": c.criterion_id,
        "label": c.label,
        "axis": c.axis,
        "weight": c.weight,
        "required": c.required,
        "passed": c.passed,
        "score": wire_score(c.score),
        "details": c.details,
        "evidence": c.evidence,
        "started_at": format_instant(c.started_at),
        "completed_at": format_instant(c.completed_at),
        "superseded_at": _at(c.superseded_at),
    }


def _check(c: CriterionRun, *, is_scored: bool) -> Json:
    value = {
        "criterion_run_id": c.id,
        "criterion_id": c.criterion_id,
        "label": c.label,
        "axis": c.axis,
        "weight": c.weight,
        "required": c.required,
        "passed": c.passed,
        "score": wire_score(c.score),
    }
    if not is_scored:
        value["details"] = c.details
        value["evidence"] = c.evidence
    return value


def _axes(task_run: TaskRun) -> Json:
    if task_run.axes is None:
        return None if task_run.status is not Status.TIMED_OUT else {}
    return {name: {**axis, "score": wire_score(axis["score"])} for name, axis in task_run.axes.items()}


def _at(moment: datetime | None) -> str | None:
    return format_instant(moment) if moment is not None else None
