"""The CapabilityStatement says what is served, and what it says is served."""

import pytest

from sandbox.r4.model import resource_types
from sandbox.r4.validation import validate
from sandbox.simulators.fhir.operations import OPERATIONS
from sandbox.simulators.fhir.table import INTERACTIONS


@pytest.fixture
def statement(ehr):
    reply = ehr.get("metadata")
    assert reply.status == 200
    return reply.json


def test_it_is_valid(statement):
    assert validate(statement) == []
    assert statement["fhirVersion"] == "4.0.1"


def test_every_type_with_every_interaction(statement):
    [rest] = statement["rest"]
    assert {r["type"] for r in rest["resource"]} == resource_types()
    for resource in rest["resource"]:
        assert [i["code"] for i in resource["interaction"]] == [
            "read", "update", "patch", "delete", "vread", "history-instance", "search-type", "create", "history-type",
        ]  # fmt: skip
        assert resource["conditionalDelete"] == "multiple"


def test_every_interaction_has_a_route(statement):
    ways = {
        "read": ("GET", ("X", "1")),
        "vread": ("GET", ("X", "1", "_history", "1")),
        "update": ("PUT", ("X", "1")),
        "patch": ("PATCH", ("X", "1")),
        "delete": ("DELETE", ("X", "1")),
        "history-instance": ("GET", ("X", "1", "_history")),
        "history-type": ("GET", ("X", "_history")),
        "create": ("POST", ("X",)),
        "search-type": ("GET", ("X",)),
    }
    for resource in statement["rest"][0]["resource"]:
        for interaction in resource["interaction"]:
            method, path = ways[interaction["code"]]
            assert INTERACTIONS.served((resource["type"], *path[1:]), method).code == interaction["code"]
    assert {i["code"] for i in statement["rest"][0]["interaction"]} == {
        "search-system", "transaction", "batch", "history-system",
    }  # fmt: skip


def test_everything_served_is_said(statement):
    said = {i["code"] for i in statement["rest"][0]["interaction"]}
    said |= {i["code"] for r in statement["rest"][0]["resource"] for i in r["interaction"]}
    codes = {s.code for rows in (INTERACTIONS[k] for k in list(INTERACTIONS)) for s in rows.values() if s.code}
    assert codes <= said


def test_operations(statement):
    said = {o["name"] for r in statement["rest"][0]["resource"] for o in r.get("operation", [])}
    said |= {o["name"] for o in statement["rest"][0]["operation"]}
    assert said == set(OPERATIONS)
    patient = next(r for r in statement["rest"][0]["resource"] if r["type"] == "Patient")
    assert [o["name"] for o in patient["operation"]] == ["everything", "validate", "meta", "meta-add", "meta-delete"]


def test_every_search_parameter_that_is_said_is_accepted(ehr, statement):
    """A parameter may refuse the value, but never says that it does not exist."""
    for resource in statement["rest"][0]["resource"][::12]:
        for parameter in resource["searchParam"]:
            reply = ehr.get(f"{resource['type']}?{parameter['name']}:missing=true")
            if reply.status != 200:
                assert parameter["name"].startswith("_"), (resource["type"], parameter["name"], reply.text)


@pytest.mark.parametrize(("query", "status"), [("mode=full", 200), ("mode=terminology", 400), ("mode=x", 400)])
def test_modes(ehr, query, status):
    assert ehr.get(f"metadata?{query}").status == status


def test_it_names_its_own_base(statement):
    assert statement["implementation"]["url"] == "http://ehr.test/v1/benchmark-runs/br_1/fhir"


def test_parts_of_the_statement(ehr):
    assert "text" not in ehr.get("metadata?_elements=status&_format=json&mode=full").json
    part = ehr.get("metadata?_elements=status").json
    assert "software" not in part and part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "rest" in ehr.get("metadata?_summary=false").json
    assert ehr.get("metadata?foo=1").codes == ["not-supported"]
    assert ehr.get("metadata?foo=1", Prefer="handling=lenient").status == 200
