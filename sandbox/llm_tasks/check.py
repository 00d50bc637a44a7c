"""`llm-task` (extension): the LLM task runs of a task run, read from its `llm_task_run` events."""

from typing import Any

from pydantic import Field

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation
from sandbox.jsonio import Json
from sandbox.llm_tasks.prompts import as_text
from sandbox.scoring.compare import equal, read_path
from sandbox.scoring.matching import event_json
from sandbox.simulators.base import Candidate, Check, Condition, Selection, Subject, View

_SHOWN_MAX = 50


class LlmTaskAssertion(Assertion):
    """Runs of a task, by name or id, and what must be in them."""

    task: str | None = None
    where: dict[str, Any] = Field(default_factory=dict)
    fields: list[FieldExpectation] = Field(default_factory=list)
    contains: list[str] = Field(default_factory=list)
    count: CountRange | None = None
    absent: bool = False


def select_runs(assertion: LlmTaskAssertion, view: View) -> Selection:
    """Select the runs, in order. A run reads as its TaskRun with `input`, what the task was given."""
    subjects, evidence, passed_over = [], [], []
    for event in view.events:
        if event.type != "llm_task_run":
            continue
        shown = event_json(event)
        run, asked = shown["response"]["body"], shown["request"]["body"]
        if not isinstance(run, dict):
            continue
        value = {**run, "input": asked.get("task_input") if isinstance(asked, dict) else None}
        label = f"{run.get('task_name')} (event {event.seq})"
        conditions = _conditions(assertion, value)
        if not all(condition.passed for condition in conditions):
            passed_over.append(Candidate(label, conditions))
            continue
        subjects.append(Subject(label, value, text=_text(run.get("response"))))
        evidence.append(
            {"id": event.id, "seq": event.seq, "task": run.get("task_name"), "is_error": run.get("is_error")}
        )
    sought = f"run of the task {assertion.task}" if assertion.task else "run of an LLM task"
    return Selection(
        sought,
        tuple(subjects),
        {"matched_runs": evidence[:_SHOWN_MAX]},
        kind="run of an LLM task",
        candidates=lambda: reversed(passed_over),
    )


def _conditions(assertion: LlmTaskAssertion, run: dict[str, Json]) -> tuple[Condition, ...]:
    found = []
    if assertion.task is not None:
        is_meant = assertion.task.lower() in (str(run.get("task_name")).lower(), run.get("task_id"))
        found.append(Condition("task", assertion.task, run.get("task_name"), is_meant))
    for path, wanted in assertion.where.items():
        values = read_path(run, path)
        is_equal = any(equal(wanted, actual) for actual in values or [None])
        found.append(Condition(path, wanted, values[0] if len(values) == 1 else (values or None), is_equal))
    return tuple(found)


def _text(response: Json) -> str:
    return as_text(response)


LLM_TASK = Check("llm-task", LlmTaskAssertion, select_runs, matched_key="matched_runs", is_upstream=False, picks="best")
