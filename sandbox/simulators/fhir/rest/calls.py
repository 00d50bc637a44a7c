"""A call and its answer, as the interactions see them: from the wire or from a Bundle's entry alike.

Knows nothing of HTTP framing; `routes.py` and `bundles/` turn both sides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from sandbox import jsonio, limits
from sandbox.errors import Invalid, Malformed, SandboxError, TooLarge
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.r4.issues import Issue
from sandbox.simulators.fhir.state import Stored
from sandbox.simulators.fhir.terms.handling import Handling
from sandbox.simulators.fhir.terms.instants import http_date
from sandbox.simulators.fhir.terms.parameters import without_form
from sandbox.simulators.fhir_api.negotiation import Preferences, check_json_body, etag_of, preferences
from sandbox.simulators.fhir_api.outcome import issues_of
from sandbox.wire.forms import Pairs

Query: TypeAlias = Pairs

_NO_HEADERS: Mapping[str, str] = {}


class Dispatch(Protocol):
    """The table of what is served, for calls that hold calls."""

    def served(self, path: tuple[str, ...], method: str) -> object:
        """Return the interaction; raises `NotFound` and `MethodNotAllowed`."""
        ...

    def dispatch(self, call: "Call") -> "Answer":
        """Carry out a call."""
        ...


@dataclass(slots=True)
class Call:
    """One FHIR interaction to carry out.

    `path` is relative to the FHIR base, in segments. Header names are lower case. `resource` is the
    body of a Bundle's entry, already parsed; `is_checked` says that it was validated there. `at` is
    where the entry stands (`Bundle.entry[3]`), for expressions; `assigned_id` is the id that a
    transaction chose for it. `deleted_ids` what a transaction found that a deletion takes. `patched` is the
    valid result of a patch that was worked out before.
    `interactions` is what a Bundle's entries are dispatched through. `tolerated` is what a lenient server stores the
    resource in spite of. `outbound_hosts` are those besides loopback that notifications may go to.
    """

    tx: Interaction
    method: str
    path: tuple[str, ...]
    query: Query = ()
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    base: str = ""
    body: bytes = b""
    media_type: str = ""
    resource: Json = None
    is_checked: bool = False
    at: str | None = None
    assigned_id: str | None = None
    deleted_ids: tuple[str, ...] | None = None
    patched: Json = None
    interactions: Dispatch | None = None
    tolerated: tuple[Issue, ...] = ()
    outbound_hosts: tuple[str, ...] = ()

    @property
    def table(self) -> Dispatch:
        """The table of what is served; a call without one holds no calls."""
        if self.interactions is None:
            raise RuntimeError("this call was made without the table of interactions")
        return self.interactions

    @property
    def preferences(self) -> Preferences:
        """What `Prefer` asks for."""
        return preferences(self.headers.get("prefer", ""))

    def handling(self) -> Handling:
        """Return how this call handles what it cannot honour, with nothing ignored yet."""
        return Handling(self.preferences.is_lenient)

    def json(self, what: str) -> Json:
        """Return the body as JSON; raises `UnsupportedMedia`, `Malformed`, `TooLarge`."""
        if self.resource is None:
            check_json_body(self.media_type, what, self.headers.get("content-type", ""))
            if not self.body.strip():
                raise Malformed(f"The body is empty; {what} needs a resource in JSON.", issue_type="required")
            self.resource = jsonio.parse(self.body)
        return self.resource


@dataclass(slots=True)
class Answer:
    """What an interaction answers, a value: a resource (as text) or none, and what headers are made of."""

    status: int
    body: bytes = b""
    version: int | None = None
    last_updated: str | None = None
    location: str | None = None
    issues: tuple[Issue, ...] = ()
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)

    @property
    def etag(self) -> str | None:
        """The entity tag of the version."""
        return None if self.version is None else etag_of(self.version)

    @property
    def last_modified(self) -> str | None:
        """`lastUpdated` as HTTP writes it."""
        return None if self.last_updated is None else http_date(self.last_updated)


Handler: TypeAlias = Callable[[Call], Answer]


def answer_of(call: Call, stored: Stored, status: int) -> Answer:
    """Answer a write: the resource, and where it is."""
    location = f"{call.base}/{stored.resource_type}/{stored.id}/_history/{stored.version}"
    return Answer(status, stored.json, stored.version, stored.last_updated, location)


def refuse_parameters(call: Call, what: str) -> None:
    """Refuse what a URL asks of a write that has no parameters, unless `handling=lenient`; raises `Invalid`.

    A condition on an instance would be one that nobody looks at.
    """
    for name, _ in without_form(call.query):
        if not call.preferences.is_lenient:
            message = f'{what} has no parameter "{name}"; it takes _format and _pretty.'
            raise Invalid(message, issue_type="not-supported", expression=f"http.{name}")


def check_entry_count(bundle: Json) -> None:
    """Refuse a Bundle with more entries than the limit; raises `TooLarge`."""
    rows = bundle.get("entry")
    if isinstance(rows, list) and len(rows) > limits.BUNDLE_ENTRIES:
        message = (
            f"The Bundle has {len(rows)} entries; the limit is {limits.BUNDLE_ENTRIES}. Send several Bundles: what "
            "others refer to first, with PUT under ids of your own, or by conditional references in those that follow."
        )
        raise TooLarge(message, expression="Bundle.entry")


def answer_json(value: Json, status: int = 200) -> Answer:
    """Answer a resource that is not stored (a Bundle, an outcome, Parameters)."""
    return Answer(status, jsonio.dump(value))


def at_entry(error: SandboxError, at: str) -> SandboxError:
    """Return the error with its issues' expressions moved below a Bundle's entry, and without where it was raised.

    The frames of that hold the entry, and the error: of a Bundle's thousands nothing would be let go of (`Crew`).
    """
    error.__traceback__ = error.__context__ = error.__cause__ = None
    moved = []
    for issue in issues_of(error):
        inner = issue.expression
        if inner is None:
            expression = at
        elif inner.startswith(("Bundle.", "http.")):
            expression = inner
        else:
            rest = inner.partition(".")[2]
            expression = f"{at}.resource.{rest}" if rest else f"{at}.resource"
        moved.append(Issue(issue.code, issue.diagnostics, expression, issue.severity))
    error.context["issues"] = tuple(moved)
    return error
