"""The careless colleague: each task is worked as it should be but for the one mistake that it is about."""

from typing import Any

from .solution import Desk, Row
from .solution import solve as solve_with


class HastyDesk(Desk):
    """Takes the first thing that looks right."""

    async def paper(self, row: Row) -> Row:
        """Take the first discharge summary in the folder, whichever episode it is of."""
        record = self.chart["identifier"][0]["value"]
        listed = await self.call("GET", f"files/records/{record}")
        return dict(next(e for e in listed if "pt-discharge" in e["path"] and e["content_type"] == "application/pdf"))

    def covered(self, scans: list[Row], granted: Row) -> list[Row]:
        """Book the series, since it is approved."""
        return scans

    async def on_file_already(self) -> Row:
        """Send it; the portal says that one is on file, so take that one back and send again."""
        await self.open_order()
        row = await self.on_file()
        if row is not None:
            await self.take_back(row)
        row = await self.send()
        return self.report("sent", tracking_number=row["tracking_number"], provider_npi=row["provider_npi"])

    def answer(self, question: str) -> Any:
        """Answer the history of smoking from the oldest note."""
        answered = {"smoking": "current", "pack_years": 29, "counselled": True}
        return answered.get(question, super().answer(question))

    async def take_back(self, row: Row) -> None:
        """Leave the wrong person's request to the payer; it matters only in the other practice's case."""
        if self.task.key == "on-file-already":
            await super().take_back(row)

    async def correct(self, row: Row, weeks: int) -> None:
        """Take the request back and send a new one."""
        await super().take_back(row)
        names = ("patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi", "units")
        answers = {**row["clinical_answers"], "weeks_of_therapy": weeks}
        same = {name: row[name] for name in names}
        await self.call("POST", "portal/prior-auths", json={**same, "clinical_answers": answers})

    def therapies(self, found: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        """Count the first therapy there was."""
        return found[:1]

    def slot(self, slots: list[Row]) -> int:
        """Read two o'clock where the portal says 14:00 and some seconds."""
        return int(next(s["slot"] for s in slots if "T14:00" in s["starts_at"]))

    async def finish(self, path: str) -> None:
        """Leave it at what was saved."""

    async def not_needed(self) -> Row:
        """Take "nothing was sent" for a refusal, and leave the order on hold."""
        await self.open_order()
        answer = await self.task.request("POST", "portal/prior-auths", json=self.body({}))
        return self.report("open" if not answer.ok else "authorized")

    async def another_payer(self) -> Row:
        """Send it under the code beside it, which this payer takes."""
        await self.open_order()
        self.code = "70553"
        answers = {"contrast_allergy": False, "egfr": 90, "egfr_date": self.item["today"]}
        await self.call("POST", "portal/prior-auths", json=self.body(answers))
        return self.report("sent", payer="Northlight")

    async def status(self, words: str) -> list[Row]:
        """Go by the name where nothing is on file for the caller."""
        found = await super().status(words)
        if found:
            return found
        name = words.partition(",")[0]
        members = {row["member_id"] for row in await self.rows("patients", name=name)}
        on_file = await self.rows("prior-auths")
        rows = [row for row in on_file if row["patient_member_id"] in members]
        return [{**row, "determination": row["determination"]["status"], "due_at": None} for row in rows]


async def solve(task: Any) -> Any:
    """Settle the task, nearly."""
    return await solve_with(task, HastyDesk)
