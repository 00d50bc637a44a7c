"""Parameters as a query string again, for the links of a Bundle."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

# What `query` writes as it is; most names and values hold nothing else, and need no quoting.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.\-~:*]*").fullmatch
_PLAIN_VALUE: Final = re.compile(r"[A-Za-z0-9_.\-~:/,*$()!']*").fullmatch


def query(parameters: Iterable[tuple[str, str]]) -> str:
    """Write parameters as a query string, readable where that is safe.

    >>> query([("code", "http://loinc.org|1234-5"), ("name", "O'Neill & Co")])
    "?code=http://loinc.org%7C1234-5&name=O'Neill%20%26%20Co"
    """
    pairs = [f"{_quoted_name(name)}={_quoted_value(value)}" for name, value in parameters]
    return "?" + "&".join(pairs) if pairs else ""


@lru_cache(maxsize=4096)
def _quoted_name(name: str) -> str:
    return name if _PLAIN_NAME(name) else quote(name, safe=":.*")


@lru_cache(maxsize=4096)
def _quoted_value(value: str) -> str:
    return value if _PLAIN_VALUE(value) else quote(value, safe=":/,.*$()!~'")
