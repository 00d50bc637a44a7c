"""What is asked of the FHIR servers that are measured beside each other, and how it goes over the wire."""

import json
from dataclasses import dataclass
from urllib.parse import quote

from tests.bench import data
from tests.bench.load import request_bytes

TARGETS = 100
PAGE = 50  # given with every search, as servers differ in what they take by themselves


@dataclass(frozen=True)
class Peer:
    """A server under load: its FHIR base and the token that it wants."""

    name: str
    base: str
    token: str = ""


@dataclass(frozen=True)
class Operation:
    """What is measured: requests as path (and body), and the status that is right."""

    name: str
    paths: tuple[str, ...]
    bodies: tuple[bytes, ...] = ()
    status: int = 200
    is_search: bool = True

    def requests(self, peer: Peer) -> list[bytes]:
        """Return the requests as they go over the wire to a peer."""
        if not self.bodies:
            return [request_bytes("GET", f"{peer.base}/{path}", peer.token) for path in self.paths]
        url = f"{peer.base}/{self.paths[0]}"
        return [request_bytes("POST", url, peer.token, body, "application/fhir+json") for body in self.bodies]


def operations(resources: int) -> list[Operation]:
    """Return what is measured on a store of so many resources; targets are spread over all of it.

    The one that a peer may not answer in time comes last.
    """
    patients = max(1, resources // 10)
    chosen = [data.patient(i * patients // TARGETS) for i in range(min(TARGETS, patients))]
    loinc = quote("http://loinc.org|2823-3", safe="")
    new = [{k: v for k, v in data.patient(resources + i).items() if k != "id"} for i in range(TARGETS)]

    def search(kind: str, *conditions: str) -> str:
        return f"{kind}?{'&'.join(conditions)}&_count={PAGE}"

    return [
        Operation("read", tuple(f"Patient/{p['id']}" for p in chosen), is_search=False),
        Operation(
            "search by identifier",
            tuple(search("Patient", f"identifier={p['identifier'][0]['value']}") for p in chosen),
        ),
        Operation(
            "search by family name", tuple(search("Patient", f"family={p['name'][0]['family']}") for p in chosen)
        ),
        Operation("create", ("Patient",), tuple(json.dumps(row).encode() for row in new), 201, is_search=False),
        Operation(
            "search by patient, code and date",
            tuple(
                search("Observation", f"patient=Patient/{p['id']}", f"code={loinc}", "date=ge2026-03-01")
                for p in chosen
            ),
        ),
    ]
