"""The other right way: the old number stays in the record, marked as old; changed by JSON Patch."""

from typing import Any

from .solution import find, find_next_appointment, find_patients


async def solve(task: Any) -> Any:
    """Add the new number and mark the old one as old."""
    text = task.task_item["instruction"]
    if "mobile number" not in text:
        answer = await find_next_appointment(task)
        return {**answer, "clinician": f"Dr. {answer['clinician']}"}
    born, number = find(r"born (\d{4}-\d\d-\d\d)", text), find(r"now (\d{3}-\d{3}-\d{4})", text)
    (patient,) = await find_patients(task, name="Chen", birthdate=born)
    patch = [
        {"op": "replace", "path": "/telecom/0/use", "value": "old"},
        {"op": "add", "path": "/telecom/0", "value": {"system": "phone", "value": number, "use": "mobile"}},
    ]
    headers = {"Content-Type": "application/json-patch+json"}
    (await task.request("PATCH", f"fhir/Patient/{patient['id']}", json=patch, headers=headers)).raise_for_status()
    return None
