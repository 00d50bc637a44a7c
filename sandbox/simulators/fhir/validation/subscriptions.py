"""Subscriptions (R4, Subscription): none is delivered, so one that asks to be is not taken.

Stored as requested or active it would look like a promise, and whoever waits for a notification would wait for ever.
"""

from typing import Final

from sandbox.errors import Unprocessable
from sandbox.jsonio import Json

ASKING: Final = ("requested", "active")
STATEMENT: Final = "Stored with the status off or error only: no notifications are sent."


def check(resource: Json) -> None:
    """Refuse a valid resource that is a Subscription which asks for notifications; raises `Unprocessable`.

    >>> check({"resourceType": "Subscription", "status": "off"})
    """
    if resource.get("resourceType") != "Subscription" or resource.get("status") not in ASKING:
        return
    given = resource.get("channel")
    channel = given.get("type") if isinstance(given, dict) else None
    message = (
        f'A Subscription with the status "{resource["status"]}" is not supported: this server sends no notifications, '
        f'by {channel or "any channel"} or otherwise. Store it with the status "off", and search with _lastUpdated, '
        "or read the _history with _since, for what is new."
    )
    raise Unprocessable(message, issue_type="not-supported", expression="Subscription.status")
