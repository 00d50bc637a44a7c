"""Text to structure: labelled values, tables and lists, as a person sees them on a page.

One pass over the lines; nothing here knows what is looked for.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract.words import KNOWN_LABEL

_LABEL: Final = re.compile(
    r"^(?P<label>[A-Za-z][A-Za-z0-9 .,'/()&#_-]{0,60}?)[ ]?"
    r"(?P<mark>:(?=\s|$)|=|\.{4,}|\t+|[ ][-\u2013\u2014][ ])[ \t]*(?P<value>.*)$"
)
_BULLET: Final = re.compile(r"^[ \t]*(?:[-*•▪]|\(?\d{1,2}[.)])[ \t]+(?P<item>\S.*)$")
_HEADING: Final = re.compile(r"^#{1,6}[ ]+(?P<text>\S.*)$")
_CAPS: Final = re.compile(r"^[A-Z][A-Z0-9 &/,'()-]{2,60}$")
_DECORATION: Final = re.compile(r"\*\*|__|`")
_GAP: Final = re.compile(r"\t+|[ ]{2,}")
_RULE: Final = re.compile(r"^[\s|:+=_-]+$")
_LABEL_WORDS_MAX: Final = 7
_DASH_WORDS_MAX: Final = 4
_WRAPPED_FROM: Final = 55
_LABELS_PER_LINE_MAX: Final = 100
_VALUE_CHARS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value with its label; `section` is the heading it stands under. `value` may be any JSON where
    the input was JSON."""

    label: str
    value: Json
    section: str
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[Json, ...], ...]
    section: str
    line: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Items of a list, under a label or heading."""

    label: str
    items: tuple[str, ...]
    line: int


@dataclass(slots=True)
class Document:
    """What was found in a text."""

    text: str = ""
    labelled: list[Labelled] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)


def read_text(text: str, into: Document | None = None) -> Document:
    """Find the labelled values, tables and lists of a text.

    >>> [(v.label, v.value) for v in read_text("Name: Ana Reyes   DOB: 1970-01-01").labelled]
    [('Name', 'Ana Reyes'), ('DOB', '1970-01-01')]
    """
    document = into if into is not None else Document()
    document.text = f"{document.text}\n{text}" if document.text else text
    _Reader(text.splitlines(), document).read()
    return document


def read_json(value: Json, into: Document, label: str = "", section: str = "") -> None:
    """Take the values of a JSON input as labelled values and tables."""
    if isinstance(value, dict):
        for name, item in value.items():
            read_json(item, into, str(name), label or section)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        header = tuple(dict.fromkeys(str(name) for item in value for name in item))
        rows = tuple(tuple(item.get(name) for name in header) for item in value)
        into.tables.append(Table(header, rows, label, 0))
    elif isinstance(value, list):
        into.listings.append(Listing(label, tuple(str(item) for item in value), 0))
    elif isinstance(value, str) and ("\n" in value or len(value) > 200):
        read_text(value, into)
    elif value is not None:
        into.labelled.append(Labelled(label, value, section, 0))
        if isinstance(value, str):
            read_text(value, into)


class _Reader:
    def __init__(self, lines: list[str], document: Document) -> None:
        self.lines = [_DECORATION.sub("", line).rstrip() for line in lines]
        self.document = document
        self.section = ""
        self.at = 0

    def read(self) -> None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not line.strip() or _RULE.match(line):
                self.at += 1
            elif not (self._table() or self._listing("") or self._heading(line.strip())):
                self._labelled(line)

    def _heading(self, line: str) -> bool:
        match = _HEADING.match(line)
        if match or (_CAPS.match(line) and not _LABEL.match(line)):
            self.section = (match["text"] if match else line).strip(": ")
            self.at += 1
            self._listing(self.section)
            return True
        return False

    def _labelled(self, line: str) -> None:
        number = self.at + 1
        found = split_labels(line.strip())
        self.at += 1
        for position, (label, value) in enumerate(found):
            is_last = position == len(found) - 1
            if not value and is_last:
                if self._listing(label) or self._block(label, number):
                    return
                self.section = label
            elif is_last:
                value = self._continued(line, value)
            self.document.labelled.append(Labelled(label, value, self.section, number))

    def _block(self, label: str, number: int) -> bool:
        """Take the lines under a bare label, up to the next label, heading or empty line."""
        block = []
        while self.at < len(self.lines) and self._is_prose(self.lines[self.at]):
            block.append(self.lines[self.at].strip())
            self.at += 1
        if block:
            self.document.labelled.append(Labelled(label, "\n".join(block), self.section, number))
        return bool(block)

    def _continued(self, line: str, value: str) -> str:
        """Add the lines that a long or indented value runs on to."""
        while self.at < len(self.lines) and self._is_prose(self.lines[self.at]):
            following = self.lines[self.at]
            is_indented = following[:2].isspace() and not line[:2].isspace()
            if not is_indented and len(line) < _WRAPPED_FROM and not following[:1].islower():
                break
            value = f"{value} {following.strip()}"
            line = following
            self.at += 1
        return value

    def _is_prose(self, line: str) -> bool:
        text = line.strip()
        if not text or _RULE.match(text) or _BULLET.match(line) or _HEADING.match(text) or "|" in text:
            return False
        return not split_labels(text) and not _CAPS.match(text)

    def _listing(self, label: str) -> bool:
        at, items = self.at, list[str]()
        while at < len(self.lines) and (match := _BULLET.match(self.lines[at])):
            items.append(match["item"].strip())
            at += 1
            while at < len(self.lines) and self.lines[at][:2].isspace() and self._is_prose(self.lines[at]):
                items[-1] += f" {self.lines[at].strip()}"
                at += 1
        if not items:
            return False
        self.document.listings.append(Listing(label or self.section, tuple(items), self.at + 1))
        if sum(bool(split_labels(item)) for item in items) > len(items) / 2:
            for offset, item in enumerate(items):
                for name, value in split_labels(item):
                    self.document.labelled.append(Labelled(name, value, label or self.section, self.at + 1 + offset))
        self.at = at
        return True

    def _table(self) -> bool:
        for split in (_split_pipes, _split_gaps, _split_commas):
            header = split(self.lines[self.at])
            if header is None or any(len(cell) > 40 for cell in header):
                continue
            at, rows = self.at + 1, list[tuple[Json, ...]]()
            while at < len(self.lines):
                if _RULE.match(self.lines[at]) and self.lines[at].strip():
                    at += 1
                    continue
                cells = split(self.lines[at])
                if cells is None or len(cells) != len(header):
                    break
                rows.append(tuple(cells))
                at += 1
            if len(rows) >= (2 if split is _split_commas else 1):
                self.document.tables.append(Table(header, tuple(rows), self.section, self.at + 1))
                self.at = at
                return True
        return False


def split_labels(line: str) -> list[tuple[str, str]]:
    """Return the labels of a line with their values; empty for a line of prose.

    >>> split_labels("Sex: F; Phone: 330-555-0101")
    [('Sex', 'F'), ('Phone', '330-555-0101')]
    >>> split_labels("See http://x.example at 10:30 today.")
    []
    """
    found: list[tuple[str, str]] = []
    while (match := _LABEL.match(line)) is not None and _is_label(match) and len(found) < _LABELS_PER_LINE_MAX:
        label, rest = match["label"].strip(" .-#"), match["value"].strip()
        cut = _next_label(rest)
        found.append((label, rest if cut is None else rest[:cut].rstrip(" \t;,|")))
        if cut is None:
            break
        line = rest[cut:].lstrip(" \t;,|")
    return found


def _is_label(match: re.Match[str]) -> bool:
    label, mark = match["label"], match["mark"]
    words = len(label.split())
    if mark.strip() in ("-", "\u2013", "\u2014"):
        return words <= _DASH_WORDS_MAX and "." not in label and bool(match["value"])
    return words <= _LABEL_WORDS_MAX and not label.endswith(",")


_INLINE: Final = re.compile(r"(?:\t+|[ ]{2,}|[;|][ ]*)(?=[A-Za-z][A-Za-z0-9 .'/()&#_-]{0,40}?:(?:\s|$))")


def _next_label(text: str) -> int | None:
    """Return where the next label of the line begins: after a gap, or a label that is well known."""
    wide = _INLINE.search(text, 0, _VALUE_CHARS_MAX)
    known = KNOWN_LABEL.search(text, 0, _VALUE_CHARS_MAX)
    starts = [match.start() for match in (wide, known) if match is not None and match.start() > 0]
    return min(starts, default=None)


def _split_pipes(line: str) -> tuple[str, ...] | None:
    if line.count("|") < 2 and not re.search(r"\S \| \S", line):
        return None
    if _RULE.match(line):
        return None
    cells = tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
    return cells if len(cells) >= 2 else None


def _split_gaps(line: str) -> tuple[str, ...] | None:
    if ":" in line:
        return None
    cells = tuple(cell.strip() for cell in _GAP.split(line.strip()) if cell.strip())
    return cells if len(cells) >= 3 else None


def _split_commas(line: str) -> tuple[str, ...] | None:
    if line.count(",") < 2 or ": " in line or ". " in line:
        return None
    import csv

    try:
        cells = tuple(cell.strip() for cell in next(csv.reader([line], strict=True)))
    except (csv.Error, StopIteration):
        return None
    return cells if len(cells) >= 3 else None
