"""The other right way: one transaction for each result; a correction is a new observation and report, the old ones
marked as entered in error."""

from typing import Any

from .solution import LabMessage, Line, ResultsDesk
from .solution import solve as solve_with


class TransactionDesk(ResultsDesk):
    """Files whole results at once and never writes over a value."""

    async def file(self, message: LabMessage, patient: dict[str, Any], order: dict[str, Any]) -> None:
        """File observations, report and the completed order in one transaction."""
        subject, based_on = f"Patient/{patient['id']}", f"ServiceRequest/{order['id']}"
        entries: list[dict[str, Any]] = []
        for number, line in enumerate(message.lines):
            entries.append(
                {
                    "fullUrl": f"urn:uuid:5f0c5f52-0c8e-4c34-9f0a-5c7d3d1b{number:04d}",
                    "resource": self.observation(message, line, subject, based_on),
                    "request": {"method": "POST", "url": "Observation"},
                }
            )
        report = self.report(message, subject, based_on, [entry["fullUrl"] for entry in entries])
        entries.append({"resource": report, "request": {"method": "POST", "url": "DiagnosticReport"}})
        entries.append(
            {"resource": {**order, "status": "completed"}, "request": {"method": "PUT", "url": based_on}},
        )
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        await self.call("POST", "fhir", json=bundle)

    async def replace(self, message: LabMessage, row: dict[str, Any], line: Line) -> None:
        """Mark the wrong observation as entered in error and file the corrected one."""
        await self.call("PUT", f"fhir/Observation/{row['id']}", json={**row, "status": "entered-in-error"})
        new = self.observation(message, line, row["subject"]["reference"], row["basedOn"][0]["reference"])
        self.corrected = [(await self.call("POST", "fhir/Observation", json=new))["id"]]

    async def finish_correction(self, filed: dict[str, Any]) -> None:
        """Mark the old report as entered in error and file the corrected one."""
        await self.call("PUT", f"fhir/DiagnosticReport/{filed['id']}", json={**filed, "status": "entered-in-error"})
        kept = (
            "resourceType",
            "identifier",
            "category",
            "code",
            "subject",
            "basedOn",
            "effectiveDateTime",
            "performer",
        )
        new = {name: filed[name] for name in kept if name in filed}
        new["result"] = [{"reference": f"Observation/{key}"} for key in self.corrected]
        await self.call("POST", "fhir/DiagnosticReport", json={**new, "status": "corrected"})


async def solve(task: Any) -> Any:
    """Work the inbox."""
    return await solve_with(task, TransactionDesk)
