"""The hasty colleague: everything the reference agent does, and what must come first is done afterwards."""

from typing import Any

from .solution import Office, steps_of


class HastyOffice(Office):
    """Writes first and looks later; what turns out wrong is put back."""

    async def read_and_close(self) -> None:
        """Close what is on the worklist, then read the letters and open again what they say otherwise of."""
        rows = await self.worklist()
        for row in rows:
            await self.set_order(row, "completed")
        for row in rows:
            if not await self.took_place(row):
                await self.set_order(row, "active")

    async def check_and_change(self) -> None:
        """Change the numbers, then ask the portal and change back."""
        calls = await self.calls()
        for patient, _, phone in calls:
            await self.set_phone(patient, phone)
        for patient, member, _ in calls:
            if not await self.is_who_they_say(patient, member):
                await self.patch(patient, telecom=patient["telecom"])


async def solve(task: Any) -> None:
    """Take the steps of the task, the last one before the one that should come first."""
    *first, last = steps_of(HastyOffice(task))[task.key]
    for step in (*first[:-1], last, *first[-1:]):
        await step()
