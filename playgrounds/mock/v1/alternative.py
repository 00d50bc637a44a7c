"""The other right way: the old number stays in the record as an old one, changed by JSON Patch."""

import re
from typing import Any

from .solution import find_next_appointment


async def solve(task: Any) -> Any:
    """Add the new number and mark the old one as old."""
    text = task.task_item["instruction"]
    if "mobile number" not in text:
        answer = await find_next_appointment(task)
        return {**answer, "clinician": f"Dr. {answer['clinician']}"}
    born = re.search(r"born (\d{4}-\d\d-\d\d)", text)[1]  # type: ignore[index]
    number = re.search(r"now (\d{3}-\d{3}-\d{4})", text)[1]  # type: ignore[index]
    found = await task.request("GET", "fhir/Patient", params=[("name", "Maria"), ("name", "Chen"), ("birthdate", born)])
    patient = found.raise_for_status().json()["entry"][0]["resource"]
    patch = [
        {"op": "replace", "path": "/telecom/0/use", "value": "old"},
        {"op": "add", "path": "/telecom/0", "value": {"system": "phone", "value": number, "use": "mobile"}},
    ]
    headers = {"Content-Type": "application/json-patch+json"}
    (await task.request("PATCH", f"fhir/Patient/{patient['id']}", json=patch, headers=headers)).raise_for_status()
    return None
