"""The wire of prior authorization over FHIR: what is served below `portal/fhir` where the configuration says so.

Every error is an OperationOutcome, but for the token endpoint's, which are OAuth's.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sandbox import jsonio, limits
from sandbox.errors import Malformed, MethodNotAllowed, NotFound, SandboxError, Unsupported, UnsupportedMedia
from sandbox.payer.config import payer_config
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.r4.model import resource_types
from sandbox.simulators.base import Route, RouteHandler
from sandbox.simulators.fhir_api.negotiation import is_true, is_utf8, response_type
from sandbox.simulators.fhir_api.outcome import render_error
from sandbox.simulators.fhir_api.token import SECRET, render_oauth
from sandbox.simulators.portal.fhir import reads, subscribing
from sandbox.simulators.portal.fhir.attaching import submit_attachment
from sandbox.simulators.portal.fhir.inquire import inquire
from sandbox.simulators.portal.fhir.metadata import metadata
from sandbox.simulators.portal.fhir.package import package
from sandbox.simulators.portal.fhir.smart import TOKENS
from sandbox.simulators.portal.fhir.submit import submit
from sandbox.simulators.portal.fhir.terms import BASE
from sandbox.wire.forms import FORM, Pairs, parse_form

EVENT_TYPE: Final = "portal_fhir_request"
_READS: Final = ("GET", "HEAD")
_SEARCH: Final = "_search"
_OPERATIONS: Final[Mapping[str, RouteHandler]] = {
    "Claim/$submit": submit,
    "Claim/$inquire": inquire,
    "Questionnaire/$questionnaire-package": package,
    "$submit-attachment": submit_attachment,
}
_OUTSIDE: Final = {"metadata": "GET", ".well-known/smart-configuration": "GET", "token": "POST"}


def handle(tx: Interaction, request: Request) -> Response:
    """Serve one request below the base that has no route of its own. Raises `NotFound`, `MethodNotAllowed`, …"""
    media = response_type(request.headers.get("accept", ""), request.first("_format"))
    rest = request.path.removeprefix(BASE).strip("/")
    response = _serve(tx, request, rest)
    if not response.body:
        return response
    body = jsonio.dump_pretty(jsonio.parse(response.body)) if is_true(request.query, "_pretty") else response.body
    return replace(response, body=body, content_type=media)


def _serve(tx: Interaction, request: Request, rest: str) -> Response:
    operation = _OPERATIONS.get(rest)
    if operation is not None:
        _need(request, rest, ("POST",))
        for name, _ in request.query:
            if name not in ("_format", "_pretty"):
                raise Unsupported(f'{rest} has no parameter "{name[:100]}" in its URL; it takes a body.')
        return operation(tx, request)
    if rest in _OUTSIDE:
        raise _not_allowed(request, rest, (_OUTSIDE[rest],))
    kind, _, key = rest.partition("/")
    if "$" in rest:
        raise NotFound(f"There is no operation {rest[:100]}; there are {', '.join(_OPERATIONS)}.")
    if kind == subscribing.TYPE and "/" not in key:
        return _subscription(tx, request, rest, key)
    if kind in reads.SEARCHES and key == _SEARCH:
        _need(request, rest, ("POST",))
        return reads.search(tx, replace(request, query=(*request.query, *_form(request))), kind)
    if kind not in reads.READ or "/" in key:
        if kind in resource_types():
            served = ", ".join((*reads.READ, subscribing.TYPE))
            raise NotFound(f"{rest[:100]} is not served here; of resources there are {served}.")
        raise NotFound(f'There is nothing at "{rest[:100]}"; metadata says what is served.')
    if key:
        _need(request, rest, _READS)
        return reads.read(tx, request, kind, key)
    if kind not in reads.SEARCHES:
        raise NotFound(f"{kind} is read by its id, and not searched for; metadata says what is served.")
    _need(request, rest, _READS)
    return reads.search(tx, request, kind)


def _subscription(tx: Interaction, request: Request, rest: str, key: str) -> Response:
    if key == _SEARCH:
        _need(request, rest, ("POST",))
        return subscribing.search(tx, replace(request, query=(*request.query, *_form(request))))
    _need(request, rest, ("GET", "HEAD", "PUT", "DELETE") if key else ("GET", "HEAD", "POST"))
    if not key and request.method != "POST":
        return subscribing.search(tx, request)
    for name, _ in request.query:
        if name not in ("_format", "_pretty"):
            raise Unsupported(f'{rest} has no parameter "{name[:100]}".')
    if request.method in ("POST", "PUT"):
        return subscribing.write(tx, request, key)
    return subscribing.delete(tx, request, key) if request.method == "DELETE" else subscribing.read(tx, key)


def _form(request: Request) -> Pairs:
    """Return the parameters of a search that is posted (R4 §3.1.1.4). Raises `UnsupportedMedia`, `Malformed`."""
    if request.body and request.media_type != FORM:
        raise UnsupportedMedia(f"A search is posted as {FORM}, not {request.media_type[:100]}.")
    return parse_form(request.body)


def _need(request: Request, rest: str, allowed: tuple[str, ...]) -> None:
    if request.method not in allowed:
        raise _not_allowed(request, rest, allowed)


def _not_allowed(request: Request, rest: str, allowed: tuple[str, ...]) -> MethodNotAllowed:
    told = ", ".join(allowed)
    return MethodNotAllowed(f"{request.method} is not served at {rest[:100]}; use {told}.", headers={"Allow": told})


def offered(handler: RouteHandler) -> RouteHandler:
    """Return the handler of a route that is there only where the payer is configured so."""

    def serve(tx: Interaction, request: Request) -> Response:
        if not payer_config(tx).fhir:
            raise NotFound("This payer has no FHIR API: its configuration does not say fhir: true.")
        if "%" in request.raw_query and not is_utf8(request.raw_query):
            raise Malformed("The parameters of the URL are not UTF-8.", issue_type="value")
        return handler(tx, request)

    return serve


def _render(error: SandboxError) -> Response:
    return render_error(error, None)


def routes() -> tuple[Route, ...]:
    """Return the routes of this API, all of them extensions."""

    def route(method: str, path: str, handler: RouteHandler, summary: str, **more: object) -> Route:
        made = Route(method, path, offered(handler), EVENT_TYPE, summary, is_upstream=False, render=_render)
        return replace(made, **more)  # type: ignore[arg-type]

    return (
        route("GET", f"{BASE}/metadata", metadata, "What the payer's FHIR API serves", access="document"),
        route(
            "GET",
            f"{BASE}/.well-known/smart-configuration",
            TOKENS.configuration,
            "SMART discovery of the payer's FHIR API",
            access="document",
        ),
        route(
            "*",
            f"{BASE}/token",
            TOKENS.token,
            "SMART token of the payer's FHIR API",
            redact=(SECRET, "client_assertion"),
            body_limit=limits.LOGIN_BODY_BYTES,
            access="door",
            render=render_oauth,
        ),
        route(
            "POST",
            f"{BASE}/smart-client",
            TOKENS.register,
            "Register the public keys of the payer's SMART client",
            access="organization",
        ),
        route("*", BASE, handle, "The base of the payer's FHIR API"),
        route("*", f"{BASE}/{{path:.*}}", handle, "Prior authorization over FHIR"),
    )
