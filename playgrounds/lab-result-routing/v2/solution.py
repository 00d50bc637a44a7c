"""The reference agent: reads the whole interface inbox, then files, calls out, corrects and sets aside."""

import csv
import io
import json
import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

MRN = "https://regional-clinic.example/fhir/identifier/mrn"
ACCESSION = "https://regional-clinic.example/fhir/identifier/accession"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
STATUS = {"F": "final", "C": "corrected", "P": "preliminary"}


@dataclass
class Line:
    """One OBX."""

    code: str
    name: str
    value: str
    unit: str
    interval: str
    flag: str
    status: str
    collected: str


@dataclass
class LabMessage:
    """What one ORU says."""

    control_id: str
    mrn: str
    family: str
    given: str
    birth: str
    order: str
    accession: str
    test: tuple[str, str]
    status: str
    collected: str
    lines: list[Line] = field(default_factory=list)


def instant(text: str) -> str:
    """Write an HL7 time (UTC) as FHIR does.

    >>> instant("20260422134500+0000")
    '2026-04-22T13:45:00Z'
    """
    digits = text.partition("+")[0]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14] or '00'}Z"


def parse(payload: str) -> LabMessage | None:
    """Read a result message; None for any other."""
    rows = [line.split("|") for line in payload.replace("\n", "\r").split("\r") if line]
    rows = [row + [""] * 30 for row in rows]
    head, pid, obr = (next((r for r in rows if r[0] == name), None) for name in ("MSH", "PID", "OBR"))
    if head is None or pid is None or obr is None or not head[8].startswith("ORU"):
        return None
    family, given = ([*pid[5].split("^"), ""])[:2]
    birth = f"{pid[7][:4]}-{pid[7][4:6]}-{pid[7][6:8]}"
    code, name = obr[4].split("^")[:2]
    message = LabMessage(
        head[9], pid[3].split("^")[0], family, given, birth, obr[2], obr[3], (code, name),
        STATUS[obr[25]], instant(obr[7]),
    )  # fmt: skip
    for row in rows:
        if row[0] == "OBX":
            code, name = row[3].split("^")[:2]
            unit = row[6].split("^")[0]
            message.lines.append(Line(code, name, row[5], unit, row[7], row[8], STATUS[row[11]], instant(row[14])))
    return message


class ResultsDesk:
    """The results desk's tools over one task."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.today = date.fromisoformat(task.task_item["today"])

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call a surface and return its JSON; raises on an error."""
        return (await self.task.request(method, path, **arguments)).raise_for_status().json()

    async def search(self, kind: str, **params: str) -> list[dict[str, Any]]:
        """Return the matches of a search."""
        bundle = await self.call("GET", f"fhir/{kind}", params={**params, "_count": "500"})
        return [entry["resource"] for entry in bundle.get("entry", [])]

    async def inbox(self) -> list[LabMessage]:
        """Return the latest version of every result in the inbox."""
        listing = await self.call("GET", "hl7/inbox")
        latest: dict[tuple[str, str], LabMessage] = {}
        for entry in listing:
            message = parse(entry["payload"])
            if message:
                latest[message.mrn, message.accession] = message
        return list(latest.values())

    async def critical_lines(self, message: LabMessage) -> list[Line]:
        """Return the lines with a critical value (house rule 6)."""
        answer = await self.task.request("GET", "files/policies/critical-values.csv")
        limits = {row["loinc"]: row for row in csv.DictReader(io.StringIO(answer.raise_for_status().text))}

        def is_critical(line: Line) -> bool:
            row = limits.get(line.code)
            if row is None:
                return False
            low, high = row["critical_at_or_below"], row["critical_at_or_above"]
            value = Decimal(line.value)
            return bool((low and value <= Decimal(low)) or (high and value >= Decimal(high)))

        return [line for line in message.lines if is_critical(line)]

    async def identify(self, message: LabMessage) -> tuple[dict[str, Any] | None, str]:
        """Return the chart all three identifiers agree on, or None and why not (house rule 3)."""
        found = await self.search("Patient", identifier=f"{MRN}|{message.mrn}")
        if not found:
            return None, f"no chart has the record number {message.mrn}"
        patient = found[0]
        names = {(n["family"].upper(), n["given"][0].upper()) for n in patient["name"]}
        if (message.family.upper(), message.given.upper().split()[0]) not in names:
            return None, f"{message.mrn} is the record number of somebody else"
        if patient["birthDate"] != message.birth:
            return None, f"the birth date is not that of {message.mrn}"
        return patient, ""

    def observation(self, message: LabMessage, line: Line, patient: str, order: str) -> dict[str, Any]:
        """Return the observation for one result line."""
        low, _, high = line.interval.partition("-")
        amount = {"unit": line.unit, "system": UCUM, "code": line.unit}
        return {
            "resourceType": "Observation",
            "status": line.status,
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "laboratory",
                        }
                    ]
                }
            ],
            "code": {"coding": [{"system": LOINC, "code": line.code, "display": line.name}], "text": line.name},
            "subject": {"reference": patient},
            "basedOn": [{"reference": order}],
            "effectiveDateTime": line.collected,
            "valueQuantity": {"value": number(line.value), **amount},
            "interpretation": [{"coding": [{"system": INTERPRETATION, "code": line.flag}]}],
            "referenceRange": [
                {
                    "low": {"value": number(low), **amount},
                    "high": {"value": number(high), **amount},
                }
            ],
        }

    def report(self, message: LabMessage, patient: str, order: str, results: list[str]) -> dict[str, Any]:
        """Return the report over observations."""
        code, name = message.test
        return {
            "resourceType": "DiagnosticReport",
            "identifier": [{"system": ACCESSION, "value": message.accession}],
            "status": message.status,
            "code": {"coding": [{"system": LOINC, "code": code, "display": name}], "text": name},
            "subject": {"reference": patient},
            "basedOn": [{"reference": order}],
            "effectiveDateTime": message.collected,
            "result": [{"reference": reference} for reference in results],
        }

    async def file(self, message: LabMessage, patient: dict[str, Any], order: dict[str, Any]) -> None:
        """File a result that is new here (house rule 4) and complete its order."""
        subject, based_on = f"Patient/{patient['id']}", f"ServiceRequest/{order['id']}"
        results = []
        for line in message.lines:
            row = self.observation(message, line, subject, based_on)
            results.append(f"Observation/{(await self.call('POST', 'fhir/Observation', json=row))['id']}")
        await self.call("POST", "fhir/DiagnosticReport", json=self.report(message, subject, based_on, results))
        if message.status in ("final", "corrected"):
            await self.patch(f"ServiceRequest/{order['id']}", status="completed")

    async def patch(self, reference: str, **members: Any) -> None:
        """Replace top-level members of a resource and leave the rest as it is."""
        steps = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in members.items()]
        headers = {"Content-Type": "application/json-patch+json"}
        answer = await self.task.request("PATCH", f"fhir/{reference}", data=json.dumps(steps).encode(), headers=headers)
        answer.raise_for_status()

    async def correct(self, message: LabMessage, filed: dict[str, Any]) -> list[tuple[str, str, str]]:
        """Change what was filed (house rule 5); return `(test, old value, new value)`."""
        changed = []
        for entry in filed["result"]:
            row = await self.call("GET", f"fhir/{entry['reference']}")
            code = row["code"]["coding"][0]["code"]
            line = next((line for line in message.lines if line.code == code), None)
            if line is None:
                continue
            old = str(row["valueQuantity"]["value"])
            await self.replace(message, row, line)
            changed.append((line.name, old, line.value))
        return changed

    async def replace(self, message: LabMessage, row: dict[str, Any], line: Line) -> None:
        """Put the corrected value into the observation that was filed."""
        await self.patch(
            f"Observation/{row['id']}",
            status="corrected",
            valueQuantity={**row["valueQuantity"], "value": number(line.value)},
            interpretation=[{"coding": [{"system": INTERPRETATION, "code": line.flag}]}],
        )

    async def finish_correction(self, filed: dict[str, Any]) -> None:
        """Make the filed report a corrected one."""
        await self.patch(f"DiagnosticReport/{filed['id']}", status="corrected")

    async def tell(self, patient: dict[str, Any], order: dict[str, Any], text: str, **more: str) -> None:
        """Put a message to the ordering clinician into the chart."""
        message = {
            "resourceType": "Communication",
            "status": "completed",
            **more,
            "subject": {"reference": f"Patient/{patient['id']}"},
            "recipient": [order["requester"]],
            "payload": [{"contentString": text}],
        }
        await self.call("POST", "fhir/Communication", json=message)

    async def page(self, message: LabMessage, lines: list[Line]) -> None:
        """Page the doctor on call with the critical results."""
        stamp = f"{self.today:%Y%m%d}"
        code, name = message.test
        segments = [
            f"MSH|^~\\&|RCEHR|REGMED|PAGER|ONCALL|{stamp}||ORU^R01^ORU_R01|CRIT-{message.accession}|P|2.5.1",
            f"PID|1||{message.mrn}^^^REGMED^MR||{message.family}^{message.given}||{message.birth.replace('-', '')}",
            f"OBR|1|{message.order}|{message.accession}|{code}^{name}^LN",
            *(
                f"OBX|{n}|NM|{li.code}^{li.name}^LN||{li.value}|{li.unit}|{li.interval}|{li.flag}|||F"
                for n, li in enumerate(lines, 1)
            ),
        ]
        answer = await self.call("POST", "hl7/outbound", json={"payload": "\r".join(segments) + "\r"})
        if not answer["accepted"]:
            raise RuntimeError(f"the page was refused: {answer['errors']}")

    async def list_exceptions(self, exceptions: list[tuple[LabMessage, str]]) -> None:
        """Write today's exception list."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["control_id", "record_number", "patient_name", "reason"])
        for message, reason in exceptions:
            writer.writerow([message.control_id, message.mrn, f"{message.given} {message.family}", reason])
        path = f"files/outbound/lab-exceptions/{self.today}.csv"
        headers = {"Content-Type": "text/csv"}
        (await self.task.request("PUT", path, data=out.getvalue().encode(), headers=headers)).raise_for_status()


def number(text: str) -> int | float:
    """Read a result's number without changing how it is written."""
    return float(text) if "." in text else int(text)


async def solve(task: Any, kind: type[ResultsDesk] = ResultsDesk) -> Any:
    """Work the inbox."""
    desk = kind(task)
    filed, critical = [], []
    exceptions: list[tuple[LabMessage, str]] = []
    for message in await desk.inbox():
        patient, reason = await desk.identify(message)
        if patient is None:
            exceptions.append((message, reason))
            continue
        subject = f"Patient/{patient['id']}"
        order = (await desk.search("ServiceRequest", identifier=message.order, patient=subject))[0]
        earlier = await desk.search("DiagnosticReport", identifier=message.accession, patient=subject)
        if earlier and message.status != "corrected":
            continue
        if earlier:
            changes = await desk.correct(message, earlier[0])
            await desk.finish_correction(earlier[0])
            text = "; ".join(f"{re.sub(r' .*', '', name)} {old} corrected to {new}" for name, old, new in changes)
            await desk.tell(patient, order, f"Corrected result: {text}.")
        else:
            await desk.file(message, patient, order)
        filed.append(message.accession)
        lines = await desk.critical_lines(message)
        if lines:
            named = "; ".join(f"{line.name} {line.value} {line.unit}" for line in lines)
            await desk.tell(patient, order, f"Critical result: {named}.", priority="urgent")
            await desk.page(message, lines)
            critical.append(message.accession)
    if exceptions:
        await desk.list_exceptions(exceptions)
    remarks = "; ".join(f"{message.control_id}: {reason}" for message, reason in exceptions)
    ids = [message.control_id for message, _ in exceptions]
    return {"filed": filed, "critical": critical, "exceptions": ids, "remarks": remarks}
