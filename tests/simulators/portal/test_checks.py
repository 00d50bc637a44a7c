"""`portal-state-match`: which rows it finds."""

import pytest
from pydantic import ValidationError

from sandbox.scoring.judge import judge
from sandbox.simulators.portal.checks import CHECKS, PortalStateMatch, select


def found(world, correlate_by, **fields):
    given = {"assert": "portal-state-match", "correlate_by": correlate_by, **fields}
    return select(PortalStateMatch.model_validate(given), world.view())


@pytest.fixture
def made(make_world, complete):
    world = make_world({"determinations": [{"procedure_code": "72148", "status": "approved"}]})
    rows = []
    for body in (complete, {**complete, "procedure_code": "73721", "clinical_answers": {}}, {"draft": True}):
        rows.append(world.json("POST", "prior-auths", body, status=201))
        world.clock.advance(1)
    return world, rows


def test_key_without_a_value_is_the_latest_row_that_has_it(made):
    world, rows = made
    selection = found(world, {"resource": "prior_auth_requests", "key": "request_id"})
    assert [subject.label for subject in selection.subjects] == [rows[1]["request_id"], rows[0]["request_id"]]
    assert selection.subjects[0].value["status"] == "submitted"
    assert selection.evidence == {"total": 2}
    assert len(found(world, {"resource": "prior_auth_requests", "key": "submitted_by"}).subjects) == 0


def test_key_with_a_value(made):
    world, rows = made
    for value, label in (("72148", rows[0]["request_id"]), (72148, rows[0]["request_id"])):
        by = {"resource": "prior_auth_requests", "key": "procedure_code", "value": value}
        assert [subject.label for subject in found(world, by).subjects] == [label]
    by = {"resource": "prior_auth_requests", "key": "diagnosis_codes.*", "value": "M54.16"}
    assert len(found(world, by).subjects) == 2
    by = {"resource": "prior_auth_requests", "key": "duplicate_of", "value": None}
    assert len(found(world, by).subjects) == 2


def test_where(made):
    world, rows = made
    by = {"resource": "prior_auth_requests", "key": "request_id"}
    cases = [
        ({"determination.status": "approved"}, [0]),
        ({"clinical_answers.weeks": "8"}, [0]),
        ({"clinical_answers.weeks": 8, "patient_member_id": "W1"}, [0]),
        ({"clinical_answers.weeks": None}, [1]),
        ({"clinical_answers.deficit": 0}, []),
        ({"diagnosis_codes": ["M54.16"]}, [1, 0]),
        ({"diagnosis_codes.1": "M54.16"}, []),
    ]
    for where, indexes in cases:
        labels = [subject.label for subject in found(world, by, where=where).subjects]
        assert labels == [rows[index]["request_id"] for index in indexes], where


def test_other_collections(made):
    world, rows = made
    assert found(world, {"resource": "drafts"}).subjects[0].label == rows[2]["request_id"]
    by = {"resource": "patients", "key": "member_id", "value": "W1"}
    assert found(world, by).subjects[0].label == "W1"
    assert found(world, {"resource": "formulary", "key": "drug"}).subjects[0].value["drug"]
    assert found(world, {"resource": "attachments"}).subjects == ()
    world.call("POST", "login", {"username": "x", "password": "y"})
    [login] = found(world, {"resource": "logins", "key": "username", "value": "x"}).subjects
    assert login.value["succeeded"] is False


def test_the_sentence_says_what_was_sought(made):
    world, _ = made
    by = {"resource": "prior_auth_requests", "key": "procedure_code", "value": "1"}
    assert found(world, by, where={"status": "draft"}).sought == (
        "row of prior_auth_requests with procedure_code = '1' and status = 'draft'"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"correlate_by": {}},
        {"correlate_by": {"resource": "cases"}},
        {"correlate_by": {"resource": "_sessions"}},
        {"correlate_by": {"resource": "drafts", "key": ""}},
        {"correlate_by": {"resource": "drafts"}, "fields": []},
        {"correlate_by": {"resource": "drafts"}, "assertions": [{"path": "status"}]},
    ],
)
def test_assertions_that_are_refused(fields):
    with pytest.raises(ValidationError):
        PortalStateMatch.model_validate({"assert": "portal-state-match", **fields})


def test_the_evidence_is_named_as_documented():
    [check] = CHECKS
    assert (check.name, check.results_key, check.matched_key) == (
        "portal-state-match",
        "assertion_results",
        "matched_row",
    )


# -- through the judge -------------------------------------------------------------------------


def verdict(world, **fields):
    given = PortalStateMatch.model_validate({"assert": "portal-state-match", **fields})
    return judge(CHECKS[0], given, select(given, world.view()))


def test_assertions_are_compared_with_the_latest_row(made):
    world, rows = made
    by = {"resource": "prior_auth_requests", "key": "request_id"}
    status = {"path": "status", "expected": "submitted"}
    found = verdict(world, correlate_by=by, assertions=[status, {"path": "procedure_code", "expected": "72148"}])
    assert (found.score, found.evidence["matched_row"]) == (0.5, rows[1]["request_id"])
    assert [result["passed"] for result in found.evidence["assertion_results"]] == [True, False]
    where = {"procedure_code": "72148"}
    found = verdict(
        world, correlate_by=by, where=where, assertions=[{"path": "determination.status", "expected": "approved"}]
    )
    assert found.passed and found.evidence["matched_row"] == rows[0]["request_id"]


def test_absent_and_count(made):
    world, _ = made
    by = {"resource": "prior_auth_requests"}
    assert verdict(world, correlate_by=by, count={"min": 2, "max": 2}).passed
    assert not verdict(world, correlate_by=by, absent=True).passed
    assert verdict(world, correlate_by=by, where={"patient_member_id": "W2"}, absent=True).passed
    found = verdict(
        world, correlate_by=by, where={"patient_member_id": "W2"}, assertions=[{"path": "status", "expected": "x"}]
    )
    assert (found.score, found.evidence["matched_row"]) == (0, None)
