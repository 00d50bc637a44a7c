"""What breaks inside: scenario steps, checks, handlers. Nothing is half done, and the run goes on."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sandbox.definitions.assertions import Assertion, StrictModel
from sandbox.errors import Conflict
from sandbox.playground.branch import Seed
from sandbox.runs.registry import Registry
from sandbox.simulators.base import Check, Route, ScenarioAction, Simulator, render_json_error
from sandbox.simulators.fhir import FhirSimulator
from sandbox.simulators.files import FilesSimulator
from sandbox.simulators.hl7 import Hl7Simulator
from sandbox.simulators.portal import PayerSimulator
from sandbox.simulators.x12 import ClearinghouseSimulator


class Fussy(Simulator):
    """A simulator whose check breaks, whose routes write before they fail, and whose step can fail."""

    type = "Fussy"
    surface = "fussy"
    endpoints: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.is_ready = False

    @property
    def routes(self) -> Sequence[Route]:
        def refuse(tx: Any, request: Any) -> Any:
            tx.put("fussy/rows", "half", {"written": True})
            raise Conflict("not today")

        def fail(tx: Any, request: Any) -> Any:
            tx.put("fussy/rows", "half", {"written": True})
            raise ZeroDivisionError("secret detail")

        return (
            Route("POST", "fussy/refuse", refuse, "fhir_request", "Write, then refuse"),
            Route("POST", "fussy/break", fail, "fhir_request", "Write, then break"),
        )

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
    own = [FhirSimulator(), Hl7Simulator(), FilesSimulator(), PayerSimulator(), ClearinghouseSimulator()]
    return Registry([*own, fussy])


@pytest.fixture
def fussy_environment(kit):
    environment = kit.benchmark()["environment"]
    environment["simulators"].append({"type": "Fussy", "name": "Fussy"})
    return environment


def state(value: Any) -> tuple[Any, ...]:
    return value["phase"], value["status"], value["verdict"], value["score"]


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
        before = await run.whole(), run.state_hash()
        answer = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/start", run.token)
        assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR"), answer
        assert f"step 2 ({name})" in answer.error["message"]
        assert (await run.whole(), run.state_hash()) == before
        await run.start(1)
        assert await run.task_state() == ("created", "active", None, None)


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


async def test_what_a_handler_wrote_before_it_refused_is_gone(serve, disk, kit, fussy_registry, fussy_environment):
    disk.benchmark(kit.benchmark("half", kit.task("a"), environment=fussy_environment))
    async with serve(registry=fussy_registry) as live:
        run = await live.started("half")
        before = run.state_hash()
        refused = await run.call("POST", "fussy/refuse")
        assert (refused.status, refused.error["code"], refused.error["message"]) == (409, "CONFLICT", "not today")
        assert refused.error["request_id"] == refused.headers["X-Request-Id"]
        broken = await run.call("POST", "fussy/break")
        assert (broken.status, broken.error["code"]) == (500, "INTERNAL_ERROR")
        assert "ZeroDivisionError" not in broken.body.decode()
        assert broken.error["request_id"] == broken.headers["X-Request-Id"]
        assert run.state_hash() == before
        events = (await run.events())[-2:]
        assert [e["type"] for e in events] == ["fhir_request", "surface_error"]
        assert [e["response"]["status"] for e in events] == [409, 500]
        assert [e["changes"] for e in events] == [[], []]
        assert (await run.call("PUT", "files/outbox/x.txt", body=b"1")).status == 201
    async with serve(registry=fussy_registry) as live:
        run.live = live
        assert (await run.call("GET", "files/outbox/x.txt")).status == 200
        assert live.playground(run.tasks[0]).branch.count("fussy/rows") == 0
