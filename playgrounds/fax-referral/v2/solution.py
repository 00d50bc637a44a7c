"""The reference agent: reads the fax, then works it under the house rules through the public surfaces."""

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

MRN_SYSTEM = "https://regional-clinic.example/fhir/identifier/mrn"
REFERRAL_SYSTEM = "https://regional-clinic.example/fhir/identifier/referral"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
NPI = "http://hl7.org/fhir/sid/us-npi"


@dataclass
class Fax:
    """What a referral fax says; an empty string where it says nothing."""

    practice: str
    number: str
    given: str
    family: str
    birth: str
    gender: str
    phone: str
    street: str
    city: str
    state: str
    postal_code: str
    member: str
    specialty: str
    urgency: str
    diagnosis: str
    diagnosis_text: str
    reason: str
    clinician: str
    npi: str
    callback: str

    @property
    def missing(self) -> list[str]:
        """What house rule 1 asks for and the fax does not show."""
        needed = {
            "patient's name and date of birth": self.family and self.given and self.birth,
            "requested specialty": self.specialty,
            "diagnosis code": self.diagnosis,
            "callback number of the referring clinician": self.callback,
        }
        return [name for name, value in needed.items() if not value]


def read_pdf(content: bytes) -> str:
    """Return a PDF's text layer, the fax machine's header lines left out."""
    from pypdf import PdfReader

    lines = [line for page in PdfReader(io.BytesIO(content)).pages for line in page.extract_text().splitlines()]
    return "\n".join(line.strip() for line in lines if not re.match(r"\s*(\d\d/\d\d/\d{4} .*FROM:|PAGE \d)", line))


def parse_referral(text: str) -> Fax | None:
    """Read a referral in either layout; None for another kind of fax."""
    if "OUTPATIENT REFERRAL" in text:
        return _parse_form(text)
    return _parse_letter(text) if "referral" in text.lower() and "Our reference:" in text else None


def _parse_form(text: str) -> Fax:
    lines = text.splitlines()

    def field(label: str) -> str:
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith(f"{label}:"):
                value = line.removeprefix(f"{label}:").strip() or following
                is_next_label = value.endswith(":") or value.startswith("Electronically signed")
                return "" if is_next_label else value
        return ""

    family, _, given = (part.strip().title() for part in field("Name").partition(","))
    reason = text.partition("Reason for referral:")[2].partition("History and medication:")[0]
    code, _, diagnosis_text = field("Diagnosis (ICD-10-CM)").partition(" ")
    return Fax(
        lines[0], field("Referral number"), given, family, _iso(field("Date of birth"), "%m/%d/%Y"),
        {"M": "male", "F": "female"}.get(field("Sex"), "unknown"), field("Phone"), *_address(field("Address")),
        field("Member number"), field("Requested specialty"), field("Urgency").lower(), code, diagnosis_text,
        " ".join(reason.split()), field("Clinician"), field("NPI"), field("Callback number"),
    )  # fmt: skip


def _parse_letter(text: str) -> Fax:
    flat = " ".join(text.split())

    def found(pattern: str) -> str:
        match = re.search(pattern, flat)
        return match[1].strip() if match else ""

    given, _, family = found(r"Re: (.+?), born").rpartition(" ")
    address = found(r"(?:female|male) (.+?), phone")
    diagnosis = re.search(r"Diagnosis: ([A-Z]\d\w(?:\.\w+)?) (.+?)\. ", flat)
    return Fax(
        text.splitlines()[0], found(r"Our reference: (\S+)"), given, family,
        _iso(found(r"born (\w+ \d+, \d{4})"), "%B %d, %Y"), found(r"born [^,]+, \d{4}, (female|male)"),
        found(r"phone ([\d-]+)"), *_address(address), found(r"member number (\w+)"), found(r"this patient in (\w+)\."),
        found(r"This is an? (\w+) referral"), diagnosis[1] if diagnosis else "", diagnosis[2] if diagnosis else "",
        found(r"Diagnosis: [^.]+\.\w* .+?\. (.+?) Should anything"), found(r"([A-Z]\w+ [A-Z]\w+, (?:MD|FNP)) +NPI"),
        found(r"NPI (\d{10})"), found(r"reach me at ([\d-]+)"),
    )  # fmt: skip


def _iso(text: str, form: str) -> str:
    return str(datetime.strptime(text, form).date()) if text else ""


def _address(text: str) -> tuple[str, str, str, str]:
    street, _, rest = text.partition(", ")
    match = re.fullmatch(r"(.+) ([A-Z]{2}) (\d{5})", rest)
    return (street, match[1], match[2], match[3]) if match else (street, rest, "", "")


def same_name(patient: dict[str, Any], fax: Fax) -> bool:
    """Whether one of the patient's names, former ones included, is the fax's."""
    return any(
        name.get("family", "").casefold() == fax.family.casefold()
        and next(filter(None, name.get("given", [])), "").casefold() == fax.given.split()[0].casefold()
        for name in patient["name"]
    )


def is_open(chart: dict[str, Any]) -> bool:
    """Whether a chart, role or calendar is in use: it is, unless it says that it is not."""
    return chart.get("active") is not False


class Desk:
    """The referral desk's tools over one task."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.today = date.fromisoformat(task.task_item["today"])

    async def faxes(self) -> list[Fax]:
        """Return the referrals in the inbox."""
        listing = (await self.task.request("GET", "files/inbox")).raise_for_status().json()
        found = []
        for entry in listing:
            if entry["path"].startswith("inbox/referrals/"):
                content = (await self.task.request("GET", f"files/{entry['path']}")).raise_for_status().body
                fax = parse_referral(read_pdf(content))
                if fax is not None:
                    found.append(fax)
        return found

    async def table(self, path: str) -> list[dict[str, str]]:
        """Return the rows of a CSV file on the shared drive."""
        answer = (await self.task.request("GET", f"files/{path}")).raise_for_status()
        return list(csv.DictReader(io.StringIO(answer.text)))

    async def search(self, kind: str, **params: str) -> list[dict[str, Any]]:
        """Return every match of a search, page by page."""
        query = {name.replace("__", ":"): value for name, value in params.items()}
        page = (await self.task.request("GET", f"fhir/{kind}", params={**query, "_count": "200"})).raise_for_status()
        found = []
        while True:
            bundle = page.json()
            found += [
                entry["resource"]
                for entry in bundle.get("entry", [])
                if entry.get("search", {}).get("mode", "match") == "match"
            ]
            following = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
            if following is None:
                return found
            page = (await self.task.request("GET", following)).raise_for_status()

    async def create(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Create a resource and return it as stored."""
        answer = await self.task.request("POST", f"fhir/{resource['resourceType']}", json=resource)
        created: dict[str, Any] = answer.raise_for_status().json()
        return created

    async def send(self, message: str) -> None:
        """Send an HL7 message; raises when it is not accepted."""
        answer = (await self.task.request("POST", "hl7/outbound", json={"payload": message})).raise_for_status().json()
        if not answer["accepted"]:
            raise RuntimeError(f"HL7 message refused: {answer['errors']}")

    async def find_patient(self, fax: Fax) -> dict[str, Any] | None:
        """Return our chart of the patient (house rule 2)."""
        namesakes = [p for p in await self.search("Patient", name=fax.family) if is_open(p) and same_name(p, fax)]
        for patient in namesakes:
            if patient.get("birthDate") == fax.birth:
                return patient
        for patient in namesakes:
            phones = {re.sub(r"\D", "", t.get("value", "")) for t in patient.get("telecom", [])}
            covers = await self.search("Coverage", beneficiary=f"Patient/{patient['id']}")
            members = {i["value"] for c in covers for i in c.get("identifier", [])}
            if fax.member in members and re.sub(r"\D", "", fax.phone) in phones:
                return patient
        return None

    async def register(self, fax: Fax) -> dict[str, Any]:
        """Open a chart (house rule 3)."""
        rows = await self.table("registration/mrn-block.csv")
        mrn = next(row["mrn"] for row in rows if row["state"] == "free")
        return await self.create(
            {
                "resourceType": "Patient",
                "identifier": [{"system": MRN_SYSTEM, "value": mrn}],
                "name": [{"family": fax.family, "given": fax.given.split()}],
                "birthDate": fax.birth,
                "gender": fax.gender,
                "telecom": [{"system": "phone", "value": fax.phone}],
                "address": [
                    {"line": [fax.street], "city": fax.city, "state": fax.state, "postalCode": fax.postal_code}
                ],
            }
        )

    async def find_slot(self, fax: Fax) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the slot to book and its clinician (house rule 5)."""
        earliest = self.today if fax.urgency == "urgent" else self.today + timedelta(days=14)
        candidates = []
        for calendar in filter(is_open, await self.search("Schedule")):
            specialties = {c.get("display", "").lower() for s in calendar.get("specialty", []) for c in s["coding"]}
            if not any(fax.specialty.lower() in specialty for specialty in specialties):
                continue
            actor = next(a for a in calendar["actor"] if a["reference"].startswith("Practitioner/"))
            slots = await self.search("Slot", schedule=f"Schedule/{calendar['id']}", status="free")
            candidates += [(slot["start"], slot, actor) for slot in slots if slot["start"][:10] >= str(earliest)]
        _, slot, actor = min(candidates, key=lambda found: found[0])
        return slot, actor

    async def requester(self, fax: Fax) -> dict[str, Any]:
        """Return the referring clinician, from our directory (house rule 4)."""
        (clinician,) = await self.search("Practitioner", identifier=f"{NPI}|{fax.npi}")
        return {"reference": f"Practitioner/{clinician['id']}"}

    async def order(self, fax: Fax, patient: dict[str, Any]) -> dict[str, Any]:
        """Return the referral order (house rule 4)."""
        return {
            "resourceType": "ServiceRequest",
            "identifier": [{"system": REFERRAL_SYSTEM, "value": fax.number}],
            "status": "active",
            "intent": "order",
            "priority": "urgent" if fax.urgency == "urgent" else "routine",
            "code": {"text": f"{fax.specialty} consultation"},
            "subject": {"reference": f"Patient/{patient['id']}"},
            "requester": await self.requester(fax),
            "reasonCode": [{"coding": [{"system": ICD10, "code": fax.diagnosis}]}],
        }

    def appointment(self, patient: str, order: str, slot: dict[str, Any], actor: dict[str, Any]) -> dict[str, Any]:
        """Return the appointment; `patient` and `order` are references."""
        return {
            "resourceType": "Appointment",
            "status": "booked",
            "start": slot["start"],
            "end": slot["end"],
            "slot": [{"reference": f"Slot/{slot['id']}"}],
            "basedOn": [{"reference": order}],
            "participant": [
                {"actor": {"reference": patient}, "status": "accepted"},
                {"actor": {"reference": actor["reference"]}, "status": "accepted"},
            ],
        }

    async def header(self, fax: Fax, kind: str, event: str) -> str:
        """Return the MSH segment of a message to the referring practice."""
        practices = await self.table("directory/referring-practices.csv")
        to = next(row for row in practices if row["practice"] == fax.practice)
        stamp = f"{self.today:%Y%m%d}"
        return (
            f"MSH|^~\\&|RCEHR|REGMED|{to['hl7_application']}|{to['hl7_facility']}|{stamp}||"
            f"{kind}^{event}^{kind}_{event}|{fax.number}-{event}|P|2.5"
        )

    async def announce(self, fax: Fax, patient: dict[str, Any], appointment: dict[str, Any]) -> None:
        """Send the scheduling notification (house rule 6)."""
        begin, end = (re.sub(r"\D", "", appointment[name])[:14] for name in ("start", "end"))
        segments = [
            await self.header(fax, "SIU", "S12"),
            f"SCH|{fax.number}|||||REFERRAL^{fax.specialty} referral|||||^^^{begin}^{end}",
            identity_of(patient),
            "RGS|1",
        ]
        await self.send("\r".join(segments) + "\r")

    async def send_back(self, fax: Fax, patient: dict[str, Any] | None) -> None:
        """Return an incomplete referral (house rule 7)."""
        text = f"Referral {fax.number} cannot be accepted. Missing on the fax: {'; '.join(fax.missing)}."
        segments = [
            await self.header(fax, "ORM", "O01"),
            *([identity_of(patient)] if patient else []),
            f"ORC|UA|{fax.number}",
            f"OBR|1|||REFERRAL^{fax.specialty} referral",
            f"NTE|1||{text}",
        ]
        await self.send("\r".join(segments) + "\r")
        if patient:
            (practice,) = await self.search("Organization", name=fax.practice)
            await self.create(
                {
                    "resourceType": "Communication",
                    "status": "completed",
                    "subject": {"reference": f"Patient/{patient['id']}"},
                    "recipient": [{"reference": f"Organization/{practice['id']}"}],
                    "payload": [{"contentString": text}],
                }
            )


def identity_of(patient: dict[str, Any]) -> str:
    """Return the PID segment: who the patient is in our chart (house rule 6)."""
    name = next(n for n in patient["name"] if n.get("use") != "old")
    born = patient["birthDate"].replace("-", "")
    return f"PID|1||{mrn_of(patient)}^^^REGMED^MR||{name['family']}^{'^'.join(name['given'])}||{born}"


def mrn_of(patient: dict[str, Any]) -> str:
    """Return the patient's medical record number."""
    return next(i["value"] for i in patient["identifier"] if i.get("system") == MRN_SYSTEM)


def report(fax: Fax, decision: str, start: str | None, remarks: str) -> dict[str, Any]:
    """Return the report of house rule 11."""
    return {"referral_number": fax.number, "decision": decision, "appointment_start": start, "remarks": remarks}


async def book(desk: Desk, fax: Fax, patient: dict[str, Any]) -> dict[str, Any]:
    """Write order and appointment, take the slot, tell the practice; return the appointment."""
    order = await desk.create(await desk.order(fax, patient))
    slot, actor = await desk.find_slot(fax)
    appointment = await desk.create(
        desk.appointment(f"Patient/{patient['id']}", f"ServiceRequest/{order['id']}", slot, actor)
    )
    taken = await desk.task.request("PUT", f"fhir/Slot/{slot['id']}", json={**slot, "status": "busy"})
    taken.raise_for_status()
    await desk.announce(fax, patient, appointment)
    return appointment


async def work(desk: Desk, fax: Fax) -> dict[str, Any]:
    """Work one referral under the house rules; return the report."""
    patient = await desk.find_patient(fax)
    orders = await desk.search("ServiceRequest", identifier=fax.number)
    if orders:
        subject = orders[0]["subject"]["reference"]
        booked = await desk.search("Appointment", patient=subject, status="booked")
        own = [
            a
            for a in booked
            if any(b["reference"] == f"ServiceRequest/{orders[0]['id']}" for b in a.get("basedOn", []))
        ]
        return report(fax, "already booked", own[0]["start"], "The practice faxed again; nothing was changed.")
    if fax.missing:
        await desk.send_back(fax, patient)
        return report(fax, "returned", None, f"Missing: {'; '.join(fax.missing)}.")
    remarks = ""
    if patient is None:
        patient = await desk.register(fax)
        remarks = f"New chart {mrn_of(patient)}."
    elif patient["birthDate"] != fax.birth:
        remarks = f"The fax says born {fax.birth}, our chart {patient['birthDate']}; chart left as it is."
    appointment = await book(desk, fax, patient)
    return report(fax, "booked", appointment["start"], remarks)


async def solve(task: Any) -> Any:
    """Work every referral in the inbox."""
    desk = Desk(task)
    reports = [await work(desk, fax) for fax in await desk.faxes()]
    return reports[0] if len(reports) == 1 else reports
