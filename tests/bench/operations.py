"""What is asked of the FHIR servers that are measured beside each other, and how it goes over the wire."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tests.bench import data
from tests.bench.load import request_bytes

TARGETS = 100
CODE, SINCE = "2823-3", "2026-03-01"
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


def spread(numbers: Sequence[int]) -> list[int]:
    """Return so many as there are targets, from first to last."""
    return [numbers[i * len(numbers) // TARGETS] for i in range(min(TARGETS, len(numbers)))]


def patients_with(code: str, since: str, observations: int, patients: int) -> list[int]:
    """Return the numbers of the patients who have an observation of a code since a day."""
    rows = (data.observation(number, patients) for number in range(observations))
    found = {
        int(row["subject"]["reference"].removeprefix("Patient/p"))
        for row in rows
        if row["code"]["coding"][0]["code"] == code and row["effectiveDateTime"] >= since
    }
    return sorted(found)


def operations(resources: int) -> list[Operation]:
    """Return what is measured on a store of so many resources; targets are spread over all of it.

    The one that a peer may not answer in time comes last.
    """
    patients = max(1, resources // 10)
    chosen = [data.patient(number) for number in spread(range(patients))]
    measured = spread(patients_with(CODE, SINCE, resources - patients, patients))
    loinc = quote(f"http://loinc.org|{CODE}", safe="")
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
                search("Observation", f"patient=Patient/p{number}", f"code={loinc}", f"date=ge{SINCE}")
                for number in measured
            ),
        ),
    ]
