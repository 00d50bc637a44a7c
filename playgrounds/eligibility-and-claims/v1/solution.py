"""The reference agent: asks the payer about the day, works denials by their code, changes what follows and no more."""

import base64
import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

PAYER = "Cedar Point Health"
ICD10, CPT = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.ama-assn.org/go/cpt"
NPI = "http://hl7.org/fhir/sid/us-npi"
STATUSES = {"partially_paid": "partly paid", "received": "pending", "pended": "pending"}

Row = dict[str, Any]


class Office:
    """The billing office's tools over one task."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.today = date.fromisoformat(task.task_item["today"])

    # The systems.

    async def search(self, kind: str, **params: str) -> list[Row]:
        """Return the matches of a search in the charts, page by page."""
        page = await self.task.request("GET", f"fhir/{kind}", params={**params, "_count": "100"})
        found: list[Row] = []
        while True:
            bundle = page.raise_for_status().json()
            found += [entry["resource"] for entry in bundle.get("entry", [])]
            following = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
            if following is None:
                return found
            page = await self.task.request("GET", following)

    async def put(self, resource: Row) -> None:
        """Write a changed entry of a chart, unless somebody else has changed it meanwhile."""
        headers = {"If-Match": f'W/"{resource["meta"]["versionId"]}"'}
        path = f"fhir/{resource['resourceType']}/{resource['id']}"
        (await self.task.request("PUT", path, json=resource, headers=headers)).raise_for_status()

    async def portal(self, path: str, **params: str) -> Any:
        """Read from the payer's portal; all of a list."""
        answer = (await self.task.request("GET", f"portal/{path}", params=params)).raise_for_status().json()
        if "data" not in answer:
            return answer
        rows = list(answer["data"])
        while answer["next_cursor"]:
            more = {**params, "cursor": answer["next_cursor"]}
            answer = (await self.task.request("GET", f"portal/{path}", params=more)).raise_for_status().json()
            rows += answer["data"]
        return rows

    async def clearinghouse(self, path: str, body: Row) -> Row:
        """Ask the payer through the clearinghouse."""
        answer = await self.task.request("POST", f"clearinghouse/{path}", json=body)
        answered: Row = answer.raise_for_status().json()
        return answered

    async def table(self, path: str) -> list[dict[str, str]]:
        """Read a table of the shared drive."""
        answer = (await self.task.request("GET", f"files/{path}")).raise_for_status()
        return list(csv.DictReader(io.StringIO(answer.text)))

    # Rules 1 and 2: who, when, which plan.

    async def patient(self, family: str, given: str, born: str) -> Row:
        """Return the chart of a person by name and birth date, the one in use."""
        found = await self.search("Patient", family=family, given=given, birthdate=born)
        return next(row for row in found if row.get("active") is not False)

    async def member(self, patient: Row) -> str:
        """Return a patient's member number with this payer."""
        cards = await self.search("Coverage", patient=f"Patient/{patient['id']}", status="active")
        mine = [c for c in cards if c["payor"][0]["display"] == PAYER and "end" not in c["period"]]
        return str(mine[0]["subscriberId"])

    async def plans(self, member: str, day: str) -> list[Row]:
        """Return the medical plans of a member on a day as they pay; those not in force are marked."""
        said = await self.portal("eligibility", member_id=member, date=day)
        return [row for row in said["coverages"] if row["kind"] == "medical"]

    async def plan_on(self, member: str, day: str) -> Row:
        """Return the plan that is charged for a day."""
        return next(row for row in await self.plans(member, day) if row["in_force"])

    async def put_insurance_right(self) -> Row:
        """File the plan in force, end the one before, say which visit is charged to which."""
        named = self.task.task_item["patient"]
        given, _, family = named["name"].partition(" ")
        patient = await self.patient(family, given, named["birth_date"])
        member = await self.member(patient)
        visits = await self.search("Encounter", patient=f"Patient/{patient['id']}")
        days = sorted(visit["period"]["start"][:10] for visit in visits)
        charged = [(await self.plan_on(member, day))["plan"] for day in days]
        cards = await self.search("Coverage", patient=f"Patient/{patient['id']}")
        ours = {c["class"][0]["value"]: c for c in cards if c["subscriberId"] == member}
        for plan in await self.plans(member, str(self.today)):
            card = ours.get(plan["plan"])
            if card is not None and plan["end"] is not None:
                await self.put({**card, "status": "cancelled", "period": {**card["period"], "end": plan["end"]}})
            elif card is None and plan["in_force"]:
                await self.register(next(iter(ours.values())), plan)
        return {"april_visit_plan": charged[0], "may_visit_plan": charged[1]}

    async def register(self, like: Row, plan: Row) -> None:
        """Put a plan on file in the form of another."""
        kept = {name: value for name, value in like.items() if name not in ("id", "meta")}
        named = [{**like["class"][0], "value": plan["plan"]}]
        row = {**kept, "status": "active", "period": {"start": plan["start"]}, "class": named, "order": 1}
        (await self.task.request("POST", "fhir/Coverage", json=row)).raise_for_status()

    # Rule 3: what the patient pays.

    async def estimate(self, allowed: Decimal = Decimal(480), day: str = "2026-05-20") -> Row:
        """Work out the patient's part of a scan."""
        member = await self.member(await self.patient("Finch", "Walter", "1959-02-27"))
        said = await self.benefits(member, day)
        (benefit,) = (row for row in said["benefits"] if row["network"] == "in")
        left = {kind: self.left(said["accumulators"], kind) for kind in ("deductible", "out_of_pocket")}
        deductible = min(left["deductible"], allowed) if benefit["deductible_applies"] else Decimal(0)
        part = deductible + (allowed - deductible) * benefit["coinsurance"] / 100
        return {
            "deductible_left": float(left["deductible"]),
            "coinsurance_percent": benefit["coinsurance"],
            "out_of_pocket_left": float(left["out_of_pocket"]),
            "patient_pays": float(self.capped(part, left["out_of_pocket"])),
            "authorization_required": await self.is_needed(member, day),
        }

    async def benefits(self, member: str, day: str) -> Row:
        """Return what the plan pays of a scan, and what is left to its limits."""
        said: Row = await self.portal("eligibility", member_id=member, date=day, service_type="62")
        return said

    async def is_needed(self, member: str, day: str) -> bool:
        """Whether the payer wants to authorize the scan."""
        said = await self.portal("requirements", procedure_code="72148", patient_member_id=member)
        return bool(said["authorization_required"])

    def left(self, accumulators: list[Row], kind: str) -> Decimal:
        """Return what is left to a limit: the patient's or the family's, whichever is less."""
        rows = [row for row in accumulators if row["kind"] == kind and row["network"] == "in"]
        return min(Decimal(str(row["remaining"])) for row in rows)

    def capped(self, part: Decimal, limit: Decimal) -> Decimal:
        """Return the patient's part, which stops at the limit."""
        return min(part, limit)

    # Rule 4: open claims.

    async def follow_up(self) -> Row:
        """Report where each account of the worklist stands."""
        rows = await self.table(self.task.task_item["worklist"])
        return {"claims": [await self.stands(row) for row in rows]}

    async def stands(self, row: dict[str, str]) -> Row:
        """Ask after one account and say what is next."""
        claim = await self.find_claim(row)
        status = "not on file" if claim is None else STATUSES.get(claim["status"], claim["status"])
        waited = self.today - date.fromisoformat(row["sent"])
        since = self.today - date.fromisoformat(row["service_date"])
        following = {
            "paid": "none",
            "partly paid": "work",
            "denied": "work",
            "pending": "wait" if waited <= timedelta(days=30) else "call",
            "not on file": "send again" if since <= timedelta(days=90) else "write off",
        }
        return {"account": row["account"], "status": status, "next": following[status]}

    async def find_claim(self, row: dict[str, str]) -> Row | None:
        """Return the payer's claim of a member, a day and a charge."""
        day = row["service_date"]
        rows = await self.portal("claims", member_id=row["member_id"], service_from=day, service_to=day)
        return next((c for c in rows if Decimal(str(c["total_charge"])) == Decimal(row["charge"])), None)

    # Rule 5: denials.

    async def decide(self, claim: Row) -> tuple[str, str | None, str]:
        """Return what is done about a denial by its code, the number it turns on, and why."""
        code = claim["lines"][0]["adjustments"][0]["carc"]
        rules = {
            row["when"]: row["decision"] for row in await self.table("policies/denials.csv") if row["code"] == code
        }
        if code == "18":
            paid = await self.paid_instead(claim)
            return ("already paid", paid, f"paid with {paid}") if paid else ("appealed", None, "never paid")
        if code == "22":
            return "bill another plan", None, "another plan pays first"
        if code == "29":
            waited = date.fromisoformat(claim["received_at"][:10]) - date.fromisoformat(claim["service_from"])
            is_late = waited > timedelta(days=90)
            return "write off" if is_late else "appealed", None, f"received {waited.days} days after the service"
        if claim["appeal_until"][:10] < str(self.today):
            return "write off", None, f"the last day for an appeal was {claim['appeal_until'][:10]}"
        if code == "197":
            number = await self.authorization(claim)
            return (
                ("appealed", number, "authorized")
                if number
                else ("write off", None, "no authorization was good on the day")
            )
        raise LookupError(f"{claim['claim_number']}: nothing is written about code {code} but {rules}")

    async def paid_instead(self, claim: Row) -> str | None:
        """Return the paid claim for the same service and day."""
        day, line = claim["service_from"], claim["lines"][0]["procedure_code"]
        for row in await self.portal(
            "claims", member_id=claim["member_id"], service_from=day, service_to=day, status="paid"
        ):
            if [one["procedure_code"] for one in row["lines"]] == [line]:
                return str(row["claim_number"])
        return None

    async def authorization(self, claim: Row) -> str | None:
        """Return the number of the authorization that was good for a claim."""
        code = claim["lines"][0]["procedure_code"]
        for row in await self.portal("prior-auths", patient_member_id=claim["member_id"], procedure_code=code):
            days = row["authorization"]
            if days is not None and self.is_good(days, claim["service_from"]):
                return str(row["auth_number"])
        return None

    def is_good(self, days: Row, day: str) -> bool:
        """Whether an authorization was good on a day."""
        return bool(days["valid_from"] <= day <= (days["valid_to"] or "9999"))

    async def work_denial(self) -> Row:
        """Work one denial: appeal it where that is right, and wait for the outcome."""
        claim = await self.portal(f"claims/{self.task.task_item['claim']}")
        number = claim["claim_number"]
        decision, named, _ = await self.decide(claim)
        if decision != "appealed":
            return {"claim": number, "decision": decision, "outcome": None, "paid": claim["total_paid"]}
        words = f"Claim {number} was authorized for the day of service: authorization {named}."
        (
            await self.task.request("POST", f"portal/claims/{number}/appeal", json={"rationale": words})
        ).raise_for_status()
        claim = await self.portal(f"claims/{number}")
        while (outcome := (await self.portal(f"appeals/{claim['appeals'][-1]}"))["status"]) == "under_review":
            (await self.task.advance_clock()).raise_for_status()
        paid = (await self.portal(f"claims/{number}"))["total_paid"]
        return {"claim": number, "decision": "appealed", "outcome": outcome, "paid": paid}

    async def work_denials(self) -> Row:
        """Decide each of several denials."""
        decided = []
        for number in self.task.task_item["claims"]:
            decision, named, why = await self.decide(await self.portal(f"claims/{number}"))
            paid = named if decision == "already paid" else None
            decided.append({"claim": number, "decision": decision, "paid_claim": paid, "reason": why})
        return {"claims": decided}

    # Rule 6: reviews.

    async def request_again(self) -> Row:
        """Withdraw the request for the wrong patient, request it for the right one, wait, report."""
        (order,) = await self.search("ServiceRequest", identifier=self.task.task_item["order"])
        patient = (await self.task.request("GET", f"fhir/{order['subject']['reference']}")).raise_for_status().json()
        clinician = (
            (await self.task.request("GET", f"fhir/{order['requester']['reference']}")).raise_for_status().json()
        )
        npi = next(one["value"] for one in clinician["identifier"] if one["system"] == NPI)
        code = next(one["code"] for one in order["code"]["coding"] if one["system"] == CPT)
        number = order["identifier"][0]["value"]
        for row in await self.portal("prior-auths", procedure_code=code, state="under_review"):
            if number in (row["notes"] or ""):
                await self.withdraw(row, npi)
        asked = {
            "procedure_code": code,
            "diagnosis_codes": [
                one["code"] for reason in order["reasonCode"] for one in reason["coding"] if one["system"] == ICD10
            ],
            "units": 1,
            "service_date": order["occurrenceDateTime"],
            "clinical_answers": await self.answers(patient, code),
            "notes": f"Order {number}.",
        }
        member = await self.member(patient)
        await self.review(await self.portal(f"patients/{member}"), npi, "request", asked)
        (row,) = await self.portal("prior-auths", patient_member_id=member, procedure_code=code)
        while row["auth_number"] is None and row["determination"]["status"] in ("pending", "approved"):
            (await self.task.advance_clock()).raise_for_status()
            row = await self.portal(f"prior-auths/{row['request_id']}")
        days = row["authorization"]
        return {
            "decision": row["determination"]["status"],
            "auth_number": row["auth_number"],
            "valid_from": days["valid_from"],
            "valid_to": days["valid_to"],
        }

    async def withdraw(self, row: Row, npi: str) -> None:
        """Withdraw a request through the clearinghouse."""
        member = await self.portal(f"patients/{row['patient_member_id']}")
        named = {"authorization_number": row["tracking_number"], "procedure_code": row["procedure_code"]}
        await self.review(member, npi, "cancel", named)

    async def review(self, member: Row, npi: str, action: str, asked: Row) -> None:
        """Send a request for review through the clearinghouse."""
        who = {name: member[name] for name in ("member_id", "last_name", "first_name", "birth_date")}
        answered = await self.clearinghouse("prior-auth", {**who, "provider_npi": npi, "action": action, **asked})
        if answered["rejections"]:
            raise LookupError(f"rejected: {answered['rejections']}")

    async def answers(self, patient: Row, code: str) -> Row:
        """Answer the payer's questions from the latest note."""
        notes = await self.search("DocumentReference", patient=f"Patient/{patient['id']}")
        latest = max(notes, key=lambda row: str(row["date"]))
        text = " ".join(base64.b64decode(latest["content"][0]["attachment"]["data"]).decode().split())
        said = {
            "epworth": int(self.found(r"Epworth sleepiness scale (\d+)", text)),
            "home_test": "done",
            "home_test_date": self.found(r"Home sleep apnea test done on (\S+):", text),
            "home_test_result": self.found(r"Home sleep apnea test done on \S+: (\w+)", text),
        }
        (asked,) = await self.portal("questions", procedure_code=code)
        return {one["id"]: said[one["id"]] for one in asked["questions"] if one["id"] in said}

    def found(self, pattern: str, text: str) -> str:
        """Return what a note says at a place."""
        match = re.search(pattern, text)
        if match is None:
            raise LookupError(f"the note does not say: {pattern}")
        return match[1]

    # Rule 7: who pays first.

    async def put_in_order(self) -> Row:
        """Work a denial that says that another plan pays first."""
        claim = await self.portal(f"claims/{self.task.task_item['claim']}")
        decision, _, _ = await self.decide(claim)
        plans = [row for row in await self.plans(claim["member_id"], claim["service_from"]) if row["in_force"]]
        member = await self.portal(f"patients/{claim['member_id']}")
        patient = await self.patient(member["last_name"], member["first_name"], member["birth_date"])
        cards = await self.search("Coverage", patient=f"Patient/{patient['id']}", status="active")
        payers = []
        for place, plan in enumerate(plans, 1):
            card = next(
                c
                for c in cards
                if c.get("class") and c["class"][0]["value"] == plan["plan"] and "end" not in c["period"]
            )
            payers.append(card["payor"][0]["display"])
            await self.rank(card, place)
        return {"claim": claim["claim_number"], "decision": decision, "pays_first": payers[0], "pays_second": payers[1]}

    async def rank(self, card: Row, place: int) -> None:
        """Say of a plan in the chart in which place it pays."""
        if card.get("order") != place:
            await self.put({**card, "order": place})


WAYS = {
    "ended-coverage": Office.put_insurance_right,
    "cost-estimate": Office.estimate,
    "open-claims": Office.follow_up,
    "denied-authorized": Office.work_denial,
    "no-appeal": Office.work_denials,
    "wrong-patient": Office.request_again,
    "who-pays-first": Office.put_in_order,
}


async def solve(task: Any, desk: type[Office] = Office) -> Any:
    """Work the task."""
    return await getattr(desk(task), WAYS[task.key].__name__)()
