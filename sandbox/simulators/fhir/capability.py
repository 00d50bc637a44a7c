"""The CapabilityStatement, generated from the tables that serve requests."""

from sandbox.simulators.fhir.calls import Answer, Call, answer_json


def metadata(call: Call) -> Answer:
    """`GET metadata`."""
    return answer_json({"resourceType": "CapabilityStatement"})
