"""What an input processor is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from sandbox.jsonio import Json
from sandbox.llm_tasks.inputs.files import RunFile


class ProcessorFailed(Exception):
    """No output; the message is for people."""


class Config(BaseModel):
    """A processor's configuration: older keys are ignored, numbers may be written as text."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class Output:
    """The text that goes into the prompt, and a remark for the run's data."""

    text: str
    note: str | None = None


class Processor(Protocol):
    """Turns a submitted value into text."""

    name: ClassVar[str]
    description: ClassVar[str]
    config_model: ClassVar[type[Config]]
    reads_files: ClassVar[bool]

    async def process(self, value: Json, config: Any, values: Mapping[str, Json], files: tuple[RunFile, ...]) -> Output:
        """Return the output. Raises `ProcessorFailed`."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...
