"""The scenario step `drop_file_inbox`: a file that arrives without the agent."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.playground.playground import Interaction
from sandbox.simulators.files.paths import find_problem, in_inbox
from sandbox.simulators.files.state import write_file
from sandbox.wire.base64_text import is_base64, read_base64


class DropFileInbox(StrictModel):
    """Arguments of `drop_file_inbox`: where, and the content as text or base64."""

    path: str = Field(min_length=1)
    content: str | None = None
    content_base64: str | None = None

    @field_validator("path")
    @classmethod
    def _safe(cls, path: str) -> str:
        problem = find_problem(in_inbox(path)) if not path.startswith("/") else find_problem(path)
        if problem is not None:
            raise ValueError(f"the path {problem}")
        return path

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if (self.content is None) == (self.content_base64 is None):
            raise ValueError("give content, content_base64 or source, one of them")
        if not is_base64(self.content_base64 or ""):
            raise ValueError("content_base64 is not base64")
        return self

    @property
    def data(self) -> bytes:
        """The content's bytes."""
        if self.content is not None:
            return self.content.encode()
        return read_base64(self.content_base64 or "") or b""


def drop_file_inbox(tx: Interaction, arguments: DropFileInbox) -> None:
    """Put a file into the inbox, in place of one of that name."""
    write_file(tx, in_inbox(arguments.path), arguments.data)
