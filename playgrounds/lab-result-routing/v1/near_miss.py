"""The careless colleague: files what comes, as it comes, wherever the name fits; calls nobody."""

from typing import Any

from .solution import LabMessage, ResultsDesk, parse


class HastyDesk(ResultsDesk):
    """Goes message by message, looks only at the name, files only what is flagged when it is much."""

    async def inbox(self) -> list[LabMessage]:
        """Return every result message, repetitions and all."""
        found = [parse(entry["payload"]) for entry in await self.call("GET", "hl7/inbox")]
        return [message for message in found if message]

    async def identify(self, message: LabMessage) -> tuple[dict[str, Any] | None, str]:
        """Return the first patient of that name."""
        return (await self.search("Patient", family=message.family, given=message.given))[0], ""


async def solve(task: Any) -> Any:
    """File what is abnormal, tell nobody."""
    desk = HastyDesk(task)
    filed = []
    for message in await desk.inbox():
        patient, _ = await desk.identify(message)
        subject = f"Patient/{patient['id']}" if patient else ""
        orders = await desk.search("ServiceRequest", identifier=message.order)
        order = f"ServiceRequest/{orders[0]['id']}" if orders else ""
        lines = [line for line in message.lines if line.flag != "N"] or message.lines
        results = []
        for line in lines:
            row = desk.observation(message, line, subject, order)
            if not order:
                del row["basedOn"]
            results.append(f"Observation/{(await desk.call('POST', 'fhir/Observation', json=row))['id']}")
        report = desk.report(message, subject, order, results)
        if not order:
            del report["basedOn"]
        await desk.call("POST", "fhir/DiagnosticReport", json=report)
        filed.append(message.accession)
    return {"filed": filed, "critical": [], "exceptions": [], "remarks": ""}
