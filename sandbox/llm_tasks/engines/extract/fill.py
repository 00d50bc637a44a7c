"""Filling an output format from a document: which label means which field, and what was guessed.

Walks the format; every leaf is looked for by label, then by the patterns of its kind, then by what
the text as a whole says. What was matched, guessed and not found is kept for the run's data.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract import values
from sandbox.llm_tasks.engines.extract.convert import convert, head_words, is_clean
from sandbox.llm_tasks.engines.extract.document import Document, Labelled, Table, read_text
from sandbox.llm_tasks.engines.extract.guess import PATTERN_ORDER, Guesser
from sandbox.llm_tasks.engines.extract.items import object_of
from sandbox.llm_tasks.engines.extract.likeness import ENOUGH, SURE, likeness
from sandbox.llm_tasks.engines.extract.words import content_words, has_like, similarity, tokens_of
from sandbox.llm_tasks.output_format.grammar import Field, Fields

_NOTES_MAX: Final = 200
_NAME_PARTS: Final = frozenset({"given", "family"})
_ADDRESS_PARTS: Final = frozenset({"street", "city", "state", "zip"})
_TOGETHER: Final = 0.08
_PARSED_CANDIDATES: Final = 5


@dataclass
class Findings:
    """What became of every field."""

    matched: list[Json] = field(default_factory=list)
    guessed: list[Json] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Json]:
        """Return the findings for `run_data`."""
        return {
            "matched": self.matched[:_NOTES_MAX],
            "guessed": self.guessed[:_NOTES_MAX],
            "not_found": self.not_found[:_NOTES_MAX],
        }


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field stands: its dotted path and the words of the objects around it."""

    path: str
    parents: tuple[str, ...]

    def inside(self, name: str) -> "_Place":
        return _Place(f"{self.path}.{name}" if self.path else name, self.parents)


class Filler:
    """Fills one format from one document."""

    def __init__(self, document: Document, findings: Findings | None = None) -> None:
        self.document = document
        self.findings = findings or Findings()
        self._labels = [(v, tokens_of(v.label), tokens_of(v.section)) for v in document.labelled]
        self._blocks: dict[int, set[str]] = {}
        self._lines: dict[int, set[str]] = {}
        for labelled, label, _ in self._labels:
            self._blocks.setdefault(labelled.block, set()).update(label)
            self._lines.setdefault(labelled.line, set()).update(label)
        self._guesser = Guesser(document.text)

    def fill(self, fields: Fields, place: _Place = _Place("", ())) -> dict[str, Json]:
        """Return a value for every field."""
        return {f.name: self._value(f, place.inside(f.name)) for f in fields}

    def _value(self, wanted: Field, place: _Place) -> Json:
        if wanted.type == "object":
            if not wanted.fields:
                return {v.label: v.value for v in self.document.labelled} or None
            inner = _Place(place.path, (*place.parents, *tokens_of(wanted.name)))
            return self.fill(wanted.fields, inner)
        if wanted.type == "list":
            return self._list(wanted, place)
        return self._leaf(wanted, place)

    # -- leaves ----------------------------------------------------------------------------------

    def _leaf(self, wanted: Field, place: _Place) -> Json:
        unclear: tuple[Json, Labelled] | None = None
        candidates = self._candidates(wanted, place)[:_PARSED_CANDIDATES]
        for score, found in candidates:
            value = convert(found.value, wanted)
            if value is None or value == "":
                continue
            if is_clean(value, wanted):
                rivals = {str(other.value) for same, other in candidates if same == score}
                is_sure = score >= SURE and len(rivals) == 1
                self._note(place.path, f'label "{found.label}"', found.line, is_sure=is_sure)
                return value
            unclear = unclear or (value, found)
        if unclear is not None:
            self._note(place.path, f'label "{unclear[1].label}", as it is written', unclear[1].line, is_sure=False)
            return unclear[0]
        value, how = self._guess(wanted, place)
        if value is None:
            self.findings.not_found.append(place.path)
        else:
            self._note(place.path, how, 0, is_sure=False)
        return value

    def _candidates(self, wanted: Field, place: _Place) -> list[tuple[float, Labelled]]:
        own = head_words(wanted)
        about = (*own[:-1], *place.parents)
        described = set(tokens_of(wanted.description or ""))
        found = []
        for position, (labelled, label, section) in enumerate(self._labels):
            score = likeness(wanted, labelled.label, labelled.value, label, section=section, parents=place.parents)
            if score < ENOUGH and label and described and all(has_like(word, described) for word in label):
                score = max(score, 0.5 if len(label) > 1 else 0.46)
            if score >= ENOUGH:
                for beside in (self._blocks[labelled.block], self._lines[labelled.line]):
                    score += _TOGETHER * any(word in beside and word not in label for word in about)
                found.append((score, -position, labelled))
        found.sort(key=lambda item: item[:2], reverse=True)
        return [(score, labelled) for score, _, labelled in found]

    def _guess(self, wanted: Field, place: _Place) -> tuple[Json, str]:
        if wanted.type == "bool" and (said := self._state(wanted, place)) is not None:
            return said, "what the label of it says"
        if wanted.type == "str" and not wanted.options:
            part = self._part(wanted, set(tokens_of(wanted.name)), place)
            if part is not None:
                return part, "a part of another value"
        return self._guesser.guess(wanted, place.parents)

    def _state(self, wanted: Field, place: _Place) -> bool | None:
        """Read "Coverage status: Active" for a field such as `coverage_active`."""
        *about, state = content_words(wanted.name)
        if not about:
            return None
        for _, found in self._candidates(Field("_".join(about), "str"), place):
            text = str(found.value)
            if re.search(rf"(?i)\b(?:in|un|non-?){re.escape(state)}", text):
                return False
            if (said := values.mentions(text, [state])) is not None:
                return said
        return None

    def _part(self, wanted: Field, own: set[str], place: _Place) -> str | None:
        """Take a first or family name out of a name, a city out of an address."""
        for parts, whole in ((_NAME_PARTS, "name"), (_ADDRESS_PARTS, "address")):
            mine = own & parts
            if len(mine) != 1:
                continue
            rest = [word for word in tokens_of(wanted.name) if word not in mine and word not in ("name", "id")]
            stand_in = Field("_".join([*rest, whole]), "str")
            found = self._candidates(stand_in, place)
            if found and isinstance(found[0][1].value, str):
                text = found[0][1].value
                if whole == "name":
                    given, family = values.split_name(text)
                    return (given if "given" in mine else family) or None
                return values.split_address(text).get(mine.pop())
        return None

    def sentences(self) -> list[str]:
        """Return the sentences of the text."""
        return self._guesser.sentences()

    # -- lists -----------------------------------------------------------------------------------

    def _list(self, wanted: Field, place: _Place) -> Json:
        items = self._objects(wanted, place) if wanted.fields else self._scalars(wanted, place)
        if not items:
            self.findings.not_found.append(place.path)
        return items

    def _objects(self, wanted: Field, place: _Place) -> list[Json]:
        table = self._best_table(wanted.fields, tokens_of(wanted.name))
        if table is not None:
            self._note(place.path, f"table with the columns {', '.join(table.header)}", table.line, is_sure=True)
            return [self._row(table, row, wanted) for row in table.rows]
        items, how, line = self._items(wanted, place)
        if items:
            self._note(place.path, how, line, is_sure=how.startswith("list"))
            return [_object_of(item, wanted.fields) for item in items]
        only = wanted.fields[0]
        if len(wanted.fields) == 1 and only.options:
            named = [o for o in only.options if values.mentions(self.document.text, [o])]
            if named:
                self._note(place.path, "the options that the text names", 0, is_sure=False)
            return [{only.name: option} for option in named]
        single = Filler(self.document).fill(
            wanted.fields, _Place(place.path, (*place.parents, *tokens_of(wanted.name)))
        )
        if all(_is_named(self._labels, f) for f in wanted.fields) and any(v is not None for v in single.values()):
            self._note(place.path, "labelled values", 0, is_sure=False)
            return [single]
        return []

    def _best_table(self, fields: Fields, name: Sequence[str]) -> Table | None:
        best: tuple[float, Table] | None = None
        for table in self.document.tables:
            columns = [(cell, _sample(table, i), tokens_of(cell)) for i, cell in enumerate(table.header)]
            scores = [max((_column_likeness(f, column, name) for column in columns), default=0) for f in fields]
            score = sum(s for s in scores if s >= ENOUGH) / len(fields)
            if score >= 0.4 and (best is None or score > best[0]):
                best = (score, table)
        return best[1] if best else None

    def _row(self, table: Table, row: Sequence[Json], wanted: Field) -> dict[str, Json]:
        cells = Document(
            labelled=[Labelled(h, c, "", 0) for h, c in zip(table.header, row, strict=True) if c not in (None, "")]
        )
        filler = Filler(cells)
        return {
            f.name: filler._value(f, _Place(f.name, ())) if f.type in ("list", "object") else filler._cell(f, wanted)
            for f in wanted.fields
        }

    def _cell(self, wanted: Field, of: Field) -> Json:
        """Return what a row says of a field, by columns that fit it or, failing that, the name of the list."""
        for place in (_Place("", ()), _Place("", tokens_of(of.name))):
            for _, cell in self._candidates(wanted, place):
                if (value := convert(cell.value, wanted)) is not None:
                    return value
        return None

    def _items(self, wanted: Field, place: _Place) -> tuple[list[str], str, int]:
        own = tokens_of(wanted.name)
        listings = [
            (similarity(own, tokens_of(listing.label), parents=place.parents), listing)
            for listing in self.document.listings
        ]
        best = max(listings, key=lambda found: found[0], default=None)
        if best is not None and best[0] >= ENOUGH:
            return list(best[1].items), f'list under "{best[1].label}"', best[1].line
        for _, labelled in self._candidates(Field(wanted.name, "str", wanted.description), place):
            found = values.split_items(str(labelled.value))
            return found, f'list in label "{labelled.label}"', labelled.line
        if len(listings) == 1:
            return list(listings[0][1].items), "the only list of the text", listings[0][1].line
        return [], "", 0

    def _scalars(self, wanted: Field, place: _Place) -> list[Json]:
        kind = wanted.item_type or "str"
        if wanted.options:
            named = [o for o in wanted.options if values.mentions(self.document.text, [o])]
            if named:
                self._note(place.path, "the options that the text names", 0, is_sure=False)
            return list(named)
        items, how, line = self._items(wanted, place)
        column = None if items else self._column(wanted)
        if column is not None:
            items, how, line = column
        leaf = Field(wanted.name, kind, wanted.description)
        found = [value for item in items if (value := convert(item, leaf)) is not None] if kind != "list" else []
        if found:
            self._note(place.path, how, line, is_sure=how.startswith(("list", "column")))
            return found
        for pattern in PATTERN_ORDER:
            if pattern in tokens_of(wanted.name) and kind == "str":
                matches = values.PATTERNS[pattern].finditer(self.document.text)
                found = list(dict.fromkeys(match[match.lastindex or 0] for match in matches))
                if found:
                    self._note(place.path, f"the pattern of a {pattern}", 0, is_sure=False)
                return found
        return []

    def _column(self, wanted: Field) -> tuple[list[str], str, int] | None:
        own = tokens_of(wanted.name)
        for table in self.document.tables:
            for i, cell in enumerate(table.header):
                if similarity(own, tokens_of(cell)) >= SURE:
                    return [str(row[i]) for row in table.rows], f'column "{cell}"', table.line
        return None

    def _note(self, path: str, how: str, line: int, *, is_sure: bool) -> None:
        note: dict[str, Json] = {"field": path, "from": how}
        if line:
            note["line"] = line
        (self.findings.matched if is_sure else self.findings.guessed).append(note)


def _sample(table: Table, column: int) -> Json:
    return next((row[column] for row in table.rows if row[column] not in (None, "")), "")


def _column_likeness(wanted: Field, column: tuple[str, Json, tuple[str, ...]], name: Sequence[str]) -> float:
    """How well a column fits, whether or not its header counts on the name of the list."""
    return max(likeness(wanted, *column, parents=name), likeness(wanted, *column))


def _is_named(labels: Sequence[tuple[Labelled, tuple[str, ...], tuple[str, ...]]], wanted: Field) -> bool:
    return any(similarity(head_words(wanted), label) >= ENOUGH for _, label, _ in labels)


def _object_of(item: str, fields: Fields) -> dict[str, Json]:
    filler = Filler(read_text(item))
    said: dict[str, Json] = {}
    for f in fields:
        found = filler._candidates(f, _Place("", ()))
        value = convert(found[0][1].value, f) if found else None
        if value is not None:
            said[f.name] = value
    return object_of(item, fields, said)
