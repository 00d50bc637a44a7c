"""The `openai` engine: any server that speaks the chat completions protocol, held to a JSON schema.

Used only when a base URL is configured. Images go as data URLs, other files as the text that is in
them. The key goes into the request's header and nowhere else.
"""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from sandbox import jsonio, limits
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.base import Answer, Call, EngineFailure
from sandbox.llm_tasks.inputs.documents import read_document
from sandbox.llm_tasks.output_format.grammar import Field, walk
from sandbox.llm_tasks.output_format.json_schema import to_json_schema
from sandbox.playground.events import REDACTED
from sandbox.wire.file_types import sniff
from sandbox.wire.media_types import read_media_type

_ANSWER_BYTES_MAX: Final = 16 * limits.MIB
# What of a revision's llm_config is passed on.
_PASSED: Final = frozenset(
    "temperature top_p max_tokens max_completion_tokens seed stop presence_penalty frequency_penalty".split()
)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the model's server answered."""

    status: int
    body: bytes
    retry_after: str | None


class OpenAiEngine:
    """Asks a model over HTTP."""

    name = "openai"
    is_live = True

    def __init__(self, base_url: str, api_key: str | None, *, timeout_s: float = limits.LLM_CALL_TIMEOUT_S) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._without_schemas: set[str] = set()

    def config_problems(self, config: Mapping[str, Any]) -> list[str]:
        """Return nothing: the server judges its own parameters."""
        return []

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def answer(self, call: Call) -> Answer:
        """Send the prompt and read the answer. Raises `EngineFailure` for whatever goes wrong on the way."""
        body = await self._request_of(call)
        if call.fields is not None and call.model in self._without_schemas:
            body = _in_words(body)
        said = await self._ask(body)
        if said.status in (400, 422) and "response_format" in body and _is_about_schemas(said.body):
            self._without_schemas.add(call.model)
            said = await self._ask(_in_words(body))
        if said.status == 429:
            message = "The model's rate limit was reached."
            raise EngineFailure("rate_limited", message, is_busy=True, retry_after=said.retry_after)
        if said.status >= 400:
            is_busy = said.status >= 500 or said.status == 408
            message = f"The model answered {said.status}: {self._said(said.body)}"
            raise EngineFailure("model_error", message, retry=is_busy, is_busy=is_busy, retry_after=said.retry_after)
        return self._read(said.body, call)

    async def _ask(self, body: dict[str, Json]) -> _Said:
        try:
            return await asyncio.wait_for(self._post(body), self._timeout_s)
        except TimeoutError:
            raise EngineFailure("timeout", f"The model did not answer within {self._timeout_s:g} s.") from None
        except aiohttp.ClientError as error:
            message = f"The model cannot be reached: {type(error).__name__}."
            raise EngineFailure("model_unreachable", message, is_busy=True) from None

    async def _post(self, body: Json) -> _Said:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        async with self._session.post(self._url, data=jsonio.dump(body), headers=headers) as answer:
            raw = await answer.content.read(_ANSWER_BYTES_MAX + 1)
            while len(raw) <= _ANSWER_BYTES_MAX and (more := await answer.content.read(_ANSWER_BYTES_MAX)):
                raw += more
            if len(raw) > _ANSWER_BYTES_MAX:
                raise EngineFailure("malformed_output", "The model's answer is too large.", retry=False)
            return _Said(answer.status, raw, answer.headers.get("Retry-After"))

    async def _request_of(self, call: Call) -> dict[str, Json]:
        parts: list[Json] = [{"type": "text", "text": call.user_prompt}]
        for file in call.files:
            kind = sniff(file.content) or read_media_type(file.content_type).name
            if kind.startswith("image/"):
                url = f"data:{kind};base64,{base64.b64encode(file.content).decode()}"
                parts.append({"type": "image_url", "image_url": {"url": url}})
            else:
                read = await asyncio.to_thread(read_document, file.content, file.content_type, file.original_filename)
                said = f"({read.note})" if read.note and not read.text else read.text
                parts.append({"type": "text", "text": f"File {file.original_filename}:\n{said}"})
        body: dict[str, Json] = {
            "model": call.model,
            "messages": [
                {"role": "system", "content": call.system_prompt},
                {"role": "user", "content": call.user_prompt if len(parts) == 1 else parts},
            ],
        }
        body |= {name: value for name, value in call.config.items() if name in _PASSED}
        if call.fields is not None:
            schema = to_json_schema(call.fields, is_nullable=True)
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": "answer",
                    "schema": schema,
                    "strict": not any(map(_is_open, walk(call.fields))),
                },
            }
        return body

    def _read(self, raw: bytes, call: Call) -> Answer:
        try:
            value = jsonio.parse(raw)
            choice = value["choices"][0]
            message = choice["message"]
            text = _text_of(message.get("content"))
            finish = choice.get("finish_reason")
            usage = value.get("usage") or {}
        except (SandboxError, KeyError, IndexError, TypeError, AttributeError):
            raise EngineFailure("malformed_output", f"This is not a chat completion: {self._said(raw)}") from None
        if message.get("refusal"):
            raise EngineFailure("refused", f"The model refused: {str(message['refusal'])[:300]}", retry=False)
        if finish == "content_filter":
            raise EngineFailure("refused", "The model's answer was filtered out.", retry=False)
        if finish == "length":
            raise EngineFailure("truncated_output", "The model's answer was cut off at its limit of tokens.")
        if not isinstance(text, str):
            raise EngineFailure("malformed_output", "The chat completion has no text.")
        return Answer(text, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))

    def _said(self, raw: bytes) -> str:
        text = raw[:300].decode(errors="replace")
        return text.replace(self._api_key, REDACTED) if self._api_key else text


def _text_of(content: Json) -> Json:
    """Return the text of a message, which some servers give in parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return content


def _is_open(field: Field) -> bool:
    """Whether a field leaves open what is in it; a strict schema may not."""
    return not field.fields and (field.type == "object" or (field.type == "list" and field.item_type in (None, "list")))


def _is_about_schemas(raw: bytes) -> bool:
    return b"response_format" in raw or b"json_schema" in raw


def _in_words(body: dict[str, Json]) -> dict[str, Json]:
    """Return a request whose schema stands in the system prompt, for a server that takes none."""
    schema = jsonio.dump(body["response_format"]["json_schema"]["schema"]).decode()
    system, *others = body["messages"]
    said = f"{system['content']}\n\nAnswer with one JSON object and nothing else. Its JSON schema: {schema}".lstrip()
    kept = {name: value for name, value in body.items() if name != "response_format"}
    return {**kept, "messages": [{**system, "content": said}, *others]}


def _count(usage: Json, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else None
