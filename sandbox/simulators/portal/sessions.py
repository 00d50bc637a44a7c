"""Logging in: the sandbox's user, sessions in a cookie, and the limit on attempts.

Only a session's SHA-256 is kept (`portal/_sessions`). `portal/logins` lists who tried, never a
password. Must not know routes; a failed attempt is data here, not an exception, because it counts.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

from sandbox import limits
from sandbox.clock import parse_instant
from sandbox.errors import RateLimited
from sandbox.playground.playground import Interaction

LOGINS: Final = "portal/logins"
SESSIONS: Final = "portal/_sessions"
COOKIE: Final = "portal_session"
_WINDOW: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """How an attempt went; `token` is the new session's, None when it failed."""

    username: str
    token: str | None


def log_in(tx: Interaction, username: str, password: str) -> LoginAttempt:
    """Compare with the sandbox's user, note the attempt, open a session if it is right.

    Raises `RateLimited` after `limits.LOGIN_ATTEMPTS_PER_MINUTE` attempts within a minute.
    """
    _check_rate(tx)
    secrets = tx.sandbox.secrets if tx.sandbox else {}
    is_user = _is_same(username, secrets.get("username"))
    is_right = _is_same(password, secrets.get("password")) and is_user
    login_id = tx.new_id("login")
    tx.put(LOGINS, login_id, {"id": login_id, "username": username, "succeeded": is_right, "at": tx.now_text})
    if not is_right:
        return LoginAttempt(username, None)
    # Mixed with the password: in a seeded run ids can be foreseen, a session must not be.
    token = hashlib.sha256(f"{secrets['password']}\x1f{tx.new_id('session')}".encode()).hexdigest()
    tx.put(SESSIONS, _hash(token), {"username": username, "created_at": tx.now_text})
    return LoginAttempt(username, token)


def log_out(tx: Interaction, token: str | None) -> bool:
    """End a session; return whether there was one."""
    return token is not None and tx.delete(SESSIONS, _hash(token))


def user_of(tx: Interaction, token: str | None) -> str | None:
    """Return the user a session belongs to, or None."""
    session = tx.get(SESSIONS, _hash(token)) if token is not None else None
    return None if session is None else str(session["username"])


def session_token(cookie_header: str | None) -> str | None:
    """Return the session's token from a Cookie header, or None.

    >>> session_token("theme=dark; portal_session=abc")
    'abc'
    """
    for item in (cookie_header or "").split(";"):
        name, _, value = item.strip().partition("=")
        if name == COOKIE and value:
            return value.strip('"')
    return None


def _check_rate(tx: Interaction) -> None:
    attempts = sorted(parse_instant(row["at"]) for _, row in tx.branch.items(LOGINS))
    recent = [at for at in attempts if at > tx.now - _WINDOW]
    if len(recent) >= limits.LOGIN_ATTEMPTS_PER_MINUTE:
        first = recent[-limits.LOGIN_ATTEMPTS_PER_MINUTE]
        wait = max(1, ceil((first + _WINDOW - tx.now).total_seconds()))
        raise RateLimited(
            f"More than {limits.LOGIN_ATTEMPTS_PER_MINUTE} login attempts within a minute; try again in {wait} s.",
            headers={"Retry-After": str(wait)},
        )


def _is_same(given: str, right: str | None) -> bool:
    return right is not None and hmac.compare_digest(given.encode(), right.encode())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
