"""The reference agent: each piece of work is a few steps, taken in the order that the house rules give."""

import csv
import io
import json
import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any

MRN = "https://regional-clinic.example/fhir/identifier/mrn"
NPI = "http://hl7.org/fhir/sid/us-npi"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
CPT = "http://www.ama-assn.org/go/cpt"
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"

Resource = dict[str, Any]
Step = Callable[[], Awaitable[None]]


def code_of(concept: Resource, system: str) -> str:
    """Return the code that a concept has in one system."""
    return next(c["code"] for c in concept["coding"] if c["system"] == system)


def american(text: str) -> str:
    """Write a date of this country as FHIR does.

    >>> american("01/05/1961")
    '1961-01-05'
    """
    return f"{datetime.strptime(text, '%m/%d/%Y').date()}"


def compact(text: str) -> str:
    """Write a FHIR date or UTC time as HL7 v2 does.

    >>> compact("2026-02-26T12:39:00Z"), compact("1961-01-05")
    ('20260226123900+0000', '19610105')
    """
    return re.sub(r"[-:T]", "", text).replace("Z", "+0000")


class Office:
    """The back office's tools over one task; what a step learns is kept for the next."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.today = date.fromisoformat(task.task_item["today"])
        self.instruction: str = task.task_item["instruction"]
        self.allergies: list[str] = []

    # What every piece of work needs.

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call a surface and return its JSON; raises on an error."""
        return (await self.task.request(method, path, **arguments)).raise_for_status().json()

    async def text(self, path: str) -> str:
        """Read a file of the shared drive."""
        answer = await self.task.request("GET", f"files/{path}")
        return str(answer.raise_for_status().text)

    async def search(self, kind: str, **params: str) -> list[Resource]:
        """Return the matches of a search."""
        bundle = await self.call("GET", f"fhir/{kind}", params={**params, "_count": "200"})
        return [entry["resource"] for entry in bundle.get("entry", [])]

    async def patch(self, resource: Resource, **members: Any) -> None:
        """Replace top-level members of a resource and leave the rest as it is."""
        steps = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in members.items()]
        headers = {"Content-Type": "application/json-patch+json"}
        path = f"fhir/{resource['resourceType']}/{resource['id']}"
        (await self.task.request("PATCH", path, data=json.dumps(steps).encode(), headers=headers)).raise_for_status()

    async def create(self, resource: Resource) -> None:
        """Store a new resource."""
        await self.call("POST", f"fhir/{resource['resourceType']}", json=resource)

    async def patient(self, name: str, born: str) -> Resource:
        """Return the one patient of that name and birth date; a chart that another has replaced is not active."""
        given, family = name.rsplit(" ", 1)
        charts = await self.search("Patient", family=family, given=given, birthdate=born)
        (found,) = (chart for chart in charts if chart.get("active") is not False)
        return found

    async def patient_meant(self) -> Resource:
        """Return the patient that the instruction names."""
        found = re.search(r"([A-Z]\w+ [A-Z]\w+)(?:'s)?, born (\d{4}-\d\d-\d\d)", self.instruction)
        assert found is not None
        return await self.patient(found[1], found[2])

    async def send_result(
        self, to: tuple[str, str], patient: Resource, code: str, value: Any, unit: str, at: str
    ) -> None:
        """Send one result message."""
        record = next(i["value"] for i in patient["identifier"] if i["system"] == MRN)
        name, born = patient["name"][0], compact(patient["birthDate"])
        payload = "\r".join(
            (
                f"MSH|^~\\&|RCEHR|REGMED|{to[0]}|{to[1]}|{self.today:%Y%m%d}||ORU^R01^ORU_R01|{record}-{code}|P|2.5.1",
                f"PID|1||{record}^^^REGMED^MR||{name['family']}^{name['given'][0]}||{born}",
                f"OBR|1|||{code}^^LN",
                f"OBX|1|NM|{code}^^LN||{value}|{unit}|||||F|||{at}",
                "",
            )
        )
        answer = await self.call("POST", "hl7/outbound", json={"payload": payload})
        if not answer["accepted"]:
            raise RuntimeError(f"the message was refused: {answer['errors']}")

    # Rules 1 and 2: drugs.

    async def read_allergies(self) -> None:
        """Read what the patient is allergic to."""
        patient = await self.patient_meant()
        rows = await self.search("AllergyIntolerance", patient=f"Patient/{patient['id']}")
        self.allergies = [row["code"].get("text", "") for row in rows]

    async def drug_order(self) -> Resource:
        """Return the order that the clinician asks for."""
        drug = re.search(r"(?:for|to) ([a-z][\w ]*?\d+ MG [\w ]+?) \(RxNorm (\d+)\)", self.instruction)
        dosage = re.search(r'word for word: "(.+?)"', self.instruction)
        asked_by = re.search(r"Dr\. (\w+) (\w+)", self.instruction)
        assert drug is not None and dosage is not None and asked_by is not None
        if any(allergy.casefold() in drug[1].casefold() for allergy in self.allergies if allergy):
            raise RuntimeError(f"{drug[1]} against {self.allergies}")
        patient = await self.patient_meant()
        (clinician,) = await self.search("Practitioner", given=asked_by[1], family=asked_by[2])
        return {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": drug[2]}], "text": drug[1]},
            "subject": {"reference": f"Patient/{patient['id']}"},
            "authoredOn": f"{self.today}",
            "requester": {"reference": f"Practitioner/{clinician['id']}"},
            "dosageInstruction": [{"text": dosage[1]}],
        }

    async def order_drug(self) -> None:
        """Order what the clinician asks for."""
        await self.create(await self.drug_order())

    async def old_drug(self) -> Resource:
        """Return the order that the instruction says is to end."""
        name = re.search(r"from (\w+) to", self.instruction)
        assert name is not None
        patient = await self.patient_meant()
        rows = await self.search("MedicationRequest", patient=f"Patient/{patient['id']}", status="active")
        (found,) = [row for row in rows if name[1] in row["medicationCodeableConcept"]["text"]]
        return found

    async def stop_drug(self) -> None:
        """Stop the old drug."""
        await self.patch(await self.old_drug(), status="stopped")

    # Rule 3: results for somebody outside.

    def consent(self, patient: Resource, paper: str, practice: Resource) -> Resource:
        """Return the consent that a paper is."""
        signed, until = (re.search(rf"{name}: +(\S+)", paper) for name in ("\\bDate", "good until"))
        assert signed is not None and until is not None
        return {
            "resourceType": "Consent",
            "status": "active",
            "scope": {"coding": [{"system": CONSENT_SCOPE, "code": "patient-privacy"}]},
            "category": [{"text": "Release of laboratory results"}],
            "patient": {"reference": f"Patient/{patient['id']}"},
            "dateTime": american(signed[1]),
            "policyRule": {"text": "Written authorization of the patient"},
            "provision": {
                "type": "permit",
                "period": {"end": american(until[1])},
                "actor": [
                    {
                        "role": {"text": "Recipient of the results"},
                        "reference": {"reference": f"Organization/{practice['id']}"},
                    }
                ],
            },
        }

    async def consent_on_paper(self) -> Resource:
        """Return the consent as it lies in the inbox."""
        patient = await self.patient_meant()
        (listed,) = [row for row in await self.call("GET", "files/inbox") if "/consents/" in row["path"]]
        paper = await self.text(listed["path"])
        named = re.search(r"results to:\s+(.+?),", paper)
        assert named is not None and patient["name"][0]["family"] in paper
        (practice,) = await self.search("Organization", name=named[1])
        return self.consent(patient, paper, practice)

    async def enter_consent(self) -> None:
        """Enter the consent on paper."""
        await self.create(await self.consent_on_paper())

    async def give_result(self) -> None:
        """Send the latest result to the practice that asks."""
        asks = re.search(r"\. ([A-Z][\w ]+?) asks for", self.instruction)
        assert asks is not None
        rows = csv.DictReader(io.StringIO(await self.text("directory/referring-practices.csv")))
        (practice,) = [row for row in rows if row["practice"] == asks[1]]
        patient = await self.patient_meant()
        code = "2160-0"
        rows = await self.search(
            "Observation", patient=f"Patient/{patient['id']}", code=f"{LOINC}|{code}", _sort="-date", status="final"
        )
        latest, to = rows[0], (practice["hl7_application"], practice["hl7_facility"])
        amount = latest["valueQuantity"]
        await self.send_result(to, patient, code, amount["value"], amount["code"], compact(latest["effectiveDateTime"]))

    # Rule 4: imaging.

    async def imaging_order(self) -> Resource:
        """Return the order that the task is about."""
        return (await self.search("ServiceRequest", identifier=self.task.task_item["order"]))[0]

    async def request_approval(self) -> None:
        """Ask the payer, and go on only when it approves."""
        order = await self.imaging_order()
        coverage = await self.call("GET", f"fhir/{order['insurance'][0]['reference']}")
        clinician = await self.call("GET", f"fhir/{order['requester']['reference']}")
        body = {
            "patient_member_id": coverage["subscriberId"],
            "procedure_code": code_of(order["code"], CPT),
            "diagnosis_codes": [code_of(reason, ICD10) for reason in order["reasonCode"]],
            "provider_npi": next(i["value"] for i in clinician["identifier"] if i["system"] == NPI),
        }
        row = await self.call("POST", "portal/prior-auths", json=body)
        if row["determination"]["status"] != "approved":
            raise RuntimeError(f"the payer says {row['determination']}")

    async def release(self) -> None:
        """Make the order active."""
        await self.patch(await self.imaging_order(), status="active")

    # Rule 5: referrals.

    async def worklist(self) -> list[dict[str, str]]:
        """Return the rows of the worklist."""
        return list(csv.DictReader(io.StringIO(await self.text("inbox/letters/worklist.csv"))))

    async def took_place(self, row: dict[str, str]) -> bool:
        """Read a letter and tell whether it says that the consultation took place."""
        letter = " ".join((await self.text(f"inbox/letters/{row['letter']}")).split())
        return row["order"] in letter and not re.search(r"did not come|still to take place", letter)

    async def set_order(self, row: dict[str, str], status: str) -> None:
        """Give the order of a row a status, as long as nobody else has changed it."""
        order = (await self.search("ServiceRequest", identifier=row["order"]))[0]
        headers = {"If-Match": f'W/"{order["meta"]["versionId"]}"'}
        await self.call("PUT", f"fhir/ServiceRequest/{order['id']}", json={**order, "status": status}, headers=headers)

    async def read_and_close(self) -> None:
        """Read each letter, then close its order."""
        for row in await self.worklist():
            if await self.took_place(row):
                await self.set_order(row, "completed")

    # Rule 6: critical results.

    async def lab_result(self) -> tuple[Resource, list[str], Resource]:
        """Return the patient, the fields of the OBX segment and the order of the message in the inbox."""
        (entry,) = await self.call("GET", "hl7/inbox")
        rows = {line[:3]: line.split("|") for line in entry["payload"].replace("\n", "\r").split("\r") if line}
        patient = await self.patient_meant()
        assert rows["PID"][3].split("^")[0] in [i["value"] for i in patient["identifier"]]
        (order,) = await self.search("ServiceRequest", identifier=rows["OBR"][2], patient=f"Patient/{patient['id']}")
        return patient, rows["OBX"], order

    async def page(self) -> None:
        """Page the doctor on call if the result is critical."""
        patient, obx, _ = await self.lab_result()
        code, value, unit = obx[3].split("^")[0], obx[5], obx[6].split("^")[0]
        limits = csv.DictReader(io.StringIO(await self.text("policies/critical-values.csv")))
        (limit,) = [row for row in limits if row["loinc"] == code]
        if float(limit["critical_at_or_below"]) < float(value) < float(limit["critical_at_or_above"]):
            return
        await self.send_result(("PAGER", "ONCALL"), patient, code, value, unit, obx[14])

    def observation(self, patient: Resource, obx: list[str], order: Resource) -> Resource:
        """Return the observation for a result."""
        at, unit = datetime.strptime(obx[14], "%Y%m%d%H%M%S%z"), obx[6].split("^")[0]
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": obx[3].split("^")[0]}]},
            "subject": {"reference": f"Patient/{patient['id']}"},
            "basedOn": [{"reference": f"ServiceRequest/{order['id']}"}],
            "effectiveDateTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "valueQuantity": {"value": float(obx[5]), "unit": unit, "system": UCUM, "code": unit},
            "interpretation": [{"coding": [{"system": INTERPRETATION, "code": obx[8]}]}],
        }

    async def file_result(self) -> None:
        """File the result and complete its order."""
        patient, obx, order = await self.lab_result()
        await self.create(self.observation(patient, obx, order))
        await self.patch(order, status="completed")

    # Rule 7: callers.

    async def calls(self) -> list[tuple[Resource, str, str]]:
        """Return the patient, the member number and the new phone number of each call."""
        found = []
        for listed in await self.call("GET", "files/inbox"):
            note = await self.text(listed["path"])
            name, born, member = (
                re.search(rf"{label}: +(.+)", note) for label in ("says s?he is", "Date of birth", "Member number")
            )
            phone = re.search(r"changed to ([\d-]+)", note)
            assert name and born and member and phone
            found.append((await self.patient(name[1], american(born[1])), member[1], phone[1]))
        return found

    async def is_who_they_say(self, patient: Resource, member: str) -> bool:
        """Look the member number up on the payers' portal."""
        rows = (await self.call("GET", "portal/patients", params={"member_id": member}))["data"]
        name = patient["name"][0]
        return any(
            (row["last_name"], row["first_name"], row["birth_date"])
            == (name["family"], name["given"][0], patient["birthDate"])
            for row in rows
        )

    async def set_phone(self, patient: Resource, phone: str) -> None:
        """Put a phone number in the place of the old one."""
        telecom = [{**entry, "value": phone} if entry["system"] == "phone" else entry for entry in patient["telecom"]]
        await self.patch(patient, telecom=telecom)

    async def check_and_change(self) -> None:
        """Make sure of each caller, then do what the caller wants."""
        for patient, member, phone in await self.calls():
            if await self.is_who_they_say(patient, member):
                await self.set_phone(patient, phone)


def steps_of(office: Office) -> dict[str, tuple[Step, ...]]:
    """Return the steps of each task, in the order of the house rules."""
    return {
        "allergies-first": (office.read_allergies, office.order_drug),
        "one-at-a-time": (office.read_allergies, office.stop_drug, office.order_drug),
        "consent-first": (office.enter_consent, office.give_result),
        "approval-first": (office.request_approval, office.release),
        "letters-first": (office.read_and_close,),
        "page-first": (office.page, office.file_result),
        "callers-first": (office.check_and_change,),
    }


async def solve(task: Any) -> None:
    """Take the steps of the task."""
    for step in steps_of(Office(task))[task.key]:
        await step()
