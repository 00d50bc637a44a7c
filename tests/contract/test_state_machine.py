"""The life of runs over HTTP: every transition, every refusal, and what a refusal leaves as it was."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sandbox import limits
from sandbox.definitions.assertions import Assertion, StrictModel
from sandbox.errors import Conflict
from sandbox.playground.branch import Seed
from sandbox.runs.registry import Registry
from sandbox.simulators.base import Check, Route, ScenarioAction, Simulator, render_json_error
from sandbox.simulators.fhir import FhirSimulator
from sandbox.simulators.files import FilesSimulator
from sandbox.simulators.hl7 import Hl7Simulator
from sandbox.simulators.portal import PayerSimulator


class Fussy(Simulator):
    """A simulator whose check breaks, and whose scenario step fails until it is told otherwise."""

    type = "Fussy"
    surface = "fussy"
    endpoints: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.is_ready = False
        self.scored = asyncio.Event()

    @property
    def routes(self) -> Sequence[Route]:
        return ()

    @property
    def checks(self) -> Sequence[Check]:
        def select(assertion: Any, view: Any) -> Any:
            raise ZeroDivisionError("the check is wrong")

        return (Check("breaks", Assertion, select),)

    @property
    def actions(self) -> Mapping[str, ScenarioAction]:
        def run(tx: Any, args: Any) -> None:
            tx.put("fussy/rows", "a", {"step": 1})
            if not self.is_ready:
                raise Conflict("not ready yet")

        return {"be_ready": ScenarioAction(StrictModel, run)}

    def load_seed(self, dataset: Any, config: Any) -> Seed:
        return Seed()

    def credentials(self, sandbox: Any, root_url: str, is_strict: bool) -> dict[str, Any]:
        return {}

    def render_error(self, error: Any, request: Any) -> Any:
        return render_json_error(error)


@pytest.fixture
def fussy():
    return Fussy()


@pytest.fixture
def fussy_registry(fussy):
    return Registry([FhirSimulator(), Hl7Simulator(), FilesSimulator(), PayerSimulator(), fussy])


@pytest.fixture
def fussy_environment(kit):
    environment = kit.benchmark()["environment"]
    environment["simulators"].append({"type": "Fussy", "name": "Fussy"})
    return environment


def state(value: Any) -> tuple[Any, ...]:
    return value["phase"], value["status"], value["verdict"], value["score"]


async def task_state(live: Any, run: Any, index: int = 0) -> tuple[Any, ...]:
    return state(await live.get(f"/task-runs/{run.tasks[index]}"))


async def whole(live: Any, run: Any) -> Any:
    """Everything the API tells about a run, to see that nothing changed."""
    tasks = [await live.get(f"/task-runs/{t}") for t in run.tasks]
    events = [await run.events(i) for i in range(len(run.tasks))]
    return await live.get(f"/benchmark-runs/{run.id}"), tasks, events


# -- the rows of the table -----------------------------------------------------------------------------


async def test_created_started_completed(live):
    run = await live.run()
    assert state(await run.get()) == ("created", "active", None, None)
    assert await task_state(live, run) == ("created", "active", None, None)
    await run.start()
    assert state(await run.get()) == ("started", "active", None, None)
    assert await task_state(live, run) == ("started", "active", None, None)
    assert await task_state(live, run, 1) == ("created", "active", None, None)
    await run.complete()
    assert await task_state(live, run) == ("completed", "completed", "fail", 0.0)
    assert state(await run.get()) == ("started", "active", None, None)
    await run.start(1)
    await run.complete(1, output={"answer": 42})
    assert state(await run.get()) == ("completed", "completed", "partial", 0.5)


@pytest.mark.parametrize("is_started", [False, True])
@pytest.mark.parametrize("what", ["task", "run", "playground"])
async def test_cancel(live, is_started, what):
    run = await live.run()
    if is_started:
        await run.start()
    path = {
        "task": f"/task-runs/{run.tasks[0]}/cancel",
        "run": f"/benchmark-runs/{run.id}/cancel",
        "playground": f"/playgrounds/{run.value['task_runs'][0]['playground_id']}/teardown",
    }[what]
    await live.post(path)
    assert await task_state(live, run) == ("completed", "cancelled", None, None)
    assert (await live.call("POST", path, "vk_local")).status == 409
    if what == "run":
        assert state(await run.get()) == ("completed", "cancelled", None, None)
        assert await task_state(live, run, 1) == ("completed", "cancelled", None, None)
    else:
        assert (await run.get())["status"] == "active"
        assert await task_state(live, run, 1) == ("created", "active", None, None)
        await live.post(f"/task-runs/{run.tasks[1]}/cancel")
        assert state(await run.get()) == ("completed", "cancelled", None, None)


async def test_timeout(serve, disk, kit):
    disk.benchmark(kit.benchmark("quick", kit.task("a", kit.says(42), timeout=0.2), kit.task("b", kit.says(42))))
    async with serve() as live:
        run = await live.started("quick")
        messages = await live.follow(run.tasks[0])
        assert [name for _, name, _ in messages] == ["clock_advanced", "end"]
        assert await task_state(live, run) == ("completed", "timed_out", "fail", 0.0)
        assert (await live.get(f"/criterion-runs?task_run_id={run.tasks[0]}"))["data"] == []
        assert (await live.get(f"/task-runs/{run.tasks[0]}"))["axes"] == {}
        assert (await run.call("GET", "files/inbox")).status == 409
        assert (await run.call("GET", "files/inbox", at=0)).status == 409
        for verb in ("start", "complete"):
            refused = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/{verb}", run.token)
            assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
            assert "timed_out" in refused.error["message"]
        await run.start(1)
        await run.complete(1, output={"answer": 42})
        assert state(await run.get()) == ("completed", "completed", "partial", 0.5)


async def test_a_task_has_the_benchmarks_timeout_unless_it_has_its_own(serve, disk, kit):
    disk.benchmark(kit.benchmark("timed", kit.task("a", timeout=7), kit.task("b"), timeout=60, concurrency=2))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.run("timed")
        found = [await run.start(0), await run.start(1)]
        assert [f["timeout_at"] for f in found] == ["2026-04-23T09:00:07.000Z", "2026-04-23T09:01:00.000Z"]


async def test_a_complete_that_comes_too_late_times_out(serve, disk, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()
        clock.advance(300)
        refused = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token)
        assert refused.status == 409
        assert await task_state(live, run) == ("completed", "timed_out", "fail", 0.0)


async def test_a_scorer_that_breaks_fails_the_task_run(serve, disk, kit, fussy_registry, fussy_environment):
    tasks = [
        kit.task("a", kit.criterion("fine", "agent-output", contains=["x"]), kit.criterion("wrong", "breaks")),
        kit.task("b", kit.says(42)),
    ]
    disk.benchmark(kit.benchmark("broken", *tasks, environment=fussy_environment))
    async with serve(registry=fussy_registry) as live:
        run = await live.started("broken")
        answer = await run.complete(output="x")
        assert state(answer) == ("completed", "failed", None, None)
        assert [c["passed"] for c in answer["checks"]] == [True, False]
        assert "ZeroDivisionError: the check is wrong" in answer["checks"][1]["details"]
        assert await run.complete() == answer
        (fine, wrong) = (await live.get(f"/task-runs/{run.tasks[0]}"))["criterion_runs"]
        assert fine["passed"] and "the check is wrong" in wrong["details"]
        await run.start(1)
        await run.complete(1, output={"answer": 42})
        assert state(await run.get()) == ("completed", "completed", "partial", 0.5)

        alone = await live.run("broken")
        await live.post(f"/task-runs/{alone.tasks[1]}/cancel")
        await alone.start()
        await alone.complete()
        assert (await alone.get())["score"] is None


# -- refusals change nothing ---------------------------------------------------------------------------


async def test_conflicts(live):
    run = await live.run()
    untouched = await whole(live, run)
    refused = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token)
    assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
    assert await whole(live, run) == untouched

    await run.start()
    before = await whole(live, run), run.state_hash(0), run.state_hash(1)
    for index in (0, 1):  # already started; beyond the concurrency of 1
        refused = await live.call("POST", f"/v1/task-runs/{run.tasks[index]}/start", run.token)
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
    assert run.tasks[0] in refused.error["message"] and "concurrency is 1" in refused.error["message"]
    refused = await live.call("POST", f"/v1/task-runs/{run.tasks[1]}/complete", run.token)
    assert refused.status == 409
    assert (await whole(live, run), run.state_hash(0), run.state_hash(1)) == before

    await run.complete()
    await live.post(f"/task-runs/{run.tasks[1]}/cancel")
    over = await whole(live, run)
    for path in (
        f"/v1/task-runs/{run.tasks[0]}/start",
        f"/v1/task-runs/{run.tasks[1]}/start",
        f"/v1/task-runs/{run.tasks[1]}/complete",
    ):
        assert (await live.call("POST", path, run.token)).status == 409
    for path in (
        f"/task-runs/{run.tasks[0]}/cancel",
        f"/task-runs/{run.tasks[1]}/cancel",
        f"/task-runs/{run.tasks[1]}/complete",
        f"/task-runs/{run.tasks[1]}/rescore",
        f"/benchmark-runs/{run.id}/cancel",
        f"/benchmark-runs/{run.id}/complete",
        f"/sandboxes/{run.value['sandboxes'][0]['id']}/teardown",
    ):
        refused = await live.call("POST", path, "vk_local")
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT"), path
    assert await whole(live, run) == over


async def test_complete_is_idempotent(live):
    run = await live.started()
    await run.do_everything()
    first = await run.complete(output={"answer": 1}, notes="first")
    before = await whole(live, run)
    assert await run.complete() == first
    assert await run.complete(output={"answer": 2}, notes="second") == first
    assert await whole(live, run) == before
    assert before[1][0]["output"] == {"answer": 1}
    internal = await live.post(f"/task-runs/{run.tasks[0]}/complete")
    assert internal == before[1][0]


async def test_complete_many_times_at_once(live):
    run = await live.started()
    await run.do_everything()
    answers = await asyncio.gather(*(run.complete(output={"try": i}) for i in range(8)))
    assert all(answer == answers[0] for answer in answers)
    found = await live.get(f"/task-runs/{run.tasks[0]}")
    assert len(found["criterion_runs"]) == 4
    assert found["output"] in [{"try": i} for i in range(8)]


async def test_start_many_times_at_once(live):
    run = await live.run()
    calls = [live.call("POST", f"/v1/task-runs/{t}/start", run.token) for t in run.tasks * 4]
    assert sorted(a.status for a in await asyncio.gather(*calls)) == [200] + [409] * 7
    assert len([e for e in await run.events(0) if e["type"] == "scenario_step"]) <= 1


async def test_complete_and_calls_at_once(live, kit):
    """What was answered before the end is scored; what comes after is refused; nothing in between."""
    run = await live.started()
    calls = [run.call("POST", "portal/prior-auths", json=kit.prior_auth) for _ in range(20)]
    completing = live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token)
    *answers, done = await asyncio.gather(*calls, completing)
    assert done.status == 200
    assert {a.status for a in answers} <= {201, 409}
    events = [e for e in await run.events() if e["type"] == "portal_request"]
    assert len([e for e in events if e["response"]["status"] == 201]) == [a.status for a in answers].count(201)


# -- concurrency ---------------------------------------------------------------------------------------


async def test_two_task_runs_at_once(serve, disk, kit):
    disk.benchmark(kit.benchmark("pair", *(kit.task(k, kit.says(42)) for k in "abc"), concurrency=2))
    async with serve() as live:
        run = await live.run("pair")
        await run.start(0)
        assert (await run.call("PUT", "files/outbox/a.txt", body=b"run-scoped")).status == 201
        await run.start(1)
        refused = await live.call("POST", f"/v1/task-runs/{run.tasks[2]}/start", run.token)
        assert refused.status == 409
        for path in ("files/inbox", "hl7/inbox", "portal/patients"):
            refused = await run.call("GET", path)
            assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
            surface = path.partition("/")[0]
            for index in (0, 1):
                assert f"/v1/task-runs/{run.tasks[index]}/{surface}" in refused.error["message"]
        refused = await run.call("GET", "fhir/Patient/ana")
        assert refused.status == 409 and f"/v1/task-runs/{run.tasks[1]}/fhir" in refused.body.decode()

        assert (await run.call("PUT", "files/outbox/b.txt", at=1, body=b"task-scoped")).status == 201
        assert (await run.call("GET", "files/outbox/a.txt", at=0)).body == b"run-scoped"
        assert (await run.call("GET", "files/outbox/b.txt", at=0)).status == 404
        assert (await run.call("GET", "files/outbox/a.txt", at=1)).status == 404
        assert (await run.call("GET", "files/inbox", at=2)).status == 409

        await run.complete(0)
        assert (await run.call("GET", "files/outbox/b.txt")).body == b"task-scoped"
        await run.start(2)
        assert (await run.call("GET", "files/inbox", at=2)).status == 200


async def test_the_same_state_through_every_mount(live, kit):
    run = await live.started()
    sandboxes = {s["type"]: s["id"] for s in run.value["sandboxes"] if s["task_run_id"] == run.tasks[0]}
    assert (await run.call("PUT", "files/outbox/a.txt", body=b"1")).status == 201
    for root, token in [
        (f"/v1/benchmark-runs/{run.id}", run.token),
        (f"/v1/task-runs/{run.tasks[0]}", run.token),
        (f"/sandboxes/{sandboxes['Files']}", kit.api_key),
        (f"/services/{sandboxes['Files']}", kit.api_key),
    ]:
        assert (await live.call("GET", f"{root}/files/outbox/a.txt", token)).body == b"1"
    wrong = await live.call("GET", f"/sandboxes/{sandboxes['Hl7']}/files/outbox/a.txt", kit.api_key)
    assert wrong.status == 404
    await run.complete()
    gone = await live.call("GET", f"/sandboxes/{sandboxes['Files']}/files/outbox/a.txt", kit.api_key)
    assert gone.status == 404


# -- surfaces and tokens -------------------------------------------------------------------------------


async def test_surfaces_before_a_start(live):
    run = await live.run()
    before = run.state_hash()
    for path in ("files/inbox", "hl7/inbox", "portal/patients"):
        refused = await run.call("GET", path)
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
        assert "start a task run first" in refused.error["message"]
        assert (await run.call("GET", path, at=0)).status == 409
    assert (await run.call("GET", "fhir/Patient/ana")).json["resourceType"] == "OperationOutcome"
    assert run.state_hash() == before and await run.events() == []


async def test_surfaces_that_are_not_there(serve, disk, kit):
    environment = kit.benchmark()["environment"]
    environment["simulators"] = environment["simulators"][1:2]
    disk.benchmark(kit.benchmark("only-hl7", environment=environment, tasks=[kit.task("a")]))
    async with serve() as live:
        run = await live.started("only-hl7")
        assert set(run.value["endpoints"]) == {"hl7_inbox", "hl7_outbound"}
        for path in ("files/inbox", "portal/patients", "nonsense/x", "nonsense"):
            refused = await run.call("GET", path)
            assert (refused.status, refused.error["code"]) == (404, "NOT_FOUND"), path
        refused = await run.call("GET", "fhir/Patient")
        assert (refused.status, refused.json["resourceType"]) == (404, "OperationOutcome")


async def test_a_run_token_after_the_end(live, kit):
    run = await live.started()
    await run.complete()
    await live.post(f"/task-runs/{run.tasks[1]}/cancel")
    assert (await run.get())["phase"] == "completed"
    for method, path, more in [
        ("PUT", "files/outbox/b.txt", {"body": b"2"}),
        ("POST", "portal/prior-auths", {"json": kit.prior_auth}),
        ("POST", "hl7/outbound", {"json": {"payload": kit.adt}}),
        ("POST", "fhir/Patient", {"json": {"resourceType": "Patient"}}),
    ]:
        for at in (None, 0, 1):
            assert (await run.call(method, path, at=at, **more)).status == 409
    for task_run_id in run.tasks:
        assert (await live.call("POST", f"/v1/task-runs/{task_run_id}/start", run.token)).status == 409
    assert (await run.get())["score"] == 0.0


async def test_a_run_token_expires(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock, run_token_lifetime_s=60) as live:
        run = await live.started()
        assert run.value["bearer_token_expires_at"] == "2026-04-23T09:01:00.000Z"
        clock.advance(59.999)
        assert (await run.call("GET", "files/inbox")).status == 200
        clock.advance(0.001)
        before = run.state_hash()
        for method, path in [
            ("GET", f"/v1/benchmark-runs/{run.id}"),
            ("GET", f"/v1/benchmark-runs/{run.id}/files/inbox"),
            ("DELETE", f"/v1/task-runs/{run.tasks[0]}/files/inbox/referral.txt"),
            ("POST", f"/v1/task-runs/{run.tasks[0]}/complete"),
            ("POST", f"/v1/task-runs/{run.tasks[1]}/start"),
        ]:
            refused = await live.call(method, path, run.token)
            assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED"), path
        assert run.state_hash() == before
        assert (await live.get(f"/v1/benchmark-runs/{run.id}", kit.solver_key))["phase"] == "started"


# -- scenarios -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("drop_file_inbox", {"action": "drop_file_inbox", "path": "inbox/referral.txt/below", "content": "x"}),
        ("delete_fhir", {"action": "delete_fhir", "reference": "Patient/nobody"}),
        (
            "set_portal",
            {"action": "set_portal", "collection": "drafts", "row": {"request_id": "r", "status": "submitted"}},
        ),
    ],
)
async def test_a_step_that_fails_at_start(serve, disk, kit, name, step):
    fine = {"action": "drop_file_inbox", "path": "inbox/first.txt", "content": "1"}
    disk.benchmark(kit.benchmark("failing", kit.task("a", scenario={"steps": [fine, step]}), kit.task("b")))
    async with serve() as live:
        run = await live.run("failing")
        before = await whole(live, run), run.state_hash()
        answer = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token)
        assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR"), answer
        assert f"step 2 ({name})" in answer.error["message"]
        assert (await whole(live, run), run.state_hash()) == before
        await run.start(1)
        assert await task_state(live, run) == ("created", "active", None, None)


async def test_a_task_run_can_be_started_after_its_step_failed(
    serve, disk, kit, fussy, fussy_registry, fussy_environment
):
    steps = [
        {"action": "drop_file_inbox", "path": "inbox/first.txt", "content": "1"},
        {"action": "be_ready"},
    ]
    task = kit.task("a", scenario={"steps": steps})
    disk.benchmark(kit.benchmark("later", task, environment=fussy_environment))
    async with serve(registry=fussy_registry) as live:
        run = await live.run("later")
        for _ in range(2):
            answer = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token)
            assert answer.status == 500 and "step 2 (be_ready)" in answer.error["message"]
            assert "not ready yet" in answer.error["message"]
        assert await run.events() == []
        fussy.is_ready = True
        await run.start()
        assert [e["type"] for e in await run.events()] == ["clock_advanced", "scenario_step", "scenario_step"]
        assert (await run.call("GET", "files/inbox/first.txt")).body == b"1"


async def test_delayed_and_waiting_steps(serve, disk, kit):
    steps = [
        {"action": "drop_file_inbox", "path": "inbox/now.txt", "content": "1"},
        {"action": "drop_file_inbox", "path": "inbox/later.txt", "content": "2", "after_seconds": 60},
        {"action": "post_hl7_inbox", "payload": kit.oru, "when": {"event": "hl7_outbound", "match": {}}},
    ]
    disk.benchmark(kit.benchmark("steps", kit.task("a", scenario={"steps": steps})))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("steps")
        assert (await run.call("GET", "files/inbox/now.txt")).status == 200
        assert (await run.call("GET", "files/inbox/later.txt")).status == 404
        clock.advance(60)
        assert (await run.call("GET", "files/inbox/later.txt")).body == b"2"
        assert len((await run.call("GET", "hl7/inbox")).json) == 1
        sent = await run.call("POST", "hl7/outbound", json={"payload": kit.adt.format(control="C1", family="Smith")})
        assert sent.json["accepted"], sent
        assert len((await run.call("GET", "hl7/inbox")).json) == 2


# -- scores of runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (["right", "right"], ("completed", "completed", "pass", 1.0)),
        (["right", "wrong"], ("completed", "completed", "partial", 0.5)),
        (["wrong", "wrong"], ("completed", "completed", "fail", 0.0)),
        (["right", "cancel"], ("completed", "completed", "partial", 0.5)),
        (["wrong", "cancel"], ("completed", "completed", "fail", 0.0)),
        (["cancel", "cancel"], ("completed", "cancelled", None, None)),
    ],
)
async def test_the_score_of_a_run(serve, disk, kit, ends, expected):
    disk.benchmark(kit.benchmark("pair", kit.task("a", kit.says(42)), kit.task("b", kit.says(42))))
    async with serve() as live:
        run = await live.run("pair")
        for index, end in enumerate(ends):
            if end == "cancel":
                await live.post(f"/task-runs/{run.tasks[index]}/cancel")
            else:
                await run.start(index)
                await run.complete(index, output={"answer": 42 if end == "right" else 0})
        assert state(await run.get()) == expected
        assert state(await live.get(f"/benchmark-runs/{run.id}")) == expected


async def test_cancelling_a_run_keeps_what_is_completed(live):
    run = await live.run()
    await run.start(1)
    await run.complete(1, output={"answer": 42})
    await run.start(0)
    value = await live.post(f"/benchmark-runs/{run.id}/cancel")
    assert (value["phase"], value["status"], value["verdict"]) == ("completed", "cancelled", None)
    assert await task_state(live, run, 1) == ("completed", "completed", "pass", 1.0)
    assert await task_state(live, run, 0) == ("completed", "cancelled", None, None)


async def test_completing_a_whole_run(live):
    run = await live.started()
    await run.do_everything()
    value = await live.post(f"/benchmark-runs/{run.id}/complete")
    assert state(value) == ("completed", "completed", "partial", 0.5)
    assert await task_state(live, run, 0) == ("completed", "completed", "pass", 1.0)
    assert await task_state(live, run, 1) == ("completed", "cancelled", None, None)


async def test_fractions_are_rounded_on_the_wire_only(serve, disk, kit):
    criteria = [kit.says(42, weight=2, axis="a"), kit.says(0, weight=1, axis="a"), kit.says(1, weight=0)]
    disk.benchmark(kit.benchmark("thirds", kit.task("a", *criteria)))
    async with serve() as live:
        run = await live.started("thirds")
        answer = await run.complete(output={"answer": 42})
        assert (answer["score"], answer["verdict"]) == (0.666667, "partial")
        assert answer["axes"] == {"a": {"score": 0.666667, "weight": 3}}
        assert len(answer["checks"]) == 3
        assert (await run.get())["score"] == 0.666667


# -- after the end -------------------------------------------------------------------------------------


async def test_playgrounds_are_torn_down_and_events_stay(live):
    run = await live.started()
    await run.do_everything()
    events = await run.events()
    await run.complete()
    playground_id = run.value["task_runs"][0]["playground_id"]
    found = await live.get(f"/playgrounds/{playground_id}")
    assert found["status"] == "teardown" and {s["status"] for s in found["sandboxes"]} == {"teardown"}
    other = await live.get(f"/playgrounds/{run.value['task_runs'][1]['playground_id']}")
    assert other["status"] == "active"
    shown = {s["task_run_id"]: s["status"] for s in (await run.get())["sandboxes"]}
    assert shown == {run.tasks[0]: "teardown", run.tasks[1]: "active"}
    assert await run.events() == events and len(events) == 6
    files = next(s["id"] for s in found["sandboxes"] if s["type"] == "Files")
    assert [e["type"] for e in (await live.get(f"/sandboxes/{files}/events"))["data"]] == ["file_write"]
    assert (await live.call("POST", f"/playgrounds/{playground_id}/teardown", "vk_local")).status == 409


async def test_publish_and_leaderboard(serve, disk, kit):
    disk.benchmark(kit.benchmark("open", kit.task("a", kit.says(42))))
    clock = kit.clock()
    async with serve(clock=clock) as live:

        async def finish(agent: str | None, answer: int) -> str:
            run = await live.started("open", agent=agent)
            clock.advance(1)
            await run.complete(output={"answer": answer})
            return str(run.id)

        good, bad, other = await finish("ada", 42), await finish("ada", 0), await finish("bob", 0)
        running = await live.started("open", agent="carl")
        assert (await live.call("POST", f"/benchmark-runs/{running.id}/publish", "vk_local")).status == 409
        assert (await live.get("/leaderboard?benchmark=open@1"))["data"] == []
        for run_id in (bad, other, good):
            assert (await live.post(f"/benchmark-runs/{run_id}/publish"))["published_at"] is not None
        board = await live.get("/leaderboard?benchmark=open@1")
        assert [(r["rank"], r["agent"], r["score"], r["benchmark_run_id"]) for r in board["data"]] == [
            (1, "ada", 1.0, good),
            (2, "bob", 0.0, other),
        ]
        assert (await live.post(f"/benchmark-runs/{good}/unpublish"))["published_at"] is None
        board = await live.get("/leaderboard?benchmark=open")
        assert {r["benchmark_run_id"] for r in board["data"]} == {bad, other}
        assert (await live.call("GET", "/leaderboard", "vk_local")).status == 400
        assert (await live.call("GET", "/leaderboard?benchmark=none@1", "vk_local")).status == 404


async def test_rescore(serve, disk, kit):
    task = kit.task("a", kit.says(0), kit.criterion("file", "sftp-file-present", glob="outbox/*"))
    disk.benchmark(kit.benchmark("again", task))
    async with serve() as live:
        run = await live.started("again")
        await run.call("PUT", "files/outbox/x.txt", body=b"1")
        first = await run.complete(output={"answer": 42})
        assert first["score"] == 0.5
        refused = await live.call("POST", f"/task-runs/{run.tasks[0]}/rescore", "vk_local", json={"criteria": "odd"})
        assert refused.status == 400
    task["criteria"][0] = kit.says(42, weight=3)
    disk.benchmark(kit.benchmark("again", task))
    async with serve() as live:
        run.live = live
        before = await live.get(f"/task-runs/{run.tasks[0]}")
        after = await live.post(f"/task-runs/{run.tasks[0]}/rescore")
        assert (after["score"], after["verdict"]) == (1.0, "pass")
        assert {c["id"] for c in before["criterion_runs"]}.isdisjoint({c["id"] for c in after["criterion_runs"]})
        assert (await live.get(f"/benchmark-runs/{run.id}"))["score"] == 1.0
        path = f"/criterion-runs?task_run_id={run.tasks[0]}"
        assert (await live.get(path))["data"] == after["criterion_runs"]
        everything = (await live.get(f"{path}&superseded=true"))["data"]
        old = [c for c in everything if c["superseded_at"] is not None]
        assert len(everything) == 4
        assert [{**c, "superseded_at": None} for c in old] == before["criterion_runs"]
        one = await live.get(f"/criterion-runs/{before['criterion_runs'][0]['id']}")
        assert one["superseded_at"] is not None
        assert await live.post(f"/v1/task-runs/{run.tasks[0]}/complete", run.token) != first
        again = await live.post(f"/task-runs/{run.tasks[0]}/rescore", json={"criteria": "recorded"})
        assert again["score"] == 0.5


# -- limits --------------------------------------------------------------------------------------------


async def test_active_playgrounds_have_a_limit(serve):
    async with serve(max_active_playgrounds=3) as live:
        run = await live.run()
        refused = await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "clinic"})
        assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
        assert "2 playgrounds are active" in refused.error["message"] and "limit is 3" in refused.error["message"]
        await live.post(f"/task-runs/{run.tasks[0]}/cancel")
        await live.run()


async def test_events_of_a_task_run_have_a_limit(live, monkeypatch):
    run = await live.started()
    monkeypatch.setattr(limits, "EVENTS_PER_TASK_RUN", len(await run.events()) + 2)
    assert (await run.call("PUT", "files/a.txt", body=b"1")).status == 201
    assert (await run.call("PUT", "files/b.txt", body=b"1")).status == 201
    before = run.state_hash()
    for path in ("files/c.txt", "fhir/Patient/x"):
        refused = await run.call("PUT", path, body=b'{"resourceType": "Patient", "id": "x"}')
        assert refused.status == 413 and b"complete it" in refused.body
    assert run.state_hash() == before
    assert (await run.complete())["status"] == "completed"


async def test_a_due_step_does_not_keep_a_full_task_run_from_completing(serve, disk, kit, monkeypatch):
    step = {"action": "drop_file_inbox", "path": "inbox/later.txt", "content": "2", "after_seconds": 60}
    disk.benchmark(kit.benchmark("due", kit.task("a", kit.says(1), scenario={"steps": [step]})))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started("due")
        monkeypatch.setattr(limits, "EVENTS_PER_TASK_RUN", len(await run.events()))
        clock.advance(60)
        assert (await run.call("GET", "files/inbox")).status == 413
        assert (await run.complete(output={"answer": 1}))["score"] == 1.0


async def test_a_large_output_is_kept(live):
    run = await live.started()
    await live.post(f"/task-runs/{run.tasks[1]}/cancel")
    output = {"text": "x" * 1_000_000, "number": 1.5, "none": None, "list": [1, {"deep": [[]]}]}
    await run.complete(output=output)
    assert (await live.get(f"/task-runs/{run.tasks[0]}"))["output"] == output
    assert json.dumps(output) == json.dumps((await live.get(f"/task-runs/{run.tasks[0]}"))["output"])
