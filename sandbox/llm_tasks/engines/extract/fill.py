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
from sandbox.llm_tasks.engines.extract.convert import convert, head_words, is_date
from sandbox.llm_tasks.engines.extract.document import Document, Labelled, Table, read_text
from sandbox.llm_tasks.engines.extract.words import content_words, has_like, similarity, tokens_of
from sandbox.llm_tasks.output_format import Field, Fields

_ENOUGH: Final = 0.45
_SURE: Final = 0.7
# "Clinician: Laura Bennett" for the name of a provider.
_NAMED_BY_PARENT: Final = 0.9
_NOTES_MAX: Final = 200
_SUMMARIES: Final = frozenset("summary abstract overview gist synopsis tldr".split())
_TITLES: Final = frozenset("title headline subject heading".split())
_NAME_PARTS: Final = frozenset({"given", "family"})
_ADDRESS_PARTS: Final = frozenset({"street", "city", "state", "zip"})
_PATTERN_ORDER: Final = ("email", "url", "fax", "phone", "npi", "zip", "amount", "dose", "frequency", "route", "code")


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
        self._sentences: list[str] | None = None

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
        for score, found in self._candidates(wanted, place)[:5]:
            value = convert(found.value, wanted)
            if value is not None and value != "":
                self._note(place.path, f'label "{found.label}"', found.line, is_sure=score >= _SURE)
                return value
        value, how = self._guess(wanted, place)
        if value is None:
            self.findings.not_found.append(place.path)
        else:
            self._note(place.path, how, 0, is_sure=False)
        return value

    def _candidates(self, wanted: Field, place: _Place) -> list[tuple[float, Labelled]]:
        own = head_words(wanted)
        described = set(tokens_of(wanted.description or ""))
        found = []
        for position, (labelled, label, section) in enumerate(self._labels):
            score = similarity(own, label, section=section, parents=place.parents)
            if own == ["name"] and place.parents and label and all(has_like(word, place.parents) for word in label):
                score = max(score, _NAMED_BY_PARENT)
            if score < _ENOUGH and label and described and all(has_like(word, described) for word in label):
                score = max(score, 0.5 if len(label) > 1 else 0.46)
            if score >= _ENOUGH:
                found.append((score, -position, labelled))
        found.sort(key=lambda item: item[:2], reverse=True)
        return [(score, labelled) for score, _, labelled in found]

    def _guess(self, wanted: Field, place: _Place) -> tuple[Json, str]:
        text = self.document.text
        own = set(tokens_of(wanted.name))
        if wanted.options and wanted.type == "str":
            return values.guess_option(text, wanted.options), "the words of the text"
        if wanted.type == "bool":
            said = values.mentions(text, content_words(wanted.name))
            return bool(said), "whether the text mentions it"
        if wanted.type in ("int", "number"):
            amount = values.find_pattern("amount", text) if "amount" in own else None
            found = convert(amount, wanted) if amount is not None else self._number_near(own, wanted)
            return found, "a number beside its word"
        part = self._part(wanted, own, place)
        if part is not None:
            return part, "a part of another value"
        if is_date(wanted) and (found := values.find_date(self._near(own | set(place.parents)))) is not None:
            return values.write_date(found, wanted.description or ""), "a date in the text"
        for kind in _PATTERN_ORDER:
            if kind in own and (kind != "code" or "diagnosis" in own | set(place.parents)):
                found_text = values.find_pattern(
                    kind, self._near(own - {kind} | set(place.parents)) if kind == "phone" else text
                )
                if found_text is not None:
                    return found_text, f"the pattern of a {kind}"
        if own & _TITLES:
            return next((line.strip("# ") for line in text.splitlines() if line.strip()), None), "the first line"
        if own & _SUMMARIES:
            return " ".join(self.sentences()[:2]) or None, "the first sentences"
        return self._said_of(own), "a sentence about it"

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

    def _number_near(self, own: set[str], wanted: Field) -> Json:
        for word in sorted(own, key=len, reverse=True):
            after = rf"\b{re.escape(word)}\w*\D{{0,20}}?([$€£]?-?\d[\d,]{{0,20}}(?:\.\d{{1,9}})?)"
            pattern = rf"{after}|(?<![\d,.])(-?\d[\d,]{{0,20}}(?:\.\d{{1,9}})?)\s{{1,3}}{re.escape(word)}"
            for match in re.finditer(pattern, self.document.text, re.IGNORECASE):
                value = convert(match[1] or match[2], wanted)
                if value is not None:
                    return value
        numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", self.document.text[:2000])
        return convert(numbers[0], wanted) if len(numbers) == 1 else None

    def _near(self, own: set[str]) -> str:
        """Return the text from the first sentence that has one of the words, or all of it."""
        sentences = self.sentences()
        for i, sentence in enumerate(sentences):
            if own & set(tokens_of(sentence[:200])):
                return " ".join(sentences[i:])
        return self.document.text

    def _said_of(self, own: set[str]) -> str | None:
        words = {word for word in own if len(word) > 3}
        for sentence in self.sentences()[:200]:
            match = re.search(r"\b(?:is|are|was|were)\s+(.{1,120}?)(?:[.,;]|$)", sentence)
            if match is not None and words and words <= set(tokens_of(sentence[: match.start()])):
                return match[1].strip()
        return None

    def sentences(self) -> list[str]:
        """Return the sentences of the text."""
        if self._sentences is None:
            flat = re.split(r"(?<=[.!?])\s+|\n+", self.document.text)
            self._sentences = [sentence.strip() for sentence in flat if sentence.strip()]
        return self._sentences

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
            return [self._row(table, row, wanted.fields) for row in table.rows]
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
            columns = [tokens_of(cell) for cell in table.header]
            scores = [max((similarity(head_words(f), c, parents=name) for c in columns), default=0) for f in fields]
            score = sum(s for s in scores if s >= _ENOUGH) / len(fields)
            if score >= 0.4 and (best is None or score > best[0]):
                best = (score, table)
        return best[1] if best else None

    def _row(self, table: Table, row: Sequence[Json], fields: Fields) -> dict[str, Json]:
        cells = Document(
            labelled=[Labelled(h, c, "", 0) for h, c in zip(table.header, row, strict=True) if c not in (None, "")]
        )
        filler = Filler(cells)
        return {
            f.name: next(
                (v for _, c in filler._candidates(f, _Place("", ())) if (v := convert(c.value, f)) is not None), None
            )
            if f.type not in ("list", "object")
            else filler._value(f, _Place(f.name, ()))
            for f in fields
        }

    def _items(self, wanted: Field, place: _Place) -> tuple[list[str], str, int]:
        own = tokens_of(wanted.name)
        listings = [
            (similarity(own, tokens_of(listing.label), parents=place.parents), listing)
            for listing in self.document.listings
        ]
        best = max(listings, key=lambda found: found[0], default=None)
        if best is not None and best[0] >= _ENOUGH:
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
        for pattern in _PATTERN_ORDER:
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
                if similarity(own, tokens_of(cell)) >= _SURE:
                    return [str(row[i]) for row in table.rows], f'column "{cell}"', table.line
        return None

    def _note(self, path: str, how: str, line: int, *, is_sure: bool) -> None:
        note: dict[str, Json] = {"field": path, "from": how}
        if line:
            note["line"] = line
        (self.findings.matched if is_sure else self.findings.guessed).append(note)


def _is_named(labels: Sequence[tuple[Labelled, tuple[str, ...], tuple[str, ...]]], wanted: Field) -> bool:
    return any(similarity(head_words(wanted), label) >= _ENOUGH for _, label, _ in labels)


def _object_of(item: str, fields: Fields) -> dict[str, Json]:
    """Read one item of a list, "Metformin 500 mg twice daily", into an object."""
    inner = read_text(item)
    filler = Filler(inner)
    rest, found = item, dict[str, Json]()
    for f in fields:
        words = set(tokens_of(f.name))
        labelled = filler._candidates(f, _Place("", ()))
        value = convert(labelled[0][1].value, f) if labelled else None
        piece = None
        if value is None and f.type == "str" and f.options:
            value = values.guess_option(item, f.options)
        elif value is None and f.type == "str":
            kind = next((k for k in _PATTERN_ORDER if k in words), None)
            piece = values.find_pattern(kind, item) if kind else None
            if piece is None and is_date(f) and (day := values.find_date(item)) is not None:
                piece, value = day[1], values.write_date(day, f.description or "")
            value = value if value is not None else piece
        elif value is None and f.type == "bool":
            value = bool(values.mentions(item, content_words(f.name)))
        elif value is None and f.type in ("int", "number"):
            piece = next(iter(re.findall(r"[$€£]?\d[\d,]*(?:\.\d+)?", rest)), None)
            value = convert(piece, f) if piece else None
        if piece:
            rest = rest.replace(piece, " ", 1)
        found[f.name] = value if f.type != "list" else []
    free = [f for f in fields if found[f.name] is None and f.type == "str" and not f.options]
    if free and not inner.labelled:
        text = re.sub(r"\s{2,}", " ", rest).strip(" -\u2013:,;()")
        head, _, tail = text.partition(" - ") if " - " in text else text.partition(": ")
        found[free[0].name] = (head if tail and len(free) > 1 else text) or None
        if tail and len(free) > 1:
            found[free[1].name] = tail
    return found
