"""The numbers that a payer gives: authorization numbers, tracking numbers. Each is given once."""

import hashlib
from typing import Final

from sandbox.payer.case_index import index_of
from sandbox.playground.playground import Interaction

AUTHORIZATION: Final = "PA"
TRACKING: Final = "TN"
DIGITS: Final = 10


def new_auth_number(tx: Interaction) -> str:
    """Return a new authorization number, `PA` and ten digits."""
    return _new(tx, AUTHORIZATION)


def new_tracking_number(tx: Interaction) -> str:
    """Return a new tracking number, `TN` and ten digits."""
    return _new(tx, TRACKING)


def _new(tx: Interaction, prefix: str) -> str:
    index = index_of(tx.branch)
    while True:
        digest = hashlib.blake2b(tx.new_id("auth").encode(), digest_size=8).digest()
        number = f"{prefix}{int.from_bytes(digest, 'big') % 10**DIGITS:0{DIGITS}d}"
        if index.named(number) is None:
            return number
