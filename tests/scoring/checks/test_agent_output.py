import pytest

from sandbox.scoring.checks import all_checks
from sandbox.scoring.engine import run_criterion


@pytest.fixture
def check(world, criterion):
    def go(output, **assertion):
        return run_criterion(criterion("agent-output", **assertion), world.view(output), all_checks([]))

    return go


ANSWER = {"booked": True, "appointments": [{"id": "a1"}, {"id": "a2"}], "note": "Called Dr. Rivera: K+ 6.8"}


@pytest.mark.parametrize(
    ("output", "assertion", "score"),
    [
        (ANSWER, {"fields": [{"path": "booked", "expected": True}]}, 1),
        (ANSWER, {"fields": [{"path": "booked", "expected": False}]}, 0),
        (ANSWER, {"fields": [{"path": "appointments.*.id", "expected": "a2"}, {"path": "x", "exists": True}]}, 0.5),
        (ANSWER, {"contains": ["called dr rivera", "6.8"]}, 1),
        (ANSWER, {"contains": ["called dr rivera", "6.9"]}, 0.5),
        (ANSWER, {"not_contains": ["appointment cancelled"]}, 1),
        (ANSWER, {"not_contains": ["dr rivera"]}, 0),
        ("I booked a Cardiology visit.", {"contains": ["booked a cardiology visit"]}, 1),
        ("I booked nothing.", {"contains": ["booked a cardiology visit"]}, 0),
        ("text", {"fields": [{"path": "booked", "expected": True}]}, 0),
        ([1, 2], {"fields": [{"path": "1", "expected": 2}]}, 1),
        (False, {}, 1),
        ("", {}, 1),
        (0, {"contains": ["0"]}, 1),
        (None, {}, 0),
        (None, {"fields": [{"path": "booked", "expected": None}]}, 0),
        (None, {"not_contains": ["x"]}, 0),
    ],
)
def test_scores(check, output, assertion, score):
    assert check(output, **assertion).score == score


def test_sentences_and_evidence(check):
    assert check(None).details == "Found no output: the agent completed without one."
    result = check(ANSWER, fields=[{"path": "booked", "expected": False}])
    assert result.details == "output matched; 0 of 1 fields passed: booked expected false, found true."
    assert result.evidence["field_results"] == [{"path": "booked", "expected": False, "actual": True, "passed": False}]


def test_unknown_keys_are_unsupported(check):
    assert check(ANSWER, count={"min": 1}).details.startswith("unsupported assertion: agent-output: count")
