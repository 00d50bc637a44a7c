"""The reference agent: reads prescription, chart and formulary, looks what is on file, and sends what is whole."""

import base64
import io
import re
from typing import Any

ICD10, NPI = "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/us-npi"
WANTED = "eosinophil"

Row = dict[str, Any]


class Desk:
    """The prior authorization desk's tools over one task."""

    def __init__(self, task: Any) -> None:
        self.task = task

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

    async def read(self, reference: str) -> Row:
        """Read an entry of a chart by its reference."""
        resource: Row = (await self.task.request("GET", f"fhir/{reference}")).raise_for_status().json()
        return resource

    async def portal(self, path: str, **params: str) -> Any:
        """Read from the plan's portal."""
        answer = (await self.task.request("GET", f"portal/{path}", params=params)).raise_for_status().json()
        return answer.get("data", answer)

    async def send(self, method: str, path: str, body: Row | None = None) -> Row:
        """Do something at the plan's portal."""
        answer = await self.task.request(method, f"portal/{path}", json=body)
        sent: Row = answer.raise_for_status().json()
        return sent

    # What it is about.

    async def open_prescription(self) -> None:
        """Read the prescription and everything that belongs to it."""
        (self.prescription,) = await self.search("MedicationRequest", identifier=self.task.task_item["prescription"])
        self.number = self.prescription["identifier"][0]["value"]
        self.patient = self.prescription["subject"]["reference"]
        self.prescriber = await self.read(self.prescription["requester"]["reference"])
        self.npi = next(one["value"] for one in self.prescriber["identifier"] if one["system"] == NPI)
        card = await self.read(self.prescription["insurance"][0]["reference"])
        self.member = card["subscriberId"]
        self.name = self.prescription["medicationCodeableConcept"]["text"]
        self.drug = next(row for row in await self.portal("formulary", drug=self.name) if row["drug"] == self.name)
        self.diagnoses = [
            one["code"] for why in self.prescription["reasonCode"] for one in why["coding"] if one["system"] == ICD10
        ]

    async def notes(self) -> list[str]:
        """Return the notes of the chart, the latest first."""
        rows = await self.search("DocumentReference", patient=self.patient)
        rows.sort(key=lambda row: str(row["date"]), reverse=True)
        return [
            " ".join(base64.b64decode(row["content"][0]["attachment"]["data"]).decode().split())
            for row in rows
            if "data" in row["content"][0]["attachment"]
        ]

    async def harmful(self) -> list[str]:
        """Return what allergies and intolerances of the chart name."""
        rows = await self.search("AllergyIntolerance", patient=self.patient)
        return [
            row["code"]["text"]
            for row in rows
            if row.get("verificationStatus", {}).get("coding", [{}])[0].get("code") != "entered-in-error"
        ]

    def found(self, pattern: str, texts: list[str]) -> re.Match[str]:
        """Return the first place in the notes that a pattern is found at."""
        match = next((match for text in texts if (match := re.search(pattern, text))), None)
        if match is None:
            raise LookupError(f"the notes do not say: {pattern}")
        return match

    # Rules 2 and 3: look before you send.

    async def on_file(self) -> list[Row]:
        """Return what the plan has of this member and drug."""
        rows = await self.portal("prior-auths", patient_member_id=self.member, procedure_code=self.drug["ndc"])
        return [row for row in rows if row["status"] == "submitted"]

    async def alternative(self) -> str | None:
        """Return the alternative that needs nothing, was not had, and that the chart allows."""
        harmful, had = await self.harmful(), " ".join(await self.notes()).casefold()
        for name in self.drug["alternatives"]:
            row = next(r for r in await self.portal("formulary", drug=name) if r["drug"] == name)
            if not row["pa_required"] and self.is_allowed(name, harmful, had):
                return str(name)
        return None

    def is_allowed(self, name: str, harmful: list[str], had: str) -> bool:
        """Whether the chart speaks against a drug."""
        substance = name.split()[0].casefold()
        is_harmful = any(substance.startswith(word[:4].casefold()) for word in harmful)
        return not is_harmful and substance not in had

    async def suggest(self, alternative: str) -> Row:
        """Tell the prescriber of an alternative."""
        text = (
            f"{self.name} ({self.number}) needs an authorization of the plan; {alternative} needs none. Please review."
        )
        message = {
            "resourceType": "Communication",
            "status": "completed",
            "subject": {"reference": self.patient},
            "about": [{"reference": f"MedicationRequest/{self.prescription['id']}"}],
            "recipient": [{"reference": f"Practitioner/{self.prescriber['id']}"}],
            "payload": [{"contentString": text}],
        }
        (await self.task.request("POST", "fhir/Communication", json=message)).raise_for_status()
        return self.report("not sent", remarks=f"{alternative} needs no authorization")

    def report(self, decision: str, row: Row | None = None, remarks: str = "") -> Row:
        """Return the report of rule 10."""
        valid_to = ((row or {}).get("authorization") or {}).get("valid_to")
        return {
            "decision": decision,
            "auth_number": row["auth_number"] if row else None,
            "valid_to": valid_to,
            "remarks": remarks,
        }

    # Rules 4, 5, 8 and 9: request, wait, release.

    async def settle(self) -> Row:
        """Settle a prescription: suggest an alternative, or request, wait and release."""
        await self.open_prescription()
        alternative = await self.alternative()
        if alternative is not None:
            return await self.suggest(alternative)
        if rows := await self.on_file():
            return self.report(rows[0]["determination"]["status"], rows[0], "it is on file")
        body = {
            "patient_member_id": self.member,
            "procedure_code": self.drug["ndc"],
            "diagnosis_codes": self.diagnoses,
            "provider_npi": self.npi,
            "clinical_answers": await self.answers(),
            "notes": f"Prescription {self.number}.",
        }
        return await self.conclude(await self.send("POST", "prior-auths", body))

    async def conclude(self, row: Row) -> Row:
        """Wait for the decision and its number, release what was approved, report."""
        row = await self.awaited(row)
        decision = row["determination"]["status"]
        if decision == "approved":
            await self.release()
        return self.report(decision, row)

    async def awaited(self, row: Row) -> Row:
        """Return a request when nothing more is to come."""
        while (
            row["determination"]["status"] == "pending"
            or row["state"] == "appealed"
            or (row["determination"]["status"] == "approved" and row["auth_number"] is None)
        ):
            (await self.task.advance_clock()).raise_for_status()
            row = await self.portal(f"prior-auths/{row['request_id']}")
        return row

    async def release(self) -> None:
        """Make the prescription active."""
        headers = {"If-Match": f'W/"{self.prescription["meta"]["versionId"]}"'}
        path = f"fhir/MedicationRequest/{self.prescription['id']}"
        body = {**self.prescription, "status": "active"}
        (await self.task.request("PUT", path, json=body, headers=headers)).raise_for_status()

    async def answers(self) -> Row:
        """Answer the questions that are asked, each after the answers before it."""
        (asked,) = await self.portal("questions", procedure_code=self.drug["ndc"])
        notes, harmful = await self.notes(), await self.harmful()
        trial = self.trial(notes)
        test = self.found(r"release assay of (\S+) (negative|positive)", notes)
        allergy = next((name for name in harmful if name.startswith("Sulfon")), None)
        said = {
            "condition": "rheumatoid arthritis",
            "methotrexate": "tried",
            "methotrexate_weeks": trial[0],
            "methotrexate_outcome": trial[1],
            "sulfasalazine": "contraindicated" if allergy else "never",
            "sulfasalazine_reason": f"Allergy to {allergy}".lower(),
            "tuberculosis_test_date": test[1],
            "tuberculosis_test_result": test[2],
        }
        given: Row = {}
        for question in asked["questions"]:
            if all(given.get(one["question"]) == one["equals"] for one in question["when"]):
                given[question["id"]] = said[question["id"]]
        return given

    def trial(self, notes: list[str]) -> tuple[int, str]:
        """Return how long the trial of methotrexate that could be judged went on, and how it ended."""
        found = self.found(r"Methotrexate \d+ mg weekly .* taken for (\d+) weeks .*: (inadequate response)", notes)
        return int(found[1]), found[2]

    # Rule 5: a draft.

    async def complete_draft(self) -> None:
        """Complete the draft that the instruction names, with what it says."""
        text = " ".join(self.task.task_item["instruction"].split())
        key = self.found(r"its key is (\w+)", [text])[1]
        born = self.found(r"born (\S+):", [text])[1]
        draft = await self.portal(f"prior-auths/{key}")
        (member,) = await self.portal("patients", member_id=draft["patient_member_id"])
        if (member["last_name"], member["birth_date"]) != ("Marlowe", born):
            raise LookupError(f"{key} is {member['first_name']}'s, born {member['birth_date']}")
        (drug,) = (row for row in await self.portal("formulary", drug="Ozempic") if "1 mg dose pen" in row["drug"])
        (prescriber,) = await self.portal("providers", name="Miriam Adler")
        values = re.findall(r"(\d\.\d) percent (?:on|since) (\d{4}-\d\d-\d\d)", text)
        a1c, day = self.latest(values)
        body = {
            "procedure_code": drug["ndc"],
            "diagnosis_codes": [self.found(r"\((E\d\d\.\d+)\)", [text])[1]],
            "provider_npi": prescriber["npi"],
            "clinical_answers": {
                "diabetes": "type 2",
                "a1c": float(a1c),
                "a1c_date": day,
                "metformin": "stopped",
                "metformin_stopped_because": self.found(r"stopped for (.*?);", [text])[1],
                "pens": 1,
            },
        }
        await self.send("PATCH", f"prior-auths/{key}", body)
        await self.send("POST", f"prior-auths/{key}/submit")

    def latest(self, values: list[tuple[str, str]]) -> tuple[str, str]:
        """Return the latest of some results with their days."""
        return max(values, key=lambda pair: pair[1])

    # Rule 7: a denial.

    async def work_denial(self) -> Row:
        """Appeal a denial with what the chart shows."""
        await self.open_prescription()
        (row,) = await self.on_file()
        await self.send("POST", f"prior-auths/{row['request_id']}/appeal", {"rationale": await self.rationale()})
        return await self.conclude(await self.portal(f"prior-auths/{row['request_id']}"))

    async def rationale(self) -> str:
        """Say what the plan missed."""
        notes = await self.notes()
        statin = self.found(r"from (\S+) to \S+ with (\w+) on (\w+) (\d+ mg)", notes)
        other = self.found(r"Ezetimibe (\d+ mg) daily from (\S+), (\d+) weeks", notes)
        return (
            f"No statin can be taken: {statin[2]} on {statin[3]} {statin[4]} on {statin[1]}, in hospital. "
            f"Ezetimibe {other[1]} daily from {other[2]}, {other[3]} weeks, goal missed."
        )

    # Rule 6: what the plan wants.

    async def give_paper(self) -> Row:
        """Give the plan the paper that it waits for, with the number in it."""
        await self.open_prescription()
        (row,) = await self.on_file()
        patient = await self.read(self.patient)
        name, content, text = await self.paper(patient)
        count = self.found(r"Eosinophils, absolute (\d+) cells/uL", [text])[1]
        paper = {
            "filename": name,
            "content_type": "application/pdf",
            "content_base64": base64.b64encode(content).decode(),
        }
        body = {"clinical_answers": {"eosinophils": int(count)}, "attachments": [paper]}
        return await self.conclude(await self.send("PATCH", f"prior-auths/{row['request_id']}", body))

    async def paper(self, patient: Row) -> tuple[str, bytes, str]:
        """Return the latest scanned report of a patient: name, content, text."""
        listed = await self.task.request("GET", "files/scans/")
        found = []
        for row in listed.raise_for_status().json():
            content = (await self.task.request("GET", f"files/{row['path']}")).raise_for_status().body
            text = read_pdf(content)
            if WANTED in text.casefold() and self.is_of(text, patient):
                found.append((self.found(r"Collected: (\S+)", [text])[1], row["name"], content, text))
        _, name, content, text = max(found)
        return name, content, text

    def is_of(self, text: str, patient: Row) -> bool:
        """Whether a paper is about a patient."""
        name = patient["name"][0]
        return f"{name['given'][0]} {name['family']}" in text and f"Born: {patient['birthDate']}" in text

    # Rule 2: what is on file elsewhere.

    async def find_out(self) -> Row:
        """Say what is on file for a member and who decides."""
        await self.open_prescription()
        patient = await self.read(self.patient)
        asked = {"member_id": self.member, "birth_date": patient["birthDate"], "procedure_code": self.drug["ndc"]}
        rows = await self.portal("status", **asked)
        needed = await self.portal("requirements", procedure_code=self.drug["ndc"], patient_member_id=self.member)
        if not rows and needed["decided_by"] is not None:
            said = {"on_file": False, "decided_by": needed["decided_by"]}
            return {**self.report("not sent", remarks=needed["message"]), **said}
        return {**self.report(rows[0]["determination"], rows[0]), "on_file": True, "decided_by": needed["decided_by"]}


def read_pdf(content: bytes) -> str:
    """Return the text of a PDF."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


WAYS = {
    "step-therapy": Desk.settle,
    "alternative-first": Desk.settle,
    "pharmacy-draft": Desk.complete_draft,
    "appeal": Desk.work_denial,
    "wanted-paper": Desk.give_paper,
    "another-plan": Desk.find_out,
}


async def solve(task: Any, desk: type[Desk] = Desk) -> Any:
    """Work the task."""
    return await getattr(desk(task), WAYS[task.key].__name__)()
