"""The TaskRun, what is kept of a run: its JSON, its files, its rows."""

from typing import Final

from sandbox import ids, jsonio
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.media import CONTENT_TYPES
from sandbox.llm_tasks.input_processors import Processed
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.run.attempts import Outcome
from sandbox.llm_tasks.run.request import RunRequest
from sandbox.llm_tasks.tasks.entities import Revision, Task
from sandbox.record.contents import INSERT_BLOB
from sandbox.record.prune import LLM_RUN_OWNER
from sandbox.record.writer import Statement

OWNER: Final = LLM_RUN_OWNER  # of a stored run, and not shown: upstream has no such field


def generated_file(task: Task, outcome: Outcome) -> RunFile | None:
    """Return the file that a run generated, None when it did not."""
    if outcome.error is not None or task.output_modality not in CONTENT_TYPES:
        return None
    content_type, extension = CONTENT_TYPES[task.output_modality]
    name = f"{ids.new_uuid()}.{extension}"
    return RunFile(name, name, content_type, outcome.value)


def body_of(
    task: Task,
    revision: Revision,
    request: RunRequest,
    processed: Processed,
    outcome: Outcome,
    files: list[RunFile],
    created: str,
) -> dict[str, Json]:
    """Return the documented TaskRun, without download URLs."""
    run_data: dict[str, Json] = {
        "submitted": processed.values,
        **{f"{name}_preprocessed": value for name, value in processed.before.items()},
        "files": [file.stored_filename for file in files],
        **({"input_processors": processed.notes} if processed.notes else {}),
        "engine": outcome.model.engine.name,
        **outcome.notes,
    }
    group = request.group
    return {
        "task_id": task.id,
        "task_revision_id": revision.id,
        "response": _response(task, outcome, files),
        "run_data": run_data,
        "files": [
            {
                "original_filename": file.original_filename,
                "stored_filename": file.stored_filename,
                "content_type": file.content_type,
                "size_bytes": len(file.content),
            }
            for file in files
        ],
        "id": ids.new_uuid(),
        "created": created,
        "is_error": outcome.error is not None,
        "llm_retries": outcome.retries,
        "used_fallback_model": outcome.used_fallback,
        "primary_failure_reason": outcome.primary_failure,
        "fallback_llm_model_id": outcome.model.id if outcome.used_fallback else None,
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "total_tokens": outcome.input_tokens + outcome.output_tokens,
        "input_processor_timing": None,
        "llm_call_timing": round(outcome.duration_s, 6),
        "mcp_tool_timing": None,
        "rag_retrieval_timing": None,
        "rag_query_rewrite_input_tokens": None,
        "rag_query_rewrite_output_tokens": None,
        "rag_query_rewrite_total_tokens": None,
        "charged_credits": "0.00",
        "input_processor_charged_credits": "0.00" if revision.values["input_processors"] else None,
        "model_name": outcome.model.name,
        "task_name": task.name,
        "output_modality": task.output_modality,
        "user_id": request.user_id,
        "reporting_group_id": group.id if group else None,
        "reporting_group": {"id": group.id, "name": group.name} if group else None,
        "reference": request.reference,
        "context_id": request.context_id,
        "event_trigger_id": None,
    }


def _response(task: Task, outcome: Outcome, files: list[RunFile]) -> Json:
    if outcome.error is not None:
        return {"error": {"type": outcome.error.kind, "message": outcome.error.message}}
    if task.output_modality in CONTENT_TYPES:
        file = files[-1]
        return {f"{task.output_modality}_name": file.stored_filename, "content_type": file.content_type}
    return outcome.value


def statements_of(
    task: Task, revision: Revision, body: dict[str, Json], files: list[RunFile], ordinal: int
) -> list[Statement]:
    """Return the inserts of a run, its files and their bytes."""
    statements: list[Statement] = [(INSERT_BLOB, (file.sha256, file.content)) for file in files]
    statements.append(
        (
            "INSERT INTO llm_runs (id, project_id, task_id, task_revision_id, ordinal, is_error, is_test, "
            "reporting_group_id, input_tokens, output_tokens, llm_call_timing, charged_credits, body, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                body["id"],
                task.project_id,
                task.id,
                revision.id,
                ordinal,
                body["is_error"],
                revision.is_test,
                body["reporting_group_id"],
                body["input_tokens"],
                body["output_tokens"],
                body["llm_call_timing"],
                body["charged_credits"],
                jsonio.dump(body).decode(),
                body["created"],
            ),
        )
    )
    statements += [
        (
            "INSERT INTO llm_run_files (run_id, stored_filename, content_type, original_filename, sha256) "
            "VALUES (?, ?, ?, ?, ?)",
            (body["id"], file.stored_filename, file.content_type, file.original_filename, file.sha256),
        )
        for file in files
    ]
    return statements
