"""Capability URLs, `/t/<secret>/…`: another name of a task run's own path, `/v1/task-runs/<id>/…`, and a key to it.

The other name is known at the edge alone. What comes in under it is read as if it had come to the own path, and what
goes out is written under it. So simulators, events and state are those of any other call, and the secret is in none
of them; an agent that names its URLs in what it sends to another path, or in its answer, names the own one as well.
Content (files, attachments, Binaries, HL7 messages that come as such) is its owner's to the byte and left as it is,
both ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from yarl import URL

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.playground.events import Headers, Request, Response
from sandbox.wire.forms import FORM
from sandbox.wire.media_types import is_json
from sandbox.wire.served_content import is_served_content

PREFIX: Final = "/t"
# A page below the secret tells no other where its reader came from.
HEADERS: Final[Mapping[str, str]] = {"Referrer-Policy": "no-referrer"}
_SLASHES: Final = ("/", "\\/", "%2F", "%2f")  # as URLs, JSON and forms write one
_LONG_BYTES: Final = 32 << 10


def capability_path(secret: str) -> str:
    """Return what the capability URLs of a secret begin with, after the server's own URL."""
    return f"{PREFIX}/{secret}"


def is_below(path: str) -> bool:
    """Whether a path is a capability URL's, with a secret that is right or not."""
    return path.startswith(f"{PREFIX}/")


def may_name_one(call: Request, *, is_content: bool = False) -> bool:
    """Whether a call to another path may hold a capability URL; said quickly, as nearly every call holds none.

    In a long body the secret itself is looked for afterwards, which is quicker than to look for what it begins with; a
    body that is content is left as it is.
    """
    body, text = b"" if is_content else call.body, call.raw_query
    if len(body) > _LONG_BYTES:
        return True
    if isinstance(call.headers, Headers) and call.headers.kept is not None:
        text += call.headers.kept
    return b"/t" in body or b"%2Ft" in body or b"%2ft" in body or "/t" in text or "%2Ft" in text or "%2ft" in text


@dataclass(frozen=True, slots=True)
class Alias:
    """One task run's two names."""

    secret: str = field(repr=False)
    task_run_id: str

    @property
    def path(self) -> str:
        """The other name."""
        return capability_path(self.secret)

    @property
    def own_path(self) -> str:
        """The name inside."""
        return f"/v1/task-runs/{self.task_run_id}"

    def inward(self, text: str) -> str:
        r"""Return a text with the own path in place of the other, however its slashes are written.

        >>> Alias("s", "tr_1").inward(r'{"a": "http://h/t/s/fhir", "b": "http:\/\/h\/t\/s\/fhir"}')
        '{"a": "http://h/v1/task-runs/tr_1/fhir", "b": "http:\\/\\/h\\/v1\\/task-runs\\/tr_1\\/fhir"}'
        """
        if self.secret in text:
            for own, other in _spellings(self):
                text = text.replace(other, own)
        return text

    def inward_body(self, body: bytes) -> bytes:
        """Return a body with the own path in place of the other."""
        if self.secret.encode() in body:
            for own, other in _spellings(self):
                body = body.replace(other.encode(), own.encode())
        return body

    def inward_value(self, value: Json) -> Json:
        """Return a JSON value with the own path in place of the other."""
        body = jsonio.dump(value)
        kept = self.inward_body(body)
        return value if kept is body else jsonio.parse(kept)

    def inward_call(self, call: Request, *, is_content: bool = False) -> Request:
        """Return a call that does not name the other path; a body that is content is left as it is."""
        raw_query, query = call.raw_query, call.query
        if self.secret in raw_query:
            raw_query = self.inward(raw_query)
            query = tuple(URL.build(query_string=raw_query, encoded=True).query.items())
        headers = call.headers
        if any(self.secret in value for value in headers.values()):
            headers = Headers({name: self.inward(value) for name, value in headers.items()})
        is_text = not is_content and (is_json(call.media_type) or call.media_type == FORM)
        body = self.inward_body(call.body) if is_text else call.body
        return replace(call, query=query, raw_query=raw_query, headers=headers, body=body)

    def take_in(self, call: Request, *, is_content: bool = False) -> Request:
        """Return a call to the other path as if it had come to the own one."""
        return replace(
            self.inward_call(call, is_content=is_content),
            params={name: value for name, value in call.params.items() if value != self.secret},
            base_url=call.base_url.removesuffix(self.path) + self.own_path,
            called_url=call.base_url,
        )

    def keep_out(self, response: Response) -> Response:
        """Return an answer that does not hold the other name, for one that a simulator may have repeated it in."""
        if is_served_content(response.headers):
            return response
        body = self.inward_body(response.body)
        if body is response.body and not any(self.secret in value for value in response.headers.values()):
            return response
        return replace(response, body=body, headers={n: self.inward(v) for n, v in response.headers.items()})

    def give_out(self, response: Response) -> Response:
        """Return an answer as its caller is to see it: with the other name."""
        headers, body = {**response.headers, **HEADERS}, response.body
        if not is_served_content(headers):
            for own, other in _spellings(self):
                body = body.replace(own.encode(), other.encode())
                headers = {name: value.replace(own, other) for name, value in headers.items()}
        return replace(response, body=body, headers=headers)


@lru_cache(maxsize=1024)
def _spellings(alias: Alias) -> tuple[tuple[str, str], ...]:
    """Return both names, own and other, as they are written with each kind of slash."""
    return tuple((alias.own_path.replace("/", slash), alias.path.replace("/", slash)) for slash in _SLASHES)
