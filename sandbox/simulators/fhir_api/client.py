"""Who asks for a token: the sandbox's one client, by its secret or by a signed assertion (RFC 6749 §2.3, RFC 7523).

`client_of` reads what a request claims, `prove` holds it against the sandbox. Only a request that claims nothing that
could be proved is an error of form. `SmartServer` says which of a sandbox's FHIR APIs is meant.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox import ids
from sandbox.errors import Invalid
from sandbox.playground.events import Request
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.simulators.fhir_api.keys import ASSERTION_TYPE, METHOD, BadAssertion, SmartConfig, verify
from sandbox.wire.authorization import basic_credentials, is_same_secret

_METHODS: Final = f"HTTP Basic, client_id and client_secret in the form, or a client_assertion ({METHOD})"


@dataclass(frozen=True, slots=True)
class SmartServer:
    """A FHIR API that gives tokens to one client: its base below the surface root, and the prefix of the collections
    that it keeps tokens, refusals, used assertions and the client's keys in. With `has_config` the simulator's `smart`
    says what is registered for the client, too."""

    base: str
    prefix: str
    has_config: bool = False

    @property
    def tokens(self) -> str:
        """Tokens that were given, by id: `scope`, `expires_at`."""
        return f"{self.prefix}tokens"

    @property
    def assertions(self) -> str:
        """Assertions that were used, by the hash of their `jti`: `expires_at`."""
        return f"{self.prefix}assertions"

    @property
    def refusals(self) -> str:
        """Refused requests for a token: `at`."""
        return f"{self.prefix}refusals"

    @property
    def client(self) -> str:
        """What was registered for the client, under `client`."""
        return f"{self.prefix}client"


class OAuthError(Invalid):
    """A token request that is refused, with the error code of RFC 6749 §5.2."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.oauth_code = code


@dataclass(frozen=True, slots=True)
class ClaimedClient:
    """What a token request says of its client; either `secret` or `assertion` is there."""

    client_id: str | None
    secret: str | None = None
    assertion: str | None = None


def client_id_of(sandbox: Sandbox) -> str:
    """Return the sandbox's client id, the same in every run of the server."""
    return ids.derived_id("client", sandbox.id)


def config_of(tx: Interaction, server: SmartServer) -> SmartConfig:
    """Return what is registered for the sandbox's client: what was posted, else what its configuration says."""
    return SmartConfig.model_validate(
        tx.get(server.client, "client") or (tx.config.get("smart") if server.has_config else None) or {}
    )


def client_of(request: Request, form: Mapping[str, str]) -> ClaimedClient:
    """Return whom a token request claims to come from. Raises `OAuthError` where it claims nothing, or two things."""
    try:
        basic = basic_credentials(request.headers.get("authorization"))
    except ValueError as error:
        raise OAuthError("invalid_client", f"The Authorization header is not valid HTTP Basic: {error}.") from None
    ways = [name for name in ("client_secret", "client_assertion") if form.get(name)]
    if len(ways) + (basic is not None) > 1:
        raise OAuthError("invalid_request", f"The client shows who it is in several ways; use one: {_METHODS}.")
    if basic is not None:
        return ClaimedClient(basic.name, basic.secret)
    if "client_assertion" in form or "client_assertion_type" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
            raise OAuthError(
                "invalid_request",
                f"{METHOD} needs a client_assertion and the client_assertion_type {ASSERTION_TYPE}.",
            )
        return ClaimedClient(form.get("client_id"), assertion=form["client_assertion"])
    if not form.get("client_id") and not form.get("client_secret"):
        raise OAuthError("invalid_client", f"The request does not say which client it is from; use {_METHODS}.")
    return ClaimedClient(form.get("client_id", ""), form.get("client_secret", ""))


def named_client(client: ClaimedClient) -> str | None:
    """Return the client id that is claimed, from an assertion unproved."""
    if client.assertion is None:
        return client.client_id
    import jwt

    try:
        return str(jwt.decode(client.assertion, options={"verify_signature": False}).get("sub"))
    except jwt.PyJWTError:
        return None


def prove(tx: Interaction, server: SmartServer, client: ClaimedClient, token_urls: Sequence[str]) -> None:
    """Hold what a client claims against the sandbox. Raises `OAuthError` (`invalid_client`)."""
    if tx.sandbox is None:
        raise OAuthError("invalid_client", "There is no client here.")
    right_id = client_id_of(tx.sandbox)
    if client.assertion is not None:
        try:
            _prove_assertion(tx, server, client, right_id, token_urls)
        except BadAssertion as error:
            raise OAuthError("invalid_client", f"{METHOD}: {error}.") from None
        return
    is_client = is_same_secret(client.client_id or "", right_id)
    if not is_same_secret(client.secret or "", tx.sandbox.secrets.get("client_secret")) or not is_client:
        raise OAuthError("invalid_client", "The client id or secret is wrong; both are in the sandbox's credentials.")


def _prove_assertion(
    tx: Interaction, server: SmartServer, client: ClaimedClient, right_id: str, token_urls: Sequence[str]
) -> None:
    keys = config_of(tx, server).keys
    if not keys:
        own = "set smart.jwks in the simulator's config, or " if server.has_config else ""
        raise BadAssertion(
            f"no public key is registered for this client; {own}let the "
            f"organization post it to /sandboxes/{{id}}/{server.base}/smart-client"
        )
    if client.client_id is not None and client.client_id != right_id:
        raise BadAssertion("client_id is another client's; leave it out, the assertion says it")
    found = verify(client.assertion or "", keys, client_id=right_id, audiences=token_urls, now=tx.real_now)
    key = hashlib.sha256(found.token_id.encode("utf-8", "surrogatepass")).hexdigest()
    if tx.get(server.assertions, key) is not None:
        raise BadAssertion("its jti was used before; make a new assertion for every request")
    tx.put(server.assertions, key, {"expires_at": found.expires_at})
