"""What an engine is: the one interface that all of them have.

An engine is asked once per attempt; checking the answer, retrying and falling back are the work of
`run/attempts`. It must not know HTTP routes, storage or tasks, only the `Call`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.jsonio import Json
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.output_format.grammar import Fields


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at one run.

    `values` are the inputs after their processors. `fingerprint` stands for what the revision asks, its
    model aside, and is the same on every server. `ordinal` counts the task's runs from 1, `attempt` the
    attempts of this run on this model.
    """

    task_id: str
    task_name: str
    revision_id: str
    model: str
    system_prompt: str
    user_prompt: str
    values: Mapping[str, Json]
    modality: str
    fields: Fields | None = None
    files: tuple[RunFile, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    answers: tuple[Mapping[str, Any], ...] = ()
    ordinal: int = 1
    attempt: int = 1
    seed: int = 0
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine says. `value` is a JSON object, a text, or bytes for a generated file.

    Token counts are None where the engine does not know them; `notes` go into the run's data.
    """

    value: Json
    input_tokens: int | None = None
    output_tokens: int | None = None
    notes: Mapping[str, Json] = field(default_factory=dict)


class EngineFailure(Exception):
    """No answer. `kind` is one word for programs, the message is for people; `retry` says whether
    another attempt may help, `is_busy` that it should wait, as long as `retry_after` (the header's text) says."""

    def __init__(
        self, kind: str, message: str, *, retry: bool = True, is_busy: bool = False, retry_after: str | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry = retry
        self.is_busy = is_busy
        self.retry_after = retry_after


class Engine(Protocol):
    """Something that answers prompts."""

    @property
    def name(self) -> str:
        """What it is called in the documentation and in a run's data."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether its answers come from outside and may be recorded."""
        ...

    def config_problems(self, config: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a revision's `llm_config` for this engine."""
        ...

    async def answer(self, call: Call) -> Answer:
        """Answer one attempt. Raises `EngineFailure`."""
        ...
