"""`llm-task` (extension): the LLM task runs of a task run, read from its `llm_task_run` events."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import Field

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation
from sandbox.jsonio import Json
from sandbox.llm_tasks.inputs.placeholders import as_text
from sandbox.llm_tasks.tasks.fields import is_uuid
from sandbox.paths import parse_path
from sandbox.scoring.compare import equal, read_path
from sandbox.scoring.matching import event_json, is_agents
from sandbox.simulators.base import Candidate, Check, Condition, Selection, Subject, View
from sandbox.simulators.vocabulary import Finding, Surroundings
from sandbox.suggest import did_you_mean

_SHOWN_MAX = 50
RUN_FIELDS: Final = frozenset(
    "task_id task_revision_id response run_data files id created is_error llm_retries used_fallback_model "
    "primary_failure_reason fallback_llm_model_id input_tokens output_tokens total_tokens input_processor_timing "
    "llm_call_timing mcp_tool_timing rag_retrieval_timing rag_query_rewrite_input_tokens "
    "rag_query_rewrite_output_tokens rag_query_rewrite_total_tokens charged_credits input_processor_charged_credits "
    "model_name task_name output_modality user_id reporting_group_id reporting_group reference context_id "
    "event_trigger_id input".split()
)
"""What a run has at the top: the TaskRun of the task API, and its `input`."""


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
        if event.type != "llm_task_run" or not is_agents(event):
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


def inspect(assertion: LlmTaskAssertion, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield a task that the benchmark does not have, and paths that no run of it has."""
    tasks = surroundings.llm_tasks
    formats: list[Json] = list(tasks.values())
    if assertion.task is not None:
        name = next((name for name in tasks if name.lower() == assertion.task.lower()), None)
        if name is None and not is_uuid(assertion.task):
            yield ("task",), f'the benchmark has no LLM task "{assertion.task}"{did_you_mean(assertion.task, tasks)}'
            return
        formats = [tasks[name]] if name is not None else []
    paths: list[tuple[tuple[str | int, ...], str]] = []
    paths += [(("fields", i), expectation.path) for i, expectation in enumerate(assertion.fields)]
    paths += [(("where", path), path) for path in assertion.where]
    for keys, path in paths:
        problem = _path_problem(path, formats)
        if problem is not None:
            yield keys, f"{path}: {problem}"


def _path_problem(path: str, formats: list[Json]) -> str | None:
    names = [segment.name for segment in parse_path(path)]
    if names[0] not in RUN_FIELDS:
        return f'a run has no "{names[0]}"{did_you_mean(names[0], RUN_FIELDS)}'
    if names[0] != "response" or len(names) == 1 or names[1] == "error":
        return None
    problems = [_response_problem(shape, names[1:]) for shape in formats if isinstance(shape, dict)]
    return problems[0] if problems and None not in problems else None


def _response_problem(shape: Json, names: list[str]) -> str | None:
    """Look a path up in an output format, as far as that names what it nests."""
    for name in names:
        if not isinstance(shape, dict):
            return None
        if name not in shape:
            return f'the output format has no "{name}"{did_you_mean(name, shape)}'
        shape = shape[name].get("nested_structure") if isinstance(shape[name], dict) else None
    return None


LLM_TASK = Check(
    "llm-task",
    LlmTaskAssertion,
    select_runs,
    matched_key="matched_runs",
    is_upstream=False,
    picks="best",
    inspect=inspect,
)
