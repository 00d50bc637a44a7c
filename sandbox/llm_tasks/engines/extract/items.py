"""One item of a list, "Metformin 500 mg - twice daily", as an object. Pure."""

import re
from collections.abc import Sequence

from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract import values
from sandbox.llm_tasks.engines.extract.convert import convert, is_date
from sandbox.llm_tasks.engines.extract.guess import PATTERN_ORDER
from sandbox.llm_tasks.engines.extract.words import content_words, tokens_of
from sandbox.llm_tasks.output_format.grammar import Field, Fields

_TAKEN = "\0"
_EDGES = " -\u2013\u2014:,;()|\t"


def object_of(item: str, fields: Fields, labelled: dict[str, Json]) -> dict[str, Json]:
    """Read an item into an object; `labelled` are the fields that its own labels gave.

    What has a pattern (a dose, a date, a code) is taken out first; what is left is shared among the text
    fields in order.

    >>> object_of("Penicillin: hives", (Field("substance", "str"), Field("reaction", "str")), {})
    {'substance': 'Penicillin', 'reaction': 'hives'}
    """
    rest, found = item, dict[str, Json]()
    for f in fields:
        value, piece = labelled.get(f.name), None
        if value is None and f.type != "list":
            value, piece = _piece_of(item, rest, f)
        if piece:
            rest = rest.replace(piece, _TAKEN, 1)
        found[f.name] = value if f.type != "list" else []
    free = [f for f in fields if found[f.name] is None and f.type == "str" and not f.options and not is_date(f)]
    if free and not labelled:
        for f, text in zip(free, _shares(rest, len(free)), strict=False):
            found[f.name] = text
    return found


def _piece_of(item: str, rest: str, f: Field) -> tuple[Json, str | None]:
    """Return a field's value by its pattern, and the text that it was."""
    if f.type == "bool":
        return bool(values.mentions(item, content_words(f.name))), None
    if f.type in ("int", "number"):
        piece = next(iter(re.findall(r"[$€£]?\d[\d,]*(?:\.\d+)?", rest)), None)
        return (convert(piece, f) if piece else None), piece
    if f.type != "str":
        return None, None
    if f.options:
        return values.guess_option(item, f.options), None
    if is_date(f) and (day := values.find_date(item)) is not None:
        return values.write_date(day, f.description or ""), day[1]
    words = tokens_of(f.name)
    kind = next((k for k in PATTERN_ORDER if k in words), None)
    piece = values.find_pattern(kind, item) if kind else None
    return piece, piece


def _shares(rest: str, count: int) -> Sequence[str]:
    chunks = [chunk.strip(_EDGES) for chunk in rest.split(_TAKEN)]
    chunks = [re.sub(r"\s{2,}", " ", chunk) for chunk in chunks if chunk]
    if count == 1:
        return chunks[:1]
    parts = [part.strip(_EDGES) for chunk in chunks for part in re.split(r"\s[-\u2013\u2014|]\s|:\s|;\s", chunk)]
    if len(parts) < count:
        parts = [piece.strip(_EDGES) for part in parts for piece in part.split(", ")]
    return [part for part in parts if part][:count]
