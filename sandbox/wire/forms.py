"""`application/x-www-form-urlencoded`: names and values in queries, conditions and forms (WHATWG URL §5.1).

The one reading of it where aiohttp does not read it for us. Order and repetition are kept; a name without a value has
an empty one, and nothing between two `&` is nothing.
"""

from typing import Final, TypeAlias
from urllib.parse import unquote, unquote_to_bytes

from sandbox import limits
from sandbox.errors import Malformed

Pairs: TypeAlias = tuple[tuple[str, str], ...]

FORM: Final = "application/x-www-form-urlencoded"
_PART_CHARS: Final = 32 << 10


def read_pairs(text: str) -> Pairs:
    """Return the pairs of a query, percent-decoded; raises `Malformed` for one that is not UTF-8 or too long.

    >>> read_pairs("name=a%20b&&active")
    (('name', 'a b'), ('active', ''))
    """
    check_count(text)
    pairs = (pair.partition("=") for pair in text.split("&") if pair)
    try:
        return tuple((_decoded(name), _decoded(value)) for name, _, value in pairs)
    except UnicodeDecodeError:
        raise Malformed("The query is not UTF-8.") from None


def is_too_many(text: str) -> bool:
    """Whether a query has more parameters than are read."""
    return text.count("&") >= limits.FORM_FIELDS


def check_count(text: str) -> None:
    """Raise `Malformed` for a query of more parameters than are read."""
    if is_too_many(text):
        raise Malformed(f"The query has more than {limits.FORM_FIELDS} parameters.")


def _decoded(text: str) -> str:
    """Undo the percent-encoding a part at a time: one call for a long text would hold the interpreter to its end."""
    text = text.replace("+", " ")
    if len(text) <= _PART_CHARS:
        return unquote(text, errors="strict")
    parts, at = [], 0
    while at < len(text):
        end = at + _PART_CHARS
        cut = text.find("%", end - 2, end)  # of an escape nothing may be cut off
        end = end if cut < 0 else cut
        parts.append(unquote_to_bytes(text[at:end]))
        at = end
    return b"".join(parts).decode()


def parse_form(body: bytes) -> Pairs:
    """Return the pairs of a form; raises `Malformed`.

    >>> parse_form(b"name=a%20b&active=true")
    (('name', 'a b'), ('active', 'true'))
    """
    try:
        return read_pairs(body.decode())
    except UnicodeDecodeError:
        raise Malformed("The form is not UTF-8.") from None
