"""Text to structure: labelled values, tables and lists, as a person sees them on a page.

One pass over the lines; nothing here knows what is looked for.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract.labels import split_labels, spoken
from sandbox.llm_tasks.engines.extract.tables import RULE, read_table, split_pair

_BULLET: Final = re.compile(r"^[ \t]*(?:[-*•▪]|\(?\d{1,2}[.)])[ \t]+(?P<item>\S.*)$")
_HEADING: Final = re.compile(r"^#{1,6}[ ]+(?P<text>\S.*)$")
_CAPS: Final = re.compile(r"^[A-Z][A-Z0-9 &/,'()-]{2,60}$")
_DECORATION: Final = re.compile(r"\*\*|__|`")
_TITLE: Final = re.compile(r"^[A-Z][^\W\d_]*(?:[ /&-]{1,3}(?:of|and|the|for|to|in|[A-Z][^\W\d_]*)){0,5}$")
_GENERIC: Final = frozenset("field label item key name question".split())
_WRAPPED_FROM: Final = 55
_PAIR_WORDS_MAX: Final = 6
_PAIR_CHARS_MAX: Final = 80
_SECTION_WORDS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value with its label; `section` is the heading it stands under, `block` the paragraph. `value` may
    be any JSON where the input was JSON."""

    label: str
    value: Json
    section: str
    line: int
    block: int = 0


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
    blocks: int = 0


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
    elif isinstance(value, str) and (inner := _json_of(value)) is not None:
        into.text = f"{into.text}\n{value}" if into.text else value
        read_json(inner, into, label, section)
    elif isinstance(value, str) and ("\n" in value or len(value) > 200):
        read_text(value, into)
    elif value is not None:
        into.labelled.append(Labelled(label, value, section, 0))
        if isinstance(value, str):
            read_text(value, into)


def _json_of(text: str) -> Json:
    """Return the object or array that a text is, None for any other text."""
    plain = text.strip()
    if plain[:1] + plain[-1:] not in ("{}", "[]"):
        return None
    try:
        return jsonio.parse(plain)
    except SandboxError:
        return None


class _Reader:
    def __init__(self, lines: list[str], document: Document) -> None:
        self.lines = [_DECORATION.sub("", line).rstrip() for line in lines]
        self.document = document
        self.section = ""
        self.at = 0

    def read(self) -> None:
        has_titles = sum(self._is_titled(at) for at in range(len(self.lines))) > 1
        self.document.blocks += 1
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not line.strip() or RULE.match(line):
                self.document.blocks += not line.strip()
                self.at += 1
            elif has_titles and self._is_titled(self.at):
                self._add(line.strip(), self.lines[self.at + 1].strip(), self.at + 1)
                self.at += 2
            elif not (self._table() or self._listing("") or self._heading(line.strip())):
                self._labelled(line)
        self._spoken()

    def _add(self, label: str, value: Json, number: int, section: str | None = None) -> None:
        where = self.section if section is None else section
        self.document.labelled.append(Labelled(label, value, where, number, self.document.blocks))

    def _is_titled(self, at: int) -> bool:
        """Whether a paragraph of two lines begins here: a title and what it is the label of."""
        before, title, value, after = (
            self.lines[i].strip() if 0 <= i < len(self.lines) else "" for i in range(at - 1, at + 3)
        )
        return not before and not after and bool(value and _TITLE.match(title)) and not split_labels(value)

    def _heading(self, line: str) -> bool:
        match = _HEADING.match(line)
        if match or (_CAPS.match(line) and not split_labels(line)) or self._is_section(line):
            self.section = (match["text"] if match else line).strip(": ")
            self.at += 1
            self._listing(self.section)
            return True
        return False

    def _is_section(self, line: str) -> bool:
        """Whether a line such as "Guardian Information" stands above labels or a list."""
        is_first = self.at == 0 or not self.lines[self.at - 1].strip()
        following = self.lines[self.at + 1] if self.at + 1 < len(self.lines) else ""
        is_short = len(line.split()) <= _SECTION_WORDS_MAX and _TITLE.match(line) is not None
        return is_first and is_short and bool(_BULLET.match(following) or split_labels(following.strip()))

    def _labelled(self, line: str) -> None:
        number = self.at + 1
        found = split_labels(line.strip()) or _pair(line)
        self.at += 1
        for position, (label, value) in enumerate(found):
            is_last = position == len(found) - 1
            if not value and is_last:
                if self._listing(label) or self._block(label, number):
                    return
                self.section = label
            elif is_last:
                value = self._continued(line, value)
            self._add(label, value, number)

    def _block(self, label: str, number: int) -> bool:
        """Take the lines under a bare label, up to the next label, heading or empty line."""
        block = []
        while self.at < len(self.lines) and self._is_prose(self.lines[self.at]):
            block.append(self.lines[self.at].strip())
            self.at += 1
        if block:
            self._add(label, "\n".join(block), number)
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
        if not text or RULE.match(text) or _BULLET.match(line) or _HEADING.match(text) or "|" in text:
            return False
        return not split_labels(text) and not _CAPS.match(text)

    def _listing(self, label: str) -> bool:
        at, items = self.at, list[str]()
        while at < len(self.lines) and (match := _BULLET.match(self.lines[at])):
            items.append(match["item"].strip())
            at += 1
            if items[-1].endswith(":"):
                at = self._inner_listing(at, match.start("item"), items[-1].rstrip(": "))
            while at < len(self.lines) and self.lines[at][:2].isspace() and not _BULLET.match(self.lines[at]):
                items[-1] += f"{'' if self._is_prose(self.lines[at]) else ';'} {self.lines[at].strip()}".rstrip("; ")
                at += 1
        if not items:
            return False
        self.document.listings.append(Listing(label or self.section, tuple(items), self.at + 1))
        if sum(bool(split_labels(item)) for item in items) > len(items) / 2:
            for offset, item in enumerate(items):
                for name, value in split_labels(item):
                    self._add(name, value, self.at + 1 + offset, label or self.section)
        self.at = at
        return True

    def _inner_listing(self, at: int, indent: int, label: str) -> int:
        """Take the items that stand deeper, under an item that is a label; return the line after them."""
        items = []
        while at < len(self.lines) and (match := _BULLET.match(self.lines[at])) and match.start("item") > indent:
            items.append(match["item"].strip())
            at += 1
        if items:
            self.document.listings.append(Listing(label, tuple(items), at))
        return at

    def _table(self) -> bool:
        found = read_table(self.lines, self.at)
        if found is None:
            return False
        header, rows, end, has_rule = found
        self.document.tables.append(Table(header, tuple(rows), self.section, self.at + 1))
        if len(header) == 2:
            is_headed = has_rule or header[0].lower() in _GENERIC
            for offset, (label, value) in enumerate(rows if is_headed else [header, *rows]):
                if label[:1].isalpha():
                    self._add(label.rstrip(": "), value, self.at + 1 + offset + has_rule)
        self.at = end
        return True

    def _spoken(self) -> None:
        """Add what well-known labels say in the middle of a sentence, unless the line has them as labels."""
        known = {(entry.line, str(entry.value)) for entry in self.document.labelled}
        for number, line in enumerate(self.lines, 1):
            for label, value, _ in spoken(line):
                if (number, value) not in known:
                    self._add(label, value, number, "")


def _pair(line: str) -> list[tuple[str, str]]:
    """Read "Subtotal        192.00" as a label and its value."""
    pair = split_pair(line)
    if pair is None or not pair[0][:1].isalpha() or len(pair[0].split()) > _PAIR_WORDS_MAX:
        return []
    return [pair] if pair[1] and len(pair[1]) <= _PAIR_CHARS_MAX else []
