"""`application/x-www-form-urlencoded`: names and values in queries, conditions and forms (WHATWG URL §5.1).

The one reading of it where aiohttp does not read it for us. Order and repetition are kept; a name without a value has
an empty one, and nothing between two `&` is nothing.
"""

from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from sandbox import limits
from sandbox.errors import Malformed

Pairs: TypeAlias = tuple[tuple[str, str], ...]

FORM: Final = "application/x-www-form-urlencoded"


def read_pairs(text: str) -> Pairs:
    """Return the pairs of a query, percent-decoded; raises `Malformed` for one that is not UTF-8 or too long.

    >>> read_pairs("name=a%20b&&active")
    (('name', 'a b'), ('active', ''))
    """
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=limits.FORM_FIELDS))
    except UnicodeDecodeError:
        raise Malformed("The query is not UTF-8.") from None
    except ValueError:
        raise Malformed(f"The query has more than {limits.FORM_FIELDS} parameters.") from None


def parse_form(body: bytes) -> Pairs:
    """Return the pairs of a form; raises `Malformed`.

    >>> parse_form(b"name=a%20b&active=true")
    (('name', 'a b'), ('active', 'true'))
    """
    try:
        return read_pairs(body.decode())
    except UnicodeDecodeError:
        raise Malformed("The form is not UTF-8.") from None
