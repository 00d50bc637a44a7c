"""What a Subscription may ask for: what is not served is refused by name, and never stored as if it were.

By R4 only the server sets `active` and `error`. Clients send them all the same, with what they read before or since
other servers take them; both count as asking, and what is stored is `requested`. A Subscription that is `off` asks for
nothing, whatever else it holds.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sandbox import outbound
from sandbox.clock import parse_instant
from sandbox.errors import Unprocessable
from sandbox.jsonio import Json
from sandbox.subscriptions import channel as channels
from sandbox.wire.media_types import read_media_type

TYPE: Final = "Subscription"
REST_HOOK: Final = "rest-hook"
OFF: Final = "off"
_ASKING: Final = ("requested", "active", "error")
_CHARS: Final = 100
_SERVED: Final = "notifications are sent by rest-hook: an HTTP request to an endpoint"
STATEMENT: Final = (
    "Delivered by rest-hook: criteria is a search of this server's; without a payload POST to the endpoint, with "
    "application/fhir+json or application/json PUT of the resource to endpoint/type/id. A requested Subscription "
    "becomes active by itself. The endpoint is on this machine or on a host that the operator allows. Other channel "
    "types are refused."
)


def is_asking(resource: Json) -> bool:
    """Whether a resource is a Subscription that is to be delivered.

    >>> is_asking({"resourceType": "Subscription", "status": "requested"}), is_asking({"resourceType": "Patient"})
    (True, False)
    """
    return bool(resource.get("resourceType") == TYPE and resource.get("status") != OFF)


def check(resource: Json, now: datetime | None = None, allowed: Collection[str] | None = None) -> None:
    """Refuse a Subscription that could not be delivered; raises `Unprocessable`, which names the element.

    Without `now` the `end` may be past, without `allowed` the endpoint's host is not looked at. Whether `criteria` is
    a search that is served is for the surface to say. It need not be valid otherwise: a lenient server asks, too.

    >>> check({"resourceType": "Subscription", "status": "off"})
    """
    if not is_asking(resource):
        return
    if resource.get("status") not in _ASKING:
        raise _refused("status", 'The status of a Subscription is to be "requested" or "off".', "value")
    channel = resource.get("channel")
    if not isinstance(channel, dict):
        raise _refused("channel", "A Subscription needs a channel.", "required")
    kind = channel.get("type")
    if kind != REST_HOOK:
        raise _refused("channel.type", f'The channel type "{_short(kind)}" is not supported; {_SERVED}.')
    _check_endpoint(channel.get("endpoint"), allowed)
    _check_payload(channel.get("payload"))
    lines = channel.get("header")
    if lines is not None:
        is_list = isinstance(lines, list) and all(isinstance(line, str) for line in lines)
        problem = channels.header_problem(lines) if is_list else "each is one line, Name: value"
        if problem is not None:
            raise _refused("channel.header", f"The headers of the channel cannot be sent: {problem}.", "value")
    _check_end(resource.get("end"), now)
    if not isinstance(resource.get("reason"), str):
        raise _refused("reason", "A Subscription needs a reason.", "required")
    _check_criteria(resource.get("criteria"))


def end_of(resource: Json) -> datetime | None:
    """Return when a valid Subscription ends, None for never."""
    end = resource.get("end")
    return None if end is None else parse_instant(end)


def _check_endpoint(endpoint: Json, allowed: Collection[str] | None) -> None:
    if not isinstance(endpoint, str):
        raise _refused("channel.endpoint", "A rest-hook needs an endpoint: the URL that is called.", "required")
    problem = channels.endpoint_problem(endpoint)
    if problem is not None:
        raise _refused("channel.endpoint", f'The endpoint "{_short(endpoint)}" {problem}.', "value")
    host = channels.host_of(endpoint)
    if allowed is not None and not outbound.is_allowed(host, allowed):
        raise _refused("channel.endpoint", outbound.refusal("The endpoint", host), "forbidden")


def _check_payload(payload: Json) -> None:
    if payload is None:
        return
    if not isinstance(payload, str) or read_media_type(payload).name not in channels.PAYLOADS:
        known = " or ".join(channels.PAYLOADS)
        raise _refused(
            "channel.payload", f'The payload "{_short(payload)}" is not supported; it is {known}, or left out.'
        )


def _check_end(end: Json, now: datetime | None) -> None:
    if end is None:
        return
    try:
        moment = parse_instant(end)
        is_past = now is not None and moment <= now
    except (ValueError, TypeError, AttributeError):
        raise _refused("end", "The end of a Subscription is an instant with a time zone.", "value") from None
    if is_past:
        raise _refused("end", f"The Subscription would be over already: its end is {_short(end)}.", "value")


def _check_criteria(criteria: Json) -> None:
    if not isinstance(criteria, str) or not criteria.strip():
        raise _refused(
            "criteria", "A Subscription needs criteria: a search, such as Observation?code=4548-4.", "required"
        )
    resource_type = criteria.partition("?")[0]
    if resource_type == TYPE:
        raise _refused("criteria", "Subscriptions are not notified of: their criteria cannot be for Subscription.")
    if not resource_type.isalnum():
        raise _refused(
            "criteria",
            f'The criteria "{_short(criteria)}" are no search of one type, such as Observation?code=4548-4; '
            "topics (R5, and their backport) are not supported.",
        )


def _refused(element: str, message: str, issue_type: str = "not-supported") -> Unprocessable:
    return Unprocessable(message, issue_type=issue_type, expression=f"{TYPE}.{element}")


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else "none" if value is None else str(value)
    return text if len(text) <= _CHARS else f"{text[:_CHARS]}…"
