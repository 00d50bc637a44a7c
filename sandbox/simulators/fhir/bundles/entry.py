"""One entry of a batch or transaction: its call, its order, and how it is checked and carried out."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final

from sandbox import work
from sandbox.errors import Invalid, SandboxError
from sandbox.r4.issues import Issue, refusal
from sandbox.r4.validation import Link
from sandbox.simulators.fhir.rest import conditional
from sandbox.simulators.fhir.rest.address import kind_of
from sandbox.simulators.fhir.rest.calls import Answer, Call, at_entry
from sandbox.simulators.fhir.rest.lenience import refuse_or_tolerate

# R4's order of a batch and a transaction, by method.
ORDER: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}


@dataclass(slots=True)
class Entry:
    """One entry of a Bundle to carry out. `issues` are what is wrong with it, `found` with its resource."""

    index: int
    full_url: str | None
    call: Call
    issues: list[Issue] = field(default_factory=list)
    found: list[Issue] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    answer: Answer | None = None
    assigned_id: str | None = None

    @property
    def label(self) -> str:
        """How an error names the entry."""
        return f"entry {self.index}" + (f" ({self.full_url})" if self.full_url else "")


def check_entry(entry: Entry) -> None:
    """Refuse an entry that is invalid, or that a Bundle cannot hold."""
    call = entry.call
    if entry.issues or (entry.found and not _is_stored(call)):
        raise refusal([*entry.found, *entry.issues])
    if not call.path and call.method == "POST":
        raise Invalid("A Bundle cannot be nested in a Bundle's entry.", issue_type="not-supported")
    if call.resource is None and call.method in ("POST", "PUT", "PATCH") and kind_of(call.path) in ("type", "instance"):
        raise Invalid(f"A {call.method} needs a resource.", issue_type="required", expression=f"{call.at}.resource")
    if _is_stored(call) and not call.is_checked:
        refuse_or_tolerate(call, call.resource, entry.found)
    call.is_checked = True


def _is_stored(call: Call) -> bool:
    """Whether a call stores what it brings, and that says what it is."""
    resource = call.resource
    is_named = isinstance(resource, dict) and isinstance(resource.get("resourceType"), str)
    return is_named and call.method in ("POST", "PUT") and kind_of_or_none(call) in ("type", "instance")


def carry_out_entry(entry: Entry) -> Answer:
    """Carry out one entry; raises with expressions that name the entry."""
    at = entry.call.at or ""
    try:
        check_entry(entry)
        answer = entry.call.table.dispatch(entry.call)
        work.current().spend_bytes(len(answer.body))
        return answer
    except SandboxError as error:
        raise at_entry(error, at) from None


def work_out_patch(entry: Entry, urls: Set[str], *, allows_conditional: bool) -> None:
    """Find out what an entry's patch will store, and the links in it; raises with expressions that name the entry."""
    if entry.call.method != "PATCH" or kind_of_or_none(entry.call) not in ("type", "instance"):
        return
    try:
        check_entry(entry)
        entry.links = conditional.work_out_patch(entry.call, urls, allows_conditional=allows_conditional)
    except SandboxError as error:
        raise at_entry(error, entry.call.at or "") from None


def kind_of_or_none(call: Call) -> str:
    """Return what the call addresses, empty when it is nothing."""
    try:
        return kind_of(call.path)
    except SandboxError:
        return ""
