"""A Subscription's channel: the request that a notification is (R4, Subscription.channel; rest-hook).

The code system of R4 says of `rest-hook`: a POST to the URI, and, where there is a payload, an update (PUT) on the URI
as a service base. So: `POST {endpoint}` without a body, or `PUT {endpoint}/{type}/{id}` with the resource.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from sandbox.jsonio import Json
from sandbox.playground.events import REDACTED
from sandbox.wire.media_types import read_media_type

PAYLOADS: Final = ("application/fhir+json", "application/json")
_URL_CHARS: Final = 2_000
_LINE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*)")
_OURS: Final = frozenset(
    "connection content-length content-type expect host keep-alive proxy-authenticate proxy-authorization "
    "proxy-connection te trailer transfer-encoding upgrade".split()
)
_SECRET: Final = re.compile(r"auth|cookie|credential|key|passw|secret|session|signature|token", re.IGNORECASE)
_PLAIN: Final = ("content-type",)


@dataclass(frozen=True, slots=True)
class Sent:
    """A notification as an HTTP request, but for its body."""

    method: str
    url: str
    headers: Mapping[str, str]


def endpoint_problem(endpoint: str) -> str | None:
    """Return what is wrong with an endpoint but for its host, None for nothing; completes "The endpoint …".

    >>> endpoint_problem("http://127.0.0.1:9/hook?a=1"), endpoint_problem("ftp://localhost/")
    (None, 'is to be an http or https URL')
    """
    if len(endpoint) > _URL_CHARS:
        return f"is longer than {_URL_CHARS:,} characters"
    try:
        url = urlsplit(endpoint)
        is_one = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_one = False
    if not is_one or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or "\\" in endpoint:
        return "is to be an http or https URL"
    if url.username is not None or url.password is not None:
        return "holds a user name; send credentials as a header of the channel, such as Authorization"
    return "has a fragment, which is never sent" if url.fragment else None


def host_of(endpoint: str) -> str:
    """Return the host of an endpoint that is one."""
    return urlsplit(endpoint).hostname or ""


def header_problem(lines: Sequence[str]) -> str | None:
    """Return what is wrong with the header lines of a channel, None for nothing.

    >>> header_problem(["Authorization: Bearer 1"]), header_problem(["Host: x"])
    (None, '"Host" is set by this server')
    """
    seen = set()
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            return "each is one line, Name: value, in printable ASCII"
        name = found[1].lower()
        if name in _OURS:
            return f'"{found[1]}" is set by this server'
        if name in seen:
            return f'"{found[1]}" is there twice'
        seen.add(name)
    return None


def request_of(channel: Json, resource_type: str, resource_id: str) -> Sent:
    """Return the request that a notification of a valid channel is.

    >>> channel = {"endpoint": "http://h/in?k=1", "payload": "application/fhir+json", "header": ["X-A: b"]}
    >>> sent = request_of(channel, "Patient", "1")
    >>> sent.method, sent.url, sent.headers["X-A"]
    ('PUT', 'http://h/in/Patient/1?k=1', 'b')
    """
    headers = dict(_pairs(channel.get("header") or ()))
    payload = channel.get("payload")
    if payload is None:
        return Sent("POST", channel["endpoint"], headers)
    url = urlsplit(channel["endpoint"])
    path = f"{url.path.rstrip('/')}/{quote(resource_type)}/{quote(resource_id)}"
    whole = urlunsplit((url.scheme, url.netloc, path, url.query, ""))
    return Sent("PUT", whole, {**headers, "Content-Type": read_media_type(payload).name})


def recorded(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they are recorded: the values of those that look like credentials are not.

    >>> recorded({"Authorization": "Bearer 1", "X-Clinic": "7", "Content-Type": "application/json"})
    {'Authorization': '[redacted]', 'X-Clinic': '7', 'Content-Type': 'application/json'}
    """
    return {
        name: REDACTED if _SECRET.search(name) and name.lower() not in _PLAIN else value
        for name, value in headers.items()
    }


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is not None:
            yield found[1], found[2].strip()
