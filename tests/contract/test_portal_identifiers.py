"""Identifiers at the portal: trimmed and compared by one rule, wherever a caller may write one."""

import json
from urllib.parse import quote

import pytest

MEMBER = {
    "member_id": "Wq-100a",
    "first_name": "Ana",
    "last_name": "Reyes",
    "birth_date": "1970-01-01",
    "gender": "female",
    "plan": "Gold",
    "coverage": {"status": "active", "start": "2026-01-01"},
}
PORTAL = {
    "patients": [MEMBER],
    "providers": [{"npi": "1234567893", "name": "Dr. Rivera"}],
    "formulary": [{"drug": "Adalimumab 40 mg", "tier": 5}],
    "questions": [{"procedure_code": "j0139", "questions": []}],
    "prior_auths": [
        {
            "request_id": "Req-1",
            "auth_number": "PA-x1",
            "patient_member_id": " wq-100A ",
            "procedure_code": "J0139",
            "diagnosis_codes": ["m5416"],
            "provider_npi": " 1234567893 ",
            "created_at": "2026-03-02T15:00:00Z",
            "submitted_at": "2026-03-02T15:04:00Z",
            "determination": {"status": "denied", "decided_at": "2026-03-03T09:00:00Z"},
        }
    ],
}
RULES = {
    "portal": "covermymeds",
    "determinations": [
        {"procedure_code": " j0139 ", "patient_member_id": " WQ-100a", "status": "approved", "reason": "A biologic."},
        {"procedure_code": "00074024302", "status": "denied", "reason": "Not that drug."},
    ],
}
# However a caller writes it.
WRITINGS = ["Wq-100a", "wq-100a", "WQ-100A", " wq-100a", "Wq-100a \t", "\u00a0wq-100a"]


@pytest.fixture
async def run(serve, disk, kit):
    disk.dataset("payer", {"portal.yaml": json.dumps(PORTAL).encode()})
    simulator = {"type": "Payer", "name": "Payer", "dataset": "payer", "config": RULES}
    environment = {"name": "Payer", "clock": "2026-04-23T09:00:00Z", "simulators": [simulator]}
    by = {"resource": "prior_auth_requests", "key": "patient_member_id", "value": "WQ-100A "}
    where = {"procedure_code": 72148, "diagnosis_codes": ["m5416"], "diagnosis_codes.0": " m54.16", "notes": "New."}
    found = kit.criterion(
        "found", "portal-state-match", correlate_by=by, where=where, assertions=[{"path": "notes", "expected": "New."}]
    )
    missed = kit.criterion(
        "text is compared exactly", "portal-state-match", correlate_by=by, where={"notes": "new."}, absent=True
    )
    disk.benchmark(kit.benchmark("payer", environment=environment, tasks=[kit.task("a", found, missed)]))
    async with serve() as live:
        yield await live.started("payer")


def body(**changes):
    return {
        "patient_member_id": "Wq-100a",
        "procedure_code": "72148",
        "diagnosis_codes": ["M54.16"],
        "provider_npi": "1234567893",
        **changes,
    }


@pytest.mark.parametrize("written", WRITINGS)
async def test_a_member_is_found_however_the_identifier_is_written(run, written):
    listed = await run.call("GET", f"portal/patients?member_id={quote(written)}")
    read = await run.call("GET", f"portal/patients/{quote(written)}")
    made = await run.call("POST", "portal/prior-auths", json=body(patient_member_id=written))
    requests = await run.call("GET", f"portal/prior-auths?patient_member_id={quote(written)}")
    assert [answer.status for answer in (listed, read, made, requests)] == [200, 200, 201, 200], made
    assert [row["member_id"] for row in listed.json["data"]] == [read.json["member_id"]] == ["Wq-100a"]
    # What is kept is as the payer writes it.
    assert made.json["patient_member_id"] == "Wq-100a"
    assert {row["patient_member_id"] for row in requests.json["data"]} == {"Wq-100a"}
    assert len(requests.json["data"]) == 2


async def test_drafts_and_their_changes_keep_the_payers_writing(run):
    draft = await run.call("POST", "portal/prior-auths", json={"draft": True, "patient_member_id": "wq-100a"})
    assert (draft.status, draft.json["patient_member_id"]) == (201, "Wq-100a")
    path = f"portal/prior-auths/{draft.json['request_id'].lower()}"
    changed = await run.call("PATCH", path, json=body(patient_member_id="WQ-100a", provider_npi=" 1234567893\n"))
    assert (changed.json["patient_member_id"], changed.json["provider_npi"]) == ("Wq-100a", "1234567893")
    sent = await run.call("POST", f"{path}/submit")
    assert (sent.status, sent.json["request_id"]) == (200, draft.json["request_id"])


@pytest.mark.parametrize("written", ["Req-1", "req-1", " REQ-1", "PA-x1", "pa-X1 "])
async def test_a_request_is_found_by_either_of_its_names(run, written):
    for path in (f"portal/prior-auths/{quote(written)}", f"portal/prior-auths/{quote(written)}/attachments"):
        assert (await run.call("GET", path)).status == 200, path
    read = await run.call("GET", f"portal/prior-auths/{quote(written)}")
    assert (read.json["request_id"], read.json["patient_member_id"]) == ("Req-1", "Wq-100a")


@pytest.mark.parametrize(
    ("target", "count"),
    [
        ("providers?npi=%201234567893%20", 1),
        ("providers?npi=1245319599", 0),
        ("formulary?drug=%20ADALIMUMAB%20", 1),
        ("questions?procedure_code=%20j0139", 1),
        ("prior-auths?procedure_code=%20j0139", 1),
        ("prior-auths?procedure_code=00074024302", 0),
        ("prior-auths?patient_member_id=Wq-100", 0),
    ],
)
async def test_filters(run, target, count):
    answer = await run.call("GET", f"portal/{target}")
    assert (answer.status, len(answer.json["data"])) == (200, count), answer


async def test_a_provider_by_path(run):
    assert (await run.call("GET", "portal/providers/%201234567893%0A")).json["name"] == "Dr. Rivera"
    assert (await run.call("GET", "portal/providers/123456789")).status == 404


async def test_a_filter_that_is_no_code_is_named(run):
    for listing in ("prior-auths", "questions"):
        refused = await run.call("GET", f"portal/{listing}?procedure_code=banana")
        assert (refused.status, list(refused.error["details"])) == (400, ["procedure_code"])


async def test_a_rule_is_for_what_it_names_however_both_are_written(run):
    for given, status in (
        (body(procedure_code="J0139 ", patient_member_id="wq-100a"), "approved"),
        (body(procedure_code="00074-0243-02"), "denied"),
        (body(), "pending"),
    ):
        made = await run.call("POST", "portal/prior-auths", json=given)
        assert (made.status, made.json["determination"]["status"]) == (201, status), made


async def test_a_second_request_is_a_duplicate_of_the_first_however_written(run):
    first = await run.call("POST", "portal/prior-auths", json=body())
    second = await run.call("POST", "portal/prior-auths", json=body(patient_member_id=" wq-100A"))
    assert second.json["duplicate_of"] == first.json["request_id"]


@pytest.mark.parametrize("value", ["", "  ", "\t", "Wq", "Wq-100", "Wq -100a", "x" * 65])
async def test_another_identifier_is_not_taken_for_it(run, value):
    refused = await run.call("POST", "portal/prior-auths", json=body(patient_member_id=value))
    assert (refused.status, list(refused.error["details"])) == (400, ["patient_member_id"])


async def test_a_check_finds_the_row_by_the_same_rule(run):
    made = await run.call("POST", "portal/prior-auths", json=body(patient_member_id="wq-100A", notes="New."))
    assert made.status == 201
    assert (await run.complete())["score"] == 1
