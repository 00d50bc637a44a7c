"""`_summary` and `_elements` on what is not a search (R4, Search, "Summary")."""

from sandbox.simulators.fhir.calls import Answer, Call


def project(call: Call, answer: Answer) -> Answer:
    """Leave out of a read's answer what `_summary` or `_elements` does not ask for."""
    return answer
