"""The tasks of billing and drugs judge the end: other right ways pass, other wrong ones fail for what is wrong."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from sandbox.rehearsal.agents import FunctionAgent
from sandbox.rehearsal.runner import Options, rehearse_once
from tests.alone import serving_only
from tests.playgrounds.test_near_misses import Unwatched

ROOT = Path(__file__).parents[2] / "playgrounds"


def load(slug: str) -> Any:
    path = ROOT / slug / "v1" / "solution.py"
    spec = importlib.util.spec_from_file_location(slug.replace("-", "_"), path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLAIMS, DRUGS = load("eligibility-and-claims"), load("pharmacy-epa")
Office, Desk = CLAIMS.Office, DRUGS.Desk
PATCH = {"Content-Type": "application/json-patch+json"}

UNTOUCHED, NOTHING_ELSE = (
    "Nothing was changed, requested or appealed",
    "Nothing else was changed, requested or appealed",
)
NOTHING_SENT = "Nothing else was sent or changed"
NUMBER = "The number that was reported is the one that the plan gave"
TOLD_PRESCRIBER = "The prescriber was told of the alternative that his chart allows"


# Insurance on file.


class OwnId(Office):
    """Puts the new plan under an id of its own, without what goes without saying."""

    async def register(self, like: Any, plan: Any) -> None:
        numbers = {"subscriberId": like["subscriberId"]}
        kept = {name: like[name] for name in ("resourceType", "beneficiary", "relationship", "payor", "order")}
        named = [{**like["class"][0], "value": plan["plan"]}]
        row = {**kept, **numbers, "id": "nadia-hmo", "status": "active", "class": named}
        row |= {"period": {"start": plan["start"]}}
        (await self.task.request("PUT", "fhir/Coverage/nadia-hmo", json=row)).raise_for_status()


class TeethToo(Office):
    """Puts the dental plan on file as well."""

    async def register(self, like: Any, plan: Any) -> None:
        await super().register(like, plan)
        await super().register(like, {**plan, "plan": "Cedar Point Dental", "start": "2024-01-01"})


class InOneTransaction(Office):
    """Changes both plans at once."""

    async def put_in_order(self) -> Any:
        self.entries: list[Any] = []
        report = await super().put_in_order()
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": self.entries}
        (await self.task.request("POST", "fhir", json=bundle)).raise_for_status()
        return report

    async def put(self, resource: Any) -> None:
        url = f"Coverage/{resource['id']}"
        self.entries.append({"resource": resource, "request": {"method": "PUT", "url": url}})


class Slip(Office):
    """Enters the plan with a wrong day, marks that as an error, and enters it again."""

    async def register(self, like: Any, plan: Any) -> None:
        await super().register(like, {**plan, "start": "2026-05-12"})
        cards = await self.search("Coverage", patient="Patient/nadia-haddad")
        (slip,) = [card for card in cards if card["class"][0]["value"] == plan["plan"]]
        await self.put({**slip, "status": "entered-in-error"})
        await super().register(like, plan)


class AppealsToo(Office):
    """Does what is right and appeals all the same."""

    async def appeal(self, number: str) -> None:
        words = {"rationale": "Please look again."}
        (await self.task.request("POST", f"portal/claims/{number}/appeal", json=words)).raise_for_status()

    async def put_in_order(self) -> Any:
        await self.appeal(self.task.task_item["claim"])
        return await super().put_in_order()

    async def work_denials(self) -> Any:
        await self.appeal("CPC-26-04390")
        return await super().work_denials()


# Denials.


class WithThePaper(Office):
    """Appeals in other words and sends the payer's own letter along."""

    async def work_denial(self) -> Any:
        number = self.task.task_item["claim"]
        named = await self.authorization(await self.portal(f"claims/{number}"))
        paper = {"filename": "letter.pdf", "content_type": "application/pdf", "content_base64": "JVBERi0xLjQK"}
        words = f"On 2026-03-24 authorization no. {named} (12 units) was in force. Kindly reprocess."
        body = {"rationale": words, "attachments": [paper]}
        (await self.task.request("POST", f"portal/claims/{number}/appeal", json=body)).raise_for_status()
        (await self.task.advance_clock(10_000)).raise_for_status()
        paid = (await self.portal(f"claims/{number}"))["total_paid"]
        return {"claim": number, "decision": "appealed", "outcome": "overturned", "paid": paid}


class AllNumbers(Office):
    """Names every authorization there is."""

    async def authorization(self, claim: Any) -> str | None:
        rows = await self.portal("prior-auths", patient_member_id=claim["member_id"])
        return ", ".join(row["auth_number"] for row in rows)


class Reversed(Office):
    """Reports in another order."""

    async def work_denials(self) -> Any:
        return {"claims": (await super().work_denials())["claims"][::-1]}

    async def follow_up(self) -> Any:
        return {"claims": (await super().follow_up())["claims"][::-1]}


class Capitals(Office):
    async def work_denials(self) -> Any:
        return {"claims": [self.capital(row) for row in (await super().work_denials())["claims"]]}

    async def follow_up(self) -> Any:
        return {"claims": [self.capital(row) for row in (await super().follow_up())["claims"]]}

    async def work_denial(self) -> Any:
        return self.capital(await super().work_denial())

    async def put_in_order(self) -> Any:
        return self.capital(await super().put_in_order())

    def capital(self, row: Any) -> Any:
        words = {"status", "next", "decision", "outcome"} & row.keys()
        return {**row, **{name: row[name].capitalize() for name in words}}


class Twice(Office):
    """Reports an account in two ways."""

    async def follow_up(self) -> Any:
        claims = (await super().follow_up())["claims"]
        return {"claims": [*claims, {**claims[0], "status": "paid", "next": "none"}]}


# Reviews.


class AtThePortal(Office):
    """Withdraws at the portal."""

    async def withdraw(self, row: Any, npi: str) -> None:
        (await self.task.request("POST", f"portal/prior-auths/{row['request_id']}/withdraw")).raise_for_status()


class Thorough(Office):
    """Withdraws all that the other one has."""

    async def withdraw(self, row: Any, npi: str) -> None:
        await super().withdraw(row, npi)
        for other in await self.portal("prior-auths", patient_member_id=row["patient_member_id"], state="approved"):
            await super().withdraw({**other, "tracking_number": other["auth_number"]}, npi)


class MadeUpNumber(Office):
    async def request_again(self) -> Any:
        return {**await super().request_again(), "auth_number": "PA1234567890"}


# Drugs.


class SavedFirst(Desk):
    """Saves a draft, which this plan takes as sent; releases by a patch."""

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        return await super().send(method, path, {**body, "draft": True} if path == "prior-auths" else body)

    async def release(self) -> None:
        patch = [{"op": "replace", "path": "/status", "value": "active"}]
        path = f"fhir/MedicationRequest/{self.prescription['id']}"
        (await self.task.request("PATCH", path, json=patch, headers=PATCH)).raise_for_status()


class ReleasedFirst(Desk):
    """Releases before the plan has said anything."""

    async def answers(self) -> Any:
        await super().release()
        return await super().answers()

    async def release(self) -> None: ...


class AsksTheListOnly(Desk):
    """Looks at lists alone, and releases in a transaction."""

    async def awaited(self, row: Any) -> Any:
        while row["auth_number"] is None:
            (await self.task.advance_clock()).raise_for_status()
            (row,) = await self.portal("prior-auths", patient_member_id=self.member)
        return row

    async def release(self) -> None:
        body = {**self.prescription, "status": "active"}
        request = {"method": "PUT", "url": f"MedicationRequest/{body['id']}"}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": body, "request": request}]}
        (await self.task.request("POST", "fhir", json=bundle)).raise_for_status()


class SendsToo(Desk):
    """Suggests the alternative and requests the drug as well."""

    async def suggest(self, alternative: str) -> Any:
        body = {
            "patient_member_id": self.member,
            "procedure_code": self.drug["ndc"],
            "diagnosis_codes": self.diagnoses,
            "provider_npi": self.npi,
            "clinical_answers": {"statins_tried": "atorvastatin"},
        }
        await self.send("POST", "prior-auths", body)
        return await super().suggest(alternative)


class LoggedIn(Desk):
    """Works the draft as somebody at a desk does: logged in, found by name, saved question by question."""

    async def complete_draft(self) -> None:
        payer = next(one for one in self.task.started["sandboxes"] if one["type"] == "Payer")["credentials"]
        login = {name: payer[name] for name in ("username", "password")}
        opened = (await self.task.request("POST", "portal/login", json=login)).raise_for_status()
        self.cookie = opened.headers["Set-Cookie"].partition(";")[0]
        (await self.task.request("GET", "portal/prior-auths", headers=self.by_cookie)).raise_for_status()
        await super().complete_draft()

    @property
    def by_cookie(self) -> dict[str, str]:
        return {"Authorization": "", "Cookie": self.cookie}

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        if method == "PATCH":
            for name, value in body.pop("clinical_answers").items():
                await super().send(method, path, {"clinical_answers": {name: value}})
        return await super().send(method, path, body)


class StartsAnew(Desk):
    """Sends a new request in the place of the draft."""

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        if method == "PATCH":
            draft = await self.portal(path)
            return await super().send("POST", "prior-auths", {**body, "patient_member_id": draft["patient_member_id"]})
        return None


class InWords(Desk):
    """Writes an appeal as people do."""

    async def rationale(self) -> str:
        return (
            "Mr. Salas had RHABDOMYOLYSIS on atorvastatin 80 mg in November 2024 and was in hospital for six days. On "
            "ezetimibe since September 2025 (26 weeks) his LDL is still 148."
        )


class OtherDates(Desk):
    """Writes a span of days, and a day with its month in the middle."""

    async def rationale(self) -> str:
        return "Atorvastatin 80 mg: rhabdomyolysis, November 6 to 12, 2024. Ezetimibe from 1-Sep-2025, 26-week trial."


class OtherOrder(Desk):
    words = "rosuvastatin tablets, 10 mg,"

    async def suggest(self, alternative: str) -> Any:
        return await super().suggest(self.words)

    def report(self, decision: str, row: Any = None, remarks: str = "") -> Any:
        return {**super().report(decision, row, remarks), "decision": decision.capitalize()}


class TwoStrengths(OtherOrder):
    words = "Rosuvastatin 10 mg or 20 mg tablet"


class MadeUp(Desk):
    def report(self, decision: str, row: Any = None, remarks: str = "") -> Any:
        return {**super().report(decision, row, remarks), "auth_number": "PA1234567890"}


class PaperThenAnswer(Desk):
    """Adds the paper, answers after it."""

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        if method != "PATCH":
            return await super().send(method, path, body)
        await super().send("POST", f"{path}/attachments", body["attachments"][0])
        return await super().send("PATCH", path, {"clinical_answers": body["clinical_answers"]})


RIGHT: dict[str, list[Any]] = {
    "ended-coverage": [OwnId, Slip],
    "who-pays-first": [InOneTransaction, Capitals],
    "denied-authorized": [WithThePaper, Capitals],
    "no-appeal": [Reversed, Capitals],
    "open-claims": [Reversed, Capitals],
    "alternative-first": [OtherOrder],
    "step-therapy": [SavedFirst, AsksTheListOnly],
    "pharmacy-draft": [LoggedIn],
    "appeal": [InWords, OtherDates],
    "wanted-paper": [PaperThenAnswer],
}
WRONG = [
    ("ended-coverage", TeethToo, {"Only that one entry was made, in any chart"}),
    ("who-pays-first", AppealsToo, {NOTHING_ELSE}),
    ("no-appeal", AppealsToo, {UNTOUCHED}),
    (
        "denied-authorized",
        AllNumbers,
        {
            "One appeal, with the authorization that was good on the day of service",
            NOTHING_ELSE,
            "Nothing else was appealed",
        },
    ),
    ("open-claims", Twice, {"No account is reported twice"}),
    ("wrong-patient", AtThePortal, {"Both went through the clearinghouse"}),
    ("wrong-patient", Thorough, {NOTHING_ELSE}),
    ("step-therapy", ReleasedFirst, {"The prescription stayed on hold until the plan had approved"}),
    ("alternative-first", SendsToo, {NOTHING_SENT}),
    ("wrong-patient", MadeUpNumber, {"The number that was reported is the one that the payer gave"}),
    *((task, MadeUp, {NUMBER}) for task in ("step-therapy", "appeal", "wanted-paper")),
    (
        "alternative-first",
        TwoStrengths,
        {TOLD_PRESCRIBER, "Only that one message was written, in any chart", NOTHING_SENT},
    ),
    (
        "pharmacy-draft",
        StartsAnew,
        {
            "The pharmacy's request was sent, for the right pen, and is approved",
            "Its questions are answered as she is now",
            "Nothing else was sent, and no new request was begun",
            NOTHING_SENT,
        },
    ),
]
CASES = [(task, way, set()) for task, ways in RIGHT.items() for way in ways] + WRONG


@pytest.mark.parametrize(
    ("task", "way", "failed"), CASES, ids=lambda value: value.__name__ if isinstance(value, type) else None
)
async def test_the_end_counts_however_it_is_reached(task: str, way: Any, failed: set[str], tmp_path: Path) -> None:
    module, slug = (CLAIMS, "eligibility-and-claims") if issubclass(way, Office) else (DRUGS, "pharmacy-epa")

    async def solve(session: Any) -> Any:
        return await module.solve(session, way)

    async with serving_only(tmp_path, f"{slug}@1") as client:
        agent = FunctionAgent(way.__name__, solve)
        result = await rehearse_once(client, f"{slug}@1", agent, Options(task_keys=(task,)), Unwatched())
    (run,) = result.task_runs
    assert {check.label for check in run.checks if not check.passed} == failed, run.explain()
    assert run.is_pass == (not failed)
