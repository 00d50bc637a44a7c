"""The other right way: a draft that is submitted, PATCH instead of PUT."""

from typing import Any

from .solution import Chart
from .solution import solve as solve_with


class DraftingChart(Chart):
    """Works on the portal as a person does: save a draft, look it over, submit it."""

    async def request_authorization(self) -> dict[str, Any]:
        """Save a draft, submit it, answer what is asked, look until the payer has decided."""
        answers = {question: self.answer(question) for question in await self.questions()}
        draft = {
            "draft": True,
            "patient_member_id": self.member,
            "procedure_code": self.code,
            "diagnosis_codes": self.diagnoses,
            "provider_npi": self.npi,
        }
        row = (await self.task.request("POST", "portal/prior-auths", json=draft)).raise_for_status().json()
        path = f"portal/prior-auths/{row['request_id']}"
        given = {name: value for name, value in answers.items() if value is not None}
        (await self.task.request("PATCH", path, json={"clinical_answers": given})).raise_for_status()
        row = (await self.task.request("POST", f"{path}/submit")).raise_for_status().json()
        if row["determination"]["status"] == "need_more_info":
            (await self.task.request("PATCH", path, json={"notes": self.supplement()})).raise_for_status()
        for _ in range(3):
            row = (await self.task.request("GET", path)).raise_for_status().json()
        return dict(row)

    async def release(self) -> None:
        """Make the order active and name the insurance in force, by JSON Patch."""
        patch = [
            {"op": "replace", "path": "/status", "value": "active"},
            {"op": "replace", "path": "/insurance/0/reference", "value": f"Coverage/{self.coverage['id']}"},
        ]
        headers = {"Content-Type": "application/json-patch+json"}
        path = f"fhir/ServiceRequest/{self.order['id']}"
        (await self.task.request("PATCH", path, json=patch, headers=headers)).raise_for_status()


async def solve(task: Any) -> Any:
    """Settle the order's insurance question."""
    return await solve_with(task, DraftingChart)
