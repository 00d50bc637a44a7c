"""Which names this server answers to: the `Host` of a request (RFC 9110, 7.2 and 7.4).

A page anywhere can let a name of its own lead to this machine ("DNS rebinding"), and a browser then takes this server
for that page's own. So a request under a name that is not this server's is refused before anything looks at it.
Addresses that are written as numbers cannot be rebound. The port is not looked at: it may be forwarded.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, hdrs, web

from sandbox.errors import Malformed, Misdirected
from sandbox.keys import is_loopback
from sandbox.settings import Settings

_AUTHORITY: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{0,5})?")
_REMEMBERED: Final = 1_000


class Hosts:
    """The names of one server."""

    def __init__(self, settings: Settings) -> None:
        names = {settings.host, *settings.allowed_hosts}
        if settings.url_base is not None:
            names.add(urlsplit(settings.url_base).hostname or "")
        self._names = {name.lower().rstrip(".") for name in names}
        self._is_any_address = _is_any_address(settings.host)
        self._let_in: set[str | None] = set()

    def is_known(self, host: str) -> bool:
        """Whether requests to a name have been let in; quick, for where a `check` would cost too much."""
        return host in self._let_in

    def check(self, request: web.BaseRequest) -> None:
        """Raise `Misdirected` for a request to somebody else's name, `Malformed` for what is no name."""
        host = request.headers.get(hdrs.HOST)
        target = request.raw_path
        if host in self._let_in and target[:1] == "/":
            return
        if host is None:
            if request.version >= HttpVersion11:
                raise Malformed("The request has no Host header; HTTP/1.1 wants one.")
        elif self._check_name(host) and len(self._let_in) < _REMEMBERED:
            self._let_in.add(host)
        if target[:1] != "/" and "://" in target[:16]:  # absolute-form, which wins over the header
            self._check_name(target.partition("://")[2].partition("/")[0].partition("?")[0])

    def _check_name(self, host: str) -> bool:
        match = _AUTHORITY.fullmatch(host)
        if match is None:
            raise Malformed("The Host header is not a name or address with, perhaps, a port.")
        name = (match[1] or match[2]).lower().rstrip(".")
        if is_loopback(name) or name in self._names or (self._is_any_address and _is_address(name)):
            return True
        raise Misdirected(
            f"This server is not {name[:200]}: it answers to loopback names, the address it listens on, the host of "
            "--url-base and the names in SANDBOX_ALLOWED_HOSTS."
        )


def _is_any_address(host: str) -> bool:
    """Whether clients may use addresses that the setting does not name: it names all, or a host that has some."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host != "localhost"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


HOSTS = web.AppKey("hosts", Hosts)
