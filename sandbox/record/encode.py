"""Events to rows and back, and rows to what the API shows.

A body of more than `limits.INLINE_BODY_BYTES`, one that comes again (`bodies.py`), a document as long and every binary
one is stored once by its SHA-256 in `blobs`, and so are changes of that length. Else changes hold the changed documents
themselves, so that events can be folded, or say that the answer is the document.
"""

import base64
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from sandbox import jsonio, limits
from sandbox.clock import format_instant, parse_instant
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.playground.branch import Change, Document
from sandbox.playground.events import KEPT_RESPONSE_HEADERS, Event, Headers, Request, Response, kept_request_headers
from sandbox.record.bodies import Bodies, Place, place_new
from sandbox.record.contents import INSERT_BLOB

Statement = tuple[str, Sequence[Any]]
BlobReader = Callable[[str], bytes]

_COLUMNS = (
    "playground_id, seq, id, task_run_id, sandbox_id, type, at, duration_ms, method, path, query, "
    "request_headers, request_body, request_sha, status, response_headers, response_body, response_sha, actor, via, "
    "view, outcome, changes"
)
COLUMNS = tuple(_COLUMNS.split(", "))
_OF_ROW = tuple(name for name in COLUMNS if name not in ("playground_id", "seq", "task_run_id"))
INSERT_EVENT = (
    f"INSERT INTO event_rows (place, {', '.join(_OF_ROW)}, chain) VALUES ({', '.join('?' * (len(_OF_ROW) + 2))})"
)


def size_of(event: Event) -> int:
    """Return about how many bytes an event takes to store."""
    size = 0
    if event.request is not None:
        size = len(event.request.body)
    if event.response is not None:
        size += len(event.response.body)
    for change in event.changes:
        if change.document is not None:
            size += change.document.known_size
    return size


def event_statements(event: Event, bodies: Bodies) -> list[Statement]:
    """Return the inserts that store an event, blobs first.

    Its place, the first value, stands as its playground, task run and number, and the link of its chain, the last one,
    is left open (`streams.py`).
    """
    statements: list[Statement] = []
    request, response = event.request, event.response
    place = place_new if event.changes else bodies.place  # what changes something seldom comes again
    method = path = query = request_headers = request_body = request_sha = None
    if request is not None:
        method, path, query = request.method, request.path, request.raw_query or None
        headers = request.headers
        request_headers = headers.kept if isinstance(headers, Headers) else kept_request_headers(headers)
        body = request.recorded_body if request.recorded_body is not None else request.body
        if body:
            request_body, request_sha = _store_body(body, place, statements)
    status = response_headers = response_body = response_sha = None
    if response is not None:
        status = response.status
        response_headers = _kept_response_headers(tuple(response.headers.items()), response.content_type)
        body = response.recorded_body if response.recorded_body is not None else response.body
        response_body, response_sha = _store_body(body, place, statements)
    changes = None
    if event.changes:
        answered = response_body if response is not None and response_body is response.body else None
        changes = _encode_changes(event.changes, answered, statements)
    row = [
        (event.playground_id, event.task_run_id, event.seq),
        event.id,
        event.sandbox_id,
        event.type,
        format_instant(event.at),
        event.duration_ms,
        method,
        path,
        query,
        request_headers,
        request_body,
        request_sha,
        status,
        response_headers,
        response_body,
        response_sha,
        event.actor,
        request.via if request is not None else None,
        int(event.is_view),
        response.outcome.decode() if response is not None and response.outcome is not None else None,
        changes,
        None,
    ]
    statements.append((INSERT_EVENT, row))
    return statements


@lru_cache(maxsize=4096)
def _kept_response_headers(headers: tuple[tuple[str, str], ...], content_type: str | None) -> str | None:
    """Write the headers that are kept; most answers have the same ones as one before, so most texts are at hand."""
    kept = {name.lower(): value for name, value in headers if name.lower() in KEPT_RESPONSE_HEADERS}
    if content_type:
        kept["content-type"] = content_type
    return jsonio.dump(kept).decode() if kept else None


def _store_body(body: bytes, place: Place, statements: list[Statement]) -> tuple[bytes | None, str | None]:
    sha, is_new = place(body)
    if is_new:
        statements.append((INSERT_BLOB, (sha, body)))
    return (body or None, None) if sha is None else (None, sha)


def _encode_changes(changes: tuple[Change, ...], answered: bytes | None, statements: list[Statement]) -> str:
    """Write changes as `[collection, key, version, kind, content]`.

    A document is what is deleted (0), JSON (1), a blob's name (2), the JSON that the event answers with (3), or the
    name of a blob that holds JSON (4). All of it, where that is long, is a blob whose name is returned as JSON.
    """
    parts = []
    for change in changes:
        head = [change.collection, change.key, change.version]
        document = change.document
        if document is None:
            parts.append(jsonio.dump([*head, 0, None]))
        elif document.is_binary:
            parts.append(jsonio.dump([*head, 2, _store_blob(document.value, statements)]))
        elif document.json is answered:
            parts.append(jsonio.dump([*head, 3, None]))
        elif len(document.json) > limits.INLINE_BODY_BYTES:
            parts.append(jsonio.dump([*head, 4, _store_blob(document.json, statements)]))
        else:
            parts.append(jsonio.dump([*head, 1])[:-1] + b"," + document.json + b"]")
    text = b"[" + b",".join(parts) + b"]"
    if len(text) > limits.INLINE_BODY_BYTES:
        return jsonio.dump(_store_blob(text, statements)).decode()
    return text.decode()


def _store_blob(content: bytes, statements: list[Statement]) -> str:
    sha = hashlib.sha256(content).hexdigest()
    if all(values[0] != sha for _, values in statements):  # what is sent, answered and kept may be the same
        statements.append((INSERT_BLOB, (sha, content)))
    return sha


def name_of_changes(text: str | None) -> str | None:
    """Return the name of the blob that the changes of a stored event are in; None when they stand in the event.

    >>> name_of_changes('"00ff"'), name_of_changes('[["c", "k", 1, 0, null]]')
    ('00ff', None)
    """
    return text[1:-1] if text is not None and text.startswith('"') else None


def names_in_changes(text: str | None) -> set[str]:
    """Return the names of the blobs that hold documents, from changes as they are written."""
    if not text or not (",2," in text or ",4," in text):
        return set()
    return {content for _, _, _, kind, content in jsonio.parse(text) if kind in (2, 4)}


def decode_changes(text: str | None, answered: bytes, read_blob: BlobReader) -> tuple[Change, ...]:
    """Read the changes of a stored event that answered with a body."""
    if not text:
        return ()
    changes = []
    for collection, key, version, kind, content in _all_changes(text, read_blob):
        document = None
        if kind == 1:
            document = Document(json=jsonio.dump_to_keep(content), version=version)  # a value takes many times as much
        elif kind == 2:
            document = Document(read_blob(content), version=version)
        elif kind == 3:
            document = Document(json=answered, version=version)
        elif kind == 4:
            document = Document(json=read_blob(content), version=version)
        changes.append(Change(collection, key, version, document))
    return tuple(changes)


def _all_changes(text: str, read_blob: BlobReader) -> Iterable[Json]:
    name = name_of_changes(text)
    return jsonio.parse(text if name is None else read_blob(name))  # type: ignore[no-any-return]


def decode_event(row: sqlite3.Row | Mapping[str, Any], read_blob: BlobReader) -> Event:
    """Read an event back from its row."""
    request = response = None
    if row["method"] is not None:
        request = Request(
            row["method"],
            row["path"],
            query=_query(row["query"] or ""),
            headers=_headers(row["request_headers"] or "{}"),
            body=_load_body(row["request_body"], row["request_sha"], read_blob),
            raw_query=row["query"] or "",
            via=row["via"],
        )
    if row["status"] is not None:
        headers = _headers(row["response_headers"] or "{}")
        response = Response(
            row["status"],
            _load_body(row["response_body"], row["response_sha"], read_blob),
            headers.get("content-type"),
            headers,
            outcome=row["outcome"].encode() if row["outcome"] is not None else None,
        )
    return Event(
        row["id"],
        row["seq"],
        row["playground_id"],
        row["task_run_id"],
        row["sandbox_id"],
        row["type"],
        parse_instant(row["at"]),
        row["duration_ms"],
        request,
        response,
        decode_changes(row["changes"], b"" if response is None else response.body, read_blob),
        row["actor"],
        bool(row["view"]),
    )


@lru_cache(maxsize=4096)
def _query(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(text, keep_blank_values=True))


@lru_cache(maxsize=4096)
def _headers(text: str) -> Mapping[str, str]:
    return jsonio.parse(text)  # type: ignore[no-any-return]


def _load_body(inline: bytes | None, sha: str | None, read_blob: BlobReader) -> bytes:
    if sha is not None:
        return read_blob(sha)
    return inline or b""


def event_json(row: sqlite3.Row, read_blob: BlobReader) -> Json:
    """Return a stored event as the API shows it; of the documents that it changed none is read."""
    shown = show_event(decode_event({**dict(row), "changes": None}, read_blob))
    changes = _all_changes(row["changes"], read_blob) if row["changes"] else ()
    return {
        **shown,
        "changes": [_show_change(name, key, version, kind == 0) for name, key, version, kind, _ in changes],
    }


def _show_change(collection: str, key: str, version: int, is_delete: bool) -> Json:
    return {"collection": collection, "key": key, "version": version, "op": "delete" if is_delete else "put"}


def show_event(event: Event) -> dict[str, Json]:
    """Return an event as the API shows it; its request and response are as they were stored."""
    request = response = None
    if event.request is not None:
        request = {
            "method": event.request.method,
            "path": event.request.path,
            "query": event.request.raw_query or None,
            "headers": event.request.headers,
            "body": show_body(event.request.body, event.request.headers),
        }
    if event.response is not None:
        response = {
            "status": event.response.status,
            "headers": event.response.headers,
            "body": show_body(event.response.body, event.response.headers),
        }
    value = {
        "id": event.id,
        "seq": event.seq,
        "sandbox_id": event.sandbox_id,
        "playground_id": event.playground_id,
        "task_run_id": event.task_run_id,
        "type": event.type,
        "at": format_instant(event.at),
        "duration_ms": event.duration_ms,
        "request": request,
        "response": response,
        "changes": [_show_change(c.collection, c.key, c.version, c.document is None) for c in event.changes],
        "actor": event.actor,
        "via": event.request.via if event.request is not None else None,
    }
    if event.is_view:
        value["view"] = True
    if event.response is not None and event.response.outcome is not None:
        value["outcome"] = jsonio.parse(event.response.outcome)
    return value


def show_body(body: bytes, headers: Mapping[str, str]) -> Json:
    """Return a recorded body as the API shows it: JSON, text, or what it is where it is neither; None for no body."""
    if not body:
        return None
    if len(body) > limits.MIB:
        return {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
    if "json" in headers.get("content-type", "json"):
        try:
            return jsonio.parse(body)
        except SandboxError:
            pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode(), "size": len(body)}
