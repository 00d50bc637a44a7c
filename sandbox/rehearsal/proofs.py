"""What proves a benchmark: its agents, and how each of them must fare on every task.

The one home of these rules: `sandbox prove` and the suite's own proofs of the built-in benchmarks
ask here. A rule looks at results alone, so it knows no server. A superseded version is held to what
was asked when it was written: that an idle agent passes nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.client.client import SandboxClient
from sandbox.errors import Invalid
from sandbox.rehearsal.agents import REFERENCE_FILES, Agent, IdleAgent, find_reference, load_reference
from sandbox.rehearsal.runner import Observer, Options, RunResult, TaskResult, rehearse_once

FULL_SCORE: Final = 1.0
IDLE_MAX: Final = 0.05
NONSENSE_MAX: Final = 0.3
NONSENSE: Final = "nonsense"


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


def _earns_at_most(limit: float) -> Callable[[TaskResult], str | None]:
    def find_fault(task: TaskResult) -> str | None:
        if task.is_pass or (task.score or 0.0) > limit:
            held = [check.label for check in task.checks if check.score > 0]
            return f"earned {task.score}, more than {limit:g}, with: {'; '.join(held) or 'no criterion'}"
        return None

    return find_fault


def _failed(task: TaskResult) -> str:
    labels = [check.label for check in task.checks if not check.passed]
    return f"failed: {'; '.join(labels)}" if labels else "no criterion failed"


_ALWAYS: Final = (
    Rule("solution", "scores 1.0 in every task", _scores_in_full),
    Rule("alternative", "scores 1.0 in every task", _scores_in_full, is_optional=True),
    Rule("near-miss", "passes no task", _errs_without_passing),
)
RULES: Final = (
    *_ALWAYS,
    Rule(IdleAgent.name, f"earns at most {IDLE_MAX:g} in a task", _earns_at_most(IDLE_MAX)),
    Rule(NONSENSE, f"earns at most {NONSENSE_MAX:g} in a task", _earns_at_most(NONSENSE_MAX)),
)
SUPERSEDED_RULES: Final = (*_ALWAYS, Rule(IdleAgent.name, "passes no task", _does_not_pass))


def rules_of(*, is_superseded: bool) -> tuple[Rule, ...]:
    """Return the rules for a version: the newest of its benchmark, or one that is superseded."""
    return SUPERSEDED_RULES if is_superseded else RULES


async def prove(
    client: SandboxClient,
    reference: str,
    rule: Rule,
    roots: Sequence[Path],
    options: Options,
    observer: Observer,
    make_nonsense: Callable[[], Awaitable[Agent]] | None = None,
) -> Proof:
    """Let one rule's agent work through a benchmark, `slug@version`, and judge how it fared.

    `make_nonsense` returns the nonsense agent, or raises `Invalid` where there is none; without it there is none.
    Raises `Invalid` for an agent that cannot be loaded, `ClientError` where the server fails.
    """
    if rule.agent == NONSENSE:
        agent, missing = None, "there is no recording of the solution to make nonsense of"
        try:
            agent = None if make_nonsense is None else await make_nonsense()
        except Invalid as error:
            missing = error.message
    else:
        agent = _find_agent(rule, reference, roots)
        missing = f"there is no {REFERENCE_FILES.get(rule.agent)} beside the benchmark"
    if agent is None:
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
