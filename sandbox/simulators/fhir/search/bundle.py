"""Searchset Bundles, joined from the resources' own JSON text (R4 Bundle, 2.36.3)."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from sandbox import jsonio
from sandbox.simulators.fhir.issues import Issue

# What `query` writes as it is; most names and values hold nothing else, and need no quoting.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.\-~:*]*").fullmatch
_PLAIN_VALUE: Final = re.compile(r"[A-Za-z0-9_.\-~:/,*$()!']*").fullmatch
_TAIL: Final = {mode: f',"search":{{"mode":"{mode}"}}}}'.encode() for mode in ("match", "include")}


def entry(base_url: str, resource_type: str, identity: str, resource: bytes, mode: str) -> bytes:
    """Write one entry with its `fullUrl` and `search.mode`."""
    return b'{"fullUrl":"%b","resource":%b%b' % (
        f"{base_url}/{resource_type}/{identity}".encode(),
        resource,
        _TAIL[mode],
    )


def outcome_entries(issues: Sequence[Issue]) -> list[bytes]:
    """Write the entry that says what the answer leaves out, none without issues."""
    if not issues:
        return []
    rows = [issue.to_json() for issue in issues]
    outcome = {"resource": {"resourceType": "OperationOutcome", "issue": rows}, "search": {"mode": "outcome"}}
    return [jsonio.dump(outcome)]


def bundle(total: int | None, links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """Write the Bundle; an empty one has no `entry`, as FHIR forbids empty arrays."""
    shown = b"" if total is None else b',"total":%d' % total
    rows = jsonio.dump([{"relation": relation, "url": url} for relation, url in links])
    body = b',"entry":[%b]' % b",".join(entries) if entries else b""
    return b'{"resourceType":"Bundle","type":"searchset"%b,"link":%b%b}' % (shown, rows, body)


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
