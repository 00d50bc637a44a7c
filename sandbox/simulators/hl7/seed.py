"""The HL7 share of a dataset and of a scenario: `hl7/*.hl7` becomes the inbox.

Files are taken in name order. A file holds one message or several: each begins with a line that
starts with MSH; the segments around a batch (FHS, BHS, BTS, FTS) are left out. Line ends become
carriage returns. `received_at` is MSH-7 where that is a point in time (UTC when it has no zone),
else the moment the playground's clock starts.
"""

import re
from collections.abc import Iterator
from typing import Final, Self

from pydantic import model_validator

from sandbox import ids
from sandbox.clock import format_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError, Problem
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.playground.branch import Document, Seed, SeedCollection
from sandbox.playground.playground import Interaction
from sandbox.simulators.hl7 import state
from sandbox.simulators.hl7.batches import ENVELOPE
from sandbox.simulators.hl7.charsets import decode
from sandbox.simulators.hl7.datatypes import to_instant
from sandbox.simulators.hl7.message import parse
from sandbox.wire.base64_text import read_base64

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_FRAME: Final = "\x0b\x1c\ufeff"


def load_seed(dataset: Dataset | None) -> Seed:
    """Parse the dataset's messages into the inbox. Raises `DefinitionError` with file and line."""
    if dataset is None:
        return Seed()
    documents: dict[str, Document] = {}
    problems = []
    for path, content in dataset.under("hl7"):
        file = dataset.display(f"hl7/{path}")
        if not path.endswith(".hl7"):
            problems.append(Problem(file, 0, "", "not an HL7 file; the hl7 folder holds *.hl7 files only"))
            continue
        for number, (line, text) in enumerate(_messages(decode(content).text), 1):
            key = ids.derived_id("hl7msg", dataset.name, path, number)
            try:
                row = _seed_row(key, text)
            except SandboxError as error:
                problems.append(Problem(file, line, "", error.message))
                continue
            documents[key] = Document({**row, "position": len(documents) + 1})
    if problems:
        raise DefinitionError(problems)
    return Seed({state.INBOX: SeedCollection(documents)}) if documents else Seed()


def _messages(text: str) -> Iterator[tuple[int, str]]:
    """Yield `(line number, text)` of each message in a file; what precedes the first MSH is one too."""
    begin, lines = 1, list[str]()
    for number, found in enumerate(_LINE.finditer(text), 1):
        line = found[0].strip(_FRAME)
        if line[:3] in ENVELOPE:
            continue
        if line.startswith("MSH") and any(part.strip(_FRAME + " \r\n\t") for part in lines):
            yield begin, "".join(lines)
            lines = []
        if not lines:
            begin = number
        if lines or line.strip():
            lines.append(line)
    if lines:
        yield begin, "".join(lines)


def _seed_row(key: str, text: str) -> dict[str, Json]:
    row = state.inbox_row(key, text, received_at=None)
    message = parse(row["payload"])
    sent_at = to_instant(message.component(message.header, 7))
    if sent_at is not None:
        row["received_at"] = format_instant(sent_at)
    return row


class PostInbox(StrictModel):
    """The scenario step `post_hl7_inbox`: exactly one of a message's text or its bytes in Base64."""

    payload: str | None = None
    content: str | None = None
    content_base64: str | None = None

    @model_validator(mode="after")
    def _one_message(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of payload, content, content_base64 (or source)")
        try:
            state.inbox_row("", self.text, received_at=None)
        except SandboxError as error:
            raise ValueError(error.message) from None
        return self

    @property
    def text(self) -> str:
        """The message. Raises `ValueError` for broken Base64."""
        if self.content_base64 is not None:
            content = read_base64(self.content_base64)
            if content is None:
                raise ValueError("content_base64 is not base64")
            return decode(content).text
        return self.payload or self.content or ""


def post_inbox(tx: Interaction, step: PostInbox) -> None:
    """Put the step's message into the inbox."""
    state.deliver(tx, step.text)
