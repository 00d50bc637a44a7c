"""The other right way: one transaction, the clinician's role, the requester by NPI, raw HL7."""

from typing import Any

from .solution import NPI, Desk, Fax, is_open, mrn_of, report
from .solution import work as work_otherwise


class TransactionDesk(Desk):
    """Sends HL7 as it is, not wrapped in JSON, and names the referring clinician by NPI."""

    async def requester(self, fax: Fax) -> dict[str, Any]:
        """Return who refers, without looking the clinician up."""
        return {"identifier": {"system": NPI, "value": fax.npi}, "display": fax.clinician}

    async def send(self, message: str) -> None:
        """Send the raw message and read the raw acknowledgment."""
        headers = {"Content-Type": "application/hl7-v2"}
        answer = await self.task.request("POST", "hl7/outbound", data=message.encode(), headers=headers)
        if "MSA|AA|" not in answer.raise_for_status().text:
            raise RuntimeError(f"HL7 message refused: {answer.text}")


async def book(desk: Desk, fax: Fax, patient: dict[str, Any]) -> dict[str, Any]:
    """Write order, appointment and slot in one transaction; return the appointment."""
    slot, actor = await desk.find_slot(fax)
    patient_ref = f"Patient/{patient['id']}"
    order = "urn:uuid:5f0c5f52-0c8e-4c34-9f0a-5c7d3d1b6a01"
    roles = list(filter(is_open, await desk.search("PractitionerRole", practitioner=actor["reference"])))
    role = {"reference": f"PractitionerRole/{roles[0]['id']}"}
    entries = [
        {
            "fullUrl": order,
            "resource": await desk.order(fax, patient),
            "request": {"method": "POST", "url": "ServiceRequest"},
        },
        {
            "fullUrl": "urn:uuid:5f0c5f52-0c8e-4c34-9f0a-5c7d3d1b6a02",
            "resource": desk.appointment(patient_ref, order, slot, role),
            "request": {"method": "POST", "url": "Appointment"},
        },
        {
            "fullUrl": f"{desk.task.base_url}/fhir/Slot/{slot['id']}",
            "resource": {**slot, "status": "busy"},
            "request": {"method": "PUT", "url": f"Slot/{slot['id']}"},
        },
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (await desk.task.request("POST", "fhir", json=bundle)).raise_for_status()
    appointment = {"start": slot["start"], "end": slot["end"]}
    await desk.announce(fax, patient, appointment)
    return appointment


async def work(desk: Desk, fax: Fax) -> dict[str, Any]:
    """Book by transaction; what is not booked is dealt with as in the solution."""
    known = await desk.search("ServiceRequest", identifier=fax.number)
    if known or fax.missing:
        return await work_otherwise(desk, fax)
    patient = await desk.find_patient(fax) or await desk.register(fax)
    appointment = await book(desk, fax, patient)
    remarks = f"Chart {mrn_of(patient)}, date of birth in the chart {patient['birthDate']}, on the fax {fax.birth}."
    return report(fax, "booked", appointment["start"], remarks)


async def solve(task: Any) -> Any:
    """Work every referral in the inbox."""
    desk = TransactionDesk(task)
    reports = [await work(desk, fax) for fax in await desk.faxes()]
    return reports[0] if len(reports) == 1 else reports
