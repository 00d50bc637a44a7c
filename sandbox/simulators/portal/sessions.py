"""Logging in: the sandbox's user, sessions in a cookie.

A session is kept by its id (`portal/_sessions`); the cookie cannot be made without the user's password, see
`keys.signed_token`. `portal/logins` lists who tried, never a password. Must not know routes; a failed attempt
is data here, not an exception, because it counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.clock import parse_instant
from sandbox.keys import signed_token, signed_token_id
from sandbox.playground.playground import Interaction
from sandbox.simulators.logins import check_rate
from sandbox.wire.authorization import is_same_secret

LOGINS: Final = "portal/logins"
SESSIONS: Final = "portal/_sessions"
COOKIE: Final = "portal_session"
USERNAME_PREFIX: Final = "provider_"
OWN_USER: Final = f"{USERNAME_PREFIX}*"


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """How an attempt went; `token` is the new session's, None when it failed."""

    username: str
    token: str | None


def log_in(tx: Interaction, username: str, password: str) -> LoginAttempt:
    """Compare with the sandbox's user, note the attempt, open a session if it is right.

    The user's own name is noted as `OWN_USER`: it differs between two runs of one seed, their state does not.
    Raises `RateLimited` after `limits.LOGIN_ATTEMPTS_PER_MINUTE` attempts within a minute.
    """
    check_rate((parse_instant(row["at"]) for _, row in tx.branch.items(LOGINS)), tx.now)
    secrets = tx.sandbox.secrets if tx.sandbox else {}
    is_user = is_same_secret(username, secrets.get("username"))
    is_right = is_same_secret(password, secrets.get("password")) and is_user
    if not is_right:
        tx.stand_still()
    login_id = tx.new_id("login")
    noted = OWN_USER if is_user else username
    tx.put(LOGINS, login_id, {"id": login_id, "username": noted, "succeeded": is_right, "at": tx.now_text})
    if not is_right:
        return LoginAttempt(username, None)
    session_id = tx.new_id("session")
    tx.put(SESSIONS, session_id, {"created_at": tx.now_text})
    return LoginAttempt(username, signed_token("", session_id, secrets["password"]))


def log_out(tx: Interaction, cookie_header: str | None) -> bool:
    """End the sessions of a Cookie header; return whether there was one."""
    ended = [tx.delete(SESSIONS, session_id) for session_id in _sessions(tx, cookie_header)]
    return any(ended)


def has_session(tx: Interaction, cookie_header: str | None) -> bool:
    """Whether a Cookie header has a session that is open here."""
    return any(tx.get(SESSIONS, session_id) is not None for session_id in _sessions(tx, cookie_header))


def _sessions(tx: Interaction, cookie_header: str | None) -> Iterator[str]:
    password = tx.sandbox.secrets.get("password", "") if tx.sandbox else ""
    for token in session_tokens(cookie_header) if password else ():
        session_id = signed_token_id("", token, password)
        if session_id is not None:
            yield session_id


def session_tokens(cookie_header: str | None) -> list[str]:
    """Return what may be a session's token in a Cookie header; a browser may send several of one name.

    >>> session_tokens("theme=dark; portal_session=abc; portal_session=d")
    ['abc', 'd']
    """
    pairs = (item.strip().partition("=") for item in (cookie_header or "").split(";"))
    return [value.strip('"') for name, _, value in pairs if name == COOKIE and value]
