"""Careless colleagues: each does a task well but for the one mistake that the task is about."""

from dataclasses import replace
from typing import Any

from .solution import LabMessage, Line, ResultsDesk, parse
from .solution import solve as solve_with


class SelectiveDesk(ResultsDesk):
    """Files only what is flagged: the rest is normal, who would look at it?"""

    async def file(self, message: LabMessage, patient: dict[str, Any], order: dict[str, Any]) -> None:
        """File the abnormal lines of a result."""
        abnormal = [line for line in message.lines if line.flag != "N"]
        await super().file(replace(message, lines=abnormal), patient, order)


class SilentDesk(ResultsDesk):
    """Files everything and calls nobody."""

    async def critical_lines(self, message: LabMessage) -> list[Line]:
        """See nothing critical."""
        return []


class AddingDesk(ResultsDesk):
    """Files the corrected value beside the wrong one, which stays as valid as it was."""

    async def replace(self, message: LabMessage, row: dict[str, Any], line: Line) -> None:
        """File the corrected value."""
        new = self.observation(message, line, row["subject"]["reference"], row["basedOn"][0]["reference"])
        self.added = [{"reference": f"Observation/{(await self.call('POST', 'fhir/Observation', json=new))['id']}"}]

    async def finish_correction(self, filed: dict[str, Any]) -> None:
        """Make the filed report a corrected one, over the new value."""
        await self.patch(f"DiagnosticReport/{filed['id']}", status="corrected", result=self.added)


class HelpfulDesk(ResultsDesk):
    """Sets the message aside, and puts the result into the chart of that name all the same."""

    async def list_exceptions(self, exceptions: list[tuple[LabMessage, str]]) -> None:
        """Write today's exception list, and file what is on it."""
        await super().list_exceptions(exceptions)
        for message, _ in exceptions:
            charts = await self.search("Patient", family=message.family, given=message.given)
            (namesake,) = (chart for chart in charts if chart.get("active") is not False)
            for line in message.lines:
                row = self.observation(message, line, f"Patient/{namesake['id']}", "")
                del row["basedOn"]
                await self.call("POST", "fhir/Observation", json=row)


class PiecemealDesk(ResultsDesk):
    """Deals with each message as it comes, and with its correction when that comes."""

    async def inbox(self) -> list[LabMessage]:
        """Return every result message in the order of arrival."""
        found = [parse(entry["payload"]) for entry in await self.call("GET", "hl7/inbox")]
        return [message for message in found if message]


MISTAKES: dict[str, type[ResultsDesk]] = {
    "routine-panel": SelectiveDesk,
    "critical-potassium": SilentDesk,
    "corrected-result": AddingDesk,
    "unknown-patient": HelpfulDesk,
    "night-inbox": PiecemealDesk,
}


async def solve(task: Any) -> Any:
    """Work the inbox, with one mistake."""
    return await solve_with(task, MISTAKES[task.key])
