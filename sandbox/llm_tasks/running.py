"""One run of a task: from the request to the stored TaskRun.

The run uses one revision from beginning to end. It is on disk, and its event in the playground with
it, before `run` returns.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from sandbox import ids, jsonio, limits
from sandbox.clock import Clock, format_micros, monotonic_s
from sandbox.errors import TooLarge
from sandbox.jsonio import Json
from sandbox.llm_tasks.answering import Answerer, Outcome
from sandbox.llm_tasks.documents import IMAGE_TYPES, sniff
from sandbox.llm_tasks.engines.base import Call, EngineFailure, InputFile
from sandbox.llm_tasks.engines.catalog import Catalog, LlmModel
from sandbox.llm_tasks.engines.media import CONTENT_TYPES
from sandbox.llm_tasks.entities import ReportingGroup, Revision, Task
from sandbox.llm_tasks.errors import RuleBroken, ValidationFailed
from sandbox.llm_tasks.input_processors import Processed, ProcessorFailed, Processors
from sandbox.llm_tasks.links import StartedTaskRun
from sandbox.llm_tasks.prompts import as_text, substitute
from sandbox.llm_tasks.redaction import without_secrets
from sandbox.media_types import read_media_type
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.record.encode import INSERT_BLOB
from sandbox.record.writer import Statement, Writer

_PDF: Final = frozenset({"application/pdf"})
_ACCEPTED: Final[Mapping[str, frozenset[str]]] = {
    "image": IMAGE_TYPES,
    "pdf": _PDF,
    "image_or_pdf": IMAGE_TYPES | _PDF,
}
# What a seeded task run's events leave out, as it is different every time.
_VARYING: Final = frozenset(
    "id created llm_call_timing input_processor_timing files run_data reference context_id".split()
)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run was asked for. `secrets` are texts that may not be kept, `user_id` who asked."""

    task_input: Mapping[str, Json]
    files: tuple[InputFile, ...]
    user_id: str
    reference: str | None = None
    context_id: str | None = None
    group: ReportingGroup | None = None
    use_fallback_model: bool = False
    started: StartedTaskRun | None = None
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of a run, sent in or generated."""

    stored_filename: str
    original_filename: str
    content_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The content's hash, under which it is stored."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A stored run: its JSON without download URLs, and the file it generated, if any."""

    body: dict[str, Json]
    generated: RunFile | None


class Runner:
    """Runs tasks."""

    def __init__(
        self, catalog: Catalog, processors: Processors, answerer: Answerer, writer: Writer, clock: Clock, seed: int
    ) -> None:
        self._catalog = catalog
        self._processors = processors
        self._answerer = answerer
        self._writer = writer
        self._clock = clock
        self._seed = seed

    async def run(self, task: Task, revision: Revision, request: RunRequest, ordinal: int) -> FinishedRun:
        """Run a revision that was checked and store the result.

        Whatever a model or processor does becomes an error run.
        """
        created = format_micros(self._clock.now())
        processed, processor_s, failure = await self._process(revision, request)
        if failure is None:
            outcome = await self._ask(task, revision, request, processed, ordinal)
        else:
            outcome = Outcome(self._model(revision), error=EngineFailure("input_processor_error", failure, retry=False))
        generated = _generated(task, outcome)
        files = [RunFile(f.stored_filename, f.original_filename, f.content_type, f.content) for f in request.files]
        all_files = [*files, generated] if generated is not None else files
        body = self._body(task, revision, request, processed, outcome, all_files, created)
        body["input_processor_timing"] = round(processor_s, 8) if revision.values["input_processors"] else None
        body = without_secrets(body, request.secrets)
        await self._store(task, revision, request, body, all_files, ordinal)
        return FinishedRun(body, generated)

    # -- before ----------------------------------------------------------------------------------

    def check(self, revision: Revision, request: RunRequest) -> None:
        """Refuse what cannot be run at all, before it counts as a run.

        Raises `ValidationFailed` for missing inputs or files, `TooLarge`, and `RuleBroken` for a model or
        fallback that is not there.
        """
        self._model(revision)
        if request.use_fallback_model and revision.values["fallback_llm_model_id"] is None:
            raise RuleBroken("NO_FALLBACK_MODEL", f"The revision {revision.id} has no fallback model.")
        from_files = self._processors.provides(revision.values["input_processors"])
        missing = [n for n in revision.input_params if n not in request.task_input and n not in from_files]
        if missing:
            raise ValidationFailed(
                [{"loc": ["body", "task_input", name], "msg": "Field required", "type": "missing"} for name in missing]
            )
        size = sum(len(as_text(value)) for value in request.task_input.values())
        if size > limits.LLM_TASK_INPUT_CHARS:
            raise TooLarge(f"task_input is longer than {limits.LLM_TASK_INPUT_CHARS} characters.")
        mode = revision.values["file_input_mode"]
        if mode == "none":
            return
        if not request.files:
            raise ValidationFailed.at(["body", "task_file"], f"This task needs a file ({mode}).", "missing")
        accepted = _ACCEPTED.get(mode)
        if accepted is not None:
            for file in request.files:
                if (sniff(file.content) or read_media_type(file.content_type).name) not in accepted:
                    wanted = ", ".join(sorted(accepted))
                    message = f"{file.original_filename} is {file.content_type}; this task takes {wanted}."
                    raise ValidationFailed.at(["body", "task_file"], message)

    async def _process(self, revision: Revision, request: RunRequest) -> tuple[Processed, float, str | None]:
        uses = revision.values["input_processors"]
        if not uses:
            return Processed(dict(request.task_input), {}, {}), 0.0, None
        began = monotonic_s()
        failure = None
        try:
            processed = await self._processors.run(uses, request.task_input, request.files)
        except ProcessorFailed as error:
            failure = str(error)
            before = {u["param_name"]: request.task_input.get(u["param_name"]) for u in uses}
            processed = Processed(dict(request.task_input), before, {})
        return processed, monotonic_s() - began, failure

    def _model(self, revision: Revision) -> LlmModel:
        model = self._catalog.get(revision.values["llm_model_id"])
        if model is None:
            raise RuleBroken("UNKNOWN_MODEL", f"The model {revision.values['llm_model_id']} is not configured here.")
        return model

    async def _ask(
        self, task: Task, revision: Revision, request: RunRequest, processed: Processed, ordinal: int
    ) -> Outcome:
        values = revision.values
        primary = self._model(revision)
        fallback_id = values["fallback_llm_model_id"]
        other = self._catalog.get(fallback_id) if fallback_id is not None else None
        fallback = (other, values["fallback_llm_config"] or {}) if other is not None else None
        call = Call(
            task.id,
            task.name,
            revision.id,
            primary.name,
            values["system_prompt"],
            substitute(values["user_prompt"], processed.values),
            {name: processed.values[name] for name in revision.input_params if name in processed.values},
            task.output_modality,
            revision.fields if task.output_modality == "json" else None,
            request.files,
            values["llm_config"],
            revision.answers,
            ordinal,
            seed=self._seed,
            fingerprint=revision.fingerprint,
        )
        return await self._answerer.answer(
            call, primary, fallback, skip_primary=request.use_fallback_model, secrets=request.secrets
        )

    # -- after -----------------------------------------------------------------------------------

    def _body(
        self,
        task: Task,
        revision: Revision,
        request: RunRequest,
        processed: Processed,
        outcome: Outcome,
        files: list[RunFile],
        created: str,
    ) -> dict[str, Json]:
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

    async def _store(
        self,
        task: Task,
        revision: Revision,
        request: RunRequest,
        body: dict[str, Json],
        files: list[RunFile],
        ordinal: int,
    ) -> None:
        recorded = self._record_event(task, request, body) if request.started is not None else None
        stored = self._writer.write(_statements(task, revision, body, files, ordinal))
        if recorded is not None:
            await recorded
        await stored

    def _record_event(self, task: Task, request: RunRequest, body: dict[str, Json]) -> Any:
        """Make the run an event of the task run, unless that ended meanwhile. Raises `TooLarge`."""
        started = request.started
        assert started is not None
        playground = started.playground
        if playground.is_torn_down:
            return None
        asked = {
            "task": task.name,
            "task_input": body["run_data"]["submitted"],
            "files": [{"filename": f.original_filename, "content_type": f.content_type} for f in request.files],
        }
        shown = body
        if playground.random_seed is not None:
            shown = {name: value for name, value in body.items() if name not in _VARYING}
        call = Request(
            "POST", f"llm-tasks/{task.name}/run", body=jsonio.dump(asked), headers={"content-type": "application/json"}
        )

        def record(tx: Interaction) -> Response:
            return Response.of_json(shown)

        return playground.interact("llm_task_run", record, request=call).committed


def _response(task: Task, outcome: Outcome, files: list[RunFile]) -> Json:
    if outcome.error is not None:
        return {"error": {"type": outcome.error.kind, "message": outcome.error.message}}
    if task.output_modality in CONTENT_TYPES:
        file = files[-1]
        return {f"{task.output_modality}_name": file.stored_filename, "content_type": file.content_type}
    return outcome.value


def _generated(task: Task, outcome: Outcome) -> RunFile | None:
    if outcome.error is not None or task.output_modality not in CONTENT_TYPES:
        return None
    content_type, extension = CONTENT_TYPES[task.output_modality]
    name = f"{ids.new_uuid()}.{extension}"
    return RunFile(name, name, content_type, outcome.value)


def stored_name(original: str, content_type: str) -> str:
    """Return a random name that keeps the extension."""
    extension = PurePosixPath(original.replace("\\", "/")).suffix.lower()
    if not extension or len(extension) > 12 or not extension[1:].isalnum():
        extension = mimetypes.guess_extension(content_type) or ""
    return f"{ids.new_uuid()}{extension}"


def _statements(
    task: Task, revision: Revision, body: dict[str, Json], files: list[RunFile], ordinal: int
) -> list[Statement]:
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
