"""The careless colleague: takes the other Maria Chen, and the appointment that was cancelled."""

import re
from typing import Any


async def solve(task: Any) -> Any:
    """Take the first thing that looks right."""
    text = task.task_item["instruction"]
    if "mobile number" in text:
        answer = await task.request("GET", "fhir/Patient", params={"family": "Chen", "given": "Maria"})
        patients = [entry["resource"] for entry in answer.raise_for_status().json()["entry"]]
        patient = max(patients, key=lambda found: found["birthDate"])
        patient["telecom"][0]["value"] = re.search(r"now ([\d-]+)", text)[1]  # type: ignore[index]
        (await task.request("PUT", f"fhir/Patient/{patient['id']}", json=patient)).raise_for_status()
        return None
    params = {"patient": "Patient/robert-okafor", "date": "ge2026-04-23", "_sort": "date"}
    answer = await task.request("GET", "fhir/Appointment", params=params)
    appointment = answer.raise_for_status().json()["entry"][0]["resource"]
    clinician = appointment["participant"][1]["actor"]["display"]
    return {"date": appointment["start"][:10], "clinician": clinician}
