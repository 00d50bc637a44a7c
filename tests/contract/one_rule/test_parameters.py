"""Parameters of FHIR calls, over HTTP: one list of what is no criterion, one reading of a query's text."""

import json

import pytest

FHIR = {"Content-Type": "application/fhir+json"}
FAMILY = {"resourceType": "Patient", "name": [{"family": "Reyes"}]}


def transaction(*entries):
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": list(entries)})


async def written(run, condition):
    """The same condition in each place that R4 has for one."""
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient?{condition}"},
    }
    put = {"resource": FAMILY, "request": {"method": "PUT", "url": f"Patient?{condition}"}}
    post = {"resource": FAMILY, "request": {"method": "POST", "url": "Patient", "ifNoneExist": condition}}
    refer = {"resource": observation, "request": {"method": "POST", "url": "Observation"}}
    body = json.dumps(FAMILY)
    return [
        await run.call("PUT", f"fhir/Patient?{condition}", body=body, headers=FHIR),
        await run.call("POST", f"fhir/Patient?{condition}", body=body, headers=FHIR),
        await run.call("POST", "fhir/Patient", body=body, headers={**FHIR, "If-None-Exist": condition}),
        *[await run.call("POST", "fhir", body=transaction(entry), headers=FHIR) for entry in (put, post, refer)],
    ]


@pytest.mark.parametrize(
    "condition", ["family=Reyes", "&family=Reyes&", "family=Reyes&&_format=json", "family=%52eyes"]
)
async def test_a_condition_is_read_alike_wherever_it_stands(live, condition):
    run = await live.started()
    assert [a.status for a in await written(run, condition)] == [200] * 6
    assert (await run.call("GET", "fhir/Patient?family=Reyes")).json["total"] == 1


@pytest.mark.parametrize(
    "condition",
    [
        *("_count=2&family=Reyes", "_containedType=container&family=Reyes", "_contained=false&family=Reyes"),
        *("_include:iterate=*&family=Reyes", "_sort=family&family=Reyes", "family", "family=", "family=%FF"),
    ],
)
async def test_what_is_no_condition_is_none_wherever_it_stands(live, condition):
    run = await live.started()
    assert [a.status for a in await written(run, condition)] == [400] * 6


@pytest.mark.parametrize("prefer", [None, "handling=lenient"])
@pytest.mark.parametrize("query", ["_containedType=container", "_contained=true"])
async def test_a_search_refuses_by_name_what_shapes_a_result_and_is_not_served(live, query, prefer):
    run = await live.started()
    answer = await run.call("GET", f"fhir/Patient?{query}", headers={"Prefer": prefer} if prefer else {})
    assert answer.status == (200 if prefer else 400)
    issues = answer.json["entry"][0]["resource"]["issue"] if prefer else answer.json["issue"]
    assert [issue["expression"] for issue in issues] == [[f"http.{query.partition('=')[0]}"]]


@pytest.mark.parametrize(
    "query", ["_summary=true&_summary=false", "_elements=name&_elements=id", "_summary=true&_elements=id"]
)
async def test_a_read_refuses_what_a_search_refuses(live, query):
    run = await live.started()
    for path in ("fhir/Patient", "fhir/Patient/ana", "fhir/Patient/ana/_history/1"):
        assert (await run.call("GET", f"{path}?{query}")).status == 400, path
        lenient = await run.call("GET", f"{path}?{query}", headers={"Prefer": "handling=lenient"})
        assert lenient.status == 200, path


@pytest.mark.parametrize(("name", "near"), [("familly", "family"), ("FAMILY", "family"), ("brithdate", "birthdate")])
async def test_a_misspelt_parameter_is_answered_as_every_other_name(live, name, near):
    run = await live.started()
    said = (await run.call("GET", f"fhir/Patient?{name}=x")).json["issue"][0]["diagnostics"]
    assert said.endswith(f"Did you mean {near}?")


async def test_the_compartments_are_those_of_the_data(live):
    run = await live.started()
    for path in ("Organization/1/Patient", "Organization/1/*"):
        answer = await run.call("GET", f"fhir/{path}")
        assert answer.status == 400
        said = answer.json["issue"][0]["diagnostics"].partition("there are ")[2].rstrip(".")
        assert set(said.split(", ")) == {"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"}


@pytest.mark.parametrize("value", ["yes", "TRUE", "1", ""])
async def test_a_flag_of_the_api_is_true_or_false(live, kit, value):
    run = await live.started()
    path = f"/criterion-runs?task_run_id={run.tasks[0]}&superseded="
    answer = await live.call("GET", path + value, kit.api_key)
    assert (answer.status, list(answer.error["details"])) == (400, ["superseded"])
    for known in ("true", "false"):
        await live.get(path + known)
