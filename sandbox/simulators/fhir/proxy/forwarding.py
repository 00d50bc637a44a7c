"""One request to the upstream and its answer back, URLs moved from base to base.

`forward` runs before the interaction and asks; `respond` runs in it and answers, so that an error
of the upstream is recorded like any other answer.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from sandbox import jsonio
from sandbox.errors import BadGateway, Malformed, NotFound, SandboxError
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.r4.issues import Issue
from sandbox.r4.names import MEDIA_TYPE
from sandbox.simulators.base import Fetch, Fetched
from sandbox.simulators.fhir.patch import formats
from sandbox.simulators.fhir.proxy.bundles import filtered_answers, isolated_entries
from sandbox.simulators.fhir.proxy.config import FhirConfig, is_proxied, tag_of
from sandbox.simulators.fhir.proxy.isolation import Isolation, Plan, plan
from sandbox.simulators.fhir.proxy.links import PAGE_MARK, mark_pages, moved, rebased
from sandbox.simulators.fhir.rest.binary import reads_content, served_type
from sandbox.simulators.fhir.rest.binary_writes import is_write, read_resource
from sandbox.simulators.fhir.rest.calls import Query
from sandbox.simulators.fhir.terms.names import SURFACE
from sandbox.simulators.fhir_api.capability import security
from sandbox.simulators.fhir_api.negotiation import JSON_TYPES, check_json_body, response_type
from sandbox.simulators.fhir_api.outcome import outcome
from sandbox.wire.base64_text import read_base64
from sandbox.wire.forms import FORM, parse_form
from sandbox.wire.media_types import read_media_type
from sandbox.wire.served_content import content_headers

SENT: Final = frozenset("if-match if-none-match if-none-exist if-modified-since prefer user-agent x-request-id".split())
KEPT: Final = ("etag", "last-modified", "location", "content-location", "retry-after")
_SAID_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Upstream:
    """The server behind one sandbox, as one request reaches it. `base` is the proxy's own."""

    config: FhirConfig
    url: str
    base: str
    isolation: Isolation | None
    fetch: Fetch

    @classmethod
    def of(cls, sandbox: Sandbox, base: str, fetch: Fetch) -> "Upstream":
        """Read a sandbox's configuration."""
        config = FhirConfig.model_validate(dict(sandbox.config))
        isolation = Isolation(*tag_of(sandbox)) if config.isolation == "tag" else None
        return cls(config, config.upstream or "", base, isolation, fetch)

    async def send(
        self,
        method: str,
        path: tuple[str, ...],
        query: Query = (),
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Fetched:
        """Send one request; raises `BadGateway`, `GatewayTimeout`."""
        url = "/".join([self.url, *(quote(part, safe="$:@!*',;=~") for part in path)])
        if query:
            url += "?" + urlencode([(name, moved(value, self.base, self.url)) for name, value in query])
        sent = {"Accept": MEDIA_TYPE, **(headers or {})}
        answer = await self.fetch(
            method,
            url,
            headers=sent,
            own_headers=self.config.headers,
            body=body or None,
            timeout_s=self.config.timeout_s,
        )
        return _checked(answer)

    async def look(self, kind: Any, path: tuple[str, ...]) -> None:
        """Read a resource and hold it against what it must be."""
        assert self.isolation is not None
        answer = await self.send("GET", path[:2])
        resource = _json_of(answer) if answer.status < 300 else None
        self.isolation.check(kind, "/".join(path[:2]), answer.status, resource)


@dataclass(slots=True)
class Outgoing:
    """A request on its way: what is sent, and what has to be done with the answer."""

    method: str
    path: tuple[str, ...]
    query: Query
    headers: dict[str, str]
    body: bytes
    resource: Json = None
    plan: Plan = field(default_factory=lambda: Plan(""))
    is_page: bool = False
    is_binary: bool = False
    wants_content: bool = False
    refused: dict[int, SandboxError] = field(default_factory=dict)


async def forward(request: Request, sandbox: Sandbox, fetch: Fetch) -> Response | SandboxError | None:
    """Ask the upstream, if the sandbox has one; an error is returned, to be raised in the interaction."""
    if not is_proxied(sandbox.config):
        return None
    try:
        return await exchange(Upstream.of(sandbox, f"{request.base_url}/{SURFACE}", fetch), request)
    except SandboxError as error:
        return error


def respond(tx: Interaction, request: Request) -> Response:
    """Answer what the upstream answered."""
    answer = request.forwarded
    if isinstance(answer, SandboxError):
        raise answer
    assert isinstance(answer, Response)
    return answer


async def exchange(upstream: Upstream, request: Request) -> Response:
    """Carry a request to the upstream and its answer back."""
    out = _outgoing(upstream, request)
    if upstream.isolation is not None:
        await _isolate(upstream, upstream.isolation, out)
    if out.resource is not None:
        out.body = jsonio.dump(rebased(out.resource, upstream.base, upstream.url))
    method = "GET" if out.method == "HEAD" else out.method
    answer = await upstream.send(method, out.path, out.query, out.headers, out.body)
    return _incoming(upstream, out, answer)


def _outgoing(upstream: Upstream, request: Request) -> Outgoing:
    path = tuple(part for part in request.path.split("/")[1:] if part)
    if {".", ".."} & set(path):
        raise NotFound(f'There is nothing at "{"/".join(path)}" in the FHIR API.')
    is_binary = is_write(request.method, path)
    accept = request.headers.get("accept", "")
    headers = {name: value for name, value in request.headers.items() if name in SENT}
    wants_content = reads_content(request.method, path, request.query, accept)
    if not wants_content:
        response_type(accept, request.first("_format"))
    elif upstream.isolation is None:
        headers["Accept"] = accept or "*/*"
    query = tuple(pair for pair in request.query if pair[0] not in (PAGE_MARK, "_format"))
    is_page = len(query) < len(request.query) and request.first(PAGE_MARK) is not None
    out = Outgoing(request.method, path, query, headers, request.body)
    out.is_page, out.is_binary, out.wants_content = is_page, is_binary, wants_content
    if "if-none-exist" in headers:
        headers["if-none-exist"] = headers["if-none-exist"].replace(upstream.base + "/", upstream.url + "/")
    if not request.body:
        return out
    headers["Content-Type"] = request.headers.get("content-type", MEDIA_TYPE)
    kind = request.media_type
    if kind == FORM or (is_binary and read_resource(kind, request.body) is None):
        return out
    if kind not in formats.MEDIA_TYPES:
        check_json_body(kind, "the FHIR server behind this one", headers["Content-Type"])
    out.resource = jsonio.parse(request.body)
    return out


async def _isolate(upstream: Upstream, isolation: Isolation, out: Outgoing) -> None:
    """Do to a request what keeps it within its task run; raises what the caller must be told instead."""
    out.plan = plan(out.method, out.path, out.query)
    if out.is_binary and out.body and out.resource is None:
        raise Malformed("With isolation by tag a Binary is sent as a resource in JSON, so that it can carry the tag.")
    if out.plan.look is not None:
        await upstream.look(out.plan.look, out.path)
    if out.plan.narrows and not out.is_page:
        out.query = isolation.narrowed(out.query)
    if out.plan.narrows_form:
        form = [(name, moved(value, upstream.base, upstream.url)) for name, value in parse_form(out.body)]
        out.body = urlencode(isolation.narrowed(form)).encode()
        out.headers["Content-Type"] = FORM
    if out.plan.stamps:
        out.resource = isolation.stamped(out.resource)
        condition = out.headers.get("if-none-exist")
        if condition is not None:
            out.headers["if-none-exist"] = f"{condition}&{urlencode([isolation.criterion])}"
    if out.plan.kind == "system" and out.method == "POST":
        out.resource, out.refused = await isolated_entries(upstream.look, isolation, upstream.base, out.resource)


def _incoming(upstream: Upstream, out: Outgoing, answer: Fetched) -> Response:
    headers = {_titled(name): answer.headers[name] for name in KEPT if name in answer.headers}
    for name in ("Location", "Content-Location"):
        if name in headers:
            headers[name] = moved(headers[name], upstream.url, upstream.base)
    media = read_media_type(answer.headers.get("content-type", "")).name
    if not answer.body or answer.status in (204, 304):
        return Response(answer.status, b"", None, headers)
    if media not in JSON_TYPES:
        if out.wants_content and answer.status < 300:
            return _content(answer.status, answer.body, answer.headers.get("content-type", ""), headers)
        if answer.status < 400:
            raise BadGateway(
                f'The FHIR server behind this one answered {answer.status} with "{media}", not FHIR in JSON.'
            )
        issue = Issue("processing", f"The FHIR server behind this one says: {_said(answer)}")
        return Response(answer.status, jsonio.dump(outcome([issue])), MEDIA_TYPE, headers)
    if out.wants_content and upstream.isolation is None and answer.status < 300 and _is_content(media, answer.body):
        return _content(answer.status, answer.body, answer.headers.get("content-type", ""), headers)
    value = rebased(_json_of(answer), upstream.url, upstream.base)
    if out.path == ("metadata",) and answer.status < 300 and isinstance(value, dict):
        _say_who_may_come_in(value, upstream.base)
    if upstream.isolation is not None and answer.status < 300:
        value = _filtered(upstream, upstream.isolation, out, value)
        if out.wants_content and isinstance(value, dict) and value.get("resourceType") == "Binary":
            content = read_base64(str(value.get("data", "")))
            if content is None:
                raise BadGateway("The FHIR server behind this one gave a Binary whose data is no base64.")
            return _content(answer.status, content, served_type(value), headers)
    return Response(answer.status, jsonio.dump(value), MEDIA_TYPE, headers)


def _content(status: int, body: bytes, content_type: str, headers: dict[str, str]) -> Response:
    return Response(status, body, content_type or None, {**headers, **content_headers(content_type)})


def _say_who_may_come_in(statement: Json, base: str) -> None:
    """Put the proxy's own security into the upstream's CapabilityStatement: callers log in here."""
    for rest in statement.get("rest") or []:
        if isinstance(rest, dict) and rest.get("mode") == "server":
            rest["security"] = security(base)


def _is_content(media: str, body: bytes) -> bool:
    """Whether JSON that a read of a Binary gave is the content, and not the resource that holds it."""
    try:
        return read_resource(media, body) is None
    except SandboxError:
        return True


def _filtered(upstream: Upstream, isolation: Isolation, out: Outgoing, value: Json) -> Json:
    if out.plan.reads and not isolation.is_ours(value):
        raise isolation.missing("/".join(out.path))
    is_bundle = isinstance(value, dict) and value.get("resourceType") == "Bundle"
    if is_bundle and out.plan.kind == "system" and out.method == "POST":
        return filtered_answers(isolation, upstream.base, out.resource, value, out.refused)
    if is_bundle and out.plan.filters:
        value = isolation.filtered(value)
        mark_pages(value)
        if out.plan.kind == "instance-history" and "entry" not in value:
            raise NotFound(f"There is no {'/'.join(out.path[:2])}.")
        if out.plan.kind.endswith("history"):
            value.pop("total", None)
    return value


def _checked(answer: Fetched) -> Fetched:
    """Refuse answers that are not for the caller; raises `BadGateway`."""
    if answer.status >= 500:
        raise BadGateway(f"The FHIR server behind this one failed with {answer.status}: {_said(answer)}")
    if answer.status in (401, 403, 407):
        message = (
            f"The FHIR server behind this one refused the proxy's own credentials ({answer.status}): {_said(answer)}"
        )
        raise BadGateway(message + " They are in the simulator's config.headers.", issue_type="exception")
    if 300 <= answer.status < 400 and answer.status != 304:
        where = answer.headers.get("location", "elsewhere")
        raise BadGateway(f"The FHIR server behind this one redirects to {where}; use that as config.upstream.")
    return answer


def _json_of(answer: Fetched) -> Json:
    try:
        return jsonio.parse(answer.body)
    except SandboxError as error:
        raise BadGateway(
            f"The FHIR server behind this one answered {answer.status} with broken JSON: {error.message}"
        ) from None


def _said(answer: Fetched) -> str:
    """Return what an error answer says, short enough to pass on."""
    try:
        issues = jsonio.parse(answer.body)["issue"]
        text = " ".join(str(i.get("diagnostics") or i.get("details", {}).get("text") or i.get("code")) for i in issues)
    except (SandboxError, KeyError, TypeError, AttributeError):
        text = answer.body.decode(errors="replace").strip() or "nothing"
    return text[:_SAID_MAX]


def _titled(name: str) -> str:
    return "ETag" if name == "etag" else name.title()
