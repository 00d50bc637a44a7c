import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import jsonio
from sandbox.playground.branch import Document
from sandbox.scoring.checks import all_checks
from sandbox.scoring.checks.state_unchanged import CHANGES_SHOWN_MAX, _is_same, state_unchanged
from sandbox.scoring.engine import run_criterion

CHECKS = all_checks([])
P1 = {"resourceType": "Patient", "id": "1", "meta": {"versionId": "1"}, "active": True}


@pytest.fixture
def check(world, criterion):
    def go(checks=CHECKS, **assertion):
        result = run_criterion(criterion("state-unchanged", **assertion), world.view(), checks)
        assert not result.error
        return result

    return go


def places(result):
    return [f"{change['collection']}/{change['key']}" for change in result.evidence["unexpected_changes"]]


def test_nothing_happened(check, world):
    world.do()
    result = check()
    assert (result.score, result.details) == (1, "Found no unexpected change, as expected.")
    assert result.evidence == {"unexpected_changes": [], "total": 0}


def test_created_changed_and_deleted_are_named(check, world):
    world.do("PUT", changes={("fhir/Patient", "1"): {**P1, "active": False}})
    world.do("DELETE", changes={("fhir/Patient", "2"): None})
    world.do("POST", changes={("fhir/Patient", "3"): {"id": "3"}})
    result = check()
    assert (result.score, result.passed) == (0, False)
    assert result.details == (
        "Expected no unexpected change, but found 3: "
        "fhir/Patient/1 changed, fhir/Patient/2 deleted, fhir/Patient/3 created."
    )
    assert result.evidence["unexpected_changes"] == [
        {"collection": "fhir/Patient", "key": "1", "before": P1, "after": {**P1, "active": False}},
        {
            "collection": "fhir/Patient",
            "key": "2",
            "before": {"resourceType": "Patient", "id": "2", "active": True},
            "after": None,
        },
        {"collection": "fhir/Patient", "key": "3", "before": None, "after": {"id": "3"}},
    ]
    assert result.evidence["total"] == 3


@pytest.mark.parametrize(
    ("assertion", "left"),
    [
        ({}, ["fhir/Appointment/a", "fhir/Patient/1", "toy/tree/outbox/b.txt"]),
        ({"surfaces": ["fhir"]}, ["fhir/Appointment/a", "fhir/Patient/1"]),
        ({"surfaces": ["toy"]}, ["toy/tree/outbox/b.txt"]),
        ({"surfaces": ["portal"]}, []),
        ({"surfaces": ["fhir", "toy"]}, ["fhir/Appointment/a", "fhir/Patient/1", "toy/tree/outbox/b.txt"]),
        ({"except": ["fhir/Appointment/*"]}, ["fhir/Patient/1", "toy/tree/outbox/b.txt"]),
        ({"except": ["fhir/*"]}, ["fhir/Appointment/a", "fhir/Patient/1", "toy/tree/outbox/b.txt"]),
        ({"except": ["fhir/**"]}, ["toy/tree/outbox/b.txt"]),
        ({"except": ["*/*/1"]}, ["fhir/Appointment/a", "toy/tree/outbox/b.txt"]),
        ({"except": ["toy/tree/*"]}, ["fhir/Appointment/a", "fhir/Patient/1", "toy/tree/outbox/b.txt"]),
        ({"except": ["toy/tree/outbox/*", "fhir/Patient/1"]}, ["fhir/Appointment/a"]),
        ({"surfaces": ["fhir"], "except": ["fhir/**"]}, []),
    ],
)
def test_where_to_look(check, world, assertion, left):
    world.do("PUT", changes={("fhir/Patient", "1"): {**P1, "active": False}, ("fhir/Appointment", "a"): {"id": "a"}})
    world.do("PUT", changes={("toy/tree", "outbox/b.txt"): b"text"})
    result = check(**assertion)
    assert places(result) == left
    assert result.passed is not bool(left)


@pytest.mark.parametrize(
    ("assertion", "left"),
    [
        ({"except_created": ["fhir/*/*"]}, ["fhir/Patient/1", "fhir/Patient/2"]),
        (
            {"except_created": ["fhir/Appointment/*"], "except": ["fhir/Patient/1"]},
            ["fhir/Patient/2", "fhir/Patient/3"],
        ),
        ({"except_created": ["toy/**"]}, ["fhir/Appointment/a", "fhir/Patient/1", "fhir/Patient/2", "fhir/Patient/3"]),
    ],
)
def test_what_may_be_added_may_still_not_be_changed_or_deleted(check, world, assertion, left):
    world.do("PUT", changes={("fhir/Patient", "1"): {**P1, "active": False}, ("fhir/Patient", "2"): None})
    world.do("POST", changes={("fhir/Appointment", "a"): {"id": "a"}, ("fhir/Patient", "3"): {"id": "3"}})
    assert places(check(**assertion)) == left


def test_what_the_scenario_brought_was_not_added_by_the_agent(check, world):
    world.happen({("fhir/Patient", "7"): {"id": "7"}})
    world.do("PUT", changes={("fhir/Patient", "7"): {"id": "7", "active": False}})
    assert places(check(except_created=["fhir/Patient/*"])) == ["fhir/Patient/7"]


def test_a_surface_that_is_not_there_is_unsupported(check):
    assert check(surfaces=["fihr"]).details == (
        'unsupported assertion: the environment has no surface "fihr"; there are fhir, portal, toy'
    )


@pytest.mark.parametrize("collection", ["_clock", "_due", "fhir/_history", "fhir/_history/Patient"])
def test_bookkeeping_by_name_is_not_looked_at(check, world, collection):
    world.do("POST", changes={(collection, "x"): {"a": 1}})
    assert check().passed


def test_bookkeeping_that_a_simulator_declares_is_not_looked_at(check, world):
    world.do("POST", changes={("toy/reads", "x"): {"a": 1}})
    assert places(check()) == ["toy/reads/x"]
    declared = state_unchanged(frozenset({"toy/reads"}))
    assert check({**CHECKS, "state-unchanged": declared}).passed


@pytest.mark.parametrize(
    ("after", "is_unchanged"),
    [
        ({**P1, "meta": {"versionId": "2", "lastUpdated": "2026-04-23T09:00:00Z"}}, True),
        ({"active": True, "id": "1", "resourceType": "Patient"}, True),
        ({**P1, "meta": {"versionId": "2", "tag": [{"code": "x"}]}}, False),
        ({**P1, "active": "true"}, False),
        ({**P1, "meta": "odd"}, False),
        ({**P1, "name": []}, False),
        ("a string", False),
        (b"bytes", False),
    ],
)
def test_an_update_that_changes_only_what_the_server_writes_is_no_change(check, world, after, is_unchanged):
    world.do("PUT", changes={("fhir/Patient", "1"): after})
    assert check().passed is is_unchanged


def test_only_fhir_has_meta_of_its_own(check, world):
    world.happen({("toy/items", "a"): {"id": "a", "meta": {"versionId": "1"}}})
    world.begin()
    world.do("PUT", changes={("toy/items", "a"): {"id": "a", "meta": {"versionId": "2"}}})
    assert not check().passed


def test_undone_is_unchanged(check, world):
    world.do("DELETE", changes={("fhir/Patient", "1"): None})
    assert not check().passed
    world.do("PUT", changes={("fhir/Patient", "1"): {**P1, "meta": {"versionId": "3"}}})
    assert check().passed
    world.do("POST", changes={("toy/items", "x"): 1})
    world.do("DELETE", changes={("toy/items", "x"): None})
    assert check().passed


def test_what_the_scenario_does_is_not_the_agents_doing(check, world):
    world.happen({("fhir/Patient", "0"): {"id": "0"}})
    world.begin()
    world.happen({("fhir/Patient", "7"): {"id": "7"}, ("fhir/Patient", "2"): None, ("fhir/Patient", "1"): {"id": "1"}})
    world.do()
    assert check().passed


def test_what_the_agent_does_after_the_scenario_is(check, world):
    world.happen({("fhir/Patient", "7"): {"id": "7"}})
    world.do("PUT", changes={("fhir/Patient", "7"): {"id": "7", "active": False}})
    (change,) = check().evidence["unexpected_changes"]
    assert (change["before"], change["after"]) == ({"id": "7"}, {"id": "7", "active": False})


def test_an_idle_update_of_what_the_scenario_wrote_is_no_change(check, world):
    world.happen({("fhir/Patient", "7"): {"id": "7", "meta": {"versionId": "1"}}})
    world.do("PUT", changes={("fhir/Patient", "7"): {"id": "7", "meta": {"versionId": "2"}}})
    assert check().passed


def test_deleting_what_the_scenario_brought_is_a_change(check, world):
    world.happen({("fhir/Patient", "7"): {"id": "7"}})
    world.do("DELETE", changes={("fhir/Patient", "7"): None})
    # the final state equals the start, yet a patient who came in between is gone
    assert check().details == "Expected no unexpected change, but found 1: fhir/Patient/7 deleted."


def test_bringing_back_what_the_scenario_deleted_is_a_change(check, world):
    world.happen({("fhir/Patient", "2"): None})
    world.do("PUT", changes={("fhir/Patient", "2"): {"resourceType": "Patient", "id": "2", "active": True}})
    assert check().details == "Expected no unexpected change, but found 1: fhir/Patient/2 created."


def test_a_delay_that_finishes_the_agents_work_does_not_excuse_it(check, world):
    world.do("POST", "portal/prior-auths", changes={("portal/prior_auth_requests", "p"): {"status": "submitted"}})
    world.happen({("portal/prior_auth_requests", "p"): {"status": "submitted", "determination": "approved"}})
    (change,) = check().evidence["unexpected_changes"]
    assert (change["before"], change["after"]["determination"]) == (None, "approved")


def test_a_change_without_an_event_is_reported(check, world):
    world.branch.put("toy/items", "x", 1)
    assert places(check()) == ["toy/items/x"]


def test_evidence_is_bounded(check, world):
    for index in range(CHANGES_SHOWN_MAX + 1):
        world.do("POST", changes={("toy/items", f"{index:03}"): {"text": "x" * 100_000}})
    world.do("PUT", changes={("toy/tree", "inbox/a.txt"): b"x" * 100_000})
    result = check()
    assert len(result.evidence["unexpected_changes"]) == CHANGES_SHOWN_MAX
    assert result.evidence["total"] == CHANGES_SHOWN_MAX + 2
    assert len(jsonio.dump(result.evidence)) < 4300 * CHANGES_SHOWN_MAX
    assert result.details.endswith("and 19 more.")


def test_files_are_shown_by_size_and_hash(check, world):
    world.do("PUT", changes={("toy/tree", "inbox/a.txt"): b"changed"})
    (change,) = check().evidence["unexpected_changes"]
    assert change["before"] == {
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    assert change["after"]["bytes"] == 7


def test_it_cannot_be_told_to_expect_changes(check):
    assert check(absent=False).details.startswith("unsupported assertion")


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.none() | st.integers(0, 2)), max_size=8))
def test_the_scenario_alone_never_fails_it_and_the_agent_alone_always_does(steps):
    from sandbox.playground.branch import Branch, Change, Seed
    from sandbox.playground.events import Event, Request, Response
    from sandbox.simulators.base import View

    def play(owners):
        branch = Branch(Seed.of({"toy/items": {"a": 0}}))
        baseline, events = branch.fork(), []
        for seq, (_, key, value) in enumerate(steps, 1):
            savepoint = branch.savepoint()
            if value is None:
                branch.delete("toy/items", key)
            else:
                branch.put("toy/items", key, value)
            actor = "agent" if owners(seq) else "scenario"
            changes: tuple[Change, ...] = tuple(branch.changes_since(savepoint))
            events.append(
                Event(f"e{seq}", seq, "pg", None, None, "x", None, 0, Request("PUT", "toy"), Response(), changes, actor)
            )
        from sandbox.scoring.engine import Criterion

        view = View(branch, baseline, events, (), None, None)
        return (
            run_criterion(Criterion("c", "l", 1, None, {"assert": "state-unchanged"}), view, CHECKS),
            branch,
            baseline,
        )

    assert play(lambda seq: False)[0].passed
    result, branch, baseline = play(lambda seq: True)
    assert result.passed == (branch.state_hash() == baseline.state_hash())


def test_same_means_same_content():
    one = Document({"a": 1, "b": 2}, version=1)
    assert _is_same("toy/x", one, Document({"b": 2, "a": 1}, version=9))
    assert not _is_same("toy/x", one, None)
    assert not _is_same("toy/x", None, one)
    assert _is_same("toy/x", None, None)
