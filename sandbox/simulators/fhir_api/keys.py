"""`private_key_jwt`: a SMART client's public keys, and the assertions signed with them.

SMART App Launch 2.0, "Client Authentication: Asymmetric"; RFC 7523; RFC 7517 for the keys. The keys come from the
simulator's configuration or are posted to the sandbox by the organization; a set behind a URL is never fetched.
The claims are read here, and not by the library, as only the caller knows what time it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from sandbox import jsonio
from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json

METHOD: Final = "private_key_jwt"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("RS384", "ES384")
ASSERTION_LIFETIME_S: Final = 300
LEEWAY_S: Final = 60
TOKEN_MINUTES: Final = 60
JTI_CHARS: Final = 1000
_ALGORITHM_OF: Final = {"RSA": "RS384", "EC": "ES384"}
_RSA_BITS: Final = 2048


class BadAssertion(ValueError):
    """An assertion that does not prove what it says; the message says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key of a client: `key_id` is None where none was given, `key` is the cryptography library's."""

    key_id: str | None
    algorithm: str
    key: Any


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a valid assertion says."""

    token_id: str
    expires_at: int


class SmartConfig(StrictModel):
    """A sandbox's SMART client beside its secret: its public keys, as a JWK Set or one in PEM, and how many minutes
    an access token is good for."""

    jwks: dict[str, Any] | None = None
    public_key: str | None = None
    token_lifetime_minutes: int = Field(default=TOKEN_MINUTES, ge=1, le=TOKEN_MINUTES)

    @field_validator("jwks")
    @classmethod
    def _usable(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            keys_of(value, None)
        return value

    @field_validator("public_key")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            keys_of(None, value)
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.jwks is not None and self.public_key is not None:
            raise ValueError("give jwks or public_key, not both")
        return self

    @property
    def keys(self) -> Sequence[PublicKey]:
        """The client's public keys."""
        return keys_of(self.jwks, self.public_key)


def keys_of(jwks: Mapping[str, Any] | None, pem: str | None) -> Sequence[PublicKey]:
    """Return the keys of a JWK Set or of a PEM text. Raises `ValueError` saying which cannot be used, and why."""
    if pem is not None:
        return _parsed(b"", pem)
    return () if jwks is None else _parsed(jsonio.canonical(dict(jwks)), "")


@lru_cache(maxsize=64)
def _parsed(jwks: bytes, pem: str) -> Sequence[PublicKey]:
    if pem:
        return (_of_pem(pem),)
    rows = jsonio.parse(jwks).get("keys")
    if not isinstance(rows, list) or not rows:
        raise ValueError('a JWK Set is {"keys": [...]} with at least one key')
    keys = tuple(_of_jwk(row, f"key {index}") for index, row in enumerate(rows))
    ids = [key.key_id for key in keys]
    if len(set(ids)) != len(ids):
        raise ValueError("every key of a set needs a kid of its own")
    return keys


def _of_jwk(row: Json, where: str) -> PublicKey:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    algorithm = _ALGORITHM_OF.get(str(row.get("kty"))) if isinstance(row, dict) else None
    if algorithm is None:
        raise ValueError(f"{where}: kty must be RSA (for RS384) or EC with the curve P-384 (for ES384)")
    if "d" in row:
        raise ValueError(f"{where} is a private key; give the public one, and keep this")
    given = row.get("alg", algorithm)
    key_id = row.get("kid")
    if given != algorithm:
        raise ValueError(f"{where}: alg is {given!r}; a key of type {row['kty']} is used with {algorithm} here")
    if key_id is not None and not isinstance(key_id, str):
        raise ValueError(f"{where}: kid must be text")
    try:
        key = PyJWK({**row, "alg": algorithm}).key
    except (PyJWTError, ValueError, TypeError) as error:
        raise ValueError(f"{where} is not a {row['kty']} key: {error}") from None
    return PublicKey(key_id, _checked(key, where), key)


def _of_pem(pem: str) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY" in pem:
        raise ValueError("this is a private key; give the public one, and keep this")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("this is not a public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
    return PublicKey(None, _checked(key, "the key"), key)


def _checked(key: Any, where: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey):
        if key.key_size < _RSA_BITS:
            raise ValueError(f"{where} has {key.key_size} bits; RS384 needs {_RSA_BITS}")
        return "RS384"
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name == "secp384r1":
        return "ES384"
    raise ValueError(f"{where} is neither RSA (for RS384) nor on the curve P-384 (for ES384)")


def verify(
    text: str, keys: Sequence[PublicKey], *, client_id: str, audiences: Sequence[str], now: datetime
) -> Assertion:
    """Check an assertion's signature and claims. Raises `BadAssertion`.

    `audiences` are the names of the token URL, last the one it was called by; `now` is real time. That the
    assertion was not used before is for the caller to know.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(text)
    except jwt.PyJWTError:
        raise BadAssertion("the client_assertion is not a signed JWT") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise BadAssertion(f"it is signed with {str(algorithm)[:40]!r}; use {' or '.join(ALGORITHMS)}")
    named = [k for k in keys if key_id is None or k.key_id is None or k.key_id == key_id]
    if not named:
        known = ", ".join(str(k.key_id) for k in keys)
        raise BadAssertion(f"the client has no key with the kid {str(key_id)[:100]!r}; it has {known}")
    candidates = [k for k in named if k.algorithm == algorithm]
    if not candidates:
        raise BadAssertion(f"it is signed with {algorithm}; the client's key is for {named[0].algorithm}")
    claims = next((c for k in candidates if (c := _claims(text, k)) is not None), None)
    if claims is None:
        raise BadAssertion("its signature does not fit the client's public key")
    return _judged(claims, client_id, audiences, now.timestamp())


def _claims(text: str, key: PublicKey) -> Json:
    import jwt

    unread = ("exp", "iat", "nbf", "aud", "iss", "sub", "jti")
    options: Any = {f"verify_{name}": False for name in unread}
    try:
        return jwt.decode(text, key.key, algorithms=[key.algorithm], options=options)
    except jwt.PyJWTError:
        return None


def _judged(claims: Json, client_id: str, audiences: Sequence[str], now: float) -> Assertion:
    for name in ("iss", "sub"):
        if claims.get(name) != client_id:
            raise BadAssertion(f"{name} is {str(claims.get(name))[:100]!r}; it must be the client id")
    given = claims.get("aud")
    if not any(name in (given if isinstance(given, list) else [given]) for name in audiences):
        raise BadAssertion(f"aud is {str(given)[:300]!r}; it must be the token URL as you call it, {audiences[-1]}")
    expires, token_id = claims.get("exp"), claims.get("jti")
    if isinstance(expires, bool) or not isinstance(expires, int | float) or expires != expires:
        raise BadAssertion("exp is missing; it says, in seconds since 1970, when the assertion ends")
    if expires <= now - LEEWAY_S:
        raise BadAssertion("it has expired (exp); make a new one for every request")
    if expires > now + ASSERTION_LIFETIME_S + LEEWAY_S:
        raise BadAssertion(f"exp is more than {ASSERTION_LIFETIME_S} seconds ahead; make it shorter")
    begins = claims.get("nbf")
    if isinstance(begins, int | float) and begins > now + LEEWAY_S:
        raise BadAssertion("it is not good yet (nbf)")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= JTI_CHARS:
        raise BadAssertion("jti is missing; it must be text of its own in every assertion")
    return Assertion(token_id, int(expires))
