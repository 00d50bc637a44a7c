"""The `Authorization` header, and what is compared in secret (RFC 6750 §2.1, RFC 7617, RFC 6749 §2.3.1).

The one reading of it for the API, the task API and SMART; whom a token or a client stands for is for them to say.
"""

import hmac
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from sandbox.wire.base64_text import read_base64

# What a 401 asks for; at least one parameter has to follow the scheme (RFC 6750 §3).
BEARER_CHALLENGE: Final = 'Bearer realm="sandbox"'


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """A name, such as a client's id, and its secret."""

    name: str
    secret: str = field(repr=False)


def bearer_token(header: str | None) -> str:
    """Return the bearer token of an `Authorization` header, empty when it has none: tokens are ASCII (RFC 6750 §2.1).

    >>> bearer_token("bearer  abc "), bearer_token("Basic YTpi"), bearer_token(None)
    ('abc', '', '')
    """
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.isascii() else ""


def basic_credentials(header: str | None) -> BasicCredentials | None:
    """Return the client of an `Authorization: Basic`, None when it is none; raises `ValueError` for a broken one.

    A client's id and secret are form-encoded before they are joined (RFC 6749 §2.3.1).

    >>> basic_credentials("Basic YSUyMGI6Yw==").name, basic_credentials("Bearer x")
    ('a b', None)
    """
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    raw = read_base64(encoded)
    if raw is None:
        raise ValueError("not Base64")
    name, colon, secret = raw.decode().partition(":")
    if not colon:
        raise ValueError("no colon between the name and the secret")
    return BasicCredentials(unquote_plus(name), unquote_plus(secret))


def basic_password(header: str | None) -> str:
    """Return the password of an `Authorization: Basic` that carries a token there, empty when it has none.

    Unlike a client's secret it is not form-encoded; whose name stands before it says nothing.

    >>> basic_password("Basic eDphYmM="), basic_password("Basic eA=="), basic_password("Bearer abc")
    ('abc', '', '')
    """
    scheme, _, encoded = (header or "").partition(" ")
    raw = read_base64(encoded) if scheme.lower() == "basic" else None
    password = raw.partition(b":")[2] if raw is not None else b""
    return password.decode() if password.isascii() else ""


def is_same_secret(given: str, right: str | None) -> bool:
    r"""Whether a caller's word is the secret, without telling by the time it takes how much of it is right.

    Without a secret, or with an empty one, nothing is.

    >>> is_same_secret("a", "a"), is_same_secret("\ud800", "a"), is_same_secret("", "")
    (True, False, False)
    """
    return bool(right) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), (right or "").encode())
