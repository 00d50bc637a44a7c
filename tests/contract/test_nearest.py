"""A check that finds nothing says what came near and in what it differs, on every surface alike."""

import json

import pytest

SIU = (
    "MSH|^~\\&|RCEHR|REGMED|{receiver}|CLINIC|20260423090000||SIU^S12|{control}|P|2.5\r"
    "SCH|R1|||||REFERRAL||||||||||DESK||||DESK|||||BOOKED\rPID|1||P1^^^MRN||Reyes^Ana\rRGS|1\r"
)
FHIR = {"Content-Type": "application/fhir+json"}


@pytest.fixture
async def judged(serve, disk, kit):
    """Judge one criterion after the agent did what `work` does; return the details and `nearest`."""

    async def judge(check, work, **assertion):
        criteria = [kit.criterion("c", check, **assertion)]
        disk.benchmark(kit.benchmark("near", kit.task("a", *criteria)))
        async with serve() as live:
            run = await live.started("near")
            await work(run)
            (result,) = (await run.complete())["checks"]
            assert not result["passed"]
            return result["details"], result["evidence"].get("nearest")

    return judge


async def nothing(run):
    return None


async def put(run, method, path, value, **more):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = await run.call(method, path, body=body, **more)
    assert answer.status in (200, 201), answer


async def send(run, control="C1", receiver="undefined"):
    payload = SIU.format(control=control, receiver=receiver)
    assert (await run.call("POST", "hl7/outbound", json={"payload": payload})).json["ack_code"] == "AA"


async def test_hl7(judged):
    async def work(run):
        await send(run)

    details, nearest = await judged(
        "hl7-structural", work, correlate_by={"message_type": "SIU^S12", "MSH.5": "MSFPEHR"}, accepted=True
    )
    assert details.startswith(
        "Found no accepted outbound HL7 message with message_type = SIU^S12 and MSH.5 = MSFPEHR. "
    )
    assert details.endswith('differs: MSH.5 expected "MSFPEHR", found "undefined".')
    assert "The only outbound HL7 message, SIU^S12 hl7" in details
    assert nearest["differences"] == [{"path": "MSH.5", "expected": "MSFPEHR", "actual": "undefined", "passed": False}]


async def test_hl7_the_nearest_of_several_and_the_newest_of_equals(judged):
    async def work(run):
        await send(run, "C1", "MSFPEHR")
        await send(run, "C2", "MSFPEHR")
        await send(run, "C3", "OTHER")

    wanted = {"MSH.5.1": "MSFPEHR", "control_id": "C9"}
    details, _ = await judged("hl7-structural", work, correlate_by=wanted)
    assert "The nearest outbound HL7 message, SIU^S12 hl7" in details
    assert details.endswith('differs: control_id expected "C9", found "C2".')


@pytest.mark.parametrize(
    ("check", "assertion", "said"),
    [
        ("hl7-structural", {}, "There is no outbound HL7 message at all."),
        ("fhir-resource-state", {"resource_type": "Observation"}, "There is no Observation at all."),
        (
            "portal-state-match",
            {"correlate_by": {"resource": "drafts"}, "assertions": [{"path": "status", "expected": "draft"}]},
            "There is no row of drafts at all.",
        ),
        ("interaction", {"path": "fhir/**"}, "There is no call of the agent at all."),
        ("llm-task", {}, "There is no run of an LLM task at all."),
    ],
)
async def test_nothing_at_all(judged, check, assertion, said):
    details, nearest = await judged(check, nothing, **assertion)
    assert details.endswith(said)
    assert nearest is None


async def test_fhir_what_the_agent_wrote_comes_before_what_was_there(judged):
    async def work(run):
        patient = {"resourceType": "Patient", "name": [{"family": "Ryes", "given": ["Ana"]}], "gender": "male"}
        await put(run, "POST", "fhir/Patient", patient, headers=FHIR)

    search = {"family": "Reyes", "gender": "female"}
    details, _ = await judged("fhir-resource-state", work, resource_type="Patient", search=search)
    assert details.startswith("Found no Patient matching family=Reyes&gender=female. The only new Patient, Patient/")
    assert details.endswith('differs: family expected "Reyes", found "Ryes"; gender expected "female", found "male".')


async def test_fhir_a_resource_that_was_there_comes_near_when_it_meets_something(judged):
    details, nearest = await judged(
        "fhir-resource-state", nothing, resource_type="Patient", search={"family": "Reyes", "birthdate": "1970-01-01"}
    )
    assert details.endswith(
        'The nearest Patient, Patient/ana, differs: birthdate expected "1970-01-01", found nothing.'
    )
    details, nearest = await judged(
        "fhir-resource-state", nothing, resource_type="Patient", search={"birthdate": "1970-01-01"}
    )
    assert (details, nearest) == ("Found no Patient matching birthdate=1970-01-01.", None)


async def test_fhir_references_codes_and_dates_are_shown_as_people_write_them(judged):
    async def work(run):
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
            "subject": {"reference": "Patient/ana"},
            "effectiveDateTime": "2026-04-22",
            "valueQuantity": {"value": 6.9, "unit": "mmol/L"},
        }
        await put(run, "POST", "fhir/Observation", observation, headers=FHIR)

    search = {"patient": "Patient/other", "code": "http://loinc.org|2345-7", "date": "2026-04-23", "status": "final"}
    _, nearest = await judged("fhir-resource-state", work, resource_type="Observation", search=search)
    assert [(d["path"], d["actual"]) for d in nearest["differences"]] == [
        ("patient", "Patient/ana"),
        ("code", "2823-3"),
        ("date", "2026-04-22"),
    ]


async def test_portal(judged, kit):
    async def work(run):
        await put(run, "POST", "portal/prior-auths", kit.prior_auth, headers={"Content-Type": "application/json"})

    details, _ = await judged(
        "portal-state-match",
        work,
        correlate_by={"resource": "prior_auth_requests", "key": "patient_member_id", "value": "M1"},
        where={"procedure_code": "73721", "diagnosis_codes.*": "M54.16"},
    )
    assert "The only row of prior_auth_requests, " in details
    assert details.endswith('differs: procedure_code expected "73721", found "72148".')


async def test_portal_a_missing_key(judged, kit):
    async def work(run):
        body = {**kit.prior_auth, "draft": True}
        await put(run, "POST", "portal/prior-auths", body, headers={"Content-Type": "application/json"})

    details, _ = await judged(
        "portal-state-match", work, correlate_by={"resource": "drafts", "key": "determination.status"}
    )
    assert details.endswith("differs: determination.status expected to exist, found nothing.")


async def test_files(judged):
    async def work(run):
        await put(run, "PUT", "files/outbox/refferal.json", {"a": 1})

    details, nearest = await judged("sftp-file-present", work, glob="outbox/referral.json")
    assert details == (
        'Found no file that matches "outbox/referral.json". The only new file, outbox/refferal.json, differs: '
        'path expected to match "outbox/referral.json", found "outbox/refferal.json".'
    )
    assert nearest["label"] == "outbox/refferal.json"


async def test_files_the_row_of_a_csv(judged):
    async def work(run):
        await put(run, "PUT", "files/out/list.csv", b"id,reason\nA1,late\nA2,lost\n")

    details, _ = await judged("sftp-file-present", work, glob="out/*.csv", csv={"row": {"id": "A2", "reason": "late"}})
    assert details.endswith('The only new file, out/list.csv, differs: id expected "A2", found "A1".')


async def test_interaction(judged):
    async def work(run):
        await run.call("GET", "fhir/Patient/nobody")
        await run.call("GET", "files/inbox")

    details, _ = await judged("interaction", work, method="GET", path="fhir/Patient/*", status="2xx")
    assert details.endswith(
        'The nearest call of the agent, GET fhir/Patient/nobody (event 2), differs: status expected "2xx", found 404.'
    )


async def test_what_was_to_be_absent_and_is_has_nothing_near(judged):
    details, nearest = await judged(
        "fhir-resource-state", nothing, resource_type="Patient", search={"family": "Reyes"}, absent=True
    )
    assert (details, nearest) == ("Expected no Patient matching family=Reyes, but found 1: Patient/ana.", None)


async def test_a_count_that_nothing_reaches(judged):
    async def work(run):
        await send(run)

    details, _ = await judged(
        "hl7-structural", work, correlate_by={"message_type": "SIU^S12", "MSH.5": "X"}, count={"min": 1}
    )
    assert "expected at least 1, found 0. The only outbound HL7 message, " in details
