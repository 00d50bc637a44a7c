"""The careless colleague: takes the other Maria Chen, and the appointment that was cancelled."""

from typing import Any

from .solution import find, find_patients, search


async def solve(task: Any) -> Any:
    """Take the first thing that looks right."""
    text = task.task_item["instruction"]
    if "mobile number" in text:
        patient = max(await find_patients(task, family="Chen", given="Maria"), key=lambda found: found["birthDate"])
        patient["telecom"][0]["value"] = find(r"now ([\d-]+)", text)
        (await task.request("PUT", f"fhir/Patient/{patient['id']}", json=patient)).raise_for_status()
        return None
    (patient,) = await find_patients(task, family="Okafor", given="Robert")
    coming = await search(task, "Appointment", patient=f"Patient/{patient['id']}", date="ge2026-04-23", _sort="date")
    return {"date": coming[0]["start"][:10], "clinician": coming[0]["participant"][1]["actor"]["display"]}
