"""The careless colleague: makes, in each task, the very mistake the task is about."""

from datetime import timedelta
from typing import Any

from .solution import ICD10, Desk, Fax, book, is_open, report


class HastyDesk(Desk):
    """Takes the first slot that says free: no two weeks for urgent ones, no look at who is on leave."""

    async def find_slot(self, fax: Fax) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the first free slot of the specialty from tomorrow on."""
        slots = [
            slot
            for slot in await self.search("Slot", status="free")
            if slot["start"][:10] >= str(self.today + timedelta(days=1))
            and any(fax.specialty.lower() in s["text"].lower() for s in slot["specialty"])
        ]
        slot = min(slots, key=lambda found: found["start"])
        schedule = (await self.task.request("GET", f"fhir/{slot['schedule']['reference']}")).json()
        return slot, next(a for a in schedule["actor"] if a["reference"].startswith("Practitioner/"))


async def work(desk: Desk, fax: Fax) -> dict[str, Any]:
    """Book whatever comes in, on whatever chart looks right at a glance."""
    hits = list(filter(is_open, await desk.search("Patient", family__exact=fax.family, given=fax.given.split()[0])))
    by_birth = [p for p in hits if p["birthDate"] == fax.birth and p["name"][0]["family"] == fax.family]
    if fax.number.startswith("NIM-26-0417"):
        patient = hits[0]  # the namesake
    elif by_birth:
        patient = by_birth[0]
    else:
        patient = await desk.register(fax)  # a second chart
    if not fax.diagnosis:
        problems = await desk.search("Condition", patient=f"Patient/{patient['id']}")
        codes = [c for p in problems for c in p["code"].get("coding", []) if c["system"] == ICD10]
        fax.diagnosis, fax.diagnosis_text = codes[0]["code"], codes[0]["display"]  # a guess from the problem list
    appointment = await book(desk, fax, patient)
    return report(fax, "booked", appointment["start"], "")


async def solve(task: Any) -> Any:
    """Work the inbox in a hurry."""
    desk = HastyDesk(task)
    reports = [await work(desk, fax) for fax in await desk.faxes()]
    return reports[0] if len(reports) == 1 else reports
