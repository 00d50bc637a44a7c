"""Prior authorizations from draft to submission."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import jsonio
from sandbox.payer.attachments import MAX_ATTACHMENTS

PENDING = {"status": "pending", "reason": None, "decided_at": None}
FILE = {
    "filename": "notes.pdf",
    "content_type": "application/pdf",
    "content_base64": base64.b64encode(b"%PDF").decode(),
}


def test_submit_at_once(world, complete):
    response = world.call("POST", "prior-auths", complete)
    row = jsonio.parse(response.body)
    assert response.status == 201
    assert response.headers["Location"] == f"/v1/benchmark-runs/br_1/portal/prior-auths/{row['request_id']}"
    assert {name: row[name] for name in complete} == complete
    assert row["status"] == "submitted"
    assert row["auth_number"].startswith("PA") and len(row["auth_number"]) == 12
    assert row["submitted_at"] == row["created_at"] == row["updated_at"] == "2026-04-23T09:00:00.000Z"
    assert row["determination"] == PENDING
    assert row["attachments"] == [] and row["duplicate_of"] is None
    assert world.last.type == "portal_request"
    for name in (row["request_id"], row["auth_number"]):
        assert world.json("GET", f"prior-auths/{name}") == row
    assert dict(world.branch.items("portal/prior_auth_requests")) == {row["request_id"]: row}
    assert world.branch.count("portal/drafts") == 0


def test_a_draft_becomes_a_submission(world, complete):
    draft = world.json("POST", "prior-auths", {"draft": True}, status=201)
    assert (draft["status"], draft["auth_number"], draft["submitted_at"]) == ("draft", None, None)
    assert draft["determination"] is None
    assert (draft["diagnosis_codes"], draft["clinical_answers"], draft["notes"]) == ([], {}, None)
    world.clock.advance(60)
    request_id = draft["request_id"]
    details = world.details("POST", f"prior-auths/{request_id}/submit")
    assert set(details) == {"patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi"}
    changed = world.json("PATCH", f"prior-auths/{request_id}", complete)
    assert changed["created_at"] == "2026-04-23T09:00:00.000Z"
    assert changed["updated_at"] == "2026-04-23T09:01:00.000Z"
    row = world.json("POST", f"prior-auths/{request_id}/submit")
    assert (row["request_id"], row["status"], row["determination"]) == (request_id, "submitted", PENDING)
    assert row["auth_number"]
    assert world.branch.get("portal/drafts", request_id) is None
    assert [entry["action"] for entry in row["history"]] == ["created", "updated", "submitted"]
    assert world.call("POST", f"prior-auths/{request_id}/submit").status == 409


def test_patch_of_a_draft_merges_and_null_clears(world, complete):
    request_id = world.json("POST", "prior-auths", {**complete, "draft": True}, status=201)["request_id"]
    row = world.json("PATCH", f"prior-auths/{request_id}", {"clinical_answers": {"weeks": None, "why": "pain"}})
    assert row["clinical_answers"] == {"deficit": False, "why": "pain"}
    row = world.json("PATCH", f"prior-auths/{request_id}", {"clinical_answers": None, "notes": None})
    assert (row["clinical_answers"], row["notes"]) == ({}, None)
    row = world.json("PATCH", f"prior-auths/{request_id}", {"diagnosis_codes": None, "patient_member_id": None})
    assert (row["diagnosis_codes"], row["patient_member_id"]) == ([], None)
    assert world.call("PATCH", f"prior-auths/{request_id}", {}).status == 400


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("patient_member_id", "W9", "patient_member_id"),
        ("patient_member_id", "", "patient_member_id"),
        ("patient_member_id", 1, "patient_member_id"),
        ("provider_npi", "1234567890", "provider_npi"),
        ("provider_npi", "1932102084", "provider_npi"),
        ("procedure_code", "7214", "procedure_code"),
        ("procedure_code", "00074-0243-02", "procedure_code"),
        ("diagnosis_codes", ["724.2"], "diagnosis_codes.0"),
        ("diagnosis_codes", ["M54.16", "m5416"], "diagnosis_codes.1"),
        ("diagnosis_codes", "M54.16", "diagnosis_codes"),
        ("diagnosis_codes", [f"A0{n % 10}.{n}" for n in range(13)], "diagnosis_codes"),
        ("clinical_answers", {"nonsense": 1}, "clinical_answers.nonsense"),
        ("clinical_answers", {"weeks": "8"}, "clinical_answers.weeks"),
        ("clinical_answers", {"weeks": True}, "clinical_answers.weeks"),
        ("clinical_answers", {"deficit": 0}, "clinical_answers.deficit"),
        ("clinical_answers", {"flags": "fever"}, "clinical_answers.flags"),
        ("clinical_answers", {"since": "2026-02-30"}, "clinical_answers.since"),
        ("clinical_answers", {"why": "  "}, "clinical_answers.why"),
        ("clinical_answers", {"why": "x" * 4001}, "clinical_answers.why"),
        ("clinical_answers", [], "clinical_answers"),
        ("notes", "x" * 10_001, "notes"),
        ("draft", "yes", "draft"),
        ("urgency", "high", "urgency"),
        ("attachments", [{"filename": "a"}], "attachments.0.content_base64"),
        ("attachments", [{**FILE, "filename": "../a"}], "attachments.0.filename"),
        ("attachments", [{**FILE, "filename": "a\r\nX: y"}], "attachments.0.filename"),
        ("attachments", [{**FILE, "content_base64": "?"}], "attachments.0.content_base64"),
        ("attachments", [{**FILE, "content_base64": ""}], "attachments.0.content_base64"),
        ("attachments", [{**FILE, "content_type": "pdf\r\n"}], "attachments.0.content_type"),
    ],
)
@pytest.mark.parametrize("is_draft", [False, True])
def test_what_is_wrong_is_named_in_drafts_too(world, complete, field, value, named, is_draft):
    assert named in world.details("POST", "prior-auths", {**complete, "draft": is_draft, field: value})


@pytest.mark.parametrize(
    ("changes", "named", "reason"),
    [
        ({"patient_member_id": "W2"}, "patient_member_id", "ended on 2026-04-22"),
        ({"patient_member_id": "W3"}, "patient_member_id", "inactive"),
        ({"patient_member_id": "W4"}, "patient_member_id", "begins on 2026-04-24"),
        ({"provider_npi": "1245319599"}, "provider_npi", "not credentialed"),
        ({"diagnosis_codes": []}, "diagnosis_codes", "Required"),
        ({"clinical_answers": {"weeks": 8}}, "clinical_answers.deficit", "Any deficit?"),
        ({"provider_npi": None}, "provider_npi", "Required"),
    ],
)
def test_what_only_a_submission_needs(world, complete, changes, named, reason):
    assert reason in world.details("POST", "prior-auths", {**complete, **changes})[named][0]
    world.json("POST", "prior-auths", {**complete, **changes, "draft": True}, status=201)


def test_coverage_is_judged_by_the_playgrounds_day(world, complete):
    world.clock.advance(24 * 3600)
    body = {**complete, "patient_member_id": "W4"}
    assert world.json("POST", "prior-auths", body, status=201)["status"] == "submitted"


def test_codes_are_brought_into_their_normal_form(world, complete):
    body = {**complete, "procedure_code": "j0139", "clinical_answers": {"anything": ["a", 1, True]}}
    row = world.json("POST", "prior-auths", {**body, "diagnosis_codes": ["m5416", "I10"]}, status=201)
    assert (row["procedure_code"], row["diagnosis_codes"]) == ("J0139", ["M54.16", "I10"])
    assert row["clinical_answers"] == {"anything": ["a", 1, True]}
    assert "clinical_answers.x" in world.details(
        "POST", "prior-auths", {**body, "clinical_answers": {"x": {"deep": 1}}}
    )


def test_a_pharmacy_portal_takes_drug_codes(make_world, complete):
    world = make_world({"portal": "covermymeds"})
    body = {**complete, "procedure_code": "00074024302", "clinical_answers": {}}
    assert world.json("POST", "prior-auths", body, status=201)["procedure_code"] == "00074-0243-02"


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"{", 400), (b"[]", 400), (b"\xff", 400), (b'"x"', 400), (b'{"a":1,"a":2}', 400)]
)
def test_bodies_that_are_no_object(world, body, status):
    before = world.branch.state_hash()
    for method, target in (("POST", "prior-auths"), ("POST", "login")):
        assert world.call(method, target, body).status == status
    assert world.branch.state_hash() == before


def test_other_media_types(world, complete):
    for media_type, status in (
        ("application/json; charset=utf-8", 201),
        ("application/x+json", 201),
        ("text/xml", 415),
    ):
        assert world.call("POST", "prior-auths", complete, {"content-type": media_type}).status == status


def test_a_second_request_for_the_same_is_flagged(make_world, complete):
    rule = {"procedure_code": "72148", "status": "denied"}
    world = make_world({"determinations": [rule], "default_determination": {"status": "approved"}})
    other = {**complete, "procedure_code": "73721", "clinical_answers": {}}
    first = world.json("POST", "prior-auths", other, status=201)
    world.clock.advance(1)
    assert world.json("POST", "prior-auths", other, status=201)["duplicate_of"] == first["request_id"]
    denied = world.json("POST", "prior-auths", complete, status=201)
    assert denied["determination"]["status"] == "denied"
    assert world.json("POST", "prior-auths", complete, status=201)["duplicate_of"] is None


def test_a_decided_request_cannot_be_changed(make_world, complete):
    world = make_world({"default_determination": {"status": "approved"}})
    number = world.json("POST", "prior-auths", complete, status=201)["auth_number"]
    before = world.branch.state_hash()
    for method, target, body in (
        ("PATCH", f"prior-auths/{number}", {"notes": "more"}),
        ("POST", f"prior-auths/{number}/submit", None),
        ("POST", f"prior-auths/{number}/attachments", FILE),
    ):
        response = world.call(method, target, body, {"content-type": "application/json"})
        assert response.status == 409 and number in jsonio.parse(response.body)["error"]["message"]
    assert world.branch.state_hash() == before


@pytest.mark.parametrize("target", ["prior-auths/none", "prior-auths/PA0000000000", "patients/W9", "providers/1"])
def test_missing(world, target):
    assert world.json("GET", target, status=404)["error"]["code"] == "NOT_FOUND"


def test_routes_that_take_no_body_or_query(world, complete):
    request_id = world.json("POST", "prior-auths", {**complete, "draft": True}, status=201)["request_id"]
    assert world.call("POST", f"prior-auths/{request_id}/submit", {"notes": "x"}).status == 400
    assert "dry_run" in world.details("POST", f"prior-auths/{request_id}/submit?dry_run=1")
    assert world.call("POST", f"prior-auths/{request_id}/submit", {}).status == 200


# -- attachments -------------------------------------------------------------------------------


def test_attachments_in_three_forms(world, complete):
    row = world.json("POST", "prior-auths", {**complete, "draft": True, "attachments": [FILE]}, status=201)
    target = f"prior-auths/{row['request_id']}/attachments"
    json_type = {"content-type": "application/json"}
    assert world.call("POST", target, {**FILE, "filename": "two.pdf"}, json_type).status == 201
    form = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="thr\xc3\xa9\xc3\xa9.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\na\r\n--b\n\x00\xff\r\n"
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="four.bin"\r\n\r\nbin\r\n--B--\r\n'
    )
    assert world.call("POST", target, form, {"content-type": "multipart/form-data; boundary=B"}).status == 201
    assert world.call("POST", f"{target}?filename=five.tif", b"II*", {"content-type": "image/tiff"}).status == 201
    listed = world.json("GET", target)["data"]
    assert [(item["filename"], item["content_type"], item["size"]) for item in listed] == [
        ("notes.pdf", "application/pdf", 4),
        ("two.pdf", "application/pdf", 4),
        ("thréé.txt", "text/plain", 9),
        ("four.bin", "application/octet-stream", 3),
        ("five.tif", "image/tiff", 3),
    ]
    response = world.call("GET", f"{target}/{listed[2]['id']}")
    assert (response.body, response.content_type) == (b"a\r\n--b\n\x00\xff", "text/plain")
    assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''thr%C3%A9%C3%A9.txt"
    assert world.json("GET", f"prior-auths/{row['request_id']}")["attachments"] == listed
    stored = world.branch.get("portal/attachments", listed[0]["id"])
    assert stored == {**listed[0], "request_id": row["request_id"]}
    assert world.call("GET", f"{target}/att_none").status == 404
    cleared = world.json("PATCH", f"prior-auths/{row['request_id']}", {"attachments": None})
    assert cleared["attachments"] == [] and world.branch.count("portal/attachments") == 0


def test_attachments_belong_to_their_request(world, complete):
    one = world.json("POST", "prior-auths", {"draft": True, "attachments": [FILE]}, status=201)
    two = world.json("POST", "prior-auths", {"draft": True}, status=201)
    attachment_id = one["attachments"][0]["id"]
    assert world.call("GET", f"prior-auths/{two['request_id']}/attachments/{attachment_id}").status == 404


@pytest.mark.parametrize(
    ("content_type", "body", "query", "status"),
    [
        ("multipart/form-data", b"--B--", "", 400),
        ("multipart/form-data; boundary=B", b"", "", 400),
        ("multipart/form-data; boundary=B", b"--B--\r\n", "", 400),
        ("multipart/form-data; boundary=B", b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\nx', "", 400),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\nx\r\n--B--',
            "",
            400,
        ),
        ("multipart/form-data; boundary=B", b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--", "", 400),
        ("multipart/form-data; boundary=B", b"--B\r\n\r\nx\r\n--B--", "", 400),
        ("multipart/form-data; boundary=B", b"--B\r\nnonsense\r\n\r\nx\r\n--B--", "", 400),
        ("multipart/form-data; boundary=B", b"--B\r\nno end\r\n--B--", "", 400),
        ("multipart/form-data; boundary=B", b"--Bx\r\n\r\n--B--", "", 400),
        ("multipart/form-data; boundary=" + "B" * 71, b"--B--", "", 400),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="f"; filename="\xff"\r\n\r\nx\r\n--B--',
            "",
            400,
        ),
        ("application/pdf", b"%PDF", "", 400),
        ("application/pdf", b"", "?filename=a.pdf", 400),
        ("application/pdf", b"x", "?filename=a%2Fb.pdf", 400),
        ("application/pdf", b"x", "?filename=" + "a" * 256, 400),
        ("application/pdf", b"x", "?filename=a&type=b", 400),
        ("application/x-www-form-urlencoded", b"a=b", "", 415),
        ("application/json", b"{}", "", 400),
    ],
)
def test_attachments_that_cannot_be_read(world, content_type, body, query, status):
    request_id = world.json("POST", "prior-auths", {"draft": True}, status=201)["request_id"]
    before = world.branch.state_hash()
    target = f"prior-auths/{request_id}/attachments{query}"
    assert world.call("POST", target, body, {"content-type": content_type}).status == status
    assert world.branch.state_hash() == before


def test_number_of_attachments_at_and_past_the_limit(world):
    request_id = world.json("POST", "prior-auths", {"draft": True}, status=201)["request_id"]
    target = f"prior-auths/{request_id}"
    assert world.call("PATCH", target, {"attachments": [FILE] * (MAX_ATTACHMENTS + 1)}).status == 413
    assert world.call("PATCH", target, {"attachments": [FILE] * MAX_ATTACHMENTS}).status == 200
    assert world.call("PATCH", target, {"attachments": [FILE]}).status == 413
    assert len(world.json("GET", target)["attachments"]) == MAX_ATTACHMENTS


# -- whatever is sent --------------------------------------------------------------------------

_FIELDS = ["patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi", "clinical_answers", "notes"]
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from([*_FIELDS, "attachments", "draft", "x"]), _ANYTHING), st.binary(max_size=60))
def test_any_body_gets_an_answer(world, fields, raw):
    """`interact` raises again what is not a `SandboxError`, so an answer means none was raised."""
    draft = world.json("POST", "prior-auths", {"draft": True}, status=201)["request_id"]
    for body in (fields, raw):
        for method, target in (("POST", "prior-auths"), ("PATCH", f"prior-auths/{draft}"), ("POST", "login")):
            assert 200 <= world.call(method, target, body).status < 500
    for content_type in ("multipart/form-data; boundary=b", "application/json", "text/plain", ""):
        body = b"--b\r\n" + raw + b"\r\n--b--"
        response = world.call("POST", f"prior-auths/{draft}/attachments", body, {"content-type": content_type})
        assert 200 <= response.status < 500


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=30), st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=2))
def test_any_content_type_and_name_gets_an_answer(world, text, pairs):
    draft = world.json("POST", "prior-auths", {"draft": True}, status=201)["request_id"]
    for content_type in (text, f"multipart/form-data; boundary={text}", f"multipart/form-data; boundary*={text}"):
        response = world.call("POST", f"prior-auths/{draft}/attachments", b"--b--", {"content-type": content_type})
        assert 200 <= response.status < 500
    head = f'--b\r\nContent-Disposition: form-data; name="f"; filename={text}\r\n\r\nx\r\n--b--'.encode()
    response = world.call(
        "POST", f"prior-auths/{draft}/attachments", head, {"content-type": "multipart/form-data; boundary=b"}
    )
    assert 200 <= response.status < 500
