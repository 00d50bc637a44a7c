"""The final state equals the solution's, whatever ids were minted and whenever it was done; and nothing else does."""

import json
from pathlib import Path

import pytest

from sandbox.definitions import solution_states

FHIR = {"Content-Type": "application/fhir+json"}


async def put(run, method, path, value=None, *, status=201, **more):
    answer = await run.call(method, path, body=json.dumps(value).encode(), headers=FHIR, **more)
    assert answer.status == status, answer
    return answer.json


def patient(name):
    return {"resourceType": "Patient", "name": [{"family": name}]}


def observation(subject, value, **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "potassium"},
        "subject": {"reference": subject},
        "valueQuantity": {"value": value, "unit": "mmol/L"},
        **more,
    }


async def solve(run, kit, *, order=1, value=6.8, swap=False, receiver="D", file=None, auth=None, extra=False, at=None):
    """Two patients with a result each, a message, a file that names both, a prior authorization, an update."""
    names = ["Jones", "Smith"][::order]
    made = {name: (await put(run, "POST", "fhir/Patient", patient(name)))["id"] for name in names}
    results = {"Jones": value, "Smith": 4.1}
    for name in names:
        subject = made[{"Jones": "Smith", "Smith": "Jones"}[name] if swap else name]
        more = {"effectiveDateTime": at} if at else {}
        await put(run, "POST", "fhir/Observation", observation(f"Patient/{subject}", results[name], **more))
    message = kit.adt.format(control=f"C{order}{value}", family="Smith").replace("C|D|", f"C|{receiver}|")
    assert (await run.call("POST", "hl7/outbound", json={"payload": message})).json["ack_code"] == "AA"
    written = file or json.dumps({"seen": [made["Jones"], made["Smith"]], "note": "both"}).encode()
    assert (await run.call("PUT", "files/outbox/seen.json", body=written)).status == 201
    answer = (await run.call("POST", "portal/prior-auths", json={**kit.prior_auth, **(auth or {})})).json
    assert (await run.call("PUT", "files/outbox/auth.txt", body=answer["auth_number"].encode())).status == 201
    ana = {"resourceType": "Patient", "id": "ana", "name": [{"family": "Reyes", "given": ["Ana"]}], "gender": "female"}
    await put(run, "PUT", "fhir/Patient/ana", ana, status=200)
    assert (await run.call("DELETE", "files/archive/old.txt")).status == 204
    if extra:
        await put(run, "POST", "fhir/Patient", patient("Other"))


@pytest.fixture
def world(serve, disk, kit):
    """A benchmark whose one task compares with its solution's state, as `sandbox prove --write` recorded it."""

    class World:
        folder: Path

        def define(self, **assertion):
            equals = {"assert": "state-equals-solution", **assertion}
            step = {"action": "drop_file_inbox", "path": "inbox/fax.txt", "content": "hello"}
            inbox = {"action": "post_hl7_inbox", "payload": kit.oru}
            task = kit.task("a", {"label": "as solved", "assertion": equals}, scenario={"steps": [step, inbox]})
            self.folder = disk.benchmark(kit.benchmark("equal", task)).parent
            (self.folder / "solution.py").write_text("async def solve(task):\n    ...\n")

        async def record(self, work=None, seed=None, **how):
            async with serve() as live:
                run = await live.started("equal", seed=seed)
                await (work(run) if work else solve(run, kit, **how))
                await run.complete()
                found = await live.get(f"/task-runs/{run.tasks[0]}/changes")
            entry = {**found, "solution": solution_states.solution_hash(self.folder)}
            solution_states.write(self.folder, {"a": entry})
            return found

        async def play(self, work=None, seed=None, **how):
            async with serve() as live:
                run = await live.started("equal", seed=seed)
                await (work(run) if work else solve(run, kit, **how))
                answer = await run.complete()
                again = await live.post(f"/task-runs/{run.tasks[0]}/rescore")
                assert again["score"] == answer["score"]
                return answer["checks"][0]

    made = World()
    made.define()
    return made


async def test_another_run_of_the_same_work_is_equal_whatever_its_ids(world):
    found = await world.record()
    assert {c["collection"] for c in found["changes"]} == {
        *("fhir/Patient", "fhir/Observation", "hl7/outbound", "files/tree", "portal/prior_auth_requests"),
    }
    check = await world.play()
    assert (check["passed"], check["score"], check["evidence"]["differences"]) == (True, 1.0, []), check
    assert check["details"] == "Found no difference from the state that the solution leaves, as expected."


async def test_in_another_order_and_in_seeded_runs(world):
    await world.record(seed=7)
    for how in ({"order": -1}, {"seed": 7}, {"seed": 8, "order": -1}):
        assert (await world.play(**how))["passed"], how


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"value": 0.68}, "has 0.68 at valueQuantity.value where the solution has 6.8"),
        ({"swap": True}, "has 6.8 at valueQuantity.value where the solution has 4.1"),
        ({"receiver": "E"}, "hl7/outbound/"),
        ({"extra": True}, "is not of the solution"),
        ({"auth": {"diagnosis_codes": ["M54.50"]}}, "diagnosis_codes.0"),
        ({"file": b'{"seen": [], "note": "both"}'}, "files/tree/outbox/seen.json has"),
        ({"at": "2026-04-22"}, '"2026-04-22" at effectiveDateTime where the solution has null'),
    ],
)
async def test_what_differs_is_told(world, how, said):
    await world.record()
    check = await world.play(**how)
    assert (check["passed"], check["score"]) == (False, 0.0)
    assert said in check["details"], check["details"]
    assert 0 < len(check["evidence"]["differences"]) <= 20


async def test_a_write_left_out_doubled_or_undone(world):
    await world.record()

    async def nothing(run):
        return None

    check = await world.play(nothing)
    assert not check["passed"] and "is missing" in check["details"]
    assert any(d["actual"] is None for d in check["evidence"]["differences"])


async def test_times_of_the_run_are_one_and_other_times_are_exact(world):
    await world.record(at="2026-04-23T09:00:00Z")  # as the clock stood
    assert (await world.play(at="2026-04-23T09:00:00.000+00:00"))["passed"]
    assert not (await world.play(at="2026-04-23T08:00:00Z"))["passed"]
    await world.record(at="2026-05-11T15:20:00Z")
    assert (await world.play(at="2026-05-11T10:20:00-05:00"))["passed"]
    assert not (await world.play(at="2026-05-11T15:21:00Z"))["passed"]


async def test_what_may_differ_is_ignored(world):
    world.define(ignore=["fhir/Observation/*:valueQuantity.value", "files/tree/outbox/**", "hl7/outbound/*"])
    await world.record()
    assert (await world.play(value=1.5, receiver="E", file=b"else"))["passed"]
    assert not (await world.play(value=1.5, extra=True))["passed"]


async def test_an_id_of_the_seed_stands_for_itself(world):
    async def about(run, reference):
        await put(run, "POST", "fhir/Observation", observation(reference, 4))

    async def first(run):
        await put(run, "POST", "fhir/Patient", patient("Jones"))
        await about(run, "Patient/ana")

    async def second(run):
        one = (await put(run, "POST", "fhir/Patient", patient("Jones")))["id"]
        await about(run, f"Patient/{one}")

    await world.record(first)
    assert (await world.play(first))["passed"]
    assert not (await world.play(second))["passed"]


async def test_a_stale_state_compares_with_nothing_and_is_refused_by_check(world, disk):
    from typer.testing import CliRunner

    from sandbox.cli import app

    def check():
        result = CliRunner().invoke(app, ["check", str(disk.playgrounds / "equal"), "--seeds", str(disk.seeds)])
        return result.exit_code, result.output

    assert "there is no state of the solution in solution_state.json; make it with sandbox prove --write" in check()[1]
    await world.record()
    assert check()[0] == 0
    changed = {
        "solution": lambda: (world.folder / "solution.py").write_text("# another\n"),
        "seed": lambda: (disk.seeds / "small/files/archive/more.txt").write_text("x"),
        "definition": lambda: (world.folder / "benchmark.json").write_text(
            (world.folder / "benchmark.json").read_text().replace("hello", "goodbye")
        ),
    }
    for what, change in changed.items():
        await world.record()
        change()
        status, printed = check()
        assert status == 1 and f"solution_state.json: a: is of another {what}" in printed, printed
        result = await world.play()
        assert not result["passed"] and "There is no state of the reference solution" in result["details"]
    (world.folder / "solution_state.json").write_text("{")
    status, printed = check()
    assert status == 1 and "cannot be read" in printed


async def test_criteria_may_change_without_making_it_stale(world):
    await world.record()
    world.define(ignore=["portal/drafts/*"])
    assert (await world.play())["passed"]


@pytest.mark.parametrize(
    ("ignore", "said"),
    [(["fhir/Patient/*:"], "names no path"), (["fhir/Patient/*:a..b"], "empty segment")],
)
async def test_what_cannot_be_ignored(world, ignore, said):
    world.define(ignore=ignore)
    check = await world.play()
    assert check["details"].startswith("unsupported assertion: ") and said in check["details"]
