"""SMART Backend Services: discovery, client-credentials tokens, scopes (SMART App Launch 1.0 and 2.0; RFC 6749).

The client's id with its secret or a signed assertion is all that the token endpoint asks for, and the token it
gives is all that a call needs, on every path that leads to the sandbox. Where the run token is sent nothing here is
asked. The token endpoint speaks OAuth's JSON, in errors too.

A token is opaque and lives on the playground's clock. Kept is its id; see `keys.signed_token`. `Tokens` is bound to one
FHIR API; what is done with a token's scope is that one's business.
"""

from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from sandbox import jsonio
from sandbox.clock import parse_instant
from sandbox.errors import Invalid, MethodNotAllowed, RateLimited, SandboxError, Unauthorized, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.keys import SMART_TOKEN_PREFIX, signed_token, signed_token_id
from sandbox.playground.events import REDACTED, Request, Response
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.simulators.fhir_api import scopes
from sandbox.simulators.fhir_api.client import (
    OAuthError,
    SmartServer,
    client_id_of,
    client_of,
    config_of,
    named_client,
    prove,
)
from sandbox.simulators.fhir_api.keys import ALGORITHMS, METHOD, SmartConfig
from sandbox.simulators.logins import WINDOW, check_rate
from sandbox.wire.authorization import bearer_token
from sandbox.wire.charsets import check_utf_8
from sandbox.wire.forms import FORM, parse_form

SECRET: Final = "client_secret"

_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Tokens:
    """The token endpoint of one FHIR API, and the tokens it gave."""

    def __init__(self, server: SmartServer) -> None:
        self.server = server

    def configuration(self, tx: Interaction, request: Request) -> Response:
        """`GET .well-known/smart-configuration`."""
        base = f"{request.base_url}/{self.server.base}"
        # No issuer: that is OpenID Connect's, which is not served. The code challenge is asked of every server.
        value = {
            "token_endpoint": f"{base}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", METHOD],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": [
                "system/*.*",
                "system/*.read",
                "system/*.write",
                "system/[Type].read",
                "system/[Type].cruds",
            ],
            "code_challenge_methods_supported": ["S256"],
            "capabilities": [
                "client-confidential-symmetric",
                "client-confidential-asymmetric",
                "permission-v1",
                "permission-v2",
            ],
        }
        return Response.of_json(value)

    def token(self, tx: Interaction, request: Request) -> Response:
        """`POST token`: exchange the client's credentials for an access token.

        Raises, and so leaves no trace of a stranger, until the client is known; a log-in that is refused is an answer,
        so that it is kept.
        """
        form = _form(request)
        client = client_of(request, form)
        check_rate((parse_instant(row["at"]) for _, row in tx.branch.items(self.server.refusals)), tx.now)
        try:
            prove(
                tx,
                self.server,
                client,
                [f"{root}/{self.server.base}/token" for root in (request.base_url, request.called_url) if root],
            )
        except OAuthError as error:
            self._note_refusal(tx)
            return render_oauth(error)
        try:
            return self._grant(tx, form)
        except OAuthError as error:
            return render_oauth(error)

    def _note_refusal(self, tx: Interaction) -> None:
        tx.stand_still()
        for key, row in list(tx.branch.items(self.server.refusals)):
            if parse_instant(row["at"]) <= tx.now - WINDOW:
                tx.delete(self.server.refusals, key)
        tx.put(self.server.refusals, tx.new_id("refusal"), {"at": tx.now_text})

    def _grant(self, tx: Interaction, form: dict[str, str]) -> Response:
        grant = form.get("grant_type")
        if not grant:
            raise OAuthError("invalid_request", "grant_type is missing; it must be client_credentials.")
        if grant != "client_credentials":
            raise OAuthError("unsupported_grant_type", "grant_type must be client_credentials.")
        scope = _granted(form.get("scope") or scopes.DEFAULT_SCOPE)
        lifetime_s = 60 * config_of(tx, self.server).token_lifetime_minutes
        token_id = tx.new_id()
        text = signed_token(SMART_TOKEN_PREFIX, token_id, _secret(tx.sandbox))
        expires = tx.now + timedelta(seconds=lifetime_s)
        tx.put(self.server.tokens, token_id, {"scope": scope, "expires_at": expires.isoformat()})
        answer: Json = {"access_token": text, "token_type": "bearer", "expires_in": lifetime_s, "scope": scope}
        recorded = jsonio.dump({**answer, "access_token": REDACTED})
        return Response(200, jsonio.dump(answer), headers=_NO_STORE, recorded_body=recorded)

    def _row_of(self, tx: Interaction, request: Request) -> Json:
        """Return what is kept of the access token that a request carries, None when it carries none of ours."""
        text, secret = bearer_token(request.headers.get("authorization")), _secret(tx.sandbox)
        if not text or not secret:
            return None
        token_id = signed_token_id(SMART_TOKEN_PREFIX, text, secret)
        return None if token_id is None else tx.get(self.server.tokens, token_id)

    def is_known(self, tx: Interaction, request: Request) -> bool:
        """Whether a request carries an access token of this sandbox; raises `Unauthorized` for one that has expired."""
        row = self._row_of(tx, request)
        if row is None:
            return False
        if parse_instant(row["expires_at"]) <= tx.now:
            raise Unauthorized(
                f"The access token has expired; get a new one at {self.server.base}/token.", issue_type="expired"
            )
        return True

    def register(self, tx: Interaction, request: Request) -> Response:
        """`POST smart-client`: the organization gives the sandbox's client public keys; they replace those it had."""
        value = request.json()
        if not isinstance(value, dict):
            raise Invalid("The body must be a JSON object with jwks or public_key.", issue_type="structure")
        try:
            given = SmartConfig.model_validate(value, strict=True)
        except ValidationError as error:
            said = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'body'}: {str(e['msg']).removeprefix('Value error, ')}"
                for e in error.errors()
            )
            raise Invalid(f"The client cannot be registered: {said}.", issue_type="value") from None
        if not given.model_fields_set:
            raise Invalid("Give the client's public keys, as jwks or in public_key.", issue_type="required")
        had = config_of(tx, self.server).model_dump()
        if given.keys:
            had.update(jwks=None, public_key=None)
        kept = SmartConfig.model_validate({**had, **given.model_dump(exclude_unset=True)})
        tx.put(self.server.client, "client", kept.model_dump())
        keys = [{"kid": key.key_id, "alg": key.algorithm} for key in kept.keys]
        client_id = client_id_of(tx.sandbox) if tx.sandbox else None
        answer = {"client_id": client_id, "keys": keys, "token_lifetime_minutes": kept.token_lifetime_minutes}
        return Response.of_json(answer)

    def scope_of(self, tx: Interaction, request: Request) -> str | None:
        """Return the scope of the access token that a request carries, None when it carries none of ours."""
        row = self._row_of(tx, request)
        return None if row is None else str(row["scope"])


def render_oauth(error: SandboxError) -> Response:
    """Render an error of the token endpoint as RFC 6749 §5.2 has it."""
    status, headers = error.status, {**_NO_STORE, **error.headers}
    if isinstance(error, OAuthError):
        code = error.oauth_code
    elif isinstance(error, Unauthorized):
        code = "invalid_client"
    else:
        code = "slow_down" if isinstance(error, RateLimited) else "invalid_request"
    if code == "invalid_client":
        status = 401
        headers["WWW-Authenticate"] = 'Basic realm="fhir"'
    body = jsonio.dump({"error": code, "error_description": error.message})
    return Response(status, body, headers=headers)


def _form(request: Request) -> dict[str, str]:
    if request.method != "POST":
        raise MethodNotAllowed(f"{request.method} is not allowed here; send a POST.", headers={"Allow": "POST"})
    if request.media_type != FORM:
        what = f'the body is of type "{request.media_type[:100]}"' if request.body else "the body is empty"
        raise OAuthError("invalid_request", f"Send grant_type=client_credentials as a form ({FORM}); {what}.")
    try:
        check_utf_8(request.headers.get("content-type", ""), "A form")
    except UnsupportedMedia as error:
        raise OAuthError("invalid_request", error.message) from None
    pairs = parse_form(request.body)
    values = dict(pairs)
    if len(values) != len(pairs):
        raise OAuthError("invalid_request", "A parameter of the token request is there twice.")
    return values


def _granted(wanted: str) -> str:
    try:
        return scopes.granted(wanted)
    except scopes.BadScope as error:
        raise OAuthError("invalid_scope", error.message) from None


def _secret(sandbox: Sandbox | None) -> str:
    return sandbox.secrets.get(SECRET, "") if sandbox is not None else ""


def is_named(sandbox: Sandbox, request: Request) -> bool:
    """Whether a token request has this sandbox's client id; one whose form cannot be read may have it in its header,
    and is told there what is wrong."""
    try:
        form = _form(request)
    except SandboxError:
        form = {}
    try:
        return named_client(client_of(request, form)) == client_id_of(sandbox)
    except SandboxError:
        return False
