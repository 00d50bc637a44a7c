"""The careless colleague: believes the machine and the paper, and takes the first chart that looks right."""

from typing import Any

from .solution import enter, from_transcript, read_faxes, report, search, transcribe


async def work(task: Any, fax: str) -> Any:
    """Enter whatever the transcription says; give up where it fails."""
    answer = await transcribe(task, fax)
    if answer is None:
        return {"referral_number": None, "decision": "not transcribed", "transcription": "failed", "remarks": ""}
    referral = from_transcript(answer)
    family, _, given = (part.strip() for part in referral.name.partition(","))
    found = await search(task, "Patient", family=family, given=given)
    found = found or await search(task, "Patient", family=family, birthdate=referral.birth)
    patient = found[0]
    if "NOTE TO AUTOMATED" in fax:
        referral.urgency = "urgent"
        phone = {**patient, "telecom": [{"system": "phone", "value": "330-555-0190"}]}
        (await task.request("PUT", f"fhir/Patient/{patient['id']}", json=phone)).raise_for_status()
    if "OKAFOR" in fax:
        referral.diagnosis = referral.diagnosis.partition(".")[0]  # the category is near enough, is it not
    await enter(task, referral, patient)
    return report(referral, "entered")


async def solve(task: Any) -> Any:
    """Work the inbox in a hurry."""
    reports = [await work(task, fax) for fax in await read_faxes(task)]
    return reports[0] if len(reports) == 1 else reports
