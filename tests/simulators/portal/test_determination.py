"""What the payer decides, and when."""

import base64

import pytest
from pydantic import ValidationError

from sandbox.payer.config import PayerConfig

FILE = {"filename": "notes.pdf", "content_base64": base64.b64encode(b"%PDF").decode()}
JSON = {"content-type": "application/json"}


def submit(world, body):
    return world.json("POST", "prior-auths", body, status=201)


def test_the_first_matching_rule_wins(make_world, complete):
    rules = [
        {"procedure_code": "72148", "patient_member_id": "W2", "status": "denied"},
        {"procedure_code": "72148", "status": "approved", "reason": "Meets criteria."},
        {"patient_member_id": "W1", "status": "denied", "reason": "No."},
    ]
    world = make_world({"determinations": rules})
    row = submit(world, complete)
    assert row["determination"] == {
        "status": "approved",
        "reason": "Meets criteria.",
        "decided_at": "2026-04-23T09:00:00.000Z",
    }
    assert row["history"][-1]["status"] == "approved"
    other = submit(world, {**complete, "procedure_code": "73721", "clinical_answers": {}})
    assert other["determination"]["status"] == "denied"
    assert world.branch.count("portal/_waiting") == 0


def test_without_a_matching_rule_the_default_decides(make_world, complete):
    world = make_world({"determinations": [{"procedure_code": "99999", "status": "approved"}]})
    assert submit(world, complete)["determination"] == {"status": "pending", "reason": None, "decided_at": None}
    world = make_world({"default_determination": {"status": "pending", "reason": "In review."}})
    assert submit(world, complete)["determination"]["reason"] == "In review."


def test_a_delay_runs_on_the_playgrounds_clock(make_world, complete):
    world = make_world({"default_determination": {"status": "approved", "reason": "ok", "delay_seconds": 60}})
    row = submit(world, complete)
    target = f"prior-auths/{row['auth_number']}"
    world.clock.advance(59.9)
    assert world.json("GET", target)["determination"]["status"] == "pending"
    world.clock.advance(0.1)
    decided = world.json("GET", target)
    assert decided["determination"] == {
        "status": "approved",
        "reason": "ok",
        "decided_at": "2026-04-23T09:01:00.000Z",
    }
    assert [event.type for event in world.recorder.events[-2:]] == ["scenario_step", "portal_request"]
    assert world.branch.count("portal/_waiting") == world.branch.count("_due") == 0


def test_a_delay_falls_due_with_that_many_reads(make_world, complete):
    world = make_world({"default_determination": {"status": "denied", "delay_reads": 2}})
    target = f"prior-auths/{submit(world, complete)['request_id']}"
    world.call("HEAD", target)
    world.json("GET", "prior-auths")
    assert world.json("GET", target)["determination"]["status"] == "pending"
    assert world.json("GET", target)["determination"]["status"] == "denied"
    assert world.last.changes
    assert world.json("GET", target)["determination"]["status"] == "denied"
    assert world.last.changes == ()


def test_reads_and_time_whichever_comes_first(make_world, complete):
    config = {"default_determination": {"status": "denied", "delay_reads": 2, "delay_seconds": 60}}
    for is_time_first in (True, False):
        world = make_world(config)
        target = f"prior-auths/{submit(world, complete)['request_id']}"
        if is_time_first:
            world.clock.advance(60)
        else:
            world.json("GET", target)
        assert world.json("GET", target)["determination"]["status"] == "denied"
        world.clock.advance(600)
        row = world.json("GET", target)
        assert [entry["action"] for entry in row["history"]].count("determined") == 1


def test_in_a_seeded_run_a_delay_also_falls_due_after_three_reads(make_world, complete):
    config = {"default_determination": {"status": "approved", "delay_seconds": 86_400}}
    rows = []
    for _ in range(2):
        world = make_world(config, random_seed=7)
        target = f"prior-auths/{submit(world, complete)['request_id']}"
        found = [world.json("GET", target)["determination"]["status"] for _ in range(3)]
        assert found == ["pending", "pending", "approved"]
        rows.append((world.json("GET", target), world.branch.state_hash()))
    assert rows[0] == rows[1]
    world = make_world(config)
    target = f"prior-auths/{submit(world, complete)['request_id']}"
    assert [world.json("GET", target)["determination"]["status"] for _ in range(4)] == ["pending"] * 4


def test_in_a_seeded_run_the_rules_own_reads_count(make_world, complete):
    config = {"default_determination": {"status": "approved", "delay_seconds": 86_400, "delay_reads": 1}}
    world = make_world(config, random_seed=7)
    target = f"prior-auths/{submit(world, complete)['request_id']}"
    assert world.json("GET", target)["determination"]["status"] == "approved"


MORE = {
    "status": "need_more_info",
    "reason": "Send therapy notes.",
    "after_more_info": {"status": "approved", "reason": "Thanks.", "delay_seconds": 30},
}


def test_more_information_leads_to_the_next_determination(make_world, complete):
    world = make_world({"determinations": [{"procedure_code": "72148", **MORE}]})
    row = submit(world, complete)
    assert (row["determination"]["status"], row["determination"]["reason"]) == ("need_more_info", "Send therapy notes.")
    target = f"prior-auths/{row['auth_number']}"
    answered = world.json("PATCH", target, {"clinical_answers": {"weeks": 12}, "notes": "Twelve weeks."})
    assert answered["clinical_answers"] == {"weeks": 12, "deficit": False}
    assert answered["status"] == "submitted"
    assert answered["determination"] == {"status": "pending", "reason": None, "decided_at": None}
    assert world.call("PATCH", target, {"notes": "again"}).status == 409
    world.clock.advance(30)
    row = world.json("GET", target)
    assert (row["determination"]["status"], row["determination"]["reason"]) == ("approved", "Thanks.")
    assert [entry["action"] for entry in row["history"]] == [
        "created",
        "submitted",
        "determined",
        "more_info_supplied",
        "determined",
    ]
    assert world.branch.count("portal/_after_more_info") == 0


def test_without_after_more_info_the_default_decides(make_world, complete):
    rule = {"procedure_code": "72148", "status": "need_more_info"}
    world = make_world({"determinations": [rule], "default_determination": {"status": "denied"}})
    row = submit(world, complete)
    answered = world.json("PATCH", f"prior-auths/{row['request_id']}", {"attachments": [FILE]})
    assert answered["determination"]["status"] == "denied"
    assert len(answered["attachments"]) == 1


def test_more_information_can_be_asked_twice(make_world, complete):
    again = {**MORE, "after_more_info": {"status": "need_more_info", "after_more_info": {"status": "approved"}}}
    world = make_world({"default_determination": again})
    target = f"prior-auths/{submit(world, complete)['request_id']}"
    assert world.json("PATCH", target, {"notes": "one"})["determination"]["status"] == "need_more_info"
    assert world.json("PATCH", target, {"notes": "two"})["determination"]["status"] == "approved"


def test_attachments_are_sent_in_by_submitting_again(make_world, complete):
    world = make_world({"default_determination": {**MORE, "after_more_info": {"status": "approved"}}})
    target = f"prior-auths/{submit(world, {**complete, 'attachments': [FILE]})['request_id']}"
    assert world.call("POST", f"{target}/submit").status == 409
    assert world.call("POST", f"{target}/attachments", FILE, JSON).status == 201
    assert world.json("GET", target)["determination"]["status"] == "need_more_info"
    assert world.json("POST", f"{target}/submit")["determination"]["status"] == "approved"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"notes": None}, 400),
        ({"notes": ""}, 400),
        ({"attachments": []}, 400),
        ({"clinical_answers": {}}, 400),
        ({"clinical_answers": {"weeks": "x"}}, 400),
        ({"clinical_answers": {"weeks": None}}, 400),
        ({"procedure_code": "73721"}, 409),
        ({"notes": "x", "diagnosis_codes": ["I10"]}, 409),
        ({"status": "submitted"}, 400),
    ],
)
def test_what_is_no_answer_to_need_more_info(make_world, complete, body, status):
    world = make_world({"default_determination": MORE})
    target = f"prior-auths/{submit(world, complete)['request_id']}"
    before = world.branch.state_hash()
    assert world.call("PATCH", target, body).status == status
    assert world.branch.state_hash() == before


def test_while_pending_files_can_be_added_and_nothing_else(world, complete):
    target = f"prior-auths/{submit(world, complete)['request_id']}"
    assert world.call("PATCH", target, {"notes": "x"}).status == 409
    assert world.call("POST", f"{target}/attachments", FILE, JSON).status == 201


@pytest.mark.parametrize(
    "config",
    [
        {"portal": "availity"},
        {"determination": []},
        {"determinations": [{"status": "approved"}]},
        {"determinations": [{"procedure_code": "72148"}]},
        {"determinations": [{"procedure_code": "72148", "status": "maybe"}]},
        {"determinations": [{"procedure_code": "72148", "status": "approved", "delay": 3}]},
        {"determinations": [{"procedure_code": "7214", "status": "approved"}]},
        {"determinations": [{"patient_member_id": " ", "status": "approved"}]},
        {"default_determination": {"status": "approved", "delay_seconds": -1}},
        {"default_determination": {"status": "approved", "delay_reads": 0}},
        {"default_determination": {"status": "approved", "after_more_info": {"status": "denied"}}},
        {"default_determination": {"status": "approved", "procedure_code": "72148"}},
    ],
)
def test_configurations_that_are_refused(config):
    with pytest.raises(ValidationError):
        PayerConfig.model_validate(config)


# -- set_portal --------------------------------------------------------------------------------


def test_set_portal_changes_a_determination(make_world, complete):
    world = make_world({"default_determination": {"status": "approved", "delay_seconds": 60}})
    row = submit(world, complete)
    world.clock.advance(10)
    change = {"patient_member_id": "W1", "determination": {"status": "denied", "reason": "Peer review."}}
    world.step("set_portal", collection="prior_auth_requests", row=change)
    world.clock.advance(600)
    changed = world.json("GET", f"prior-auths/{row['request_id']}")
    assert changed["determination"] == {
        "status": "denied",
        "reason": "Peer review.",
        "decided_at": "2026-04-23T09:00:10.000Z",
    }
    assert (changed["auth_number"], changed["clinical_answers"]) == (row["auth_number"], row["clinical_answers"])
    assert changed["history"][-1]["action"] == "determined"


def test_set_portal_adds_a_request(world, complete):
    fields = {key: value for key, value in complete.items() if key != "notes"}
    row = {**fields, "auth_number": "PA1", "submitted_at": "2026-04-01T10:00:00Z"}
    row["determination"] = {"status": "approved", "decided_at": "2026-04-02T10:00:00Z"}
    world.step("set_portal", collection="prior_auth_requests", row=row)
    found = world.json("GET", "prior-auths/PA1")
    assert found["determination"]["decided_at"] == "2026-04-02T10:00:00.000Z"
    assert submit(world, complete)["duplicate_of"] == found["request_id"]
    assert set(found) == set(submit(world, complete))


def test_set_portal_changes_the_other_collections(world):
    member = world.json("GET", "patients/W2")
    member["coverage"]["end"] = "2027-12-31"
    world.step("set_portal", collection="patients", row=member)
    assert world.json("GET", "patients/W2")["coverage"]["end"] == "2027-12-31"
    world.step("set_portal", collection="formulary", row={"drug": "ADALIMUMAB 40 MG", "tier": 2})
    assert [row["tier"] for row in world.json("GET", "formulary?drug=adal")["data"]] == [2]
    world.step("set_portal", collection="questions", row={"procedure_code": "73721", "questions": []})
    assert world.json("GET", "questions?procedure_code=73721")["data"][0]["questions"] == []


def test_set_portal_finds_rows_however_the_identifier_is_written(world, complete):
    row = submit(world, complete)
    change = {"patient_member_id": " w1", "determination": {"status": "denied"}}
    for names in ({}, {"request_id": row["request_id"].lower()}, {"auth_number": f" {row['auth_number'].lower()}"}):
        world.step("set_portal", collection="prior_auth_requests", row={**change, **names})
        assert list(dict(world.branch.items("portal/prior_auth_requests"))) == [row["request_id"]]
        changed = world.json("GET", f"prior-auths/{row['request_id']}")
        assert (changed["request_id"], changed["patient_member_id"]) == (row["request_id"], "W1")
        assert changed["determination"]["status"] == "denied"
    member = {**world.json("GET", "patients/W1"), "member_id": "w1 ", "plan": "New"}
    world.step("set_portal", collection="patients", row=member)
    assert [r["member_id"] for r in world.json("GET", "patients?member_id=W1")["data"]] == ["W1"]
    assert world.json("GET", "patients/W1")["plan"] == "New"


def test_an_authorization_number_is_given_once(world, complete):
    from sandbox.errors import Invalid

    number = submit(world, complete)["auth_number"].lower()
    fields = {
        **{key: value for key, value in complete.items() if key != "notes"},
        "submitted_at": "2026-04-01T10:00:00Z",
    }
    with pytest.raises(Invalid, match="names the request"):
        world.step(
            "set_portal", collection="prior_auth_requests", row={**fields, "request_id": "x", "auth_number": number}
        )


@pytest.mark.parametrize(
    ("collection", "row"),
    [
        ("logins", {"id": "x"}),
        ("patients", {}),
        ("patients", {"member_id": "W9"}),
        ("providers", {"npi": "1234567890", "name": "x"}),
        ("prior_auth_requests", {"status": "submitted"}),
        ("prior_auth_requests", {"request_id": "x", "verdict": "approved"}),
    ],
)
def test_set_portal_is_checked_when_loaded(world, collection, row):
    with pytest.raises(ValidationError):
        world.simulator.actions["set_portal"].model.model_validate({"collection": collection, "row": row})


@pytest.mark.parametrize(
    "row",
    [
        {"request_id": "x"},
        {"request_id": "x", "status": "draft"},
        {"auth_number": "PA1", "determination": {"status": "maybe"}},
    ],
)
def test_set_portal_that_cannot_be_done_fails_and_changes_nothing(world, row):
    from sandbox.errors import Invalid

    before = world.branch.state_hash()
    with pytest.raises(Invalid):
        world.step("set_portal", collection="prior_auth_requests", row=row)
    assert world.branch.state_hash() == before
