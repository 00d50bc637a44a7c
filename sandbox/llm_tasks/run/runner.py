"""One run of a task: from the request to the stored TaskRun.

The run uses one revision from beginning to end. It is on disk, and its event in the playground with
it, before `run` returns.
"""

from dataclasses import dataclass

from sandbox.clock import Clock, format_micros, monotonic_s
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.base import Call, EngineFailure
from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.input_processors import Processed, ProcessorFailed, Processors
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.inputs.placeholders import substitute
from sandbox.llm_tasks.run.admission import check_run, model_of
from sandbox.llm_tasks.run.attempts import Answerer, Outcome
from sandbox.llm_tasks.run.event import record_event
from sandbox.llm_tasks.run.redaction import without_secrets
from sandbox.llm_tasks.run.request import RunRequest
from sandbox.llm_tasks.run.task_run import OWNER, body_of, generated_file, statements_of
from sandbox.llm_tasks.tasks.entities import Revision, Task
from sandbox.record.writer import Writer


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
            outcome = Outcome(
                model_of(revision, self._catalog), error=EngineFailure("input_processor_error", failure, retry=False)
            )
        generated = generated_file(task, outcome)
        all_files = [*request.files, generated] if generated is not None else list(request.files)
        body = body_of(task, revision, request, processed, outcome, all_files, created)
        body["input_processor_timing"] = round(processor_s, 8) if revision.values["input_processors"] else None
        body = without_secrets(body, request.secrets)
        await self._store(task, revision, request, body, all_files, ordinal)
        return FinishedRun(body, generated)

    def check(self, revision: Revision, request: RunRequest) -> None:
        """Refuse what cannot be run at all; raises as `check_run` does."""
        check_run(revision, request, self._catalog, self._processors)

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

    async def _ask(
        self, task: Task, revision: Revision, request: RunRequest, processed: Processed, ordinal: int
    ) -> Outcome:
        values = revision.values
        primary = model_of(revision, self._catalog)
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

    async def _store(
        self,
        task: Task,
        revision: Revision,
        request: RunRequest,
        body: dict[str, Json],
        files: list[RunFile],
        ordinal: int,
    ) -> None:
        started = request.started
        with_owner = {**body, OWNER: request.benchmark_run_id}
        rows = await self._writer.store_ahead(statements_of(task, revision, with_owner, files, ordinal))
        if started is None:
            await self._writer.write(rows)
            return
        async with started.playground.turns.mine():
            with self._writer.together():  # the event and the run, all or nothing
                record_event(started, task, request, body)
                stored = self._writer.write(rows)
        await stored
