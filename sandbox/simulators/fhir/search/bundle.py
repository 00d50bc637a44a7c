"""Searchset Bundles, joined from the resources' own JSON text (R4 Bundle, 2.36.3)."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from sandbox import jsonio
from sandbox.errors import SandboxError

_SAFE: Final = ":/,.*$()!~'"
# What `quote` leaves alone; most names and values are nothing else.
_IN_NAMES: Final = re.compile(r"[A-Za-z0-9_.~:*-]*")
_IN_VALUES: Final = re.compile(r"[A-Za-z0-9_.~:/,*$()!'-]*")

Entry = tuple[str, str, bytes, str]


def entry(base_url: str, resource_type: str, identity: str, resource: bytes, mode: str) -> bytes:
    """Write one entry with its `fullUrl` and `search.mode`."""
    head = f'{{"fullUrl":"{base_url}/{resource_type}/{identity}","resource":'.encode()
    return b"".join((head, resource, b',"search":{"mode":"', mode.encode(), b'"}}'))


def outcome_entry(ignored: Sequence[SandboxError]) -> bytes:
    """Write the entry that says which parameters were not honoured."""
    issues: list[dict[str, Any]] = [
        {
            "severity": "warning",
            "code": error.context.get("issue_type", "not-supported"),
            "diagnostics": f"Ignored: {error.message}",
            **({"expression": [error.context["expression"]]} if error.context.get("expression") else {}),
        }
        for error in ignored
    ]
    outcome = {"resource": {"resourceType": "OperationOutcome", "issue": issues}, "search": {"mode": "outcome"}}
    return jsonio.dump(outcome)


def bundle(total: int | None, links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """Write the Bundle; an empty one has no `entry`, as FHIR forbids empty arrays."""
    parts = [b'{"resourceType":"Bundle","type":"searchset"']
    if total is not None:
        parts.append(b',"total":%d' % total)
    rows = [{"relation": relation, "url": url} for relation, url in links]
    parts += [b',"link":', jsonio.dump(rows)]
    if entries:
        parts += [b',"entry":[', b",".join(entries), b"]"]
    parts.append(b"}")
    return b"".join(parts)


def query(parameters: Iterable[tuple[str, str]]) -> str:
    """Write parameters as a query string, readable where that is safe.

    >>> query([("code", "http://loinc.org|1234-5"), ("name", "O'Neill & Co")])
    "?code=http://loinc.org%7C1234-5&name=O'Neill%20%26%20Co"
    """
    pairs = [f"{_quoted(name, _IN_NAMES, ':.*')}={_quoted(value, _IN_VALUES, _SAFE)}" for name, value in parameters]
    return "?" + "&".join(pairs) if pairs else ""


def _quoted(text: str, as_is: re.Pattern[str], safe: str) -> str:
    return text if as_is.fullmatch(text) else quote(text, safe=safe)
