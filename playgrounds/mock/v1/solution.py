"""The reference agent of the smallest benchmark."""

import re
from typing import Any


async def solve(task: Any) -> Any:
    """Do what the instruction says, reading it as a person would."""
    if "mobile number" in task.task_item["instruction"]:
        return await change_number(task)
    return await find_next_appointment(task)


async def change_number(task: Any) -> None:
    """Replace the patient's mobile number."""
    text = task.task_item["instruction"]
    born = re.search(r"born (\d{4}-\d\d-\d\d)", text)[1]  # type: ignore[index]
    number = re.search(r"now (\d{3}-\d{3}-\d{4})", text)[1]  # type: ignore[index]
    answer = await task.request("GET", "fhir/Patient", params={"family": "Chen", "given": "Maria", "birthdate": born})
    patient = answer.raise_for_status().json()["entry"][0]["resource"]
    for contact in patient["telecom"]:
        if contact["system"] == "phone" and contact["use"] == "mobile":
            contact["value"] = number
    (await task.request("PUT", f"fhir/Patient/{patient['id']}", json=patient)).raise_for_status()


async def find_next_appointment(task: Any) -> dict[str, str]:
    """Return the earliest appointment from today on that is booked."""
    text = task.task_item["instruction"]
    today = re.search(r"\d{4}-\d\d-\d\d", text)[0]  # type: ignore[index]
    answer = await task.request("GET", "fhir/Patient", params={"family": "Okafor", "given": "Robert"})
    patient = answer.raise_for_status().json()["entry"][0]["resource"]
    params = {"patient": f"Patient/{patient['id']}", "status": "booked", "date": f"ge{today}", "_sort": "date"}
    answer = await task.request("GET", "fhir/Appointment", params=params)
    appointment = answer.raise_for_status().json()["entry"][0]["resource"]
    actors = [participant["actor"] for participant in appointment["participant"]]
    clinician = next(actor for actor in actors if actor["reference"].startswith("Practitioner/"))
    found = (await task.request("GET", f"fhir/{clinician['reference']}")).raise_for_status().json()
    return {"date": appointment["start"][:10], "clinician": found["name"][0]["family"]}
