"""A payer with a FHIR API, a clearinghouse beside it, and the Bundles that a provider sends. All that comes back is
valid R4, by our own validation and by `fhir.resources`."""

import base64
import json
from copy import deepcopy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.r4.validation import validate
from sandbox.r4.validation.second_opinion import second_opinion

FHIR = {"Content-Type": "application/fhir+json"}
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
CPT = "http://www.ama-assn.org/go/cpt"
NPI = "http://hl7.org/fhir/sid/us-npi"
EHR = "https://ehr.example.test/fhir"
MEMBERS = [
    {
        "member_id": "M1",
        "first_name": "Ana",
        "last_name": "Reyes",
        "birth_date": "1970-01-01",
        "gender": "female",
        "plan": "Gold",
        "group_number": "GRP-1",
        "coverage": {"status": "active", "start": "2026-01-01"},
    },
    {
        "member_id": "M2",
        "first_name": "Leo",
        "last_name": "Reyes",
        "birth_date": "2015-06-30",
        "gender": "male",
        "plan": "Gold",
        "group_number": "GRP-1",
        "coverage": {"status": "active", "start": "2026-01-01"},
    },
    {
        "member_id": "M3",
        "first_name": "Zoë",
        "last_name": "O'Brien",
        "birth_date": "1980-02-29",
        "gender": "other",
        "plan": "Silver",
        "coverage": {"status": "active", "start": "2024-01-01", "end": "2026-03-31"},
    },
]
QUESTIONS = [
    {"id": "flags", "text": "Which red flags?", "type": "choice", "options": ["none", "cancer", "trauma"]},
    {"id": "site", "text": "Where is the tumor?", "type": "text", "when": [{"question": "flags", "equals": "cancer"}]},
    {
        "id": "weeks",
        "text": "Weeks of therapy?",
        "type": "number",
        "when": [{"question": "flags", "one_of": ["none", "trauma"]}],
        "stop": {"max": 0, "message": "Therapy comes first.", "payer": "Northlight"},
    },
    {
        "id": "since",
        "text": "Since when?",
        "type": "date",
        "required": False,
        "when": [{"question": "flags", "one_of": ["none", "trauma"]}, {"question": "weeks", "min": 6, "max": 52}],
    },
]
PORTAL = {
    "patients": MEMBERS,
    "providers": [
        {"npi": "1234567893", "name": "Elena Rivera, MD"},
        {"npi": "1003000126", "name": "Sam Okoro, MD"},
        {"npi": "1245319599", "name": "Paul Novak, MD", "credentialed": False},
    ],
    "questions": [
        {"procedure_code": "72148", "description": "MRI of the lumbar spine", "questions": QUESTIONS},
        {"procedure_code": "71046", "pa_required": False},
    ],
    "prior_auths": [
        {
            "request_id": "req_seeded_1",
            "auth_number": "PA1000000009",
            "patient_member_id": "M2",
            "procedure_code": "73721",
            "provider_npi": "1234567893",
            "created_at": "2026-03-02T15:00:00Z",
            "submitted_at": "2026-03-02T15:04:00Z",
            "determination": {"status": "approved", "reason": "Fine.", "decided_at": "2026-03-03T09:00:00Z"},
        }
    ],
}
CONFIG = {
    "fhir": True,
    "refuse_unneeded": True,
    "offers": ["edit", "withdraw", "resubmit", "appeal"],
    "other_payers": [{"procedure_code": "70553", "payer": "Northlight Imaging", "message": "Not decided here."}],
    "determinations": [
        {"procedure_code": "97110", "status": "approved", "units": 8, "valid_days": 60, "reason": "Eight of them."},
        {"procedure_code": "73721", "status": "approved", "valid_days": 90},
        {"procedure_code": "70551", "status": "denied", "code": "MN-12", "reason": "Not medically necessary."},
        {"procedure_code": "70450", "status": "approved", "delay_seconds": 3600, "valid_days": 30},
        {"procedure_code": "E0424", "status": "approved", "valid_days": 30},
        {
            "procedure_code": "72148",
            "status": "need_more_info",
            "reason": "Send the notes.",
            "documents": ["Therapy notes"],
            "questions": ["weeks"],
            "due_seconds": 86400,
            "after_more_info": {"status": "approved", "valid_days": 30},
        },
    ],
}
ANSWERS = {"flags": {"valueString": "none"}, "weeks": {"valueDecimal": 8}}


def item(code: str = "73721", sequence: int = 1, **more: Any) -> dict[str, Any]:
    """An item of a Claim. `units`, `certification`, `cancelled`, `numbers`, `trace` are said in their extensions."""
    made: dict[str, Any] = {"sequence": sequence, "productOrService": {"coding": [{"system": CPT, "code": code}]}}
    own: list[Any] = []
    if "units" in more:
        made["quantity"] = {"value": more.pop("units")}
    if "certification" in more:
        own.append(certified(more.pop("certification")))
    if "number" in more:
        own.append({"url": f"{PAS}/extension-authorizationNumber", "valueString": more.pop("number")})
    if "trace" in more:
        trace = {"system": "urn:trace", "value": more.pop("trace")}
        own.append({"url": f"{PAS}/extension-itemTraceNumber", "valueIdentifier": trace})
    if more.pop("cancelled", False):
        made["modifierExtension"] = [{"url": f"{PAS}/modifierextension-infoCancelled", "valueBoolean": True}]
    return {**made, **more, **({"extension": own} if own else {})}


def certified(code: str) -> dict[str, Any]:
    coded = {"coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": code}]}
    return {"url": f"{PAS}/extension-certificationType", "valueCodeableConcept": coded}


def entry(resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"{EHR}/{resource['resourceType']}/{resource['id']}", "resource": resource}


def doctor(npi: str) -> dict[str, Any]:
    return {**OTHERS[4], "identifier": [{"system": NPI, "value": npi}]}


def claim(*items: dict[str, Any], name: str = "c1", **more: Any) -> dict[str, Any]:
    made = {
        "resourceType": "Claim",
        "id": name,
        "identifier": [{"system": "urn:trnorg:9012345678", "value": f"TRACE-{name}"}],
        "status": "active",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
        "use": "preauthorization",
        "patient": {"reference": "Patient/p1"},
        "created": "2026-04-23",
        "insurer": {"reference": "Organization/plan"},
        "provider": {"reference": "PractitionerRole/role1"},
        "priority": {"coding": [{"code": "normal"}]},
        "diagnosis": [
            {
                "sequence": 1,
                "diagnosisCodeableConcept": {
                    "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M54.16"}]
                },
            }
        ],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/cov1"}}],
        "item": list(items or (item(),)),
    }
    return {key: value for key, value in (made | more).items() if value is not None}


PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [
        {"system": "urn:mrn", "value": "MRN-77"},
        {
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]},
            "system": "urn:payer",
            "value": "m1",
        },
    ],
    "name": [{"family": "Reyes", "given": ["Ana", "Luz"]}],
    "birthDate": "1970-01-01",
}
CHILD = {
    **PATIENT,
    "identifier": [{"value": "M2"}],
    "birthDate": "2015-06-30",
    "name": [{"family": "Reyes", "given": ["Leo"]}],
}
COVERAGE = {
    "resourceType": "Coverage",
    "id": "cov1",
    "status": "active",
    "beneficiary": {"reference": "Patient/p1"},
    "subscriberId": "M1",
    "payor": [{"reference": "Organization/plan"}],
}
OTHERS = [
    PATIENT,
    COVERAGE,
    {"resourceType": "Organization", "id": "plan", "name": "The Plan"},
    {
        "resourceType": "PractitionerRole",
        "id": "role1",
        "practitioner": {"reference": "Practitioner/doc"},
        "organization": {"reference": "Organization/clinic"},
    },
    {
        "resourceType": "Practitioner",
        "id": "doc",
        "identifier": [{"system": NPI, "value": "1234567893"}],
        "name": [{"family": "Rivera"}],
    },
    {"resourceType": "Organization", "id": "clinic", "name": "The Clinic"},
]


def bundle(first: dict[str, Any] | None = None, *more: dict[str, Any], drop: str = "") -> dict[str, Any]:
    """A request: the Claim and what it refers to; `more` comes in place of what has the same type and id."""
    rows = {f"{row['resourceType']}/{row['id']}": row for row in (*OTHERS, *more)}
    rows.pop(drop, None)
    return deepcopy(
        {
            "resourceType": "Bundle",
            "identifier": {"system": "urn:submitter", "value": "A12345"},
            "type": "collection",
            "timestamp": "2026-04-23T09:00:00Z",
            "entry": [entry(first or claim()), *map(entry, rows.values())],
        }
    )


def related(name: str = "c1", **claimed: Any) -> list[dict[str, Any]]:
    code = {"coding": [{"code": "prior"}]}
    return [{"relationship": code, "claim": claimed or {"reference": f"{EHR}/Claim/{name}"}}]


def response(answers: dict[str, Any], name: str = "qr1", **more: Any) -> dict[str, Any]:
    rows = [{"linkId": key, "answer": [value]} for key, value in answers.items()]
    return {"resourceType": "QuestionnaireResponse", "id": name, "status": "completed", "item": rows, **more}


def info(reference: str, sequence: int = 1, category: str = "additionalInformation") -> dict[str, Any]:
    return {
        "sequence": sequence,
        "category": {"coding": [{"code": category}]},
        "valueReference": {"reference": reference},
    }


def document(name: str = "notes", content: bytes = b"%PDF notes") -> dict[str, Any]:
    attachment = {
        "contentType": "application/pdf",
        "title": f"{name}.pdf",
        "data": base64.b64encode(content).decode(),
    }
    return {
        "resourceType": "DocumentReference",
        "id": name,
        "status": "current",
        "content": [{"attachment": attachment}],
    }


def extension(holder: Any, name: str) -> Any:
    """The value of an extension of PAS, None without one."""
    for row in holder.get("extension", ()):
        if row["url"] in (f"{PAS}/extension-{name}", name):
            return next((value for key, value in row.items() if key.startswith("value")), row.get("extension"))
    return None


def actions(answer: Any) -> dict[int, str]:
    """What was decided on each item of a ClaimResponse."""
    return {row["itemSequence"]: action(row) for row in answer["item"]}


def action(row: Any) -> str:
    found = extension({"extension": extension(row["adjudication"][0], "reviewAction")}, "reviewActionCode")
    return str(found["coding"][0]["code"])


def check(resource: Any) -> Any:
    """Return a resource that is valid R4 in two opinions."""
    assert validate(resource) == []
    assert list(second_opinion(resource)) == []
    return resource


@dataclass
class House:
    """A started run, its payer's FHIR API and the other doors to its cases."""

    live: Any
    run: Any
    held: dict[str, Any]
    token: str = ""

    async def log_in(self, scope: str | None = None, **held: str) -> str:
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        client = {name: (held or self.held)[name] for name in ("client_id", "client_secret")}
        async with self.live.http.post(self.held["token_url"], data={**form, **client}) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["access_token"])

    async def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Any:
        url = self.held["fhir_url"].removeprefix(self.live.url)
        target = path.removeprefix(self.live.url) if path.startswith("http") else f"{url}/{path}".rstrip("/")
        return await self.live.call(method, target, self.token if token is None else token, **more)

    async def post(self, path: str, body: Any, *, status: int = 200) -> Any:
        answer = await self.call("POST", path, body=json.dumps(body).encode(), headers=FHIR)
        assert answer.status == status, answer
        assert answer.headers["Content-Type"].startswith("application/fhir+json")
        return check(answer.json)

    async def get(self, path: str, *, status: int = 200) -> Any:
        answer = await self.call("GET", path)
        assert answer.status == status, answer
        return check(answer.json)

    async def submit(self, *first: Any, status: int = 200, drop: str = "") -> Any:
        """Submit a Claim and what is given besides; return the ClaimResponse of the answer."""
        answer = await self.post("Claim/$submit", bundle(*first, drop=drop), status=status)
        return answer if status != 200 else answer["entry"][0]["resource"]

    async def inquire(self, *first: Any) -> list[Any]:
        """Inquire by example; return the ClaimResponses found."""
        answer = await self.post("Claim/$inquire", bundle(*first))
        found = [row["resource"] for row in answer.get("entry", ())]
        return [row for row in found if row["resourceType"] == "ClaimResponse"]

    async def portal(self, path: str = "prior-auths", method: str = "GET", **more: Any) -> Any:
        answer = await self.run.call(method, f"portal/{path}", **more)
        assert answer.status < 300, answer
        return answer.json

    async def cases(self) -> list[Any]:
        """The cases that were opened here, newest first."""
        return [row for row in (await self.portal())["data"] if row["request_id"] != "req_seeded_1"]

    async def wait(self, seconds: float) -> None:
        answer = await self.run.call("POST", "clock/advance", json={"seconds": seconds})
        assert answer.status == 200, answer
        self.token = await self.log_in()  # a token lives on that clock, too


def write(kit: Any, disk: Any, config: dict[str, Any]) -> None:
    """Put the benchmark `payer@1` and its dataset on the disk."""
    disk.dataset("payer", {"portal.yaml": json.dumps(PORTAL).encode()})
    made: dict[str, Any] = kit.benchmark("payer", kit.task("work", kit.says(1)))
    made["environment"]["simulators"] = [
        {"type": "Fhir", "name": "EHR"},
        {"type": "Payer", "name": "Payer", "dataset": "payer", "config": config},
        {"type": "Clearinghouse", "name": "Clearinghouse"},
    ]
    disk.benchmark(made)


async def begun(live: Any) -> House:
    """A run of that benchmark, and its client logged in."""
    run = await live.started("payer@1")
    [held] = [s["credentials"] for s in run.value["sandboxes"] if s["type"] == "Payer"]
    house = House(live, run, held)
    if "fhir_url" in held:
        house.token = await house.log_in()
    return house


@pytest.fixture
def pas() -> SimpleNamespace:
    """The builders above."""
    return SimpleNamespace(**globals())


@pytest.fixture
async def house(kit, disk, serve):
    """A payer whose FHIR API is open."""
    write(kit, disk, CONFIG)
    async with serve() as live:
        yield await begun(live)
