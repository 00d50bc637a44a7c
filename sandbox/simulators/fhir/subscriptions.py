"""Subscriptions of this surface: criteria are its own searches, the resources are those of its store.

The rules are in `sandbox/subscriptions/`. What an interaction changed is matched at its end, as it then is.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.playground.branch import Savepoint
from sandbox.playground.playground import Interaction
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir import history, state
from sandbox.simulators.fhir.search import SearchRequest, matching
from sandbox.simulators.fhir.search import check as check_search
from sandbox.simulators.fhir.terms.names import SURFACE, collection_of
from sandbox.simulators.fhir.terms.parameters import is_criterion
from sandbox.subscriptions import lifecycle, queue, rules
from sandbox.subscriptions.home import Changed
from sandbox.wire.forms import read_pairs

_PREFIX: Final = collection_of("")
_AT: Final = f"{rules.TYPE}.criteria"


@dataclass(frozen=True, slots=True)
class FhirHome:
    """The store, as the rules see it; `base` is the URL it is reached at, for references that are absolute."""

    base: str = ""
    prefix: str = SURFACE

    def get(self, tx: Interaction, subscription_id: str) -> Json:
        """Return a Subscription, or None."""
        return tx.get(collection_of(rules.TYPE), subscription_id)

    def put(self, tx: Interaction, subscription: Json, at: str) -> None:
        """Store what the server changed of it."""
        state.write(tx, subscription, subscription["id"], "PUT", at)

    def read(self, tx: Interaction, changed: Changed) -> bytes | None:
        """Return a version's text."""
        found = history.version(tx.branch, changed.type, changed.id, changed.version)
        return None if found is None else found.json

    def matching(self, tx: Interaction, criteria: str, changed: Sequence[Changed]) -> Sequence[Changed]:
        """Search among the changed."""
        request = request_of(criteria, self.base)
        of_type = [one for one in changed if one.type == request.resource_type]
        if not of_type:
            return ()
        found = matching(tx.branch, request, [one.id for one in of_type], tx.now)
        return [one for one in of_type if one.id in found]


HOME: Final = FhirHome()


def request_of(criteria: str, base: str) -> SearchRequest:
    """Return the search that criteria are, which are of one type. Raises `Invalid`, `Malformed`."""
    resource_type, _, query = criteria.strip().partition("?")
    parameters = read_pairs(query)
    for name, _ in parameters:
        if not is_criterion(name):
            raise Invalid(f'"{name}" shapes the result of a search and selects nothing.', issue_type="not-supported")
    return SearchRequest(resource_type, parameters, base)


def check(tx: Interaction, resource: Json, base: str, allowed: Collection[str] | None) -> None:
    """Refuse a Subscription that could not be delivered; raises with the element at fault."""
    if not rules.is_asking(resource):
        return
    rules.check(resource, tx.now, allowed)
    try:
        check_search(tx.branch, request_of(resource["criteria"], base), tx.now)
    except SandboxError as error:
        error.context["expression"] = _AT
        error.message = f"The criteria are no search that is served here: {error.message}"
        raise


def changed_since(tx: Interaction, since: Savepoint) -> list[Changed]:
    """Return the resources that an interaction has made and changed since then, as they are now."""
    types = resource_types()
    changed = []
    for change in tx.branch.changes_since(since):
        name = change.collection.removeprefix(_PREFIX)
        if change.document is not None and name in types and change.collection.startswith(_PREFIX):
            changed.append(Changed(name, change.key, change.version))
    return changed


def note_changes(tx: Interaction, changed: Sequence[Changed], base: str = "") -> None:
    """Queue notifications of what an interaction has changed."""
    queue.notify(tx, FhirHome(base), [one for one in changed if one.type != rules.TYPE])


def asked_by(tx: Interaction, changed: Sequence[Changed], base: str) -> Iterator[SearchRequest]:
    """Yield the searches by which Subscriptions among the changed are to be told of resources."""
    for one in changed:
        resource = HOME.get(tx, one.id) if one.type == rules.TYPE else None
        if resource is not None and rules.is_asking(resource):
            yield request_of(resource["criteria"], base)


def are_asked(tx: Interaction) -> bool:
    """Whether there is any Subscription to look for; free where there never was one."""
    return lifecycle.are_asked(tx.branch, SURFACE)
