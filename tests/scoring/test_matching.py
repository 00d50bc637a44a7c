from dataclasses import replace

import pytest

from sandbox.scoring.matching import describe_match_problem, event_json, is_agents, matches_event


@pytest.fixture
def booking(world):
    return world.do(
        "POST",
        "fhir/Appointment",
        201,
        body={"resourceType": "Appointment", "status": "booked", "participant": [{"x": 1}, {"x": 2}], "status_code": 7},
        answer={"id": "a1", "status": "pending", "only": {"answer": 5}},
        query=(("_format", "json"), ("tag", "a"), ("tag", "b"), ("tag", "c")),
    )


@pytest.mark.parametrize(
    ("match", "is_match"),
    [
        (None, True),
        ({}, True),
        ({"request.method": "POST"}, True),
        ({"request.method": "GET"}, False),
        ({"request.path": "fhir/Appointment"}, True),
        ({"request.query._format": "json"}, True),
        ({"request.query.tag.2": "c"}, True),
        ({"request.query.tag.*": "b"}, True),
        ({"request.body.status": "booked"}, True),
        ({"request.body.status": "pending"}, False),
        ({"response.status": 201}, True),
        ({"response.status": "201"}, True),
        ({"response.status": 200}, False),
        ({"response.body.status": "pending"}, True),
        ({"status": "booked"}, True),
        ({"status": "pending"}, False),
        ({"id": "a1"}, True),
        ({"only.answer": "5"}, True),
        ({"missing": None}, True),
        ({"missing": "x"}, False),
        ({"participant.*.x": 2}, True),
        ({"participant.*.x": 3}, False),
        ({"status": {"one_of": ["booked", "pending"]}}, True),
        ({"status": {"one_of": ["x"]}}, False),
        ({"request.path": {"matches": "^fhir/App"}}, True),
        ({"request.path": {"matches": "^fhir/Pat"}}, False),
        ({"response.status": {"min": 200, "max": 299}}, True),
        ({"response.status": {"min": 400}}, False),
        ({"missing": {"exists": False}}, True),
        ({"status": {"exists": False}}, False),
        ({"participant": {"contains": {"x": 2}}}, True),
        ({"status_code": {"approx": {"value": 7.2, "tolerance": 0.5}}}, True),
        ({"status": {"expected": "booked"}}, True),
        ({"only": {"answer": 5}}, True),
        ({"only": {"answer": 6}}, False),
        ({"status": "booked", "response.status": 201}, True),
        ({"status": "booked", "response.status": 400}, False),
        ({"status": {"matches": "("}}, False),
        ({"status": {"expected": 1, "one_of": [1]}}, False),
        ({"a..b": None}, False),
        ([], False),
        ("x", False),
        ({5: 5}, False),
    ],
)
def test_match_clauses(booking, match, is_match):
    assert matches_event(booking, match) is is_match


@pytest.mark.parametrize(
    ("match", "problem"),
    [
        ({"status": "x"}, None),
        ({"status": {}}, None),
        ({"only": {"answer": 5}}, None),
        ({"status": {"matches": "("}}, "status: matches is not a regular expression"),
        ({"status": {"min": "soon"}}, 'status: min: "soon" is neither'),
        ({"status": {"expected": 1, "one_of": [1]}}, "status: give one expectation"),
        ({"a..b": 1}, "empty segment"),
        ("x", "object"),
        ({5: 5}, "object of paths"),
    ],
)
def test_what_is_wrong_with_a_match_is_named(match, problem):
    found = describe_match_problem(match)
    assert found is None if problem is None else problem in found


def test_bodies_that_are_not_json_are_text_or_nothing(world):
    message = world.do("POST", "hl7/outbound", body=b"MSH|^~\\&|A")
    assert event_json(message)["request"]["body"] == "MSH|^~\\&|A"
    assert matches_event(message, {"request.body": {"contains": "MSH|"}})
    scan = world.do("PUT", "files/a.pdf", body=b"\xff\xfe\x00")
    assert event_json(scan)["request"]["body"] is None
    assert not matches_event(scan, {"request.body": {"exists": True}})
    empty = world.do("GET", "fhir/Patient")
    assert event_json(empty)["request"]["body"] is None


def test_a_secret_is_matched_as_it_is_recorded(world):
    event = world.do("POST", "portal/login", body={"password": "hunter2"}, answer={"token": "t"})
    redacted = replace(
        event,
        request=event.request.with_redacted(["password"]),
        response=replace(event.response, recorded_body=b'{"token":"[redacted]"}'),
    )
    assert not matches_event(redacted, {"password": "hunter2"})
    assert matches_event(redacted, {"password": "[redacted]", "token": "[redacted]"})


def test_an_event_without_request_or_response(world):
    bare = replace(world.do(), request=None, response=None)
    assert event_json(bare) == {"request": None, "response": None}
    assert not matches_event(bare, {"request.method": "GET"})
    assert matches_event(bare, {})


def test_whose_event_it_is(world):
    assert is_agents(world.do())
    assert not is_agents(world.happen())
    assert not is_agents(world.happen(type_="message_received"))
    assert is_agents(replace(world.happen(type_="clock_advanced"), actor="agent"))
    assert not is_agents(replace(world.do(), actor="organization"))
