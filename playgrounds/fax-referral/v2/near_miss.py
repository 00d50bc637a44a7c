"""The careless colleague: makes, in each task, the one mistake the task is about, and does the rest well."""

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


async def choose_chart(desk: Desk, fax: Fax) -> tuple[dict[str, Any], str]:
    """Return the chart that looks right at a glance, and what the report says of it."""
    namesakes = await desk.search("Patient", family__exact=fax.family, given=fax.given.split()[0])
    official = [p for p in namesakes if is_open(p) and p["name"][0]["family"] == fax.family]
    by_birth = [p for p in official if p["birthDate"] == fax.birth]
    if by_birth:
        return by_birth[0], ""
    if fax.urgency == "urgent":
        return min(official, key=lambda p: p["birthDate"][5:] != fax.birth[5:]), "The birth date is off by some years."
    if fax.number.startswith("NIM"):
        return official[0], ""  # the namesake
    return await desk.register(fax), ""  # a second chart


async def work(fax: Fax, desk: Desk, hasty: HastyDesk) -> dict[str, Any]:
    """Book whatever comes in, on whatever chart looks right."""
    patient, remarks = await choose_chart(desk, fax)
    if not fax.diagnosis:
        problems = await desk.search("Condition", patient=f"Patient/{patient['id']}")
        codes = [c for p in problems for c in p["code"].get("coding", []) if c["system"] == ICD10]
        fax.diagnosis = codes[0]["code"]  # a guess from the problem list
    is_routine_form = fax.number.startswith("MSF") and fax.urgency != "urgent"
    appointment = await book(hasty if is_routine_form else desk, fax, patient)
    return report(fax, "booked", appointment["start"], remarks)


async def solve(task: Any) -> Any:
    """Work the inbox without much thought."""
    desk, hasty = Desk(task), HastyDesk(task)
    reports = [await work(fax, desk, hasty) for fax in await desk.faxes()]
    return reports[0] if len(reports) == 1 else reports
