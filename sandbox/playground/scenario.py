"""The scenario of a task: what happens in its playground without the agent.

Steps run in order when the task run starts, one event each. A step with `after_s` is scheduled on
the playground's clock, a step with `when_event` waits for the agent. The steps that run at once are
first tried on a fork, so a scenario that fails leaves no trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.playground.events import Response, scenario_request
from sandbox.playground.playground import Interaction, NullRecorder, Outcome, Playground


@dataclass(frozen=True, slots=True)
class Step:
    """One step: an action and its arguments, and what it waits for."""

    action: str
    args: Json
    after_s: float = 0
    when_event: str | None = None
    when_match: Json = None


class StepFailed(Exception):
    """A step that could not be run; `position` counts from 0."""

    def __init__(self, position: int, step: Step, reason: str) -> None:
        super().__init__(f"Scenario step {position + 1} ({step.action}) failed: {reason}")
        self.position = position
        self.step = step


def run_scenario(playground: Playground, clock_start: datetime | None, steps: Sequence[Step]) -> list[Outcome]:
    """Start the playground's clock and run the steps; return the outcomes, to await their commits.

    Raises `StepFailed`; the playground is then as it was before.
    """
    trial = replace(playground, branch=playground.branch.fork(), recorder=NullRecorder())
    _run(trial, clock_start, steps)
    return _run(playground, clock_start, steps)


def _run(playground: Playground, clock_start: datetime | None, steps: Sequence[Step]) -> list[Outcome]:
    outcomes = [playground.start_clock(clock_start)]
    for position, step in enumerate(steps):
        try:
            outcomes.append(_run_step(playground, step))
        except SandboxError as error:
            raise StepFailed(position, step, error.message) from error
        except Exception as error:
            raise StepFailed(position, step, f"{type(error).__name__}: {error}") from error
    return outcomes


def _run_step(playground: Playground, step: Step) -> Outcome:
    def handle(tx: Interaction) -> Response:
        if step.when_event is not None:
            tx.wait_for(step.when_event, step.when_match, step.action, step.args, after_s=step.after_s)
            status = "waiting"
        elif step.after_s > 0:
            tx.schedule(step.action, step.args, after_s=step.after_s)
            status = "scheduled"
        else:
            playground.action(step.action)(tx, step.args)
            status = "done"
        return Response.of_json({"action": step.action, "status": status})

    body = jsonio.dump({"action": step.action, **(step.args if isinstance(step.args, dict) else {})})
    return playground.interact("scenario_step", handle, request=scenario_request(step.action, body), actor="scenario")
