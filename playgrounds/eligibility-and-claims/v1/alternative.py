"""The same work by the other door: X12 as it is sent and answered, wherever the clearinghouse answers."""

from decimal import Decimal
from typing import Any

from .solution import Office, Row
from .solution import solve as work

PAYER_ID = "NM1*{0}*2*CEDAR POINT HEALTH*****PI*CPH01"
KINDS = {"C": "deductible", "G": "out_of_pocket"}
STATUSES = {"F1:65": "paid", "F1:104": "partially_paid", "F2:585": "denied", "A2:20": "received", "P2:46": "pended"}
ACTIONS = {"request": "I", "cancel": "3"}
VERSIONS = {"270": ("HS", "005010X279A1"), "276": ("HR", "005010X212"), "278": ("HI", "005010X217")}
TODAY = "20260512*1400"


class Clerk(Office):
    """Asks by 270 and 276, sends reviews as raw 278, and changes charts by patches."""

    sent = 0

    async def exchange(self, kind: str, body: list[str]) -> list[list[str]]:
        """Send a transaction set of these segments; return the segments of the answer, split into elements."""
        self.sent += 1
        code, version = VERSIONS[kind]
        number = f"{self.sent:09}"
        inner = [f"ST*{kind}*0001*{version}", *body]
        lines = [
            f"ISA*00*          *00*          *ZZ*TIDEWATER      *ZZ*CLEARINGHOUSE  *260512*1400*^*00501*{number}*0*T*:",
            f"GS*{code}*TIDEWATER*CLEARINGHOUSE*{TODAY}*{self.sent}*X*{version}",
            *inner,
            f"SE*{len(inner) + 1}*0001",
            f"GE*1*{self.sent}",
            f"IEA*1*{number}",
        ]
        data = "".join(f"{line}~" for line in lines).encode()
        headers = {"Content-Type": "application/edi-x12"}
        answer = await self.task.request("POST", "clearinghouse/transactions", data=data, headers=headers)
        return [line.split("*") for line in answer.raise_for_status().text.split("~") if line]

    async def inquire(self, member: str, day: str, what: str) -> list[list[str]]:
        """Ask by 270 about a member, a day and a service."""
        row = await self.portal(f"patients/{member}")
        body = [
            f"BHT*0022*13*ELIG{self.sent}*{TODAY}",
            *[
                "HL*1**20*1",
                PAYER_ID.format("PR"),
                "HL*2*1*21*1",
                "NM1*1P*2*TIDEWATER*****XX*1999971017",
                "HL*3*2*22*0",
            ],
            *[_name(row), f"DMG*D8*{_day(row['birth_date'])}", f"DTP*291*D8*{_day(day)}", what],
        ]
        return await self.exchange("270", body)

    async def plans(self, member: str, day: str) -> list[Row]:
        """Return the plans that a 271 names, and those of other days that were asked about before."""
        plans: list[Row] = []
        for line in await self.inquire(member, day, "EQ*30"):
            if line[0] == "EB" and line[1] in ("1", "R") and len(line) > 5 and "30" in line[3].split("^"):
                plans.append({"plan": line[5], "start": None, "end": None, "in_force": True, "first": line[1] != "R"})
            elif line[0] == "DTP" and plans and plans[-1]["start"] is None:
                first, _, last = line[3].partition("-")
                plans[-1] |= {"start": _date(first), "end": _date(last) if last else None}
            elif line[0] == "NM1" and line[1] in ("PRP", "SEP", "TTP"):
                plans[-1]["first"] = line[1] == "PRP"
                for plan in plans[:-1]:
                    plan["first"] = line[1] != "PRP"
        plans.sort(key=lambda row: not row["first"])
        known: dict[str, Row] = self.__dict__.setdefault("known", {})
        known |= {row["plan"]: row for row in plans}
        return plans + [row for name, row in known.items() if name not in [plan["plan"] for plan in plans]]

    async def benefits(self, member: str, day: str) -> Row:
        """Return what a 271 says of a scan, in the portal's words."""
        said = await self.inquire(member, day, "EQ*62")
        lines = [line + [""] * (14 - len(line)) for line in said if line[0] == "EB"]
        applies = ["MSG", "The deductible applies"] in said
        is_in = {"Y": "in", "N": "out"}
        return {
            "benefits": [
                {"network": is_in[line[12]], "coinsurance": int(Decimal(line[8]) * 100), "deductible_applies": applies}
                for line in lines
                if line[1] == "A"
            ],
            "accumulators": [
                {"kind": KINDS[line[1]], "network": is_in[line[12]], "remaining": line[7]}
                for line in lines
                if line[1] in KINDS and line[6] == "29"
            ],
        }

    async def is_needed(self, member: str, day: str) -> bool:
        """Ask by 270 whether a procedure needs an authorization."""
        said = await self.inquire(member, day, "EQ**HC:72148")
        return any(line[0] == "EB" and len(line) > 13 and line[11] == "Y" for line in said)

    async def find_claim(self, row: dict[str, str]) -> Row | None:
        """Ask by 276 after a claim by member, day and charge."""
        body = [
            f"BHT*0010*13*STAT{self.sent}*{TODAY}",
            *["HL*1**20*1", PAYER_ID.format("PR"), "HL*2*1*21*1", "NM1*41*2*TIDEWATER*****46*TIDEWATER", "HL*3*2*19*1"],
            *["NM1*1P*2*TIDEWATER*****XX*1999971017", "HL*4*3*22*0", f"DMG*D8*{_day(row['birth_date'])}", _name(row)],
            *["TRN*1*T1", f"AMT*T3*{Decimal(row['charge']).normalize():f}", f"DTP*472*D8*{_day(row['service_date'])}"],
        ]
        statuses = [line[1] for line in await self.exchange("276", body) if line[0] == "STC"]
        return {"status": STATUSES[statuses[0]]} if statuses[0] in STATUSES else None

    async def review(self, member: Row, npi: str, action: str, asked: Row) -> None:
        """Send a review as a 278."""
        said = [f"{name} = {value}" for name, value in asked.get("clinical_answers", {}).items()]
        number, days = asked.get("authorization_number"), asked.get("service_date")
        codes = [code.replace(".", "") for code in asked.get("diagnosis_codes", [])]
        units = f"**UN*{asked['units']}" if "units" in asked else ""
        body = [
            f"BHT*0007*13*REV{self.sent}*{TODAY}",
            *["HL*1**20*1", PAYER_ID.format("X3"), "HL*2*1*21*1", f"NM1*1P*2*TIDEWATER*****XX*{npi}", "HL*3*2*22*1"],
            *[_name(member), f"DMG*D8*{_day(member['birth_date'])}", "HL*4*3*EV*1", f"UM*HS*{ACTIONS[action]}"],
            *([f"REF*NT*{number}"] if number else []),
            *([f"DTP*AAH*D8*{_day(days)}"] if days else []),
            *([f"HI*ABK:{codes[0]}"] if codes else []),
            *[f"MSG*{text}" for text in said],
            *["HL*5*4*SS*0", f"SV1*HC:{asked['procedure_code']}{units}"],
        ]
        answered = await self.exchange("278", body)
        if any(line[0] == "AAA" for line in answered):
            raise LookupError(f"rejected: {answered}")

    async def put(self, resource: Row) -> None:
        """Patch what has changed of an entry of a chart."""
        path = f"fhir/{resource['resourceType']}/{resource['id']}"
        before = (await self.task.request("GET", path)).raise_for_status().json()
        changed = [name for name in resource if name != "meta" and resource[name] != before.get(name)]
        patch = [{"op": "replace", "path": f"/{name}", "value": resource[name]} for name in changed]
        headers = {"Content-Type": "application/json-patch+json"}
        (await self.task.request("PATCH", path, json=patch, headers=headers)).raise_for_status()


def _name(row: Any) -> str:
    return f"NM1*IL*1*{row['last_name']}*{row['first_name']}****MI*{row['member_id']}"


def _day(text: str) -> str:
    return text.replace("-", "")


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"


async def solve(task: Any) -> Any:
    """Work the task."""
    return await work(task, Clerk)
