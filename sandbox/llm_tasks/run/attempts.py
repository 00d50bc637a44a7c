"""From a prompt to an answer that fits: attempts, retries, the fallback model.

An answer is checked against the output format before anybody sees it; what does not fit is asked for
again, up to `limits.LLM_RETRIES` times a model. Knows engines; must not know storage or HTTP.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sandbox import limits
from sandbox.clock import Clock, monotonic_s
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.base import Answer, Call, EngineFailure
from sandbox.llm_tasks.engines.catalog import LlmModel
from sandbox.llm_tasks.engines.media import CONTENT_TYPES
from sandbox.llm_tasks.engines.replay import Cassettes
from sandbox.llm_tasks.inputs.placeholders import as_text
from sandbox.llm_tasks.output_format.fit import problems_of
from sandbox.llm_tasks.run.embedded_json import find_json, without_fence, without_thoughts
from sandbox.llm_tasks.run.patience import Patience
from sandbox.llm_tasks.run.redaction import without_secrets
from sandbox.logs import get_logger

_PROBLEMS_SHOWN: Final = 5
_CHARS_ON_THE_LOOP: Final = 64 * limits.KIB

log = get_logger()


@dataclass(slots=True)
class Outcome:
    """How a run was answered. `value` is None for an error; then `error` says why."""

    model: LlmModel
    value: Json = None
    error: EngineFailure | None = None
    retries: int = 0
    used_fallback: bool = False
    primary_failure: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    duration_s: float = 0.0
    notes: dict[str, Json] = field(default_factory=dict)


class Answerer:
    """Asks models until an answer fits."""

    def __init__(self, cassettes: Cassettes, clock: Clock, *, is_recording: bool) -> None:
        self._cassettes = cassettes
        self._clock = clock
        self._is_recording = is_recording

    async def answer(
        self,
        call: Call,
        primary: LlmModel,
        fallback: tuple[LlmModel, Mapping[str, Any]] | None,
        *,
        skip_primary: bool = False,
        secrets: Sequence[str] = (),
    ) -> Outcome:
        """Ask the primary model and, when it fails, the fallback. Never raises for what a model did.

        `secrets` are left out of what is recorded.
        """
        began = monotonic_s()
        outcome = Outcome(primary)
        if not skip_primary:
            await self._ask(replace(call, model=primary.name), primary, outcome, secrets)
        if fallback is not None and (skip_primary or outcome.error is not None):
            model, config = fallback
            outcome.primary_failure = outcome.error.message if outcome.error is not None else None
            outcome.model, outcome.used_fallback, outcome.error = model, True, None
            await self._ask(replace(call, model=model.name, config=config), model, outcome, secrets)
        outcome.duration_s = monotonic_s() - began
        return outcome

    async def _ask(self, call: Call, model: LlmModel, outcome: Outcome, secrets: Sequence[str]) -> None:
        patience = Patience(self._clock)
        for attempt in range(1, limits.LLM_RETRIES + 2):
            try:
                if attempt > 1 and outcome.error is not None:
                    await patience.wait(outcome.error, attempt - 1)
                    outcome.retries += 1
                answer = await model.engine.answer(replace(call, attempt=attempt))
                value = await _checked(answer, call)
            except EngineFailure as failure:
                outcome.error = failure
                if not failure.retry:
                    break
                continue
            except Exception as error:
                log.exception("engine broke", engine=model.engine.name)
                outcome.error = EngineFailure("engine_error", f"The engine broke: {type(error).__name__}.", retry=False)
                break
            outcome.value, outcome.error = value, None
            outcome.notes |= dict(answer.notes)
            if answer.input_tokens is None or answer.output_tokens is None:
                outcome.notes["tokens_are_estimates"] = True
            outcome.input_tokens += _or(answer.input_tokens, estimate_tokens(call.system_prompt + call.user_prompt))
            outcome.output_tokens += _or(answer.output_tokens, _size(value))
            if self._is_recording and model.engine.is_live:
                await self._record(call, answer, value, secrets)
            return
        outcome.input_tokens += estimate_tokens(call.system_prompt + call.user_prompt)

    async def _record(self, call: Call, answer: Answer, value: Json, secrets: Sequence[str]) -> None:
        try:
            kept = without_secrets({"values": dict(call.values), "answer": value}, secrets)
            await self._cassettes.record(replace(call, values=kept["values"]), replace(answer, value=kept["answer"]))
        except (OSError, EngineFailure) as error:
            log.error("answer not recorded", task=call.task_name, error=str(error))


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens a text is: a quarter of its UTF-8 bytes, rounded up.

    >>> estimate_tokens(""), estimate_tokens("Hello, world")
    (0, 3)
    """
    return -(-len(text.encode()) // 4)


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _size(value: Json) -> int:
    return len(value) // 4 if isinstance(value, bytes) else estimate_tokens(as_text(value))


async def _checked(answer: Answer, call: Call) -> Json:
    """Return the answer as the modality has it. Raises `EngineFailure` for what does not fit."""
    value = answer.value
    if call.modality in CONTENT_TYPES:
        if isinstance(value, str) and call.modality == "csv":
            return without_fence(without_thoughts(value)).encode()
        if not isinstance(value, bytes) or not value:
            raise EngineFailure("malformed_output", f"The model gave no {call.modality}.", retry=False)
        return value
    if call.fields is None:
        return without_thoughts(value) if isinstance(value, str) else as_text(value)
    if isinstance(value, str):
        try:
            is_long = len(value) > _CHARS_ON_THE_LOOP
            value = await asyncio.to_thread(find_json, value) if is_long else find_json(value)
        except SandboxError as error:
            raise EngineFailure(
                "malformed_output", f"The answer is not JSON. {error.message.replace('The body', 'It')}"
            ) from None
    problems = problems_of(value, call.fields)
    if problems:
        shown = "; ".join(problems[:_PROBLEMS_SHOWN])
        raise EngineFailure("malformed_output", f"The answer does not fit the output_format: {shown}")
    return value
