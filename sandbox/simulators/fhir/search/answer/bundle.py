"""Searchset Bundles, joined from the resources' own JSON text (R4 Bundle, 2.36.3)."""

from collections.abc import Sequence
from typing import Final

from sandbox import jsonio
from sandbox.r4.issues import Issue

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
