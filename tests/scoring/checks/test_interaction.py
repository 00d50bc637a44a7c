import pytest

from sandbox.scoring.checks import all_checks
from sandbox.scoring.checks.interaction import EVENTS_SHOWN_MAX
from sandbox.scoring.engine import run_criterion

CHECKS = all_checks([])


@pytest.fixture
def ran(world):
    """1 scenario · 2 clock · 3 read · 4 failed booking · 5 booking · 6 portal post · 7 scenario · 8 read again."""
    world.happen()
    world.do("GET", "clock", type_="clock_advanced")
    world.do("GET", "fhir/Patient/1", query=(("_format", "json"),))
    world.do("POST", "fhir/Appointment", 400)
    world.do("POST", "fhir/Appointment", 201, {("fhir/Appointment", "a"): {"id": "a"}})
    world.do("POST", "portal/prior-auths", 201, type_="portal_request")
    world.happen({("fhir/Patient", "9"): {"id": "9"}})
    world.do("GET", "fhir/Patient/1/_history/2")
    return world


@pytest.fixture
def found(ran, criterion):
    def go(**assertion):
        result = run_criterion(criterion("interaction", **assertion), ran.view(), CHECKS)
        assert not result.error
        return [event["seq"] for event in result.evidence["matched_events"]], result.score

    return go


@pytest.mark.parametrize(
    ("matcher", "seqs"),
    [
        ({}, [3, 4, 5, 6, 8]),
        ({"surface": "fhir"}, [3, 4, 5, 8]),
        ({"surface": "portal"}, [6]),
        ({"surface": "toy"}, []),
        ({"method": "POST"}, [4, 5, 6]),
        ({"method": "post"}, [4, 5, 6]),
        ({"method": ["GET", "DELETE"]}, [3, 8]),
        ({"method": "PATCH"}, []),
        ({"method": "SCENARIO"}, []),
        ({"path": "fhir/Appointment"}, [4, 5]),
        ({"path": "/fhir/Appointment"}, [4, 5]),
        ({"path": "fhir/Patient/*"}, [3]),
        ({"path": "fhir/Patient/**"}, [3, 8]),
        ({"path": "*/prior-auths"}, [6]),
        ({"path": "prior-auths"}, []),
        ({"status": 201}, [5, 6]),
        ({"status": "2xx"}, [3, 5, 6, 8]),
        ({"status": [400, "404"]}, [4]),
        ({"status": "5xx"}, []),
        ({"type": "portal_request"}, [6]),
        ({"type": "scenario_step"}, []),
        ({"type": "clock_advanced"}, []),
        ({"surface": "fhir", "method": "POST", "path": "fhir/*", "status": "2xx", "type": "fhir_request"}, [5]),
        ({"method": "GET", "before": {"method": "POST", "status": 201}}, [3]),
        ({"method": "GET", "after": {"method": "POST", "status": 201}}, [8]),
        ({"method": "GET", "before": {"method": "DELETE"}}, []),
        ({"method": "GET", "after": {"method": "DELETE"}}, []),
        ({"method": "GET", "before": {"method": "GET"}}, []),
        ({"method": "GET", "after": {"method": "GET"}}, [8]),
        ({"after": {"path": "fhir/Patient/*"}, "before": {"surface": "portal"}}, [4, 5]),
        ({"method": "POST", "before": {"type": "scenario_step"}}, []),
    ],
)
def test_which_events_match(found, matcher, seqs):
    assert found(**matcher) == (seqs, float(bool(seqs)))


@pytest.mark.parametrize(
    ("count", "score"),
    [({"min": 3}, 1), ({"min": 4}, 0), ({"max": 3}, 1), ({"max": 2}, 0), ({"max": 0}, 0), ({"min": 3, "max": 3}, 1)],
)
def test_how_many(found, count, score):
    assert found(method="POST", count=count)[1] == score


def test_never(found):
    assert found(method="DELETE", count={"max": 0}) == ([], 1)


def test_evidence_and_sentence(ran, criterion):
    asked = criterion("interaction", method="POST", path="fhir/Appointment", status="2xx")
    result = run_criterion(asked, ran.view(), CHECKS)
    assert result.evidence == {
        "matched_events": [
            {
                "id": "evt_5",
                "seq": 5,
                "type": "fhir_request",
                "method": "POST",
                "path": "fhir/Appointment",
                "status": 201,
            }
        ],
        "total": 1,
        "field_results": [],
    }
    assert result.details == "POST fhir/Appointment (event 5) matched."
    missing = criterion(
        "interaction",
        surface="portal",
        method=["get", "post"],
        status=404,
        type="portal_request",
        before={"path": "x"},
        after={},
    )
    assert run_criterion(missing, ran.view(), CHECKS).details == (
        "Found no interaction GET|POST on portal of type portal_request with status 404 before the first x "
        "after the first interaction. The nearest call of the agent, POST portal/prior-auths (event 6), differs: "
        'status expected 404, found 201; before expected "the first x", found nothing.'
    )


@pytest.mark.parametrize(
    ("assertion", "reason"),
    [
        ({"surface": "fihr"}, 'the environment has no surface "fihr"; there are fhir, portal, toy'),
        ({"surface": "fihr", "count": {"max": 0}}, "no surface"),
        ({"before": {"surface": "fihr"}}, "no surface"),
        ({"after": {"surface": "fihr"}}, "no surface"),
        ({"status": 99}, "is not a status"),
        ({"status": "ok"}, "is not a status"),
        ({"status": [200, "6xx"]}, "is not a status"),
        ({"type": "fhir"}, "no event is of type"),
        ({"path": ""}, "path"),
        ({"before": {"before": {}}}, "Extra inputs"),
        ({"verb": "GET"}, "Extra inputs"),
    ],
)
def test_a_matcher_that_could_never_match_is_unsupported(world, criterion, assertion, reason):
    result = run_criterion(criterion("interaction", **assertion), world.view(), CHECKS)
    assert result.score == 0
    assert result.details.startswith("unsupported assertion: ")
    assert reason in result.details


def test_an_event_without_a_response_has_no_status(world, criterion):
    from dataclasses import replace

    world.events.append(replace(world.do(), response=None, seq=2, id="evt_2"))
    assert run_criterion(criterion("interaction", count={"min": 2}), world.view(), CHECKS).passed
    assert not run_criterion(criterion("interaction", status="2xx", count={"min": 2}), world.view(), CHECKS).passed


def test_evidence_is_bounded(world, criterion):
    for _ in range(EVENTS_SHOWN_MAX + 1):
        world.do()
    result = run_criterion(criterion("interaction"), world.view(), CHECKS)
    assert len(result.evidence["matched_events"]) == EVENTS_SHOWN_MAX
    assert result.evidence["total"] == EVENTS_SHOWN_MAX + 1
