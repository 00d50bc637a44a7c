"""Runs to rows: the statements that store each transition."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sandbox import jsonio
from sandbox.clock import format_instant
from sandbox.keys import fingerprint
from sandbox.playground.playground import Sandbox
from sandbox.record.writer import Statement
from sandbox.runs.models import BenchmarkRun, CriterionRun, Fork, TaskRun

DERIVED: Final = "derived_from"


def _at(moment: datetime | None) -> str | None:
    return format_instant(moment) if moment is not None else None


def insert_run(run: BenchmarkRun, key: bytes) -> Iterable[Statement]:
    """Yield the inserts of a new run with its task runs, playgrounds and sandboxes.

    The secrets of sandboxes are derived from the key, and only which one that is, is stored.
    """
    definition = run.benchmark.definition
    created = format_instant(run.created_at)
    yield (
        "INSERT OR IGNORE INTO definitions (hash, body) VALUES (?, ?)",
        (run.benchmark.hash, run.benchmark.frozen.decode()),
    )
    yield (
        "INSERT INTO benchmark_runs (id, organization_id, solver_id, benchmark_id, slug, version, definition_hash, "
        "scored, agent, seed, phase, status, token_hash, token_expires_at, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run.id,
            run.organization_id,
            run.solver_id,
            definition.id,
            definition.slug,
            definition.version,
            run.benchmark.hash,
            run.is_scored,
            run.agent,
            run.seed,
            run.phase,
            run.status,
            run.token_hash,
            format_instant(run.token_expires_at),
            created,
            created,
        ),
    )
    for t in run.task_runs:
        yield (
            "INSERT INTO task_runs (id, benchmark_run_id, task_id, key, position, playground_id, phase, status, "
            "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (t.id, run.id, t.task_id, t.task.key, t.position, t.playground_id, t.phase, t.status, created),
        )
    for t in run.task_runs:
        yield (
            "INSERT INTO playgrounds (id, organization_id, benchmark_run_id, task_run_id, environment_id, key, "
            "definition_hash, seed, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                t.playground_id,
                run.organization_id,
                run.id,
                t.id,
                definition.environment_id,
                t.task.key,
                run.benchmark.hash,
                run.seed,
                "active",
                created,
                created,
            ),
        )
    for t in run.task_runs:
        yield from _insert_sandboxes(t.playground_id, t.sandboxes, run.organization_id, created, key)


def insert_fork(fork: Fork, key: bytes) -> Iterable[Statement]:
    """Yield the inserts of a new fork with its sandboxes, whose secrets are derived as those of a run's are."""
    created = format_instant(fork.created_at)
    yield (
        "INSERT INTO playgrounds (id, organization_id, benchmark_run_id, environment_id, key, definition_hash, seed, "
        "status, created_at, updated_at, parent_id, parent_seq, lag_s, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fork.id,
            fork.organization_id,
            fork.benchmark_run_id,
            fork.environment_id,
            fork.key,
            fork.definition_hash,
            fork.seed,
            "active",
            created,
            created,
            fork.parent_id,
            fork.parent_seq,
            fork.lag_s,
            format_instant(fork.expires_at),
        ),
    )
    yield from _insert_sandboxes(fork.id, fork.sandboxes, fork.organization_id, created, key)


def _insert_sandboxes(
    playground_id: str, sandboxes: Iterable[Sandbox], organization_id: str, created: str, key: bytes
) -> Iterable[Statement]:
    for position, s in enumerate(sandboxes):
        yield (
            "INSERT INTO sandboxes (id, organization_id, playground_id, simulator_id, position, type, name, "
            "surface, config, secrets, dataset, status, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                s.id,
                organization_id,
                playground_id,
                s.simulator_id,
                position,
                s.type,
                s.name,
                s.surface,
                jsonio.dump(s.config).decode(),
                jsonio.dump({DERIVED: fingerprint(key)}).decode(),
                s.dataset,
                "active",
                created,
                created,
            ),
        )


def insert_snapshot(snapshot_id: str, playground_id: str, seq: int, at: datetime) -> Statement:
    """Return the insert of a snapshot."""
    return (
        "INSERT INTO snapshots (id, playground_id, seq, created_at) VALUES (?, ?, ?, ?)",
        (snapshot_id, playground_id, seq, format_instant(at)),
    )


def update_run(run: BenchmarkRun) -> Statement:
    """Return the update that stores a run's present state."""
    return (
        "UPDATE benchmark_runs SET phase = ?, status = ?, verdict = ?, score = ?, started_at = ?, completed_at = ?, "
        "published_at = ?, updated_at = ? WHERE id = ?",
        (
            run.phase,
            run.status,
            run.verdict,
            run.score,
            _at(run.started_at),
            _at(run.completed_at),
            _at(run.published_at),
            format_instant(run.updated_at),
            run.id,
        ),
    )


def update_task_run(task_run: TaskRun) -> Statement:
    """Return the update that stores a task run's present state."""
    return (
        "UPDATE task_runs SET phase = ?, status = ?, verdict = ?, score = ?, axes = ?, failed_required = ?, "
        "output = ?, notes = ?, started_at = ?, timeout_at = ?, completed_at = ? WHERE id = ?",
        (
            task_run.phase,
            task_run.status,
            task_run.verdict,
            task_run.score,
            _json(task_run.axes),
            _json(list(task_run.failed_required)),
            _json(task_run.output),
            task_run.notes,
            _at(task_run.started_at),
            _at(task_run.timeout_at),
            _at(task_run.completed_at),
            task_run.id,
        ),
    )


def _json(value: jsonio.Json) -> str | None:
    return jsonio.dump(value).decode() if value is not None else None


def update_baseline(task_run: TaskRun) -> Statement:
    """Return the update that remembers where the agent's part of the events begins."""
    return (
        "UPDATE playgrounds SET baseline_seq = ? WHERE id = ?",
        (task_run.baseline_seq, task_run.playground_id),
    )


def tear_down(playground_ids: Iterable[str], at: datetime) -> Iterable[Statement]:
    """Yield the updates that mark playgrounds and their sandboxes as torn down, and count the events."""
    for playground_id in playground_ids:
        yield (
            "UPDATE playgrounds SET end_seq = (SELECT COALESCE(MAX(seq), 0) FROM events WHERE playground_id = ?) "
            "WHERE id = ?",
            (playground_id, playground_id),
        )
        for table, column in (("playgrounds", "id"), ("sandboxes", "playground_id")):
            yield (
                f"UPDATE {table} SET status = 'teardown', updated_at = ? WHERE {column} = ?",
                (format_instant(at), playground_id),
            )


def insert_criterion_runs(criterion_runs: Iterable[CriterionRun]) -> Iterable[Statement]:
    """Yield the inserts of criterion runs, in their order."""
    for position, c in enumerate(criterion_runs):
        yield (
            "INSERT INTO criterion_runs (id, task_run_id, criterion_id, label, axis, weight, required, passed, score, "
            "details, evidence, position, started_at, completed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                c.id,
                c.task_run_id,
                c.criterion_id,
                c.label,
                c.axis,
                c.weight,
                c.required,
                c.passed,
                c.score,
                c.details,
                _json(c.evidence),
                position,
                format_instant(c.started_at),
                format_instant(c.completed_at),
            ),
        )


def supersede_criterion_runs(task_run_id: str, at: datetime) -> Statement:
    """Return the update that retires a task run's criterion runs when it is scored again."""
    return (
        "UPDATE criterion_runs SET superseded_at = ? WHERE task_run_id = ? AND superseded_at IS NULL",
        (format_instant(at), task_run_id),
    )
