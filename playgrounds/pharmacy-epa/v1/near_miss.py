"""The colleague in a hurry: takes the first that fits, of trials, drugs, results, papers and people."""

from typing import Any

from .solution import Desk, Row, read_pdf
from .solution import solve as work


class HastyDesk(Desk):
    """Makes in each task the mistake that it is about."""

    def trial(self, notes: list[str]) -> tuple[int, str]:
        """Take the first trial there ever was, which could not be judged."""
        return 6, super().trial(notes)[1]

    def is_allowed(self, name: str, harmful: list[str], had: str) -> bool:
        """Look into the chart only where it is asked for."""
        return self.task.key == "alternative-first" or super().is_allowed(name, harmful, had)

    def latest(self, values: list[tuple[str, str]]) -> tuple[str, str]:
        """Take the first result that is named."""
        return values[0]

    async def rationale(self) -> str:
        """Name the first intolerance of the list, a mild one."""
        rows = await self.search("AllergyIntolerance", patient=self.patient)
        first = min(rows, key=lambda row: str(row["recordedDate"]))
        words = (await super().rationale()).partition(". ")[2]
        return (
            f"No statin can be taken: muscle pain on {first['code']['text'].lower()}, {first['recordedDate']}. {words}"
        )

    async def paper(self, patient: Row) -> tuple[str, bytes, str]:
        """Take the first of the patient's papers, an old one."""
        listed = await self.task.request("GET", "files/scans/")
        for row in listed.raise_for_status().json():
            content = (await self.task.request("GET", f"files/{row['path']}")).raise_for_status().body
            if self.is_of(text := read_pdf(content), patient):
                return str(row["name"]), content, text
        raise LookupError("there is no paper")

    async def find_out(self) -> Row:
        """Ask by name, and take the other one's authorization."""
        await self.open_prescription()
        rows = await self.portal("prior-auths", procedure_code=self.drug["ndc"], determination="approved")
        needed = await self.portal("requirements", procedure_code=self.drug["ndc"], patient_member_id=self.member)
        return {**self.report("approved", rows[0]), "on_file": True, "decided_by": needed["decided_by"]}


async def solve(task: Any) -> Any:
    """Work the task, with its mistake."""
    return await work(task, HastyDesk)
