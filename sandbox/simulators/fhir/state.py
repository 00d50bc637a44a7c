"""The resource store: create, read, vread, update, delete on the branch (R4, RESTful API).

A resource is one document under `fhir/<Type>`; its version is the branch's own version of that
key, so it goes on counting after a deletion. What is replaced or deleted moves to `fhir/_history`
(see `history.py`); a create writes one document and nothing else.

The client's JSON is kept: only `id`, `meta.versionId` and `meta.lastUpdated` are set, and these,
with `resourceType`, stand first, so that `lastUpdated` can be read without parsing.
"""

from dataclasses import dataclass

from sandbox import jsonio
from sandbox.errors import Gone, Malformed, NotFound
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Document
from sandbox.playground.playground import Interaction
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir import history
from sandbox.simulators.fhir.terms.instants import last_updated
from sandbox.simulators.fhir.terms.names import SURFACE, collection_of
from sandbox.simulators.fhir_api.negotiation import etag_of
from sandbox.subscriptions import lifecycle
from sandbox.subscriptions.rules import TYPE as SUBSCRIPTION


@dataclass(frozen=True, slots=True)
class Stored:
    """A version of a resource: its text, and what headers are made of."""

    resource_type: str
    id: str
    version: int
    json: bytes
    is_new: bool = False

    @property
    def last_updated(self) -> str:
        """`meta.lastUpdated`, read from the text."""
        return last_updated(self.json)

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.resource_type}/{self.id}"

    @property
    def value(self) -> Json:
        """The resource, parsed anew."""
        return jsonio.parse(self.json)


def check_type(resource_type: str) -> None:
    """Refuse what is not a resource type of R4; raises `NotFound` naming it."""
    if resource_type not in resource_types():
        raise NotFound(f'There is no resource type "{resource_type}" in FHIR R4.', issue_type="not-supported")


def get(branch: Branch, resource_type: str, resource_id: str) -> Document:
    """Return a resource's document; raises `NotFound`, or `Gone` when it was deleted."""
    document = branch.get_document("fhir/" + resource_type, resource_id)
    if document is None:
        check_type(resource_type)
        reference = f"{resource_type}/{resource_id}"
        if branch.is_deleted(collection_of(resource_type), resource_id):
            version = branch.version_of(collection_of(resource_type), resource_id)
            raise Gone(f"{reference} was deleted (version {version}).", headers={"ETag": etag_of(version)})
        raise NotFound(f"There is no {reference}.")
    return document


def find_document(branch: Branch, resource_type: str, resource_id: str) -> Document | None:
    """Return a resource's document, or None."""
    return branch.get_document(collection_of(resource_type), resource_id)


def read(branch: Branch, resource_type: str, resource_id: str) -> Stored:
    """Return the current version; raises `NotFound` or `Gone`."""
    document = get(branch, resource_type, resource_id)
    return Stored(resource_type, resource_id, document.version, document.json)


def vread(branch: Branch, resource_type: str, resource_id: str, version: str) -> Stored:
    """Return one version; raises `NotFound`, or `Gone` for the version of a deletion."""
    check_type(resource_type)
    reference = f"{resource_type}/{resource_id}"
    is_number = version.isascii() and version.isdecimal() and version[0] != "0" and len(version) < 19
    found = history.version(branch, resource_type, resource_id, int(version)) if is_number else None
    if found is None:
        raise NotFound(f'There is no version "{version[:64]}" of {reference}.')
    if found.json is None:
        raise Gone(f"{reference} was deleted in version {version}.")
    return Stored(resource_type, resource_id, found.version, found.json)


def stamped(resource: Json, resource_id: str, version: int, instant: str) -> Json:
    """Return a copy with id and meta set, in the order resourceType, id, meta, then the client's own.

    >>> stamped({"resourceType": "Basic", "language": "en"}, "1", 2, "2026-01-01T00:00:00Z")["meta"]["versionId"]
    '2'
    """
    meta = {"versionId": str(version), "lastUpdated": instant}
    given = resource.get("meta")
    if given and isinstance(given, dict):  # a lenient server may be sent anything
        meta.update((key, item) for key, item in given.items() if key not in ("versionId", "lastUpdated"))
    result = {"resourceType": resource["resourceType"], "id": resource_id, "meta": meta}
    result.update((key, item) for key, item in resource.items() if key not in ("resourceType", "id", "meta"))
    return result


def store(tx: Interaction, resource: Json, resource_id: str, method: str) -> Stored:
    """Store a resource as the next version of its id; `method` is kept for the history.

    Whether it may be stored is for the caller to have asked. A Subscription is taken as it is asked for.
    """
    if resource["resourceType"] == SUBSCRIPTION:
        resource = lifecycle.take(tx, SURFACE, resource, resource_id)
    return write(tx, resource, resource_id, method, tx.now_text)


def write(tx: Interaction, resource: Json, resource_id: str, method: str, instant: str) -> Stored:
    """Store a resource as it is, last updated at an instant."""
    resource_type = resource["resourceType"]
    collection = collection_of(resource_type)
    branch = tx.branch
    previous = branch.get_document(collection, resource_id)
    version = branch.version_of(collection, resource_id) + 1
    if previous is not None:
        history.keep(tx, resource_type, resource_id, previous)
    value = stamped(resource, resource_id, version, instant)
    try:
        text = jsonio.dump_to_keep(value)
    except (TypeError, ValueError) as error:
        raise Malformed(f"The resource cannot be written as JSON: {error}.") from None
    tx.put(collection, resource_id, value, json=text)
    history.note_method(tx, resource_type, resource_id, version, method)
    return Stored(resource_type, resource_id, version, text, is_new=previous is None)


def delete(tx: Interaction, resource_type: str, resource_id: str) -> int | None:
    """Delete a resource; return the version of its deletion, None when there was nothing to delete."""
    collection = collection_of(resource_type)
    previous = tx.branch.get_document(collection, resource_id)
    if previous is None:
        return None
    history.keep(tx, resource_type, resource_id, previous)
    if resource_type == SUBSCRIPTION:
        lifecycle.forget(tx, SURFACE, resource_id)
    tx.delete(collection, resource_id)
    version = tx.branch.version_of(collection, resource_id)
    history.note_deletion(tx, resource_type, resource_id, version)
    return version
