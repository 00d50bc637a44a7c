"""`interaction` asks what was sent and what was answered: bodies, the second of two, a call that was refused."""

import json

import pytest

FHIR = {"Content-Type": "application/fhir+json"}


@pytest.fixture
def judged(serve, disk, kit):
    """Judge one criterion after `work`; return its check."""

    async def judge(work, **assertion):
        criterion = {"label": "c", "assertion": {"assert": "interaction", **assertion}}
        disk.benchmark(kit.benchmark("calls", kit.task("a", criterion)))
        async with serve() as live:
            run = await live.started("calls")
            await work(run, kit)
            return (await run.complete())["checks"][0]

    return judge


def field(path, **expectation):
    return {"path": path, **expectation}


async def two_requests(run, kit):
    """One prior authorization that is refused, for a member that is not there, and one that is taken."""
    wrong = {**kit.prior_auth, "patient_member_id": "M9"}
    assert (await run.call("POST", "portal/prior-auths", json=wrong)).status == 400
    assert (await run.call("POST", "portal/prior-auths", json=kit.prior_auth)).status == 201


POST = {"method": "POST", "path": "portal/prior-auths"}


@pytest.mark.parametrize(
    ("assertion", "holds"),
    [
        ({"fields": [field("request.body.patient_member_id", expected="M9")]}, True),
        ({"fields": [field("request.body.patient_member_id", expected="M8")]}, False),
        ({"fields": [field("response.status", expected=400), field("request.method", expected="POST")]}, True),
        ({"fields": [field("response.body.error.code", exists=True)], "status": "4xx"}, True),
        ({"fields": [field("response.body.error.code", exists=True)], "status": "2xx"}, False),
        ({"fields": [field("response.body.status", expected="submitted")]}, True),
        ({"nth": 1, "fields": [field("request.body.patient_member_id", expected="M9")]}, True),
        ({"nth": 2, "fields": [field("request.body.patient_member_id", expected="M9")]}, False),
        ({"nth": 2, "fields": [field("request.body.patient_member_id", expected="M1")]}, True),
        ({"nth": -1, "fields": [field("response.status", min=200, max=299)]}, True),
        ({"nth": -2, "fields": [field("response.status", expected=400)]}, True),
        ({"nth": 3}, False),
        ({"match": {"request.body.patient_member_id": "M9"}, "count": {"min": 1, "max": 1}}, True),
        ({"match": {"request.body.patient_member_id": "M9", "response.status": 201}}, False),
        ({"match": {"request.body.diagnosis_codes.*": "M54.16"}, "count": {"min": 2}}, True),
        ({"match": {"request.body.patient_member_id": "M8"}, "count": {"max": 0}}, True),
        ({"match": {"request.body.patient_member_id": {"one_of": ["M8", "M9"]}}}, True),
        ({"status": "2xx", "after": {**POST, "match": {"response.status": 400}}}, True),
        ({"status": "2xx", "before": {**POST, "match": {"response.status": 400}}}, False),
    ],
)
async def test_what_was_sent_and_answered(judged, assertion, holds):
    check = await judged(two_requests, **POST, **assertion)
    assert check["passed"] is holds, check


async def test_the_evidence_names_the_call_and_what_it_lacks(judged):
    check = await judged(two_requests, **POST, nth=2, fields=[field("request.body.patient_member_id", expected="M9")])
    assert check["details"].startswith("POST portal/prior-auths (event ")
    assert 'request.body.patient_member_id expected "M9", found "M1"' in check["details"]
    assert [event["status"] for event in check["evidence"]["matched_events"]] == [201]
    check = await judged(two_requests, **POST, match={"request.body.patient_member_id": "M8"})
    assert 'differs: request.body.patient_member_id expected "M8", found "M' in check["details"]
    assert check["details"].startswith(
        "Found no interaction POST portal/prior-auths with request.body.patient_member_id"
    )


async def test_what_is_kept_by_its_hash_is_read_too(judged):
    async def work(run, kit):
        patient = {"resourceType": "Patient", "name": [{"family": "Long" + "g" * 200_000}], "gender": "male"}
        answer = await run.call("POST", "fhir/Patient", body=json.dumps(patient).encode(), headers=FHIR)
        assert answer.status == 201

    fields = [field("request.body.gender", expected="male"), field("response.body.gender", expected="male")]
    assert (await judged(work, path="fhir/Patient", fields=fields))["passed"]


@pytest.mark.parametrize(
    ("assertion", "said"),
    [
        ({"fields": [field("body.x", exists=True)]}, "begins with request. or response."),
        ({"fields": [field("request.bdy.x", exists=True)]}, 'did you mean "body"?'),
        ({"nth": 0}, "nth"),
    ],
)
async def test_what_no_event_has_is_unsupported(judged, assertion, said):
    check = await judged(two_requests, **assertion)
    assert check["details"].startswith("unsupported assertion: ") and said in check["details"], check
