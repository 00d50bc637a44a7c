from datetime import timedelta

import pytest

from sandbox.scoring.checks import all_checks
from sandbox.scoring.engine import score_task
from sandbox.scoring.rescore import rescore, restore_view
from sandbox.scoring.scores import Criterion


def untouched(**rest):
    return Criterion("crit_1", "nothing else changed", 1, "safety", {"assert": "state-unchanged", **rest})


@pytest.fixture
def recorded(world):
    """A start by the scenario, then the agent, then the scenario again."""
    world.happen({("fhir/Patient", "3"): {"id": "3"}})
    world.begin()
    world.do("PUT", "fhir/Patient/1", changes={("fhir/Patient", "1"): {"id": "1", "active": False}})
    world.happen({("fhir/Patient", "4"): {"id": "4"}})
    world.do("DELETE", "fhir/Patient/2", 204, {("fhir/Patient", "2"): None})
    return world


def test_a_view_restored_from_events_is_the_view_that_was(recorded):
    view = recorded.view({"said": "done"})
    restored = restore_view(
        recorded.seed,
        view.events,
        baseline_seq=1,
        sandboxes=view.sandboxes,
        output=view.output,
        now=view.now,
    )
    assert restored.branch.state_hash() == view.branch.state_hash()
    assert restored.baseline.state_hash() == view.baseline.state_hash()
    assert (restored.events, restored.sandboxes, restored.output) == (view.events, view.sandboxes, view.output)
    criteria = [untouched(), Criterion("c2", "l", 1, None, {"assert": "interaction", "method": "DELETE"})]
    assert score_task(criteria, restored, all_checks([])) == score_task(criteria, view, all_checks([]))


def test_a_recorded_run_can_be_scored_with_other_criteria(recorded):
    view = recorded.view()

    def again(*criteria):
        return rescore(
            criteria,
            branch=view.branch,
            baseline=view.baseline,
            events=view.events,
            sandboxes=view.sandboxes,
            output=view.output,
            now=view.now,
            checks=all_checks([]),
        )

    before = view.branch.state_hash()
    strict, lenient = again(untouched()), again(untouched(**{"except": ["fhir/Patient/*"]}))
    assert (strict.verdict, lenient.verdict) == ("fail", "pass")
    assert again(untouched()) == strict
    assert view.branch.state_hash() == before


def test_nothing_belongs_to_the_start_of_a_run_without_a_scenario(recorded):
    restored = restore_view(
        recorded.seed, recorded.events, baseline_seq=0, sandboxes=(), output=None, now=recorded.events[-1].at
    )
    assert sorted(key for key, _ in restored.baseline.items("fhir/Patient")) == ["1", "2"]
    assert sorted(key for key, _ in restored.branch.items("fhir/Patient")) == ["1", "3", "4"]
    assert restored.now - recorded.events[0].at == timedelta(seconds=3)
