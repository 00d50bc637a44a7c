"""The `extract` engine: fills an output format from the input's own text, deterministically.

It reads labels, tables, lists, dates, numbers and options; it reasons about nothing. `run_data.extract`
says which fields it matched, which it guessed and which it did not find, and how each file was read.
A text task gets the first sentences of the input, other modalities a small valid file.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.engines.base import Answer, Call
from sandbox.llm_tasks.engines.extract.document import Document, read_json, read_text
from sandbox.llm_tasks.engines.extract.fill import Filler
from sandbox.llm_tasks.inputs.documents import DocumentText, read_document

_INLINE_CHARS: Final = 4_000
_SENTENCES: Final = 3


class ExtractEngine:
    """Answers from what the input says."""

    name = "extract"
    is_live = False

    def config_problems(self, config: Mapping[str, Any]) -> list[str]:
        """Return nothing: there is nothing to configure."""
        return []

    async def answer(self, call: Call) -> Answer:
        """Fill the output format; long inputs are worked on by a thread."""
        size = sum(len(value) if isinstance(value, str) else 200 for value in call.values.values())
        if call.files or size > _INLINE_CHARS or call.modality not in ("json", "text"):
            return await asyncio.to_thread(_answer, call)
        return _answer(call)


def _answer(call: Call) -> Answer:
    texts = [(f, read_document(f.content, f.content_type, f.original_filename)) for f in call.files]
    files: list[Json] = [_file_note(file.original_filename, text) for file, text in texts]
    document = _read_inputs(call, [text.text for _, text in texts])
    notes: dict[str, Json] = {"engine": "extract"}
    if files:
        notes["files"] = files
    if call.fields is not None:
        filler = Filler(document)
        value: Json = filler.fill(call.fields)
        notes |= filler.findings.to_json()
        return Answer(value, notes={"extract": notes})
    summary = " ".join(Filler(document).sentences()[:_SENTENCES]) or call.user_prompt
    notes["guessed"] = [{"field": "response", "from": _HOW[call.modality]}]
    return Answer(_generate(call, document, summary), notes={"extract": notes})


_HOW: Final = {
    "text": "the first sentences of the input",
    "csv": "the first table of the input, else its labelled values",
    "pdf": "the input's text",
    "image": "a pattern that stands for a picture",
    "audio": "tones that stand for speech",
}


def _read_inputs(call: Call, texts: list[str]) -> Document:
    document = Document()
    for name, value in call.values.items():
        read_json(value, document, name)
    for text in texts:
        read_text(text, document)
    if not call.values and not texts:
        read_text(call.user_prompt, document)
    return document


def _generate(call: Call, document: Document, summary: str) -> Json:
    match call.modality:
        case "image":
            return media.picture(call.user_prompt)
        case "audio":
            return media.sound(call.user_prompt)
        case "pdf":
            return media.document(document.text or call.user_prompt)
        case "csv":
            return _csv(document)
        case _:
            return summary


def _csv(document: Document) -> bytes:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    if document.tables:
        table = document.tables[0]
        writer.writerow(table.header)
        writer.writerows(table.rows)
    else:
        writer.writerow(["label", "value"])
        writer.writerows([v.label, v.value] for v in document.labelled)
    return out.getvalue().encode()


def _file_note(name: str, text: DocumentText) -> Json:
    note = {"file": name, "method": text.method, "chars": len(text.text)}
    return {**note, "note": text.note} if text.note else note
