"""Isolation by tag: a task run sees and changes the resources that carry its own `meta.tag`.

Writes are stamped, searches and conditions narrowed by `_tag`, single resources looked at before
they are changed, and whatever comes back is filtered once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sandbox.errors import Conflict, Gone, NotFound, SandboxError, Unsupported
from sandbox.jsonio import Json
from sandbox.simulators.fhir.rest.address import kind_of
from sandbox.simulators.fhir.rest.calls import Query
from sandbox.simulators.fhir.terms.parameters import without_form

Look: TypeAlias = Literal["must-be-ours", "must-be-free", "must-not-be-theirs"]

# A deletion of what is not there is for the upstream to answer.
_LOOKS: Final[Mapping[str, Look]] = {"PUT": "must-be-free", "DELETE": "must-not-be-theirs"}
_SEARCHES: Final = frozenset({"system", "type", "compartment"})
_FORMS: Final = frozenset({"system-search", "type-search", "compartment-search"})
_INSTANCES: Final = frozenset({"instance", "version", "instance-operation"})
_HISTORIES: Final = frozenset({"instance-history", "type-history", "system-history"})
_CONDITIONS: Final = {"PUT", "PATCH", "DELETE"}
# Operations on a type or on everything that change nothing, and whose answer can be filtered.
_OPERATIONS: Final = frozenset({"$validate", "$everything", "$lastn", "$document"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What isolation has to do about one interaction.

    `narrows` and `narrows_form`: the query, or the form, gets the tag as a criterion; `stamps`: the
    body gets it; `look` says what the resource upstream must be; `filters`: Bundles that come back
    lose what is not ours; `reads`: the resource that comes back must be ours.
    """

    kind: str
    narrows: bool = False
    narrows_form: bool = False
    stamps: bool = False
    look: Look | None = None
    filters: bool = False
    reads: bool = False


def plan(method: str, path: tuple[str, ...], query: Query) -> Plan:
    """Return what to do about an interaction.

    Raises `NotFound` for a path that is none, `Unsupported` for an operation that cannot be kept apart.

    >>> plan("GET", ("Patient",), ())
    Plan(kind='type', narrows=True, narrows_form=False, stamps=False, look=None, filters=True, reads=False)
    >>> plan("PUT", ("Patient", "1"), ()).look
    'must-be-free'
    """
    kind = kind_of(path)
    method = "GET" if method == "HEAD" else method
    if kind in _SEARCHES and method == "GET":
        return Plan(kind, narrows=True, filters=True)
    if kind in _FORMS:
        return Plan(kind, narrows_form=method == "POST", narrows=method == "GET", filters=True)
    if kind == "type" and method in _CONDITIONS:
        return Plan(kind, narrows=True, stamps=method == "PUT")
    if kind == "type" and method == "POST":
        return Plan(kind, narrows=bool(without_form(query)), stamps=True)
    if kind in _INSTANCES and method == "GET" and kind != "instance-operation":
        return Plan(kind, reads=True)
    if kind == "instance":
        look: Look = _LOOKS.get(method, "must-be-ours")
        return Plan(kind, look=look, stamps=method == "PUT")
    if kind == "instance-operation":
        return Plan(kind, look="must-be-ours", filters=True)
    if kind.endswith("-operation") and path[-1] not in _OPERATIONS:
        known = ", ".join(sorted(_OPERATIONS))
        raise Unsupported(f"{path[-1]} cannot be kept within a task run; of a type this proxy passes {known}.")
    return Plan(kind, filters=kind in _HISTORIES or kind.endswith("-operation"))


@dataclass(frozen=True, slots=True)
class Isolation:
    """The tag of one task run."""

    system: str
    code: str

    @property
    def criterion(self) -> tuple[str, str]:
        """The search parameter that selects the tag."""
        return "_tag", f"{self.system}|{self.code}"

    def is_ours(self, resource: Json) -> bool:
        """Whether a resource carries the tag."""
        meta = resource.get("meta") if isinstance(resource, dict) else None
        tags = meta.get("tag") if isinstance(meta, dict) else None
        rows = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
        return any(tag.get("system") == self.system and tag.get("code") == self.code for tag in rows)

    def stamped(self, resource: Json) -> Json:
        """Return a resource that carries the tag; what is no resource stays for the upstream to refuse.

        >>> Isolation("s", "c").stamped({"resourceType": "Basic"})
        {'resourceType': 'Basic', 'meta': {'tag': [{'system': 's', 'code': 'c'}]}}
        """
        if not isinstance(resource, dict) or self.is_ours(resource):
            return resource
        meta = resource.get("meta", {})
        tags = meta.get("tag", []) if isinstance(meta, dict) else None
        if not isinstance(tags, list):
            return resource
        return {**resource, "meta": {**meta, "tag": [*tags, {"system": self.system, "code": self.code}]}}

    def narrowed(self, query: Sequence[tuple[str, str]]) -> Query:
        """Return a query with the tag as one more criterion."""
        return (*query, self.criterion)

    def filtered(self, bundle: Json) -> Json:
        """Return a Bundle without the entries of others; outcomes stay."""
        if not isinstance(bundle, dict) or not isinstance(bundle.get("entry"), list):
            return bundle
        kept = [e for e in bundle["entry"] if isinstance(e, dict) and self._is_shown(e.get("resource"))]
        return {**bundle, "entry": kept} if kept else {k: v for k, v in bundle.items() if k != "entry"}

    def _is_shown(self, resource: Json) -> bool:
        if not isinstance(resource, dict):
            return False
        return resource.get("resourceType") == "OperationOutcome" or self.is_ours(resource)

    def check(self, look: Look, reference: str, status: int, resource: Json) -> None:
        """Hold what is upstream under a reference against what it must be; raises `NotFound`, `Gone`, `Conflict`."""
        is_there = status < 300
        if look == "must-not-be-theirs":
            if is_there and not self.is_ours(resource):
                raise self.missing(reference)
            return
        if look == "must-be-free":
            if is_there and not self.is_ours(resource):
                message = f"{reference} is taken upstream, by something outside of this task. Choose another id."
                raise Conflict(message, issue_type="duplicate")
            return
        if status == 410:
            raise Gone(f"{reference} was deleted.")
        if not is_there or not self.is_ours(resource):
            raise self.missing(reference)

    @staticmethod
    def missing(reference: str) -> SandboxError:
        """The error for what is not there, or belongs to others."""
        return NotFound(f"There is no {reference}.")
