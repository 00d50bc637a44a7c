"""Logging in: the sandbox's user, sessions in a cookie.

A session is a row of `portal/sessions`, kept by its id; the cookie cannot be made without the user's password, see
`keys.signed_token`. `portal/logins` lists who tried, never a password. Must not know routes; a failed attempt
is data here, not an exception, because it counts.

Where the payer ends sessions that are not used, each has its end on the playground's clock (`portal.session_ends`),
which every call of the session puts off; where it asks for a one-time code, a session opens nothing until that came.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sandbox.clock import parse_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.errors import Conflict, Unauthorized
from sandbox.jsonio import Json
from sandbox.keys import signed_token, signed_token_id
from sandbox.payer.case_rows import DRAFTS
from sandbox.payer.config import payer_config
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.simulators.base import Notice, send_notice
from sandbox.simulators.logins import check_rate
from sandbox.wire.authorization import is_same_secret

LOGINS: Final = "portal/logins"
SESSIONS: Final = "portal/sessions"
ENDS: Final = "portal/_session_ends"
CODES: Final = "portal/_codes"
ACTION: Final = "portal.session_ends"
COOKIE: Final = "portal_session"
USERNAME_PREFIX: Final = "provider_"
OWN_USER: Final = f"{USERNAME_PREFIX}*"
CODE_DIGITS: Final = 6


class SessionEnded(Unauthorized):
    """A session was not used for so long that it is over; `after_s` says how long, None where that is not told."""

    def __init__(self, after_s: float | None) -> None:
        self.after_s = after_s
        super().__init__(f"{self.told}; log in again with POST portal/login. Drafts are kept.")

    @property
    def told(self) -> str:
        """What happened, in words for everybody."""
        return f"The session ended after {self.after_s:g} s without use" if self.after_s else "The session has ended"


class SessionEnds(StrictModel):
    """Which session was not used for so long that it ends."""

    session_id: str


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """How an attempt went; `token` is the new session's, None when it failed.

    `code_sent_to` is the surface that the one-time code went to, where one is asked for; `draft` what the user was
    writing when an earlier session ended.
    """

    username: str
    token: str | None
    code_sent_to: str | None = None
    draft: str | None = None


def log_in(tx: Interaction, username: str, password: str) -> LoginAttempt:
    """Compare with the sandbox's user, note the attempt, open a session if it is right.

    The user's own name is noted as `OWN_USER`: it differs between two runs of one seed, their state does not.
    Raises `RateLimited` after `limits.LOGIN_ATTEMPTS_PER_MINUTE` attempts within a minute, `Conflict` where a one-time
    code is to be sent and nothing here takes it.
    """
    _check_rate(tx)
    secrets = tx.sandbox.secrets if tx.sandbox else {}
    is_user = is_same_secret(username, secrets.get("username"))
    is_right = is_same_secret(password, secrets.get("password")) and is_user
    if not is_right:
        tx.stand_still()
    _note(tx, OWN_USER if is_user else username, is_right)
    if not is_right:
        return LoginAttempt(username, None)
    session_id = tx.new_id("session")
    config = payer_config(tx).sessions
    row: dict[str, Json] = {"id": session_id, "status": "open", "created_at": tx.now_text, "last_used_at": tx.now_text}
    row |= {"ended_at": None, "draft": None}
    sent_to = None
    if config.one_time_code:
        row["status"] = "code_sent"
        sent_to = _send_code(tx, session_id, config.code_seconds)
    tx.put(SESSIONS, session_id, row)
    if sent_to is None:
        _put_off(tx, session_id)
    return LoginAttempt(username, signed_token("", session_id, secrets["password"]), sent_to, find_draft(tx))


def _check_rate(tx: Interaction) -> None:
    check_rate((parse_instant(row["at"]) for _, row in tx.branch.items(LOGINS)), tx.now)


def _note(tx: Interaction, username: str, is_right: bool) -> None:
    login_id = tx.new_id("login")
    tx.put(LOGINS, login_id, {"id": login_id, "username": username, "succeeded": is_right, "at": tx.now_text})


def _send_code(tx: Interaction, session_id: str, seconds: float) -> str:
    digest = hashlib.blake2b(tx.new_id("code").encode(), digest_size=8).digest()
    code = f"{int.from_bytes(digest, 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
    text = f"Your one-time code is {code}. It is good for {int(seconds)} seconds."
    sent_to = send_notice(tx, Notice(subject="One-time code", text=text))
    if sent_to is None:
        raise Conflict("This payer sends a one-time code, and nothing in this environment takes it.")
    until = (tx.now + timedelta(seconds=seconds)).isoformat()
    tx.put(CODES, session_id, {"code": code, "until": until})
    return sent_to


def give_code(tx: Interaction, cookie_header: str | None, code: str) -> LoginAttempt:
    """Open the session that waits for its one-time code; an attempt with a wrong or late one counts as a log-in.

    Raises `Unauthorized` where the cookie is of no such session, `RateLimited` as `log_in` does.
    """
    waiting = (s for s in _sessions(tx, cookie_header) if (tx.get(SESSIONS, s) or {}).get("status") == "code_sent")
    session_id = next(waiting, None)
    if session_id is None:
        raise Unauthorized("Log in first: no session of this cookie waits for a code.")
    _check_rate(tx)
    kept = tx.get(CODES, session_id)
    is_right = is_same_secret(code.strip(), kept["code"]) and tx.now <= parse_instant(kept["until"])
    if not is_right:
        tx.stand_still()
    _note(tx, OWN_USER, is_right)
    if not is_right:
        return LoginAttempt(OWN_USER, None)
    secrets = tx.sandbox.secrets if tx.sandbox else {}
    tx.delete(CODES, session_id)
    tx.put(SESSIONS, session_id, {**tx.get(SESSIONS, session_id), "status": "open", "last_used_at": tx.now_text})
    _put_off(tx, session_id)
    token = signed_token("", session_id, secrets["password"])
    return LoginAttempt(secrets["username"], token, None, find_draft(tx))


def find_draft(tx: Interaction) -> str | None:
    """Return the draft that the session before this one left off with, as long as it is one."""
    rows = sorted((row for _, row in tx.branch.items(SESSIONS)), key=lambda row: row["last_used_at"], reverse=True)
    drafts = (row["draft"] for row in rows if row["draft"] is not None)
    return next((draft for draft in drafts if (tx.get(DRAFTS, draft) or {}).get("state") == "draft"), None)


def log_out(tx: Interaction, cookie_header: str | None) -> bool:
    """End the sessions of a Cookie header; return whether there was one."""
    ended = [_end(tx, session_id, "ended") for session_id in _sessions(tx, cookie_header)]
    return any(ended)


def session_ends(tx: Interaction, arguments: Any) -> None:
    """End a session that was not used for so long as the payer allows."""
    tx.delete(ENDS, arguments.session_id)
    _end(tx, arguments.session_id, "expired")


def _end(tx: Interaction, session_id: str, status: str) -> bool:
    row = tx.get(SESSIONS, session_id)
    if row is None or row["status"] not in ("open", "code_sent"):
        return False
    _stop(tx, session_id)
    tx.delete(CODES, session_id)
    tx.put(SESSIONS, session_id, {**row, "status": status, "ended_at": tx.now_text})
    return True


def _stop(tx: Interaction, session_id: str) -> None:
    due = tx.get(ENDS, session_id)
    if due is not None:
        tx.unschedule(due)
        tx.delete(ENDS, session_id)


def _put_off(tx: Interaction, session_id: str) -> None:
    idle_s = payer_config(tx).sessions.idle_seconds
    due = tx.get(ENDS, session_id)
    if idle_s is not None and due is not None:
        tx.reschedule(due, after_s=idle_s)
    elif idle_s is not None:
        tx.put(ENDS, session_id, tx.schedule(ACTION, {"session_id": session_id}, after_s=idle_s))


def use(tx: Interaction, cookie_header: str | None) -> str | None:
    """Put off the end of the session that a call comes from; return it, None where nothing ends by itself."""
    if payer_config(tx).sessions.idle_seconds is None:
        return None
    session_id = find_open(tx, cookie_header)
    if session_id is not None:
        tx.put(SESSIONS, session_id, {**tx.get(SESSIONS, session_id), "last_used_at": tx.now_text})
        _put_off(tx, session_id)
    return session_id


def note_draft(tx: Interaction, session_id: str, row: Json) -> None:
    """Note in a session which draft is being written, or that it was sent."""
    session = tx.get(SESSIONS, session_id)
    is_draft = row.get("status") == "draft"
    if session is not None and (is_draft or session["draft"] == row.get("request_id")):
        tx.put(SESSIONS, session_id, {**session, "draft": row["request_id"] if is_draft else None})


def has_session(tx: Interaction, cookie_header: str | None) -> bool:
    """Whether a Cookie header has a session that is open here.

    Raises `Unauthorized` for one that was not used for too long.
    """
    if find_open(tx, cookie_header) is not None:
        return True
    rows = (tx.get(SESSIONS, session_id) for session_id in _sessions(tx, cookie_header))
    if any(row is not None and row["status"] in ("expired", "open") for row in rows):
        raise SessionEnded(payer_config(tx).sessions.idle_seconds)
    return False


def find_open(tx: Interaction, cookie_header: str | None) -> str | None:
    """Return the open session of a Cookie header, or None."""
    return next((s for s in _sessions(tx, cookie_header) if _is_open(tx, s)), None)


def cookie(base_url: str, token: str) -> str:
    """Return the Set-Cookie field of a session, good for the portal at this root; with an empty token, of none."""
    ended = "" if token else "; Max-Age=0"
    return f"{COOKIE}={token}; Path={urlsplit(base_url).path}/portal; HttpOnly; SameSite=Strict{ended}"


def _is_open(tx: Interaction, session_id: str) -> bool:
    row = tx.get(SESSIONS, session_id)
    if row is None or row["status"] != "open":
        return False
    idle_s = payer_config(tx).sessions.idle_seconds
    return idle_s is None or tx.now < parse_instant(row["last_used_at"]) + timedelta(seconds=idle_s)


def is_of(sandbox: Sandbox, cookie_header: str | None) -> bool:
    """Whether a Cookie header has a session of this sandbox, open or not."""
    password = sandbox.secrets.get("password", "")
    tokens = session_tokens(cookie_header) if password else []
    return any(signed_token_id("", token, password) is not None for token in tokens)


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
