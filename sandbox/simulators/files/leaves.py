"""The values of files that are written: cells of a table, values of JSON, what a text says.

A table is CSV with a heading, told by its media type or its name. What is neither text nor JSON has no values here.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.simulators.leaves import ABSENT, Form, Leaf, Sent, is_bytes, json_leaves, kind_of, with_json


class FilesForm(Form):
    """Contents of files."""

    def leaves(self, sent: Sent) -> Iterator[Leaf]:
        """Yield the values of the file that was sent."""
        if isinstance(sent.body, dict | list) and not is_bytes(sent.body):
            yield from json_leaves(sent.body)
        elif isinstance(sent.body, str) and _is_table(sent):
            heading, *rows = _rows(sent.body)
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    if value:
                        key = heading[column] if column < len(heading) else ""
                        yield Leaf((number, column), value, kind_of(value, key))
        elif isinstance(sent.body, str) and (parsed := _parsed(sent.body)) is not None:
            yield from json_leaves(parsed)
        elif isinstance(sent.body, str) and sent.body.strip():
            yield Leaf((), sent.body, "message")

    def with_value(self, sent: Sent, leaf: Leaf, value: Json) -> Sent:
        """Return the request with another cell, JSON value or text."""
        if not isinstance(sent.body, str):
            return super().with_value(sent, leaf, value)
        if _is_table(sent):
            heading, *rows = _rows(sent.body)
            number, column = (int(part) for part in leaf.path)
            rows[number][column] = "" if value is ABSENT else str(value)
            out = io.StringIO()
            csv.writer(out, lineterminator="\n").writerows([heading, *rows])
            return replace(sent, body=out.getvalue())
        parsed = _parsed(sent.body)
        if parsed is not None:
            return replace(sent, body=jsonio.dump(with_json(parsed, leaf.path, value)).decode())
        return replace(sent, body="" if value is ABSENT else str(value))


def _is_table(sent: Sent) -> bool:
    is_named = sent.path.lower().endswith(".csv") or "csv" in sent.headers.get("content-type", "")
    return is_named and isinstance(sent.body, str) and len(_rows(sent.body)) > 1


def _rows(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text)) if row]


def _parsed(text: str) -> Json:
    if not re.match(r"\s*[\[{]", text):
        return None
    try:
        return jsonio.parse(text)
    except SandboxError:
        return None
