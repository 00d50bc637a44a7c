"""SMART Backend Services: discovery, client-credentials tokens, scopes (SMART App Launch 1.0 and 2.0).

On run-scoped paths the run token is enough and nothing here is asked. On the direct surface the
edge calls `authorize_smart` inside the interaction, before the call is carried out.

A token is opaque, lives an hour on the playground's clock and is kept as its SHA-256 only.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import timedelta
from typing import Final
from urllib.parse import unquote_plus

from sandbox import ids, jsonio
from sandbox.clock import parse_instant
from sandbox.errors import Invalid, SandboxError, Unauthorized, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.playground.events import REDACTED, Request, Response
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir import smart_scopes
from sandbox.simulators.fhir.names import SURFACE, TOKENS
from sandbox.simulators.fhir.outcome import issues_of, outcome
from sandbox.simulators.fhir.searching import FORM, parse_form

TOKEN_LIFETIME_S: Final = 3600
TOKEN_PREFIX: Final = "vrl_smart_"
SECRET_PREFIX: Final = "vrl_cs_"
DEFAULT_SCOPE: Final = "system/*.*"

_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def client_id_of(sandbox: Sandbox) -> str:
    """Return the sandbox's client id, the same in every run of the server."""
    return ids.derived_id("client", sandbox.id)


def configuration(tx: Interaction, request: Request) -> Response:
    """`GET .well-known/smart-configuration`."""
    base = f"{request.base_url}/{SURFACE}"
    # No issuer: that is OpenID Connect's, which is not served. The code challenge is asked of every server.
    value = {
        "token_endpoint": f"{base}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": [
            "system/*.*",
            "system/*.read",
            "system/*.write",
            "system/[Type].read",
            "system/[Type].cruds",
        ],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-symmetric", "permission-v1", "permission-v2"],
    }
    return Response.of_json(value)


class OAuthError(Invalid):
    """A token request that is refused, with the error code of RFC 6749 §5.2."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, issue_type="login" if code == "invalid_client" else "invalid")
        self.oauth_code = code


def token(tx: Interaction, request: Request) -> Response:
    """`POST token`: exchange the client's id and secret for an access token."""
    try:
        return _grant(tx, request)
    except SandboxError as error:
        code = error.oauth_code if isinstance(error, OAuthError) else "invalid_request"
        # Both readers are served: OAuth libraries read `error`, FHIR clients the OperationOutcome.
        body = {"error": code, "error_description": error.message, **outcome(issues_of(error))}
        headers = dict(_NO_STORE)
        if code == "invalid_client":
            headers["WWW-Authenticate"] = 'Basic realm="fhir"'
        return Response(401 if code == "invalid_client" else error.status, jsonio.dump(body), headers=headers)


def _grant(tx: Interaction, request: Request) -> Response:
    if request.media_type != FORM:
        raise UnsupportedMedia(f'A token request is a form ({FORM}), not "{request.media_type}".')
    form = parse_form(request.body)
    values = dict(form)
    if len(values) != len(form):
        raise OAuthError("invalid_request", "A parameter of the token request is there twice.")
    client_id, secret = _client(request, values)
    sandbox = tx.sandbox
    known = sandbox is not None and hmac.compare_digest(client_id.encode(), client_id_of(sandbox).encode())
    expected = sandbox.secrets.get("client_secret", "") if sandbox is not None else ""
    if not hmac.compare_digest(secret.encode(), expected.encode()) or not known or not expected:
        raise OAuthError("invalid_client", "The client id or secret is wrong; both are in the sandbox's credentials.")
    if values.get("grant_type") != "client_credentials":
        raise OAuthError("unsupported_grant_type", "grant_type must be client_credentials.")
    scope = _granted(values.get("scope") or DEFAULT_SCOPE)
    text = TOKEN_PREFIX + tx.new_id() if tx.is_seeded else ids.new_secret(TOKEN_PREFIX)
    expires = tx.now + timedelta(seconds=TOKEN_LIFETIME_S)
    tx.put(TOKENS, _digest(text), {"client_id": client_id, "scope": scope, "expires_at": expires.isoformat()})
    answer: Json = {"access_token": text, "token_type": "bearer", "expires_in": TOKEN_LIFETIME_S, "scope": scope}
    recorded = jsonio.dump({**answer, "access_token": REDACTED})
    return Response(200, jsonio.dump(answer), headers=_NO_STORE, recorded_body=recorded)


def _client(request: Request, values: dict[str, str]) -> tuple[str, str]:
    header = request.headers.get("authorization", "")
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return values.get("client_id", ""), values.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise OAuthError("invalid_client", "The Authorization header is not valid HTTP Basic.") from None
    return unquote_plus(name), unquote_plus(secret)


def _granted(wanted: str) -> str:
    kept = []
    for scope in wanted.split():
        found = smart_scopes.SCOPE.fullmatch(scope)
        if found is None or not found[3] or (found[2] != "*" and found[2] not in resource_types()):
            raise OAuthError("invalid_scope", f'"{scope}" is not a scope this server grants; use system/Type.read, …')
        if found[1] == "system":
            kept.append(scope)
    if not kept:
        raise OAuthError("invalid_scope", "Client credentials get system scopes only (system/…).")
    return " ".join(dict.fromkeys(kept))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def authorize_smart(tx: Interaction, token: str, request: Request) -> None:
    """Check that a SMART access token allows a request on the direct surface.

    Raises `Unauthorized` (unknown or expired token) and `Forbidden` (the scope does not allow it).
    """
    row = tx.get(TOKENS, _digest(token))
    if row is None:
        raise Unauthorized("The access token is not known here; get one at fhir/token.", issue_type="login")
    if parse_instant(row["expires_at"]) <= tx.now:
        raise Unauthorized("The access token has expired; get a new one at fhir/token.", issue_type="expired")
    smart_scopes.check(row["scope"], request)
