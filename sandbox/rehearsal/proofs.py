"""What proves a benchmark: four agents, and how each of them must fare on every task.

The one home of these rules: `sandbox prove` and the suite's own proofs of the built-in benchmarks
ask here. A rule looks at results alone, so it knows no server.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.client.client import SandboxClient
from sandbox.rehearsal.agents import REFERENCE_FILES, Agent, IdleAgent, find_reference, load_reference
from sandbox.rehearsal.runner import Observer, Options, RunResult, TaskResult, rehearse_once

FULL_SCORE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """How one agent must fare. `demand` is for people; `find_fault` says how a task breaks it."""

    agent: str
    demand: str
    find_fault: Callable[[TaskResult], str | None]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of one rule: `result` is None where the benchmark has no such agent."""

    rule: Rule
    result: RunResult | None
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the agent fared as it must, or may be missing and is."""
        return not self.faults


def _scores_in_full(task: TaskResult) -> str | None:
    if task.failure is not None:
        return f"the agent failed: {task.failure}"
    if task.score == FULL_SCORE and task.is_pass:
        return None
    return f"scored {task.score}, with {_failed(task)}"


def _does_not_pass(task: TaskResult) -> str | None:
    if task.is_pass:
        return f"passed with {task.score}"
    # Where nothing fails the verdict came from weights alone: criteria that cost nothing to break.
    return None if any(not check.passed for check in task.checks) else "passed every criterion"


def _errs_without_passing(task: TaskResult) -> str | None:
    if task.failure is not None:
        return f"the agent failed, which is no near miss: {task.failure}"
    return _does_not_pass(task)


def _failed(task: TaskResult) -> str:
    labels = [check.label for check in task.checks if not check.passed]
    return f"failed: {'; '.join(labels)}" if labels else "no criterion failed"


RULES: Final = (
    Rule("solution", "scores 1.0 in every task", _scores_in_full),
    Rule("alternative", "scores 1.0 in every task", _scores_in_full, is_optional=True),
    Rule("near-miss", "passes no task", _errs_without_passing),
    Rule(IdleAgent.name, "passes no task", _does_not_pass),
)


async def prove(
    client: SandboxClient, reference: str, rule: Rule, roots: Sequence[Path], options: Options, observer: Observer
) -> Proof:
    """Let one rule's agent work through a benchmark, `slug@version`, and judge how it fared.

    Raises `Invalid` for an agent that cannot be loaded, `ClientError` where the server fails.
    """
    agent = _find_agent(rule, reference, roots)
    if agent is None:
        missing = f"there is no {REFERENCE_FILES[rule.agent]} beside the benchmark"
        return Proof(rule, None, () if rule.is_optional else (missing,))
    result = await rehearse_once(client, reference, agent, options, observer)
    return Proof(rule, result, find_faults(rule, result))


def find_faults(rule: Rule, result: RunResult) -> tuple[str, ...]:
    """Return what breaks the rule, one sentence for each task that does."""
    found = [(task.key, rule.find_fault(task)) for task in result.task_runs]
    return tuple(f"{key}: {fault}" for key, fault in found if fault is not None)


def _find_agent(rule: Rule, reference: str, roots: Sequence[Path]) -> Agent | None:
    if rule.agent == IdleAgent.name:
        return IdleAgent()
    slug, _, version = reference.partition("@")
    file = find_reference(tuple(roots), slug, version, rule.agent)
    return None if file is None else load_reference(rule.agent, file)
