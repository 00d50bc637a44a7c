"""A door on standard input and output: each line is carried to the server's own door, and the answer is a line again.

So what a client finds here is what it finds there: the same tools, and calls that are recorded as having come by them.
The lines go through as they are, decimals to the digit; only the headers of the transport are added to them.
"""

import http.client
import json
from collections.abc import Iterator
from typing import IO, Any, Final
from urllib.parse import urlsplit

from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)
from mcp_types import PARSE_ERROR, PROTOCOL_VERSION_META_KEY

ANSWER_S: Final = 600
_SERVER_ERROR: Final = -32000


class Bridge:
    """Carries messages to a door at `url` with a bearer token."""

    def __init__(self, url: str, token: str) -> None:
        self._parts = urlsplit(url)
        self._token = token
        self._version: str | None = None
        self._line: http.client.HTTPConnection | None = None

    def serve(self, lines: IO[bytes], answers: IO[bytes]) -> None:
        """Carry lines until there are no more."""
        for line in lines:
            if line.strip():
                for answer in self._answers(line):
                    answers.write(answer + b"\n")
                    answers.flush()

    def _answers(self, line: bytes) -> Iterator[bytes]:
        """Yield the answer to a message, nothing to one that wants none."""
        try:
            message = json.loads(line)
        except ValueError:
            yield _error(None, PARSE_ERROR, "The line is no JSON.")
            return
        key = message.get("id") if isinstance(message, dict) else None
        try:
            status, content_type, body = self._post(line, self._headers(message))
        except (OSError, http.client.HTTPException) as error:
            self._line = None
            reason = f"The server at {self._parts.scheme}://{self._parts.netloc} cannot be reached: {error}."
            if key is not None:
                yield _error(key, _SERVER_ERROR, reason)
            return
        answer = _parsed(body) if content_type.startswith("application/json") else None
        if isinstance(answer, dict) and "jsonrpc" in answer:
            self._note_version(message, answer)
            yield body.strip()
        elif key is not None:
            told = answer.get("error", {}).get("message") if isinstance(answer, dict) else None
            yield _error(key, _SERVER_ERROR, told or f"The server answered {status}.")

    def _headers(self, message: Any) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if not isinstance(message, dict):
            return headers
        method, params = message.get("method"), message.get("params")
        params = params if isinstance(params, dict) else {}
        meta = params.get("_meta")
        version = meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None
        if isinstance(version, str) and isinstance(method, str):  # since 2026-07-28 each message says it itself
            headers[MCP_METHOD_HEADER] = encode_header_value(method)
            name = params.get(NAME_BEARING_METHODS.get(method, ""))
            if isinstance(name, str):
                headers[MCP_NAME_HEADER] = encode_header_value(name)
        else:
            version = self._version
        if isinstance(version, str):
            headers[MCP_PROTOCOL_VERSION_HEADER] = encode_header_value(version)
        return headers

    def _note_version(self, message: Any, answer: dict[str, Any]) -> None:
        """Remember which version was agreed on, as the transport wants it said from then on."""
        if isinstance(message, dict) and message.get("method") == "initialize":
            result = answer.get("result")
            self._version = result.get("protocolVersion") if isinstance(result, dict) else None

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        is_kept = self._line is not None
        line = self._line = self._line or self._connect()
        try:
            line.request("POST", self._parts.path, body, headers)
            response = line.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            if not is_kept:
                raise
            # What was kept open had been closed meanwhile; nothing of the message was read.
            line = self._line = self._connect()
            line.request("POST", self._parts.path, body, headers)
            response = line.getresponse()
        return response.status, response.getheader("Content-Type") or "", response.read()

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(self._parts.netloc, timeout=ANSWER_S)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _error(key: Any, code: int, message: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": key, "error": {"code": code, "message": message}}).encode()
