"""The careless colleague: reads the order, not the chart; requests always, and releases whatever comes back."""

from typing import Any

from .solution import Chart


class HastyChart(Chart):
    """Takes the card the order names and the first therapy note there ever was."""

    async def coverage_in_force(self) -> dict[str, Any]:
        """Return the insurance the order names."""
        return await self.read(self.order["insurance"][0]["reference"])

    def therapy_weeks(self, text: str) -> int:
        """Return the weeks of the oldest therapy in the chart."""
        return super().therapy_weeks(" ".join(text for _, text in reversed(self.notes)))


async def solve(task: Any) -> Any:
    """Request once, release, report."""
    chart = HastyChart(task)
    await chart.open_order()
    answers: dict[str, Any] = {}
    for questionnaire in await chart.portal("questions", procedure_code=chart.code):
        for question in questionnaire["questions"]:
            value = chart.answer(question["id"])
            if value is None and question["required"]:
                value = {"number": 1, "boolean": False}[question["type"]]  # invented
            if value is not None:
                answers[question["id"]] = value
    body = {
        "patient_member_id": chart.member,
        "procedure_code": chart.code,
        "diagnosis_codes": chart.diagnoses,
        "provider_npi": chart.npi,
        "clinical_answers": answers,
    }
    answer = await task.request("POST", "portal/prior-auths", json=body)
    await chart.release()
    number = answer.json()["auth_number"] if answer.ok else None
    return chart.report("authorized", number)
