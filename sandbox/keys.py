"""Keys and tokens: what each kind begins with, how they are made and hashed. Only hashes are ever stored."""

import base64
import hashlib
import hmac
import ipaddress
import itertools
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from sandbox.ids import new_secret

ORGANIZATION_PREFIX: Final = "vk_"
SOLVER_PREFIX: Final = "vrl_slv_"
RUN_PREFIX: Final = "vrl_run_"
SMART_SECRET_PREFIX: Final = "vrl_cs_"
SMART_TOKEN_PREFIX: Final = "vrl_smart_"
PORTAL_PASSWORD_PREFIX: Final = "vrl_pw_"
SFTP_PASSWORD_PREFIX: Final = "vrl_sftp_"
TASK_API_KEY_PREFIX: Final = "rbk_"
TASK_API_SECRET_PREFIX: Final = "rbs_"
TASK_API_TOKEN_PREFIX: Final = "rba_"
# What all of them begin with, for whoever must not show one.
PREFIXES: Final = (
    ORGANIZATION_PREFIX,
    SOLVER_PREFIX,
    RUN_PREFIX,
    SMART_SECRET_PREFIX,
    SMART_TOKEN_PREFIX,
    PORTAL_PASSWORD_PREFIX,
    SFTP_PASSWORD_PREFIX,
    TASK_API_KEY_PREFIX,
    TASK_API_SECRET_PREFIX,
    TASK_API_TOKEN_PREFIX,
)
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


CAPABILITY_CHARS: Final = 43  # all of an HMAC with SHA-256
KEY_FILE: Final = "sandbox.key"


def read_key_file(directory: Path) -> bytes:
    """Return a data directory's own key, which secrets are made from that need not be stored; make it when missing.

    Raises `ValueError` for a file that does not hold one.
    """
    file = directory / KEY_FILE
    with suppress(FileExistsError):
        new = directory / f"{KEY_FILE}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, secrets.token_hex(32).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(new, file)  # appears whole, and never in place of one that is there
        finally:
            new.unlink()
    text = file.read_text("ascii").strip()
    if len(text) < 64:
        raise ValueError(f"{file} does not hold a key of 64 hexadecimal digits.")
    return bytes.fromhex(text)


def fingerprint(key: bytes) -> str:
    """Return what tells one key file from another."""
    return hashlib.sha256(b"fingerprint" + key).hexdigest()[:16]


def derived_secret(key: bytes, prefix: str, length: int, *parts: object) -> str:
    """Return the secret that always belongs to these parts under a key; at most 43 characters after the prefix.

    >>> derived_secret(b"k", "s_", 8, "sb_1", 0) == derived_secret(b"k", "s_", 8, "sb_1", 0)
    True
    >>> derived_secret(b"k", "s_", 8, "sb_1", 0) == derived_secret(b"other", "s_", 8, "sb_1", 0)
    False
    """
    digest = hmac.digest(key, "\x1f".join(map(str, parts)).encode(), "sha256")
    return prefix + base64.urlsafe_b64encode(digest).decode().rstrip("=")[:length]


def capability_secret(key: bytes, task_run_id: str) -> str:
    """Return the secret of a task run's capability URLs: derived, so that it is stored nowhere and can be given again.

    >>> len(capability_secret(b"k", "tr_1")) == CAPABILITY_CHARS
    True
    >>> capability_secret(b"k", "tr_1") == capability_secret(b"k", "tr_2")
    False
    """
    return derived_secret(key, "", CAPABILITY_CHARS, "capability", task_run_id)


def minter(key: bytes, sandbox_id: str) -> Callable[[str, int], str]:
    """Return what mints a sandbox's secrets, the same ones in the same order every time."""
    numbers = itertools.count()
    return lambda prefix, length: derived_secret(key, prefix, length, sandbox_id, next(numbers))


def signed_token(prefix: str, token_id: str, secret: str) -> str:
    """Return the token of a sandbox's own that stands for `token_id`, an id without a dot.

    The id may be foreseen, in a run with a seed it is; the rest may not. So state that must be the same in two
    runs of a seed keeps ids, and the token is held against the sandbox's secret.

    >>> signed_token("t_", "01", "s") == signed_token("t_", "01", "s") != signed_token("t_", "01", "other")
    True
    """
    digest = hmac.digest(secret.encode(), f"{prefix}{token_id}".encode(), "sha256")
    return f"{prefix}{token_id}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def signed_token_id(prefix: str, token: str, secret: str) -> str | None:
    """Return the id that a `signed_token` stands for, None for anything else.

    >>> signed_token_id("t_", signed_token("t_", "01", "s"), "s"), signed_token_id("t_", "t_01.x", "s")
    ('01', None)
    """
    if not token.startswith(prefix):
        return None
    token_id = token.removeprefix(prefix).partition(".")[0]
    right = signed_token(prefix, token_id, secret)
    return token_id if hmac.compare_digest(right.encode(), token.encode("utf-8", "surrogateescape")) else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name that merely begins like one is none.

    >>> [is_loopback(h) for h in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.5", "127.example.org")]
    [True, True, True, False, False, False]
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
