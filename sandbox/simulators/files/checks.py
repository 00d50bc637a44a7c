"""The check `sftp-file-present`: finds files of the final tree.

Comparing them with `fields`, `contains`, `count` and `absent` is the scoring engine's work.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation, StrictModel
from sandbox.globs import compile_glob
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.simulators.base import Candidate, Check, Condition, Selection, Subject, View
from sandbox.simulators.files.content import Reading, find_csv_row, holds, read_csv, read_json, read_table, read_text
from sandbox.simulators.files.index import TREE
from sandbox.simulators.files.paths import check_glob
from sandbox.simulators.files.state import content_type_of, read_content

_TEXTS = "files/texts"
_UNREADABLE_SHOWN = 20


class Csv(StrictModel):
    """What of a CSV file `fields` speak of: the row that holds this, by column; without it the whole table, by row."""

    row: dict[str, Any] | None = Field(default=None, min_length=1)
    delimiter: str = Field(default=",", pattern=r'^[^\r\n"]$')


class SftpFilePresent(Assertion):
    """`sftp-file-present`."""

    glob: str = Field(min_length=1, validation_alias=AliasChoices("glob", "pattern"))
    fields: list[FieldExpectation] = Field(default_factory=list)
    csv: Csv | None = None
    contains: list[str] = Field(default_factory=list)
    count: CountRange | None = None
    absent: bool = False

    @field_validator("glob")
    @classmethod
    def _relative(cls, glob: str) -> str:
        return check_glob(glob)

    @model_validator(mode="after")
    def _table_compared(self) -> Self:
        if self.csv is not None and self.csv.row is None and not self.fields:
            raise ValueError("csv without a row reads the whole table; say with fields what it must hold")
        return self


def select(assertion: SftpFilePresent, view: View) -> Selection:
    """Return the files that match, the latest first; with `csv`, those that have the row."""
    matches = compile_glob(assertion.glob).full_match
    found = sorted(path_and_row for path_and_row in _tree(view.branch) if matches(path_and_row[0]))
    found.sort(key=lambda item: item[1]["modified_at"] or "", reverse=True)
    subjects = []
    unreadable = []
    doubt = None
    for path, row in found:
        subject, reading = _subject(assertion, view.branch, path, row)
        if subject is not None:
            subjects.append(subject)
        if reading.problem is not None:
            unreadable.append({"path": path, "reason": reading.problem})
            if doubt is None and not reading.is_lacking:
                doubt = f"{path} cannot be read: {reading.problem}"
    evidence: dict[str, Json] = {"unreadable": unreadable[:_UNREADABLE_SHOWN]} if unreadable else {}
    candidates = partial(_candidates, assertion, view)
    return Selection(_sought(assertion), tuple(subjects), evidence, kind="file", candidates=candidates, doubt=doubt)


def _candidates(assertion: SftpFilePresent, view: View) -> Iterator[Candidate]:
    """Yield every file, new ones first, with what its name and its CSV rows lack."""
    matches = compile_glob(assertion.glob).full_match
    new = view.new_keys(TREE)
    for path, row in sorted(_tree(view.branch), key=lambda item: (item[0] not in new, item[0])):
        is_named = matches(path)
        conditions = [Condition("path", {"matches": assertion.glob}, path, is_named, "matches")]
        if is_named and assertion.csv is not None and assertion.csv.row is not None:
            wanted, content = assertion.csv.row, read_content(view.branch, row["sha256"])
            kind = content_type_of(path, row)
            for column, cell, is_held in _nearest_cells(content, wanted, assertion.csv.delimiter, kind):
                conditions.append(Condition(column, wanted[column], cell, is_held))
        yield Candidate(path, tuple(conditions), path in new)


def _nearest_cells(
    content: bytes, row: dict[str, Any], delimiter: str, content_type: str
) -> list[tuple[str, str | None, bool]]:
    """Return column, cell and whether it holds what is wanted, of the row that holds most of it."""
    rows = read_csv(content, delimiter, content_type)
    if rows.problem is not None:
        return [(name, None, False) for name in row]
    held: dict[str, str] = {}
    best = max(rows.value, key=lambda cells: sum(holds(cells.get(n), v) for n, v in row.items()), default=held)
    return [(name, best.get(name), holds(best.get(name), wanted)) for name, wanted in row.items()]


def _tree(branch: Branch) -> list[tuple[str, Json]]:
    return [(path, row) for path, row in branch.items(TREE)]


def _subject(assertion: SftpFilePresent, branch: Branch, path: str, row: Json) -> tuple[Subject | None, Reading]:
    """Read a file as far as the assertion needs it, and say how that went; no subject when it has not the CSV row."""
    content = read_content(branch, row["sha256"])
    kind = content_type_of(path, row)
    text = _text(branch, row["sha256"], content, kind) if assertion.contains else Reading("")
    if assertion.csv is not None and assertion.csv.row is None:
        table = read_table(content, assertion.csv.delimiter, kind)
        return Subject(path, table.value, text=text.value), table if table.problem is not None else text
    if assertion.csv is not None and assertion.csv.row is not None:
        found = find_csv_row(content, assertion.csv.row, assertion.csv.delimiter, kind)
        if found.problem is not None:
            return None, found
        columns: dict[str, str] = found.value
        return Subject(path, columns, lambda name: [columns[name]] if name in columns else [], text.value), text
    value = read_json(content, kind) if assertion.fields else Reading()
    return Subject(path, value.value, text=text.value), value if value.problem is not None else text


def _text(branch: Branch, sha256: str, content: bytes, content_type: str) -> Reading:
    """Return a content's text; kept with the branch, since a PDF takes its time."""
    texts: dict[tuple[str, str], Reading] = branch.caches.setdefault(_TEXTS, {})
    key = (sha256, content_type)
    if key not in texts:
        texts[key] = read_text(content, content_type)
    return texts[key]


def _sought(assertion: SftpFilePresent) -> str:
    row = (assertion.csv.row if assertion.csv is not None else None) or {}
    condition = " and ".join(f"{name} = {value!r}" for name, value in row.items())
    return f'file that matches "{assertion.glob}"' + (f" with a row where {condition}" if condition else "")


CHECKS = (Check("sftp-file-present", SftpFilePresent, select, "field_results", "matched_paths", picks="best"),)
