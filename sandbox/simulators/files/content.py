"""What a file says: its text, its JSON, the rows of its CSV. For checks; must not know the tree.

A file that cannot be read as asked gives nothing and a reason, never an exception.
"""

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.wire.charsets import decode_text
from sandbox.wire.media_types import charset_of

# "007" is an identifier, not the number 7.
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, or why nothing could be. `is_lacking`: it was read, and has not what was asked for."""

    value: Json = None
    problem: str | None = None
    is_lacking: bool = False


def read_text(content: bytes, content_type: str = "text/plain") -> Reading:
    r"""Return the text of a file: a PDF's text layer, anything else in the charset of its type, else as UTF-8.

    >>> read_text(b"Hello").value, read_text(b"Jos\xe9", "text/plain; charset=windows-1252").value
    ('Hello', 'José')
    """
    if content.startswith(b"%PDF-"):
        return _read_pdf(content)
    text = decode_text(content, content_type)
    return Reading(text) if text is not None else _unknown_charset(content_type)


def _unknown_charset(content_type: str) -> Reading:
    return Reading(problem=f"the charset {charset_of(content_type)} is not known")


def _read_pdf(content: bytes) -> Reading:
    from pypdf import PdfReader

    try:
        text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    except Exception as error:  # pypdf meets broken files with whatever its parser runs into
        return Reading(problem=f"the PDF cannot be read: {type(error).__name__}")
    return Reading(text) if text.strip() else Reading("", "the PDF has no text layer")


def read_json(content: bytes, content_type: str = "application/json") -> Reading:
    """Return the JSON value of a file.

    >>> read_json(b'{"a": 1}').value, read_json(b"{").problem
    ({'a': 1}, 'The body is not valid JSON: Expecting property name enclosed in double quotes at line 1, column 2.')
    """
    text = decode_text(content, content_type) if charset_of(content_type) is not None else content
    if text is None:
        return _unknown_charset(content_type)
    try:
        return Reading(jsonio.parse(text))
    except SandboxError as error:
        return Reading(problem=error.message)


def find_csv_row(content: bytes, wanted: Mapping[str, Json], delimiter: str, content_type: str = "text/csv") -> Reading:
    r"""Return the first row of a CSV file (RFC 4180, with a header line) whose columns hold what is wanted.

    >>> find_csv_row(b"id,status\n1,ok\n2,bad\n", {"id": 2}, ",").value
    {'id': '2', 'status': 'bad'}
    """
    lines = _read_lines(content, delimiter, content_type)
    if lines.problem is not None:
        return lines
    header, *rows = lines.value
    missing = [name for name in wanted if name not in header]
    if missing:
        return Reading(problem=f"the file has no column {', '.join(missing)}", is_lacking=True)
    for cells in rows:
        row = _row(header, cells)
        if all(holds(row.get(name), value) for name, value in wanted.items()):
            return Reading(row)
    return Reading(problem="no row holds what is wanted", is_lacking=True)


def read_csv(content: bytes, delimiter: str, content_type: str = "text/csv") -> Reading:
    r"""Return the rows of a CSV file (RFC 4180, with a header line), by column.

    >>> read_csv(b"id,status\n1,ok\n", ",").value
    [{'id': '1', 'status': 'ok'}]
    """
    lines = _read_lines(content, delimiter, content_type)
    if lines.problem is not None:
        return lines
    header, *rows = lines.value
    return Reading([_row(header, cells) for cells in rows])


def read_table(content: bytes, delimiter: str, content_type: str = "text/csv") -> Reading:
    r"""Return the rows of a CSV file as a table that can be compared as a whole: empty lines are none.

    A row with more cells than the header has columns is a problem: what stands there would be compared with nothing.

    >>> read_table(b"id,status\r\n1,ok\r\n\r\n", ",").value, read_table(b"id\n1,ok\n", ",").problem
    ([{'id': '1', 'status': 'ok'}], 'row 1 has more cells than the header has columns')
    """
    lines = _read_lines(content, delimiter, content_type)
    if lines.problem is not None:
        return lines
    header, *rows = lines.value
    rows = [cells for cells in rows if cells]
    if len(set(header)) < len(header):
        return Reading(problem="a column stands twice in the header")
    long = next((number for number, cells in enumerate(rows, 1) if len(cells) > len(header)), None)
    if long is not None:
        return Reading(problem=f"row {long} has more cells than the header has columns")
    return Reading([_row(header, cells) for cells in rows])


def _read_lines(content: bytes, delimiter: str, content_type: str) -> Reading:
    """Read the cells of every line, those of the header first and without spaces around them."""
    charset = charset_of(content_type)
    try:
        text = content.decode("utf-8-sig") if charset is None else decode_text(content, content_type)
        if text is None:
            return _unknown_charset(content_type)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except UnicodeDecodeError:
        return Reading(problem="the file is not UTF-8 text")
    except csv.Error as error:
        return Reading(problem=f"the file is not CSV: {error}")
    if not lines:
        return Reading(problem="the file has no header line")
    return Reading([[name.strip() for name in lines[0]], *lines[1:]])


def _row(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    return dict(zip(header, cells, strict=False))


def holds(cell: str | None, wanted: Json) -> bool:
    """Whether a cell holds what is wanted: the same text, number or truth value; null is an empty or missing cell."""
    if cell is None or wanted is None:
        return wanted is None and not cell
    if isinstance(wanted, bool):
        return cell.strip().lower() == str(wanted).lower()
    if isinstance(wanted, int | float):
        number = cell.strip()
        return _NUMBER.fullmatch(number) is not None and float(number) == float(wanted)
    return bool(cell == wanted)


def comparable(content: bytes, content_type: str) -> Json:
    """Return what a file says, to compare it with another: its JSON, else its text, else its hash.

    >>> comparable(b'{"a": 1.0}', "text/plain"), comparable(b"Hello", "text/plain")
    ({'a': 1.0}, 'Hello')
    """
    found = read_json(content)
    if found.problem is None and isinstance(found.value, dict | list):
        return found.value
    text = read_text(content, content_type)
    return text.value if text.problem is None else {"sha256": hashlib.sha256(content).hexdigest()}
