"""The formats of a file, by name: what each is called, which type it has, and who writes it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sandbox.record.export import har, jsonl, junit
from sandbox.record.export.source import RunRecord, RunSource

Write: TypeAlias = Callable[[RunSource, RunRecord, str], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format. `write` yields the file in pieces, given what to read, which run, and the server's URL."""

    name: str
    suffix: str
    content_type: str
    write: Write
    has_events: bool = True


FORMATS: Final = {
    form.name: form
    for form in (
        Format("jsonl", "jsonl", "application/x-ndjson", jsonl.write),
        Format("har", "har", "application/json", har.write),
        Format("junit", "xml", "application/xml", junit.write, has_events=False),
    )
}
