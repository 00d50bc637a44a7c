"""Tables in lines of text: bars, gaps, tabs, commas. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from sandbox.llm_tasks.engines.extract.labels import GAP

Cells = tuple[str, ...]
RULE: Final = re.compile(r"^[\s|:+=_-]+$")
_CELL: Final = re.compile(r"\S+(?: \S+)*")
_HEADER_CHARS_MAX: Final = 40


def read_table(lines: Sequence[str], at: int) -> tuple[Cells, list[Cells], int, bool] | None:
    """Read the table that begins at a line: header, rows, the line after it, and whether a rule follows the header.

    >>> read_table(["Test   Flag   Unit", "Na     H      mmol/L", "K             mmol/L"], 0)[:2]
    (('Test', 'Flag', 'Unit'), [('Na', 'H', 'mmol/L'), ('K', '', 'mmol/L')])
    """
    for split in (_split_pipes, _split_tabs, _split_gaps, _split_commas):
        header = split(lines[at])
        if header is None or any(len(cell) > _HEADER_CHARS_MAX for cell in header):
            continue
        end, rows = at + 1, list[Cells]()
        has_rule = end < len(lines) and bool(lines[end].strip()) and RULE.match(lines[end]) is not None
        while end < len(lines):
            if RULE.match(lines[end]) and lines[end].strip():
                end += 1
                continue
            cells = split(lines[end])
            if split is _split_gaps and (cells is None or len(cells) != len(header)):
                cells = _aligned(lines[at], lines[end])
            if cells is None or len(cells) != len(header):
                break
            rows.append(cells)
            end += 1
        if len(rows) >= (2 if split is _split_commas else 1):
            return header, rows, end, has_rule
    return None


def split_pair(line: str) -> tuple[str, str] | None:
    """Return the two cells of a line of two, by a bar or a wide gap, None for any other.

    >>> split_pair("| Name | Ana |"), split_pair("Subtotal        192.00"), split_pair("one")
    (('Name', 'Ana'), ('Subtotal', '192.00'), None)
    """
    cells = _split_pipes(line) or tuple(cell.strip() for cell in GAP.split(line.strip()) if cell.strip())
    return (cells[0], cells[1]) if len(cells) == 2 else None


def _split_pipes(line: str) -> Cells | None:
    if line.count("|") < 2 and not re.search(r"\S \| \S", line):
        return None
    if RULE.match(line):
        return None
    cells = tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
    return cells if len(cells) >= 2 else None


def _split_tabs(line: str) -> Cells | None:
    if line.count("\t") < 2:
        return None
    return tuple(cell.strip() for cell in line.strip("\n").split("\t"))


def _split_gaps(line: str) -> Cells | None:
    if re.search(r":(?:\s|$)", line):
        return None
    cells = tuple(cell.strip() for cell in GAP.split(line.strip()) if cell.strip())
    return cells if len(cells) >= 3 else None


def _aligned(header: str, line: str) -> Cells | None:
    """Put the cells of a row with holes under the columns of the header; None where they do not fit."""
    if re.search(r":(?:\s|$)", line) or "\t" in line:
        return None
    columns = [(m.start(), m.end()) for m in _CELL.finditer(header)]
    cells = [""] * len(columns)
    found = list(_CELL.finditer(line))
    if not 2 <= len(found) < len(columns):
        return None
    for match in found:
        near = min(range(len(columns)), key=lambda i: _distance(columns[i], match.start(), match.end()))
        if cells[near] or any(cells[near + 1 :]):
            return None
        cells[near] = match[0]
    return tuple(cells)


def _distance(column: tuple[int, int], start: int, end: int) -> int:
    """How far a cell is from a column: the overlap counts first, then the edge that is nearer."""
    overlap = min(column[1], end) - max(column[0], start)
    return min(abs(column[0] - start), abs(column[1] - end)) - 100 * (overlap > 0)


def _split_commas(line: str) -> Cells | None:
    if line.count(",") < 2 or ": " in line or ". " in line:
        return None
    import csv

    try:
        cells = tuple(cell.strip() for cell in next(csv.reader([line], strict=True)))
    except (csv.Error, StopIteration):
        return None
    return cells if len(cells) >= 3 else None
