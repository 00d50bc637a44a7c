"""Where this server connects to because somebody who uses it asked: this machine, and the operator's list.

One rule for deliveries of HL7 messages, of FHIR notifications, and whatever else an agent may name a place for. A name
is compared before it is looked up; whoever connects holds the address that was found against the same rule
(`is_address_allowed`), since a name may lead anywhere.
"""

from collections.abc import Collection
from typing import Final

from sandbox.errors import Forbidden
from sandbox.keys import is_loopback

SETTING: Final = "SANDBOX_OUTBOUND_HOSTS"


def plain_host(host: str) -> str:
    """Return a host as it is compared: lower case, without brackets or a final dot.

    >>> plain_host("[::1]"), plain_host("Hooks.Example.org.")
    ('::1', 'hooks.example.org')
    """
    return host.strip("[]").rstrip(".").lower()


def is_allowed(host: str, allowed: Collection[str]) -> bool:
    """Whether a host is loopback or in the list.

    >>> is_allowed("localhost", ()), is_allowed("10.0.0.5", ()), is_allowed("Hooks.example.org", ["hooks.example.org"])
    (True, False, True)
    """
    name = plain_host(host)
    return is_loopback(name) or name in allowed


def is_address_allowed(host: str, address: str, allowed: Collection[str]) -> bool:
    """Whether a host that is allowed may lead to an address: whatever the operator named may, all else is loopback.

    >>> is_address_allowed("localhost", "10.0.0.5", ()), is_address_allowed("localhost", "::1", ())
    (False, True)
    """
    return plain_host(host) in allowed or is_loopback(address.partition("%")[0])


def refusal(what: str, host: str) -> str:
    """Say why a place may not be connected to; `what` begins the sentence.

    >>> refusal("The listener", "10.0.0.5")[:73]
    'The listener may be on this machine (127.0.0.1, ::1, localhost) or on a h'
    """
    return (
        f"{what} may be on this machine (127.0.0.1, ::1, localhost) or on a host of {SETTING}; "
        f"{host[:80]!r} is neither."
    )


def check_host(host: str, allowed: Collection[str], what: str) -> None:
    """Raise `Forbidden` for a host that is neither loopback nor in the list."""
    if not is_allowed(host, allowed):
        raise Forbidden(refusal(what, host))
