"""The reference agent: settles an imaging order's insurance question from chart, shared drive and portal."""

import base64
import csv
import io
import re
from datetime import date, datetime, timedelta
from typing import Any

NPI = "http://hl7.org/fhir/sid/us-npi"
CPT = "http://www.ama-assn.org/go/cpt"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
GOOD_FOR = timedelta(days=90)
LOOKS = 3
WORDS = dict(zip("one two three four five six seven eight nine ten eleven twelve".split(), range(1, 13), strict=True))


def codes(concepts: list[dict[str, Any]], system: str) -> list[str]:
    """Return the codes of one system in some CodeableConcepts."""
    return [c["code"] for concept in concepts for c in concept.get("coding", []) if c.get("system") == system]


def note_text(document: dict[str, Any]) -> str:
    """Return the text inside a note."""
    parts = [c["attachment"].get("data", "") for c in document["content"]]
    return " ".join(" ".join(base64.b64decode(part).decode().split()) for part in parts)


class Chart:
    """What the imaging desk reads and writes for one order."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.today = date.fromisoformat(task.task_item["today"])

    async def search(self, kind: str, **params: str) -> list[dict[str, Any]]:
        """Return every match of a search, page by page."""
        page = await self.task.request("GET", f"fhir/{kind}", params={**params, "_count": "100"})
        found: list[dict[str, Any]] = []
        while True:
            bundle = page.raise_for_status().json()
            found += [entry["resource"] for entry in bundle.get("entry", [])]
            following = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
            if following is None:
                return found
            page = await self.task.request("GET", following)

    async def read(self, reference: str) -> dict[str, Any]:
        """Read a resource by its reference."""
        resource: dict[str, Any] = (await self.task.request("GET", f"fhir/{reference}")).raise_for_status().json()
        return resource

    async def portal(self, path: str, **params: str) -> Any:
        """Read from the portal."""
        answer = (await self.task.request("GET", f"portal/{path}", params=params)).raise_for_status().json()
        return answer["data"] if isinstance(answer, dict) and "data" in answer else answer

    async def open_order(self) -> None:
        """Read the order and everything that belongs to it."""
        self.order = (await self.search("ServiceRequest", identifier=self.task.task_item["order"]))[0]
        self.patient = self.order["subject"]["reference"]
        self.code = codes([self.order["code"]], CPT)[0]
        self.diagnoses = codes(self.order["reasonCode"], ICD10)
        self.clinician = await self.read(self.order["requester"]["reference"])
        self.npi = next(i["value"] for i in self.clinician["identifier"] if i["system"] == NPI)
        documents = await self.search("DocumentReference", patient=self.patient)
        self.notes = sorted(((d["date"][:10], note_text(d)) for d in documents), reverse=True)
        self.coverage = await self.coverage_in_force()
        self.member = self.coverage["identifier"][0]["value"]
        self.payer = self.coverage["payor"][0]["display"]

    async def coverage_in_force(self) -> dict[str, Any]:
        """Return the insurance of today (house rule 2)."""
        today = str(self.today)
        for coverage in await self.search("Coverage", beneficiary=self.patient, status="active"):
            period = coverage.get("period", {})
            if period.get("start", "") <= today <= period.get("end", "9999"):
                return coverage
        raise LookupError(f"{self.patient} has no insurance in force")

    async def is_authorization_required(self) -> bool:
        """Look the payer and the code up in the list (house rule 3)."""
        answer = await self.task.request("GET", "files/policies/imaging-prior-authorization.csv")
        rows = csv.DictReader(io.StringIO(answer.raise_for_status().text))
        return any(
            row["payer"] == self.payer
            and row["procedure_code"] == self.code
            and row["prior_authorization"] == "required"
            for row in rows
        )

    async def standing_authorization(self) -> dict[str, Any] | None:
        """Return an approval that is still good (house rule 4)."""
        for row in await self.portal("prior-auths", patient_member_id=self.member):
            decision = row["determination"] or {}
            if row["procedure_code"] != self.code or decision.get("status") != "approved":
                continue
            decided = datetime.fromisoformat(decision["decided_at"].replace("Z", "+00:00")).date()
            if decided <= self.today <= decided + GOOD_FOR:
                return row
        return None

    async def objection(self) -> str | None:
        """Return what in the chart speaks against the examination (house rule 5)."""
        text = self.order["code"].get("text", "").lower()
        if "contrast" not in text or "without" in text:
            return None
        for allergy in await self.search("AllergyIntolerance", patient=self.patient):
            if codes([allergy.get("verificationStatus", {})], VERIFICATION) == ["entered-in-error"]:
                continue
            name = allergy["code"].get("text", "")
            if "contrast" in name.lower():
                reactions = [m["text"] for r in allergy.get("reaction", []) for m in r["manifestation"]]
                return f"{name} allergy ({', '.join(reactions)}) against {self.order['code']['text']}"
        return None

    async def questions(self) -> list[str]:
        """Return the ids of the payer's questions: as it lists them, or as it asks for them when it gets no answers."""
        listed = await self.task.request("GET", "portal/questions", params={"procedure_code": self.code})
        if listed.ok:
            return [q["id"] for questionnaire in listed.json()["data"] for q in questionnaire["questions"]]
        draft = {"patient_member_id": self.member, "procedure_code": self.code, "provider_npi": self.npi}
        body = {**draft, "diagnosis_codes": self.diagnoses, "clinical_answers": {}}
        refused = await self.task.request("POST", "portal/prior-auths", json=body)
        return [name.partition(".")[2] for name in refused.json()["error"]["details"] if "." in name]

    def answer(self, question: str) -> Any:
        """Answer a clinical question from the notes of this episode; None when they do not say."""
        latest = self.notes[0][1]
        everything = " ".join(text for day, text in self.notes if day >= str(self.today - timedelta(days=180)))
        match question:
            case "conservative_therapy_weeks":
                return self.therapy_weeks(everything)
            case "progressive_neurological_deficit":
                return "unchanged" not in latest
            case "red_flags":
                flags = {
                    "cauda_equina": "saddle anesthesia",
                    "cancer": "cancer",
                    "infection": "fever",
                    "fracture": "trauma",
                }
                for flag, sign in flags.items():
                    if not re.search(rf"\bno (history of )?{sign}", latest):
                        return flag
                return "none"
            case "mechanical_symptoms":
                return bool(re.search(r"\block(s|ing)\b", latest))
            case "weakness_on_examination":
                return bool(re.search(r"\bweakness\b", latest, re.IGNORECASE))
            case _:
                return None

    def therapy_weeks(self, text: str) -> int:
        """Return the weeks of supervised therapy that a text names."""
        found = re.search(r"(\w+) weeks of supervised physical therapy", text)
        return WORDS[found[1].lower()] if found else 0

    def supplement(self) -> str:
        """Return what payers ask after: therapy and radiograph, from the notes."""
        recent = [(day, text) for day, text in self.notes if day >= str(self.today - timedelta(days=180))]
        weeks = self.therapy_weeks(" ".join(text for _, text in recent))
        films = [text for _, text in recent if text.startswith("Exam date")]
        return f"Supervised physical therapy: {weeks} weeks. Radiograph: {' '.join(films)}"

    async def request_authorization(self) -> dict[str, Any]:
        """Submit the request and follow it to the payer's answer (house rules 6 to 8)."""
        answers = {question: self.answer(question) for question in await self.questions()}
        body = {
            "patient_member_id": self.member,
            "procedure_code": self.code,
            "diagnosis_codes": self.diagnoses,
            "provider_npi": self.npi,
            "clinical_answers": {name: value for name, value in answers.items() if value is not None},
            "notes": f"Order {self.task.task_item['order']}.",
        }
        row = (await self.task.request("POST", "portal/prior-auths", json=body)).raise_for_status().json()
        for _ in range(LOOKS):
            if row["determination"]["status"] == "need_more_info":
                more = {"notes": f"{body['notes']} {self.supplement()}"}
                path = f"portal/prior-auths/{row['request_id']}"
                row = (await self.task.request("PATCH", path, json=more)).raise_for_status().json()
            elif row["determination"]["status"] == "pending":
                row = await self.portal(f"prior-auths/{row['request_id']}")
        return dict(row)

    async def release(self) -> None:
        """Make the order active under the insurance in force, leaving the rest as it is (house rule 9)."""
        released = {**self.order, "status": "active", "insurance": [{"reference": f"Coverage/{self.coverage['id']}"}]}
        path = f"fhir/ServiceRequest/{self.order['id']}"
        headers = {"If-Match": f'W/"{self.order["meta"]["versionId"]}"'}
        (await self.task.request("PUT", path, json=released, headers=headers)).raise_for_status()

    async def warn(self, reason: str) -> None:
        """Tell the ordering clinician why the order was stopped."""
        message = {
            "resourceType": "Communication",
            "status": "completed",
            "subject": {"reference": self.patient},
            "about": [{"reference": f"ServiceRequest/{self.order['id']}"}],
            "recipient": [{"reference": self.order["requester"]["reference"]}],
            "payload": [
                {"contentString": f"Order {self.task.task_item['order']} is stopped: {reason}. Please review."}
            ],
        }
        (await self.task.request("POST", "fhir/Communication", json=message)).raise_for_status()

    def report(self, decision: str, auth_number: str | None = None, remarks: str = "") -> dict[str, Any]:
        """Return the report of house rule 10."""
        order = self.task.task_item["order"]
        return {"order": order, "decision": decision, "auth_number": auth_number, "remarks": remarks}


async def solve(task: Any, desk: type[Chart] = Chart) -> Any:
    """Settle the order's insurance question."""
    chart = desk(task)
    await chart.open_order()
    reason = await chart.objection()
    if reason:
        await chart.warn(reason)
        return chart.report("stopped", None, reason)
    if not await chart.is_authorization_required():
        await chart.release()
        return chart.report("not required")
    standing = await chart.standing_authorization()
    if standing:
        await chart.release()
        return chart.report("already authorized", standing["auth_number"])
    row = await chart.request_authorization()
    decision = row["determination"]["status"]
    if decision == "approved":
        await chart.release()
        return chart.report("authorized", row["auth_number"])
    return chart.report(decision, row["auth_number"], row["determination"]["reason"] or "")
