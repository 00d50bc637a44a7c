"""Who looks at the dashboard: sessions in a cookie, the log-in with an organization key, and what a write must show.

On loopback, with nothing but the well-known keys, a browser is given a session by itself; anywhere else, and with any
other key, somebody has to log in. A session holds what its key holds, and ends with it. The cookie is sent below
`/ui` only: to no simulated system, whose calls are recorded, and to none behind one.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from sandbox import keys
from sandbox.api.context import CLOCK, KEY_RING, SETTINGS
from sandbox.clock import Clock
from sandbox.errors import Forbidden, Unauthorized
from sandbox.ids import new_secret
from sandbox.runs.tokens import KeyRing, Principal

ROOT: Final = "/ui"
LOGIN: Final = f"{ROOT}/login"
CSRF_FIELD: Final = "csrf"
LIFETIME: Final = timedelta(hours=12)
SESSIONS_MAX: Final = 1_000
KEY_CHARS_MAX: Final = 200
_COOKIE: Final = "sandbox_session"
_READS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in: whose it is, by which key, and what its writes must show. `is_given`: nobody had to log in for it."""

    token: str
    csrf: str
    key_hash: str
    principal: Principal
    ends_at: datetime
    is_given: bool = False


class Sessions:
    """The sessions of one server; they end with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._given: Session | None = None

    def open(self, key: str, principal: Principal, *, is_given: bool = False) -> Session:
        """Begin a session; the oldest ends where there would be too many."""
        now = self._clock.now()
        session = Session(
            new_secret("ses_", 40), new_secret("csrf_", 32), keys.hash_key(key), principal, now + LIFETIME, is_given
        )
        for token in [t for t, s in self._sessions.items() if s.ends_at <= now]:
            del self._sessions[token]
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session.token] = session
        return session

    def given(self, key: str, principal: Principal) -> Session:
        """Return the one session that is given to whoever comes, on a server where that is so."""
        if self._given is None or self._given.ends_at <= self._clock.now() + LIFETIME / 2:
            self._given = self.open(key, principal, is_given=True)
        return self._sessions.setdefault(self._given.token, self._given)

    def find(self, token: str, ring: KeyRing) -> Session | None:
        """Return the session of a cookie, None for one that ended or whose key is not valid any more."""
        session = self._sessions.get(token)
        if session is None:
            return None
        if session.ends_at <= self._clock.now() or ring.find_hashed(session.key_hash) != session.principal:
            self._sessions.pop(token, None)
            return None
        return session

    def close(self, session: Session) -> None:
        """End a session."""
        self._sessions.pop(session.token, None)


SESSIONS = web.AppKey("dashboard_sessions", Sessions)


def cookie_name(request: web.Request) -> str:
    """Return the cookie's name: with the port, as cookies are one host's whatever the port."""
    _, _, port = request.host.rpartition(":")
    return f"{_COOKIE}_{port}" if port.isdigit() else _COOKIE


def find(request: web.Request) -> Session | None:
    """Return the session that a request has a cookie of."""
    token = request.cookies.get(cookie_name(request), "")
    return request.app[SESSIONS].find(token, request.app[KEY_RING]) if token else None


def enter(request: web.Request) -> Session:
    """Return the session of a request; to a read, where that is so, one is given. Raises `Unauthorized`."""
    refuse_strangers(request)
    session = find(request)
    if session is None and request.method in _READS:
        session = _give(request)
    if session is None:
        raise Unauthorized("Log in with an organization key (vk_…); the session has ended, or there was none.")
    return session


def _give(request: web.Request) -> Session | None:
    settings = request.app[SETTINGS]
    hosts = [settings.host, urlsplit(f"//{request.host}").hostname or ""]
    if settings.url_base is not None:
        hosts.append(urlsplit(settings.url_base).hostname or "")
    is_local = all(map(keys.is_loopback, hosts)) and settings.api_key in (None, keys.LOCAL_API_KEY)
    principal = request.app[KEY_RING].find(keys.LOCAL_API_KEY) if is_local else None
    # A program that shows a token of its own is none of a person's browser.
    if principal is None or principal.solver_id is not None or hdrs.AUTHORIZATION in request.headers:
        return None
    return request.app[SESSIONS].given(keys.LOCAL_API_KEY, principal)


def refuse_strangers(request: web.Request) -> None:
    """Raise `Forbidden` for what a page of another origin sent, even of one that may call the API.

    What a person follows as a link is let in, as long as it only reads.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and not _is_own(request, origin):
        raise Forbidden("Pages of other origins may not use the dashboard.")
    site = request.headers.get("Sec-Fetch-Site", "none")
    is_link = request.method in _READS and request.headers.get("Sec-Fetch-Mode") == "navigate"
    is_framed = request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame", "embed", "object")
    if site in ("cross-site", "same-site") and (is_framed or not is_link):
        raise Forbidden("Pages of other origins may not use the dashboard.")


def _is_own(request: web.Request, origin: str) -> bool:
    base = request.app[SETTINGS].url_base
    owns = {f"{scheme}://{request.host}" for scheme in ("http", "https")}
    if base is not None:
        parts = urlsplit(base)
        owns.add(f"{parts.scheme}://{parts.netloc}")
    return origin in owns


def check_csrf(session: Session, shown: str) -> None:
    """Raise `Forbidden` for a write that does not show its session's secret."""
    if not hmac.compare_digest(session.csrf.encode(), shown.encode("utf-8", "surrogateescape")):
        raise Forbidden("The form is not of this session; load its page again, then send it.")


def log_in(request: web.Request, key: str) -> Session:
    """Begin a session with an organization key. Raises `Unauthorized`."""
    principal = request.app[KEY_RING].find(key) if len(key) <= KEY_CHARS_MAX else None
    if principal is None or principal.solver_id is not None:
        is_solver = key.startswith(keys.SOLVER_PREFIX)
        what = "That is a solver key; " if is_solver else "That key is not valid here; "
        raise Unauthorized(f"{what}the dashboard takes an organization key (vk_…).")
    return request.app[SESSIONS].open(key, principal)


def set_cookie(request: web.Request, response: web.StreamResponse, session: Session) -> None:
    """Send a session's cookie: for no script, with no request of another site's page but a link."""
    base = request.app[SETTINGS].url_base
    is_secure = request.secure or (base is not None and base.startswith("https:"))
    response.set_cookie(cookie_name(request), session.token, path=ROOT, httponly=True, samesite="Lax", secure=is_secure)


def forget_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Take the cookie back."""
    response.del_cookie(cookie_name(request), path=ROOT, httponly=True, samesite="Lax")


def open_sessions(app: web.Application) -> None:
    """Give an application its sessions."""
    app[SESSIONS] = Sessions(app[CLOCK])
