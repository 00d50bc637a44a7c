"""The life of a case over the portal's REST: what real portals do, by configuration."""

import base64

import pytest
from pydantic import ValidationError

from sandbox.payer.config import PayerConfig

FILE = {
    "filename": "notes.pdf",
    "content_type": "application/pdf",
    "content_base64": base64.b64encode(b"%PDF").decode(),
}
DENIED = {"default_determination": {"status": "denied", "reason": "No.", "code": "MN-12"}}


def submitted(world, body):
    row = world.json("POST", "prior-auths", body, status=201)
    return row, f"prior-auths/{row['request_id']}"


def refusal(world, method, target, body=None):
    before = world.branch.state_hash()
    message = world.json(method, target, body, status=409)["error"]["message"]
    assert world.branch.state_hash() == before
    return message


def test_the_authorization_number_comes_with_the_approval_and_later(make_world, complete):
    config = {
        "authorization_number": {"given_with": "approval", "delay_seconds": 3600},
        "default_determination": {"status": "approved", "delay_seconds": 60, "units": 6, "valid_days": 30},
    }
    world = make_world(config)
    row, path = submitted(world, {**complete, "units": 6})
    assert row["auth_number"] is None and row["tracking_number"].startswith("TN")
    assert world.json("GET", f"prior-auths/{row['tracking_number'].lower()}")["request_id"] == row["request_id"]
    world.clock.advance(60)
    row = world.json("GET", path)
    assert (row["state"], row["auth_number"]) == ("approved", None)
    assert row["authorization"]["number_due_at"] == "2026-04-23T10:01:00.000Z"
    world.clock.advance(3600)
    row = world.json("GET", path)
    assert row["auth_number"].startswith("PA")
    assert row["authorization"]["valid_to"] == "2026-05-22"
    world.clock.advance(30 * 86_400)
    assert world.json("GET", path)["state"] == "expired"
    assert world.branch.count("_due") == world.branch.count("portal/_timers") == 0


def test_fewer_units_than_requested_are_a_partial_approval(make_world, complete):
    world = make_world({"default_determination": {"status": "approved", "units": 4}})
    row, path = submitted(world, {**complete, "units": 12})
    assert (row["state"], row["determination"]["status"]) == ("partially_approved", "approved")
    assert (row["units"], row["authorization"]["units"]) == (12, 4)
    assert world.json("POST", f"{path}/appeal", {"rationale": "Twelve are needed."})["state"] == "appealed"


def test_a_pend_that_is_not_answered_denies_by_itself(make_world, complete):
    pend = {"status": "need_more_info", "documents": ["Notes"], "due_seconds": 600}
    world = make_world({"default_determination": pend})
    row, path = submitted(world, complete)
    assert row["wanted"] == {"documents": ["Notes"], "questions": [], "due_at": "2026-04-23T09:10:00.000Z"}
    world.clock.advance(600)
    row = world.json("GET", path)
    assert (row["state"], row["wanted"]) == ("denied", None)
    assert "2026-04-23T09:10:00.000Z" in row["determination"]["reason"]
    # Answered in time, nothing of the date is left.
    row, path = submitted(world, complete)
    world.json("PATCH", path, {"notes": "Here."})
    assert [due["action"] for _, due in world.branch.items("_due")] == ["portal.lapse"]  # asked again, as by default


def test_a_path_of_several_steps(make_world, complete):
    steps = [
        {"status": "under_review", "delay_seconds": 60},
        {"status": "need_more_info", "reason": "Notes.", "delay_seconds": 60},
        {"status": "under_review", "reason": "Thanks.", "delay_seconds": 30},
        {"status": "approved", "delay_seconds": 60, "valid_days": 30},
    ]
    world = make_world({"determinations": [{"procedure_code": "72148", "path": steps}]})
    row, path = submitted(world, complete)
    states = [row["state"]]
    for seconds in (60, 60):
        world.clock.advance(seconds)
        states.append(world.json("GET", path)["state"])
    states.append(world.json("PATCH", path, {"notes": "Here."})["state"])
    for seconds in (30, 60):
        world.clock.advance(seconds)
        states.append(world.json("GET", path)["state"])
    assert states == ["submitted", "under_review", "pended", "submitted", "under_review", "approved"]


@pytest.mark.parametrize(
    "rule",
    [
        {"path": []},
        {"path": [{"status": "approved"}, {"status": "denied"}]},
        {"path": [{"path": [{"status": "denied"}]}]},
        {"status": "denied", "units": 3},
        {"status": "approved", "code": "X"},
        {"status": "approved", "documents": ["x"]},
        {"status": "approved", "valid_to": "2026-05-01", "valid_days": 3},
        {"status": "approved", "valid_from": "2026-05-02", "valid_to": "2026-05-01"},
        {"status": "denied", "appeal": {}},
        {"status": "denied", "appeal": {"outcome": "upheld", "mentions": ["x"]}},
        {"status": "need_more_info", "due_seconds": 0},
        {"status": "expired"},
    ],
)
def test_rules_that_make_no_sense_are_refused(rule):
    with pytest.raises(ValidationError):
        PayerConfig.model_validate({"determinations": [{"procedure_code": "72148", **rule}]})


def test_withdrawal_and_resubmission(make_world, complete):
    world = make_world({"default_determination": {"status": "approved", "delay_seconds": 60}})
    row, path = submitted(world, complete)
    row = world.json("POST", f"{path}/withdraw", {"reason": "Wrong side."})
    assert (row["state"], row["status"], row["determination"]["status"]) == ("withdrawn", "submitted", "pending")
    world.clock.advance(600)
    assert world.json("GET", path)["state"] == "withdrawn"
    assert world.branch.count("_due") == 0
    message = refusal(world, "POST", f"{path}/withdraw")
    assert "pending (withdrawn)" in message and "POST …/resubmit" in message
    again = world.json("POST", f"{path}/resubmit", {"notes": "Left side."})
    assert (again["state"], again["notes"], again["request_id"]) == ("resubmitted", "Left side.", row["request_id"])
    world.clock.advance(60)
    assert world.json("GET", path)["state"] == "approved"
    assert submitted(world, complete)[0]["duplicate_of"] == row["request_id"]


def test_edits_are_taken_before_a_decision_where_they_are_offered(make_world, complete):
    world = make_world({"offers": ["edit"]})
    _, path = submitted(world, complete)
    assert world.json("PATCH", path, {"notes": "Now with notes."})["notes"] == "Now with notes."
    assert "procedure_code" in refusal(world, "PATCH", path, {"procedure_code": "73721"})
    assert "clinical_answers.weeks" in world.details("PATCH", path, {"clinical_answers": {"weeks": None}})
    assert "POST …/withdraw" not in refusal(world, "POST", f"{path}/withdraw")
    assert world.json("GET", f"{path}/actions")["actions"] == ["update", "attach"]


def test_an_edit_that_changes_nothing_leaves_the_request_as_it_is(make_world, complete):
    world = make_world({"offers": ["edit"]})
    row, path = submitted(world, {**complete, "notes": "Eight weeks."})
    draft = world.json("POST", "prior-auths", {"draft": True, "notes": "Begun."}, status=201)
    assert world.json("PATCH", path, {"notes": "Eight weeks.", "attachments": None}) == row
    assert world.json("PATCH", f"prior-auths/{draft['request_id']}", {"notes": "Begun."}) == draft
    assert world.json("PATCH", path, {"notes": "Nine weeks."})["history"][-1]["action"] == "updated"
    assert world.json("PATCH", path, {"notes": "Nine weeks.", "attachments": [FILE]})["history"][-1]["fields"] == [
        "attachments",
        "notes",
    ]


def test_what_is_on_file_is_refused_and_named(make_world, complete):
    world = make_world({"duplicates": "refuse"})
    row, path = submitted(world, complete)
    draft = world.json("POST", "prior-auths", {**complete, "draft": True}, status=201)
    for method, target, body in (
        ("POST", "prior-auths", complete),
        ("POST", f"prior-auths/{draft['request_id']}/submit", None),
    ):
        message = refusal(world, method, target, body)
        assert row["request_id"] in message and row["auth_number"] in message and "submitted" in message
    world.json("POST", f"{path}/withdraw")
    assert world.json("POST", f"prior-auths/{draft['request_id']}/submit")["duplicate_of"] is None


def test_a_portal_where_saving_is_sending(make_world, complete):
    world = make_world({"saving_submits": True})
    assert world.json("POST", "prior-auths", {**complete, "draft": True}, status=201)["status"] == "submitted"
    assert "provider_npi" in world.details("POST", "prior-auths", {"draft": True})


def test_drafts_expire(make_world, complete):
    world = make_world({"draft_days": 14})
    row = world.json("POST", "prior-auths", {**complete, "draft": True}, status=201)
    world.clock.advance(14 * 86_400)
    path = f"prior-auths/{row['request_id']}"
    assert world.json("GET", path)["state"] == "expired"
    assert "draft (expired)" in refusal(world, "POST", f"{path}/submit")


def test_limits_on_attachments_are_stated_and_kept(make_world, complete):
    world = make_world({"attachments": {"max_count": 1, "max_bytes": 4, "content_types": ["application/pdf"]}})
    assert world.json("GET", "requirements?procedure_code=72148")["attachments"]["max_bytes"] == 4
    _, path = submitted(world, {**complete, "attachments": [FILE]})

    def refused(status, **changes):
        answer = world.call("POST", f"{path}/attachments", {**FILE, **changes}, {"content-type": "application/json"})
        assert answer.status == status
        return answer.body.decode()

    assert "at most 1" in refused(413)
    _, path = submitted(world, {**complete, "procedure_code": "73721", "clinical_answers": {}})
    before = world.branch.state_hash()
    assert "4 a file" in refused(413, content_base64=base64.b64encode(b"%PDF-").decode())
    assert "application/pdf" in refused(415, content_type="image/tiff")
    assert world.branch.state_hash() == before


def test_a_hard_stop_names_the_other_payer(make_world, complete):
    other = {"procedure_code": "72148", "plan": "PPO 500", "payer": "Northlight"}
    world = make_world({"other_payers": [other]})
    assert "Northlight" in world.details("POST", "prior-auths", complete)["procedure_code"][0]
    found = world.json("GET", "requirements?procedure_code=72148&patient_member_id=w1")
    assert (found["authorization_required"], found["decided_by"]) == (None, "Northlight")
    assert world.json("GET", "requirements?procedure_code=72148&patient_member_id=W3")["decided_by"] is None


QUESTIONS = """
patients:
  - {member_id: "W1", first_name: Maria, last_name: Chen, birth_date: 1985-03-12, gender: female, plan: PPO 500,
     coverage: {status: active, start: 2024-01-01}}
providers:
  - {npi: "1234567893", name: "Elena Rivera, MD"}
questions:
  - {procedure_code: "70450", pa_required: false}
  - procedure_code: "72148"
    questions:
      - {id: flags, text: Which?, type: choice, options: [none, cancer]}
      - {id: site, text: Where?, type: text, when: [{question: flags, equals: cancer}]}
      - {id: weeks, text: How long?, type: number, when: [{question: flags, equals: none}],
         stop: {max: 0, message: Therapy comes first., payer: Nobody}}
"""


def test_questions_branch_and_stop(make_world, complete):
    world = make_world(seed=QUESTIONS)

    def details(answers):
        return world.details("POST", "prior-auths", {**complete, "clinical_answers": answers})

    assert set(details({})) == {"clinical_answers.flags"}
    assert set(details({"flags": "cancer"})) == {"clinical_answers.site"}
    assert "Not asked" in details({"flags": "cancer", "site": "lung", "weeks": 3})["clinical_answers.weeks"][0]
    stopped = details({"flags": "none", "weeks": 0})["clinical_answers.weeks"][0]
    assert "Therapy comes first." in stopped and "Nobody" in stopped
    submitted(world, {**complete, "clinical_answers": {"flags": "none", "weeks": 3}})


def test_what_needs_no_authorization(make_world, complete):
    world = make_world({"refuse_unneeded": True}, seed=QUESTIONS)
    body = {**complete, "procedure_code": "70450", "clinical_answers": {}}
    assert "needs no authorization" in world.details("POST", "prior-auths", body)["procedure_code"][0]
    found = world.json("GET", "requirements?procedure_code=70450")
    assert (found["authorization_required"], found["message"]) == (False, "No authorization is required.")
    assert world.json("GET", "requirements?procedure_code=99999")["authorization_required"] is None
    assert set(world.details("GET", "requirements?procedure_code=x")) == {"procedure_code"}
    assert set(world.details("GET", "requirements?procedure_code=72148&patient_member_id=W9")) == {"patient_member_id"}


def test_status_by_number_and_by_member(make_world, complete):
    world = make_world({"status_without_login": True})
    row, _ = submitted(world, complete)
    for route in ("status", "public-status"):
        for query in (f"tracking_number={row['auth_number'].lower()}", "member_id=w1&birth_date=1985-03-12"):
            found = world.json("GET", f"{route}?{query}")
            assert [item["auth_number"] for item in found["data"]] == [row["auth_number"]]
            assert found["message"] is None and "patient_member_id" not in found["data"][0]
        for query in (
            "tracking_number=TN1",
            "member_id=W1&birth_date=1985-03-13",
            "member_id=W9&birth_date=1985-03-12",
        ):
            found = world.json("GET", f"{route}?{query}")
            assert (found["data"], found["message"]) == ([], "No authorization on file.")
        assert world.details("GET", f"{route}?member_id=W1")
        assert world.details("GET", f"{route}?tracking_number=1&member_id=W1&birth_date=1985-03-12")
    assert make_world().call("GET", "public-status?tracking_number=1").status == 403


def test_an_appeal_with_the_right_rationale_in_time(make_world, complete):
    rule = {"appeal": {"mentions": ["Progressive  deficit"], "reason": "Agreed.", "delay_seconds": 60}}
    config = {
        "determinations": [{"procedure_code": "72148", "status": "denied", "code": "MN-12", **rule}],
        "appeals": {"within_days": 30},
    }
    world = make_world(config)
    row, path = submitted(world, complete)
    assert row["denial"]["appeal_until"] == "2026-05-23T09:00:00.000Z"
    assert world.call("POST", f"{path}/appeal", {"rationale": "  "}).status == 400
    row = world.json("POST", f"{path}/appeal", {"rationale": "A progressive deficit.", "attachments": [FILE]})
    assert (row["state"], row["determination"]["status"]) == ("appealed", "denied")
    [appeal] = world.json("GET", "appeals?status=under_review")["data"]
    assert (appeal["appeal_id"], appeal["attachments"][0]["filename"]) == (row["appeals"][0], "notes.pdf")
    world.clock.advance(60)
    row = world.json("GET", path)
    assert (row["state"], row["determination"]["reason"]) == ("appeal_overturned", "Agreed.")
    assert world.json("GET", f"appeals/{appeal['appeal_id'].lower()}")["status"] == "overturned"
    # Too late, the day has passed.
    row, path = submitted(world, {**complete, "procedure_code": "72148"})
    world.clock.advance(30 * 86_400)
    row = world.json("GET", path)
    assert row["history"][-1]["action"] == "appeal_window_closed"
    world.clock.advance(1)
    message = refusal(world, "POST", f"{path}/appeal", {"rationale": "A progressive deficit."})
    assert "2026-05-23T09:01:00.000Z" in message and "POST …/resubmit" not in message.split("until")[0]
    assert "appeal" not in world.json("GET", f"{path}/actions")["actions"]
    assert "appeal" not in refusal(world, "PATCH", path, {"notes": "x"})


def test_an_external_review_follows_an_appeal(make_world, complete):
    rule = {"status": "denied", "appeal": {"outcome": "upheld"}, "external_review": {"outcome": "overturned"}}
    world = make_world({"determinations": [{"procedure_code": "72148", **rule}]})
    _, path = submitted(world, complete)
    assert "POST …/appeal" in refusal(world, "POST", f"{path}/external-review", {"rationale": "x"})
    assert world.json("POST", f"{path}/appeal", {"rationale": "x"})["state"] == "appeal_upheld"
    row = world.json("POST", f"{path}/external-review", {"rationale": "x"})
    assert (row["state"], row["determination"]["status"]) == ("external_review_overturned", "approved")
    assert [item["level"] for item in world.json("GET", "appeals")["data"]] == [2, 1]


def test_a_peer_to_peer_call_is_held_as_turns(make_world, complete):
    config = {
        "determinations": [
            {"procedure_code": "72148", "status": "denied", "peer_to_peer": {"mentions": ["deficit"], "valid_days": 30}}
        ],
        "peer_to_peer": {
            "slots_after_seconds": [7200, 3600],
            "turns": ["Why?", "Since when?"],
            "offer_delay_seconds": 60,
        },
    }
    world = make_world(config)
    _, path = submitted(world, complete)
    assert world.json("POST", f"{path}/peer-to-peer", {"phone": "555-0100"})["state"] == "peer_to_peer_requested"
    world.clock.advance(60)
    row = world.json("GET", path)
    assert [slot["starts_at"][11:16] for slot in row["peer_to_peer"]["slots"]] == ["10:01", "11:01"]
    assert set(world.details("POST", f"{path}/peer-to-peer/slot", {"slot": 3})) == {"slot"}
    chosen = world.json("POST", f"{path}/peer-to-peer/slot", {"slot": 1})
    assert world.json("POST", f"{path}/peer-to-peer/slot", {"slot": 1}) == chosen
    assert "peer_to_peer_chosen" in refusal(world, "POST", f"{path}/peer-to-peer/turns", {"text": "Hello"})
    world.clock.advance(3600)
    row = world.json("POST", f"{path}/peer-to-peer/turns", {"text": "A deficit."})
    assert [turn["speaker"] for turn in row["peer_to_peer"]["turns"]] == ["payer", "provider", "payer"]
    row = world.json("POST", f"{path}/peer-to-peer/turns", {"text": "Two weeks."})
    assert (row["state"], row["peer_to_peer"]["outcome"]) == ("peer_to_peer_overturned", "overturned")
    # Another one is called off, a third is missed.
    for ends in ("cancel", "miss"):
        _, path = submitted(world, complete)
        world.json("POST", f"{path}/peer-to-peer")
        world.clock.advance(60)
        world.json("POST", f"{path}/peer-to-peer/slot", {"slot": 1})
        if ends == "cancel":
            assert world.call("DELETE", f"{path}/peer-to-peer").status == 204
        else:
            world.clock.advance(3600)
            assert world.json("GET", path)["state"] == "peer_to_peer_held"
            world.clock.advance(1800)
        row = world.json("GET", path)
        assert (row["state"], row["peer_to_peer"]) == ("denied", None)
        assert row["history"][-1]["action"] == ("peer_to_peer_cancelled" if ends == "cancel" else "peer_to_peer_missed")


def test_the_payer_acts_by_scenario_steps(make_world, complete):
    world = make_world()
    _, path = submitted(world, complete)
    named = {"patient_member_id": "w1", "procedure_code": "72148"}
    world.step("request_documents", **named, documents=["Notes"], due_seconds=600)
    assert world.json("GET", path)["wanted"]["documents"] == ["Notes"]
    world.step("deny_case", **named, code="X1")
    row = world.json("GET", path)
    assert (row["state"], row["denial"]["code"], row["wanted"]) == ("denied", "X1", None)
    assert world.branch.count("_due") == 0
    with pytest.raises(Exception, match="offer_slots is not possible"):
        world.step("advance_case", **named, decision="offer_slots")
    world.json("POST", f"{path}/appeal", {"rationale": "x"})
    world.step("advance_case", request_id=row["request_id"], decision="overturn", valid_days=10)
    assert world.json("GET", path)["authorization"]["valid_to"] == "2026-05-02"
    model = world.simulator.actions["advance_case"].model
    for wrong in (
        {"decision": "deny"},
        {**named, "decision": "deny", "units": 3},
        {**named, "decision": "approve_partially"},
    ):
        with pytest.raises(ValidationError):
            model.model_validate(wrong)


def test_set_portal_keeps_what_belongs_to_a_case(make_world, complete):
    world = make_world(
        {"default_determination": {"status": "need_more_info", "documents": ["Notes"], "due_seconds": 600}}
    )
    row, path = submitted(world, complete)
    world.step("set_portal", collection="prior_auth_requests", row={"request_id": row["request_id"], "notes": "Late."})
    changed = world.json("GET", path)
    assert {**changed, "notes": None, "updated_at": None} == {**row, "notes": None, "updated_at": None}
    decided = {"request_id": row["request_id"], "determination": {"status": "approved"}}
    world.step("set_portal", collection="prior_auth_requests", row=decided)
    changed = world.json("GET", path)
    assert (changed["state"], changed["wanted"]) == ("approved", None)
    assert world.branch.count("_due") == 0
