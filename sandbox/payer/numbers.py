"""The numbers that a payer gives: authorization numbers, tracking numbers. Each is given once."""

import hashlib
from typing import Final

from sandbox.payer.case_rows import REQUESTS
from sandbox.playground.playground import Interaction

AUTHORIZATION: Final = "PA"
TRACKING: Final = "TN"
DIGITS: Final = 10


def new_auth_number(tx: Interaction) -> str:
    """Return a new authorization number, `PA` and ten digits."""
    return _new(tx, AUTHORIZATION, "auth_number")


def new_tracking_number(tx: Interaction) -> str:
    """Return a new tracking number, `TN` and ten digits."""
    return _new(tx, TRACKING, "tracking_number")


def _new(tx: Interaction, prefix: str, field: str) -> str:
    taken = {row.get(field) for _, row in tx.branch.items(REQUESTS)}
    while True:
        digest = hashlib.blake2b(tx.new_id("auth").encode(), digest_size=8).digest()
        number = f"{prefix}{int.from_bytes(digest, 'big') % 10**DIGITS:0{DIGITS}d}"
        if number not in taken:
            return number
