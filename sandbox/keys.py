"""Keys and tokens: how they are made, hashed and shown. Only hashes are ever stored."""

import hashlib
from functools import lru_cache
from typing import Final

from sandbox.ids import new_secret

ORGANIZATION_PREFIX: Final = "vk_"
SOLVER_PREFIX: Final = "vrl_slv_"
RUN_PREFIX: Final = "vrl_run_"
LOCAL_API_KEY: Final = "vk_local"
LOCAL_SOLVER_KEY: Final = "vrl_slv_local"


@lru_cache(maxsize=1024)
def hash_key(key: str) -> str:
    """Return the SHA-256 under which a key is looked up; the look-up leaks no timing of the key.

    Remembered in memory for the keys in use, as every request asks; a look-up there goes by a hash that is
    keyed anew in each process.

    >>> hash_key("vk_local") == hash_key("vk_local") != hash_key("vk_loca")
    True
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def new_organization_key() -> str:
    """Mint an organization key."""
    return new_secret(ORGANIZATION_PREFIX)


def new_solver_key() -> str:
    """Mint a solver key."""
    return new_secret(SOLVER_PREFIX)


def new_run_token() -> str:
    """Mint the bearer token of one benchmark run."""
    return new_secret(RUN_PREFIX, 40)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> [is_loopback(h) for h in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.5")]
    [True, True, True, False, False]
    """
    return host in ("localhost", "::1") or host.startswith("127.")
