"""Versions of resources: what `fhir/_history` holds, and History Bundles (R4, RESTful API, history).

The current version is the document itself and a seeded first version is the seed's, so a row is
only written for what would be lost: the text that an update or a deletion replaces, the deletion,
and a method that cannot be told (`POST` made version 1, `PUT` the others, unless a row says
otherwise). Key: `<Type>/<id>/<version>`; value: `{"method", "at"?, "resource"?}`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox import jsonio
from sandbox.playground.branch import Branch, Document, SeedCollection
from sandbox.playground.playground import Interaction
from sandbox.simulators.fhir.terms.instants import last_updated, sortable
from sandbox.simulators.fhir.terms.names import HISTORY, collection_of


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource; `json` is None for a deletion, `is_new` says that there was none before it."""

    resource_type: str
    id: str
    version: int
    method: str
    at: str
    json: bytes | None
    is_new: bool = False


def _key(resource_type: str, resource_id: str, version: int) -> str:
    return f"{resource_type}/{resource_id}/{version}"


def _usual_method(version: int) -> str:
    return "POST" if version == 1 else "PUT"


def _instant(text: bytes) -> str:
    return sortable(last_updated(text))


def _seeded(branch: Branch, resource_type: str, resource_id: str) -> Document | None:
    collection = branch.seed.collections.get(collection_of(resource_type))
    return collection.documents.get(resource_id) if collection is not None else None


def keep(tx: Interaction, resource_type: str, resource_id: str, previous: Document) -> None:
    """Keep the version that is about to be replaced."""
    if _seeded(tx.branch, resource_type, resource_id) is previous:
        return
    key = _key(resource_type, resource_id, previous.version)
    row = tx.get(HISTORY, key)
    method = row["method"] if row else _usual_method(previous.version)
    tx.put(HISTORY, key, None, json=b'{"method":"%s","resource":%s}' % (method.encode(), previous.json))


def note_method(tx: Interaction, resource_type: str, resource_id: str, version: int, method: str) -> None:
    """Remember how a version came to be, where that cannot be told from its number."""
    if method != _usual_method(version):
        tx.put(HISTORY, _key(resource_type, resource_id, version), {"method": method})


def note_deletion(tx: Interaction, resource_type: str, resource_id: str, version: int) -> None:
    """Remember a deletion and its time."""
    tx.put(HISTORY, _key(resource_type, resource_id, version), {"method": "DELETE", "at": tx.now_text})


def version(branch: Branch, resource_type: str, resource_id: str, number: int) -> Version | None:
    """Return one version of a resource, or None."""
    current = branch.get_document(collection_of(resource_type), resource_id)
    row = branch.get(HISTORY, _key(resource_type, resource_id, number))
    before = branch.get(HISTORY, _key(resource_type, resource_id, number - 1))
    is_new = number == 1 or (before is not None and before["method"] == "DELETE")
    seeded = _seeded(branch, resource_type, resource_id)
    if current is not None and current.version == number:
        text = current.json
        method = "PUT" if current is seeded else (row or {}).get("method", _usual_method(number))
        return Version(resource_type, resource_id, number, method, _instant(text), text, is_new)
    if row is not None and row["method"] == "DELETE":
        return Version(resource_type, resource_id, number, "DELETE", row["at"], None)
    if row is not None and "resource" in row:
        text = jsonio.dump(row["resource"])
        return Version(resource_type, resource_id, number, row["method"], _instant(text), text, is_new)
    if seeded is not None and seeded.version == number:
        return Version(resource_type, resource_id, number, "PUT", _instant(seeded.json), seeded.json, is_new)
    return None


def versions(branch: Branch, resource_type: str, resource_id: str) -> list[Version]:
    """Return all versions of one resource, newest first; empty when there never was one."""
    latest = branch.version_of(collection_of(resource_type), resource_id)
    found = (version(branch, resource_type, resource_id, number) for number in range(latest, 0, -1))
    return [v for v in found if v is not None]


def versions_of_type(branch: Branch, resource_type: str) -> Iterator[Version]:
    """Yield all versions of all resources of a type, in no particular order."""
    collection = collection_of(resource_type)
    changed = branch.overlay_of(collection)
    seeded = branch.seed.collections.get(collection)
    if seeded is not None:
        for resource_id, instant in _seed_instants(seeded):
            if resource_id not in changed:
                text = seeded.documents[resource_id].json
                yield Version(resource_type, resource_id, 1, "PUT", instant, text, True)
    for resource_id in changed:
        yield from versions(branch, resource_type, resource_id)


def _seed_instants(seeded: SeedCollection) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] | None = seeded.caches.get("fhir.instants")
    if found is None:
        found = [(key, _instant(document.json)) for key, document in seeded.documents.items()]
        seeded.caches["fhir.instants"] = found
    return found
