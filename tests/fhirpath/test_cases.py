"""The case table: what FHIRPath's own text, and R4's page about it, say that expressions mean."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox import jsonio
from sandbox.fhirpath import Context, EvaluationProblem, FhirPathError, Node, compile_expression
from sandbox.fhirpath.nodes import system_of
from sandbox.fhirpath.values import Quantity, Temporal, plain

TABLE = Path(__file__).with_name("cases.txt")
NOW = datetime(2026, 4, 23, 9, 30, tzinfo=UTC)
PATIENT = jsonio.parse(
    """{
    "resourceType": "Patient", "id": "p1",
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "Contained Clinic"}],
    "extension": [{"url": "http://example.org/score", "valueDecimal": 6.80}],
    "identifier": [{"use": "official", "system": "urn:mrn", "value": "1"}],
    "active": true,
    "name": [{"use": "official", "family": "Chen", "given": ["Maria", "Li"]}, {"family": "Lopez", "given": ["Maria"]}],
    "telecom": [
        {"system": "phone", "value": "555-0101", "use": "mobile"},
        {"system": "email", "value": "maria@example.org"},
        {"system": "phone", "value": "555-0199", "use": "home"}
    ],
    "gender": "female", "birthDate": "1974-12-25",
    "_birthDate": {"extension": [{
        "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": "1974-12-25T14:35:45-05:00"
    }]},
    "deceasedBoolean": false,
    "address": [{"line": ["1 Elm St", "Apt 2"], "city": "Springfield"}],
    "maritalStatus": {"_text": {"extension": [{"url": "http://example.org/why", "valueCode": "unknown"}]}},
    "contact": [{"name": {"family": "Chen"}}],
    "generalPractitioner": [{"reference": "Practitioner/pr1"}],
    "managingOrganization": {"reference": "#o1"}
}"""
)
OBSERVATION = jsonio.parse(
    """{
    "resourceType": "Observation", "id": "k1", "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
    "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-04-23T08:00:00-04:00",
    "valueQuantity": {"value": 6.8, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    "referenceRange": [{
        "low": {"value": 3500, "unit": "umol/L", "system": "http://unitsofmeasure.org", "code": "umol/L"},
        "high": {"value": 5.1, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
    }],
    "component": [
        {"code": {"text": "dose"}, "valueQuantity": {"value": 10, "system": "http://unitsofmeasure.org", "code": "mg"}},
        {"code": {"text": "for"}, "valueQuantity": {"value": 30, "system": "http://unitsofmeasure.org", "code": "d"}},
        {"code": {"text": "year"}, "valueQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "a"}},
        {"code": {"text": "lot"}, "valueQuantity": {"value": 6, "unit": "tablets"}}
    ]
}"""
)
RESOURCES = {"patient": PATIENT, "observation": OBSERVATION}
STORE = {"Patient/p1": PATIENT, "Practitioner/pr1": {"resourceType": "Practitioner", "id": "pr1"}}
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"


def rows() -> Iterator[tuple[str, str, str, str]]:
    section = resource = ""
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            found = re.fullmatch(r"## (.*?)(?: \[(\w+)\])?", line)
            section, resource = found[1], found[2] or ""
        elif " => " in line and not line.startswith("#"):
            expression, _, result = line.rpartition(" => ")
            yield section, resource, expression, result


def shown(item: object) -> str:
    value = system_of(item)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Temporal):
        return f"@{'T' if value.kind == 'Time' else ''}{value}"
    if isinstance(value, Node):
        return value.type
    return str(value) if isinstance(value, Quantity) else str(int(value))


def member_of(url, system, code):
    return code in ("female", "male", "other", "unknown") if url == GENDERS else None


CASES = list(rows())


@pytest.mark.parametrize(("section", "resource", "expression", "result"), CASES, ids=[c[2] for c in CASES])
def test_the_text_of_the_specification(section, resource, expression, result):
    value = RESOURCES.get(resource, {"resourceType": "Basic", "id": "b"})
    context = Context(now=NOW, resolve=STORE.get, member_of=member_of)
    try:
        compiled = compile_expression(expression, value["resourceType"])
    except FhirPathError as error:
        assert result == "refused", error.message
        return
    assert result != "refused", section
    try:
        items = compiled.evaluate(value, context)
    except EvaluationProblem as error:
        assert result == "error", error.message
        return
    assert (" | ".join(map(shown, items)) or "{}") == result


def test_the_table_is_of_its_size():
    assert len(CASES) >= 400
    assert len({(c[1], c[2]) for c in CASES}) == len(CASES)
