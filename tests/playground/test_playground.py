"""Interactions: all or nothing, one event each, on a clock of their own."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import limits, work
from sandbox.errors import Conflict, Invalid, TooCostly, TooLarge
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Request, Response, fold
from sandbox.playground.scenario import Step, StepFailed, run_scenario
from sandbox.scoring.matching import matches_event

OK = Response.of_json({"ok": True})


def put(key, value):
    def handle(tx):
        tx.put("test/things", key, value)
        return OK

    return handle


def test_one_event_with_its_changes(make_playground, recorder):
    playground = make_playground()
    request = Request("POST", "test/things", body=b'{"a": 1}')
    outcome = playground.interact(
        "portal_request", put("a", {"v": 1}), sandbox=playground.sandboxes[0], request=request
    )
    assert outcome.response is OK
    (event,) = recorder.events
    assert (event.seq, event.type, event.sandbox_id, event.request) == (1, "portal_request", "sb_1", request)
    assert [(c.collection, c.key, c.op) for c in event.changes] == [("test/things", "a", "put")]


def test_an_error_rolls_everything_back_and_is_recorded(make_playground, recorder):
    playground = make_playground(Seed.of({"test/things": {"a": {"v": 0}}}))
    before = playground.branch.state_hash()

    def fail(tx):
        tx.put("test/things", "a", {"v": 1})
        tx.delete("test/things", "a")
        tx.put("test/things", "b", {"v": 2})
        raise Invalid("no")

    outcome = playground.interact("portal_request", fail, on_error=lambda e: Response.of_json({"e": e.message}, 400))
    assert outcome.response.status == 400
    assert playground.branch.state_hash() == before
    assert recorder.events[0].changes == ()
    with pytest.raises(Invalid):
        playground.interact("portal_request", fail)
    assert [e.seq for e in recorder.events] == [1, 2]


def test_nothing_stays_of_what_cost_too_much_though_its_refusal_was_swallowed(make_playground, recorder):
    playground = make_playground()

    def swallow(tx):
        tx.put("test/things", "a", {"v": 1})
        with suppress(TooCostly):
            work.spend(limits.WORK_UNITS + 1)
        return OK

    with pytest.raises(TooCostly, match="more work than one request may"):
        playground.interact("portal_request", swallow)
    assert playground.branch.get("test/things", "a") is None
    assert recorder.events[0].changes == () and recorder.events[0].response.status == TooCostly("").status


def test_recording_is_not_charged(make_playground, recorder, monkeypatch):
    playground = make_playground()
    submit = recorder.submit

    def costly(event, undo):
        work.spend(1_000)
        return submit(event, undo)

    def spend_all(tx):
        tx.put("test/things", "a", {"v": 1})
        work.spend(work.current().left)
        return OK

    monkeypatch.setattr(recorder, "submit", costly)
    assert playground.interact("portal_request", spend_all).response is OK
    assert playground.branch.get("test/things", "a") == {"v": 1} and len(recorder.events) == 1


@pytest.mark.parametrize("more", [0, 1])
def test_nothing_stays_of_what_answers_at_too_great_a_length(make_playground, monkeypatch, more):
    monkeypatch.setattr(limits, "ANSWER_BYTES", 100)
    playground = make_playground()

    def answer(tx):
        tx.put("test/things", "a", {"v": 1})
        return Response(200, b"x" * (100 + more))

    if more:
        with pytest.raises(TooCostly, match="longer than 100 bytes"):
            playground.interact("portal_request", answer)
    else:
        playground.interact("portal_request", answer)
    assert (playground.branch.get("test/things", "a") is None) is bool(more)


def test_an_unexpected_exception_is_a_surface_error(make_playground, recorder):
    playground = make_playground()

    def crash(tx):
        tx.put("test/things", "a", 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        playground.interact("portal_request", crash)
    assert recorder.events[0].type == "surface_error"
    assert recorder.events[0].response.status == 500
    assert playground.branch.get("test/things", "a") is None


def test_events_per_task_run_are_limited(make_playground):
    playground = make_playground()
    playground.seq = limits.EVENTS_PER_TASK_RUN - 1
    playground.interact("portal_request", put("a", 1))
    with pytest.raises(TooLarge, match="100000"):
        playground.interact("portal_request", put("b", 1))
    assert playground.branch.get("test/things", "b") is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans()), max_size=20), st.integers(0, 20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_interactions_fold_to_the_same_hash_from_any_point(make_playground, recorder, steps, cut):
    recorder.events.clear()
    seed = Seed.of({"test/things": {"a": {"v": -1}}})
    playground = make_playground(seed)
    hashes = [playground.branch.state_hash()]
    for key, value, fails in steps:

        def handle(tx, key=key, value=value, fails=fails):
            if value == 0:
                tx.delete("test/things", key)
            else:
                tx.put("test/things", key, {"v": value})
            if fails:
                raise Conflict("no")
            return OK

        playground.interact("portal_request", handle, on_error=lambda e: Response.of_json({}, 409))
        hashes.append(playground.branch.state_hash())
    at = min(cut, len(steps))
    snapshot = fold(Branch(seed), recorder.events[:at])
    assert snapshot.state_hash() == hashes[at]
    restored = fold(snapshot.fork(), recorder.events[at:])
    assert restored.state_hash() == hashes[-1]
    assert snapshot.state_hash() == hashes[at]


def test_the_clock_starts_where_it_is_told_and_runs(make_playground, clock):
    playground = make_playground()
    playground.start_clock(datetime(2030, 1, 1, tzinfo=UTC))
    clock.advance(90)
    assert playground.now() == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
    playground.interact("clock_advanced", lambda tx: (tx.advance_clock(3600), OK)[1])
    assert playground.now() == datetime(2030, 1, 1, 1, 1, 30, tzinfo=UTC)


def test_a_seeded_playground_repeats_itself(make_playground, clock, recorder):
    def play():
        recorder.events.clear()
        playground = make_playground(random_seed=7)
        playground.start_clock(datetime(2030, 1, 1, tzinfo=UTC))
        for _ in range(3):
            clock.advance(17)
            playground.interact(
                "portal_request", lambda tx: (tx.put("test/things", tx.new_id("x"), tx.now_text), OK)[1]
            )
        return playground.branch.state_hash(), [(e.id, e.at, e.changes[0].key) for e in recorder.events]

    assert play() == play()


def test_scheduled_actions_settle_before_the_next_interaction(make_playground, clock, recorder):
    def deliver(tx, args):
        tx.put("test/things", args["key"], tx.now_text)

    playground = make_playground(actions={"deliver": deliver})
    playground.start_clock(datetime(2030, 1, 1, tzinfo=UTC))
    steps = [("late", 20), ("early", 10)]
    for key, after in steps:
        playground.interact(
            "portal_request", lambda tx, k=key, a=after: (tx.schedule("deliver", {"key": k}, after_s=a), OK)[1]
        )
    clock.advance(9)
    playground.settle()
    assert playground.branch.count("test/things") == 0
    clock.advance(30)
    playground.interact("portal_request", lambda tx: OK)
    assert [e.type for e in recorder.events[-3:]] == ["scenario_step", "scenario_step", "portal_request"]
    assert [e.request.path for e in recorder.events[-3:-1]] == ["deliver", "deliver"]
    assert [e.changes[-1].key for e in recorder.events[-3:-1]] == ["early", "late"]


def test_what_fell_due_meanwhile_happened_in_its_time_and_so_did_what_it_led_to(make_playground, clock, recorder):
    def decide(tx, args):
        tx.put("test/things", "decided", tx.now_text)
        tx.schedule("number", {}, after_s=60)

    def number(tx, args):
        tx.put("test/things", "number", tx.now_text)

    playground = make_playground(actions={"decide": decide, "number": number})
    playground.start_clock(datetime(2030, 1, 1, tzinfo=UTC))
    playground.interact("portal_request", lambda tx: (tx.schedule("decide", {}, after_s=30), OK)[1])
    clock.advance(3600)
    playground.settle()
    assert playground.branch.get("test/things", "decided") == "2030-01-01T00:00:30.000Z"
    assert playground.branch.get("test/things", "number") == "2030-01-01T00:01:30.000Z"
    seen = []
    playground.interact("portal_request", lambda tx: (seen.append(tx.now_text), OK)[1])
    assert seen == ["2030-01-01T01:00:00.000Z"]
    assert [event.at for event in recorder.events] == sorted(event.at for event in recorder.events)


def test_a_scheduled_action_that_fails_is_given_up_and_recorded(make_playground, clock, recorder):
    def broken(tx, args):
        tx.put("test/things", "half", 1)
        raise Conflict("cannot")

    playground = make_playground(actions={"broken": broken})
    playground.start_clock(None)
    playground.interact("portal_request", lambda tx: (tx.schedule("broken", {}, after_s=1), OK)[1])
    clock.advance(2)
    playground.settle()
    playground.settle()
    assert playground.branch.count("_due") == 0
    assert playground.branch.count("test/things") == 0
    assert [e.response.status for e in recorder.events[-2:]] == [409, 200]


def test_a_step_can_wait_for_the_agent(make_playground, recorder):
    def drop(tx, args):
        tx.put("test/things", args["key"], 1)

    playground = make_playground(actions={"drop": drop}, matches=matches_event)
    steps = [Step("drop", {"key": "reply"}, when_event="message_sent", when_match={"to": "x"})]
    run_scenario(playground, None, steps)
    playground.interact("message_sent", lambda tx: OK, request=Request("POST", "messages", body=b'{"to": "y"}'))
    assert playground.branch.get("test/things", "reply") is None
    playground.interact("message_sent", lambda tx: OK, request=Request("POST", "messages", body=b'{"to": "x"}'))
    assert playground.branch.get("test/things", "reply") == 1
    assert recorder.events[-1].type == "scenario_step"
    playground.interact("message_sent", lambda tx: OK, request=Request("POST", "messages", body=b'{"to": "x"}'))
    assert recorder.events[-1].type == "message_sent"


def test_a_waiting_step_that_fails_is_given_up_and_recorded(make_playground, recorder):
    def broken(tx, args):
        tx.put("test/things", "half", 1)
        raise Conflict("cannot")

    playground = make_playground(actions={"broken": broken}, matches=matches_event)
    playground.start_clock(None)
    playground.interact(
        "portal_request", lambda tx: (tx.wait_for("portal_request", {}, "broken", {}, after_s=0), OK)[1]
    )
    for _ in range(2):
        playground.interact("portal_request", lambda tx: OK, request=Request("GET", "portal/patients"))
    assert playground.branch.count("_waiting") == 0
    assert playground.branch.count("test/things") == 0
    assert [e.response.status for e in recorder.events if e.type == "scenario_step"] == [409, 200]


def test_a_scenario_that_fails_leaves_no_trace(make_playground, recorder):
    def good(tx, args):
        tx.put("test/things", "a", 1)

    def bad(tx, args):
        raise Invalid("the resource is wrong")

    playground = make_playground(actions={"good": good, "bad": bad})
    before = playground.branch.state_hash()
    with pytest.raises(StepFailed, match=r"step 2 \(bad\) failed: the resource is wrong"):
        run_scenario(playground, None, [Step("good", {}), Step("bad", {})])
    assert playground.branch.state_hash() == before
    assert recorder.events == []
    assert playground.seq == 0
