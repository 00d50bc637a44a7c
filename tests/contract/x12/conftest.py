"""A payer with members, plans, claims and rules, and a clearinghouse in front of it; and what is sent to it."""

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

RAW = {"Content-Type": "application/edi-x12"}
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
        "address": "18 Alder Street, Riverton OH 44199",
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
    {
        "member_id": "M7",
        "first_name": "Nora",
        "last_name": "Lind",
        "birth_date": "2017-08-22",
        "gender": "female",
        "plan": "Bronze",
        "coverage": {"status": "active", "start": "2024-01-01"},
    },
    {
        "member_id": "M5",
        "first_name": "Ivo",
        "last_name": "Sand",
        "birth_date": "1961-05-05",
        "gender": "male",
        "plan": "Gold",
        "coverage": {"status": "active", "start": "2024-01-01"},
    },
    {
        "member_id": "M6",
        "first_name": "Ada",
        "last_name": "Voss",
        "birth_date": "1966-06-06",
        "gender": "female",
        "plan": "Bronze",
        "coverage": {"status": "active", "start": "2020-01-01"},
    },
]
PAYER = {
    "coverages": [
        {"coverage_id": "C1", "member_id": "M7", "plan": "Teeth", "kind": "dental", "start": "2023-01-01"},
        {"coverage_id": "C2", "member_id": "M7", "plan": "Bronze", "order": "secondary", "start": "2024-01-01"},
        {"coverage_id": "C3", "member_id": "M7", "plan": "Select", "payer": "Harborline", "start": "2022-01-01"},
        # Who reviews for several payers names them all.
        {"coverage_id": "C4", "member_id": "M5", "plan": "Gold", "payer": "Tidewater", "start": "2024-01-01"},
        {
            "coverage_id": "C5",
            "member_id": "M5",
            "plan": "Teeth",
            "kind": "dental",
            "payer": "TIDEWATER",
            "start": "2024-01-01",
        },
        # This payer's ended, another's has begun.
        {"coverage_id": "C6", "member_id": "M6", "plan": "Bronze", "start": "2020-01-01", "end": "2022-12-31"},
        {"coverage_id": "C7", "member_id": "M6", "plan": "Bronze", "start": "2023-01-01", "end": "2026-03-31"},
        {"coverage_id": "C8", "member_id": "M6", "plan": "Select", "payer": "Harborline", "start": "2026-04-01"},
    ],
    "benefits": [
        {"plan": "Gold", "service_type": "98", "copay": 25, "description": "Office visit"},
        {
            "plan": "Gold",
            "service_type": "62",
            "coinsurance": 20,
            "deductible_applies": True,
            "authorization_required": True,
        },
        {"plan": "Gold", "service_type": "62", "network": "out", "covered": False},
        {"plan": "Gold", "service_type": "PT", "visits": 30, "copay": 10.5},
    ],
    "accumulators": [
        {"member_id": "M1", "kind": "deductible", "limit": 1500, "used": 425.5, "start": "2026-01-01"},
        {
            "member_id": "M1",
            "kind": "out_of_pocket",
            "scope": "family",
            "limit": 6000,
            "used": 0,
            "start": "2026-01-01",
        },
        {"member_id": "M1", "kind": "visits", "service_type": "PT", "limit": 30, "used": 4, "start": "2026-01-01"},
    ],
    "claims": [
        {
            "claim_number": "CLM-1001",
            "member_id": "M1",
            "provider_npi": "1234567893",
            "status": "paid",
            "service_from": "2026-03-02",
            "received_at": "2026-03-05T10:00:00Z",
            "finalized_at": "2026-03-20T10:00:00Z",
            "check_number": "EFT-77",
            "lines": [
                {
                    "procedure_code": "99213",
                    "charge": 180,
                    "allowed": 120,
                    "paid": 95,
                    "status": "paid",
                    "adjustments": [
                        {"group": "CO", "carc": "45", "amount": 60},
                        {"group": "PR", "carc": "3", "amount": 25},
                    ],
                }
            ],
        },
        {
            "claim_number": "CLM-1002",
            "member_id": "M1",
            "provider_npi": "1234567893",
            "status": "denied",
            "service_from": "2026-04-01",
            "service_to": "2026-04-02",
            "received_at": "2026-04-03T10:00:00Z",
            "finalized_at": "2026-04-10T10:00:00Z",
            "lines": [
                {
                    "procedure_code": "72148",
                    "charge": 900.5,
                    "status": "denied",
                    "adjustments": [{"group": "CO", "carc": "197", "amount": 900.5}],
                }
            ],
        },
    ],
}
PORTAL = {
    "patients": MEMBERS,
    "providers": [
        {"npi": "1234567893", "name": "Elena Rivera, MD"},
        {"npi": "1245319599", "name": "Paul Novak, MD", "credentialed": False},
    ],
    "questions": [
        {
            "procedure_code": "72148",
            "questions": [
                {"id": "weeks", "text": "Weeks of therapy?", "type": "number"},
                {"id": "deficit", "text": "A deficit?", "type": "boolean", "required": False},
            ],
        },
        {"procedure_code": "73721", "pa_required": True},
        {"procedure_code": "71046", "pa_required": False},
    ],
}
CONFIG = {
    "determinations": [
        {"procedure_code": "97110", "status": "approved", "units": 8, "valid_days": 60, "reason": "Eight of them."},
        {"procedure_code": "73721", "status": "approved", "valid_days": 90},
        {"procedure_code": "70551", "status": "denied", "code": "MN-12", "reason": "Not medically necessary."},
        {
            "procedure_code": "72148",
            "status": "need_more_info",
            "documents": ["Therapy notes"],
            "due_seconds": 86400,
            "after_more_info": {"status": "approved", "valid_days": 30},
        },
    ],
    "refuse_unneeded": True,
}
CHART = {
    "fhir/Patient.ndjson": {
        "resourceType": "Patient",
        "id": "ana",
        "name": [{"family": "Reyes", "given": ["Ana"]}],
        "birthDate": "1970-01-01",
    },
    "fhir/Coverage.ndjson": {
        "resourceType": "Coverage",
        "id": "c1",
        "status": "active",
        "beneficiary": {"reference": "Patient/ana"},
        "subscriberId": "M1",
        "payor": [{"display": "Plan"}],
    },
}

VERSIONS = {"270": ("HS", "005010X279A1"), "276": ("HR", "005010X212"), "278": ("HI", "005010X217")}
BODIES = {
    "270": """BHT*0022*13*REF270*20260423*0900~HL*1**20*1~NM1*PR*2*PLAN*****PI*12345~HL*2*1*21*1~
NM1*1P*2*CLINIC*****XX*1234567893~HL*3*2*22*0~TRN*1*TRACE-1*9012345678~NM1*IL*1*Reyes*Ana****MI*M1~
DMG*D8*19700101~DTP*291*D8*20260423~EQ*30~""",
    "276": """BHT*0010*13*REF276*20260423*0900~HL*1**20*1~NM1*PR*2*PLAN*****PI*12345~HL*2*1*21*1~
NM1*41*2*CLINIC*****46*X67E~HL*3*2*19*1~NM1*1P*2*CLINIC*****XX*1234567893~HL*4*3*22*0~DMG*D8*19700101*F~
NM1*IL*1*Reyes*Ana****MI*M1~TRN*1*TRACE-2~REF*1K*CLM-1001~REF*EJ*ACC-9~DTP*472*D8*20260302~""",
    "278": """BHT*0007*13*REF278*20260423*0900~HL*1**20*1~NM1*X3*2*PLAN*****PI*12345~HL*2*1*21*1~
NM1*1P*1*Rivera*Elena****XX*1234567893~HL*3*2*22*1~NM1*IL*1*Reyes*Ana****MI*M1~DMG*D8*19700101~HL*4*3*EV*1~
TRN*1*TRACE-3*9012345678~UM*HS*I*62*11:B~DTP*AAH*D8*20260501~HI*ABK:M5416~HL*5*4*SS*0~SV1*HC:73721**UN*1~""",
}


def transaction(kind: str, body: str | None = None, number: str = "0001", version: str | None = None) -> str:
    """A transaction set from ST to SE, its segments counted."""
    lines = [line.strip() for line in (BODIES[kind] if body is None else body).replace("\n", "").split("~")]
    inner = "".join(f"{line}~" for line in lines if line)
    count = inner.count("~") + 2
    return f"ST*{kind}*{number}*{version or VERSIONS[kind][1]}~{inner}SE*{count}*{number}~"


def group(kind: str, *sets: str, number: str = "1", version: str | None = None) -> str:
    code, own = VERSIONS[kind]
    inner = "".join(sets or (transaction(kind),))
    count = inner.count("ST*") - inner.count("TST*") if not sets else len(sets)
    return f"GS*{code}*CLINIC*CLEARINGHOUSE*20260423*0900*{number}*X*{version or own}~{inner}GE*{count}*{number}~"


def interchange(*groups: str, number: str = "000000001", wants: str = "0") -> str:
    head = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*CLEARINGHOUSE  "
    return f"{head}*260423*0900*^*00501*{number}*{wants}*T*:~{''.join(groups)}IEA*{len(groups)}*{number}~"


def ask(kind: str, old: str = "", new: str = "") -> str:
    """An interchange with one transaction set, a part of its body replaced."""
    assert old in BODIES[kind]
    return interchange(group(kind, transaction(kind, BODIES[kind].replace(old, new) if old else None)))


def lines(text: str, name: str = "") -> list[str]:
    """The segments of a text, those of a name where one is given."""
    found = [line for line in text.split("~") if line]
    return [line for line in found if not name or line.split("*")[0] == name]


def definition(kit: Any, *tasks: Any, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = kit.benchmark("claims", *(tasks or (kit.task("work", kit.says(1)),)))
    made["environment"]["simulators"] = [
        {"type": "Fhir", "name": "EHR", "dataset": "payer"},
        {"type": "Payer", "name": "Payer", "dataset": "payer", "config": CONFIG},
        {"type": "Clearinghouse", "name": "Clearinghouse", **more},
    ]
    return made


def write(kit: Any, disk: Any, *tasks: Any, **more: Any) -> None:
    """Put the benchmark `claims@1` and its dataset on the disk."""
    files = {"portal.yaml": json.dumps(PORTAL).encode(), "payer.yaml": json.dumps(PAYER).encode()}
    files |= {name: json.dumps(value).encode() + b"\n" for name, value in CHART.items()}
    disk.dataset("payer", files)
    disk.benchmark(definition(kit, *tasks, **more))


@dataclass
class Clearing:
    """A started run and its clearinghouse."""

    run: Any

    async def send(self, text: str | bytes, *, status: int = 200, **headers: str) -> str:
        """Send X12 as it is and return what came back."""
        body = text.encode() if isinstance(text, str) else text
        answer = await self.run.call("POST", "clearinghouse/transactions", body=body, headers=headers or RAW)
        assert answer.status == status, answer
        return str(answer.body.decode())

    async def post(self, path: str, *, status: int = 200, **body: Any) -> Any:
        answer = await self.run.call("POST", f"clearinghouse/{path}", json=body)
        assert answer.status == status, answer
        return answer.json

    async def portal(self, path: str) -> Any:
        return (await self.run.call("GET", f"portal/{path}")).json


@pytest.fixture
def x12() -> SimpleNamespace:
    """The builders above."""
    return SimpleNamespace(**globals())


@pytest.fixture
async def house(kit, disk, serve):
    """A clearinghouse that is open."""
    write(kit, disk)
    async with serve() as live:
        yield Clearing(await live.started("claims@1"))
