"""Ids: the only module that mints them.

An id is a prefix and a ULID (`br_01JC…`), opaque to callers. Ids of definitions are derived from
their names, so that they are the same on every machine; ids in a seeded playground are derived
from the seed, the event and a counter, so that a run can be repeated to the byte. Secrets never are:
who knows a run's seed must not know its passwords.
"""

import hashlib
import itertools
import random
import secrets
import uuid
from datetime import datetime

from ulid import ULID

from sandbox.clock import system_ms

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_PAIR_SHIFTS = tuple(range(120, -1, -10))


def new_id(prefix: str = "", *, at: datetime | None = None) -> str:
    """Mint a new id; ids minted later sort after those minted earlier, to the millisecond.

    `at` says which moment it is sorted by, instead of the present one.
    """
    text = crockford(int.from_bytes(_new_ulid(at).bytes, "big"))
    return f"{prefix}_{text}" if prefix else text


def _new_ulid(at: datetime | None = None) -> ULID:
    return ULID.from_timestamp(system_ms() if at is None else int(at.timestamp() * 1000))


def crockford(number: int) -> str:
    """Write a number of 130 bits at most in the 26 characters of a ULID.

    >>> crockford(33)
    '00000000000000000000000011'
    """
    return "".join([_PAIRS[number >> shift & 1023] for shift in _PAIR_SHIFTS])


_PROCESS = secrets.token_hex(8)
_requests = itertools.count(1)


def new_request_id() -> str:
    """Mint the id of a request: this process's random part and a count, as every request gets one."""
    return f"req_{_PROCESS}{next(_requests):010x}"


def derived_id(prefix: str, *parts: object) -> str:
    """Return the id that always belongs to these parts.

    >>> derived_id("task", "mock", 1, "a") == derived_id("task", "mock", 1, "a")
    True
    >>> derived_id("task", "mock", 1, "a") == derived_id("task", "mock", 1, "b")
    False
    """
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=17).digest()
    body = crockford(int.from_bytes(digest, "big"))
    return f"{prefix}_{body}" if prefix else body


def new_secret(prefix: str, length: int = 32) -> str:
    """Mint a token that cannot be guessed; `length` counts the characters after the prefix."""
    return prefix + secrets.token_urlsafe(length)[:length]


def seeded_random(*parts: object) -> random.Random:
    """Return a random source that depends on these parts only."""
    return random.Random("\x1f".join(map(str, parts)))


def new_uuid() -> str:
    """Mint a ULID written as a UUID: 48 bits of milliseconds, then chance, so that ids sort by time."""
    return str(_new_ulid().to_uuid())


def derived_uuid(*parts: object) -> str:
    """Return the UUID that always belongs to these parts.

    >>> derived_uuid("task", 1) == derived_uuid("task", 1) != derived_uuid("task", 2)
    True
    """
    return str(uuid.UUID(bytes=hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).digest()))
