"""What tasks of a benchmark share and what they have of their own: templates, instructions, environments."""

import json
from typing import Any

import pytest

from sandbox.definitions.problems import DefinitionError

TEMPLATES = {
    "said": {
        "label": "The {with.what} is {with.value}",
        "weight": 2,
        "required": True,
        "assertion": {"assert": "agent-output", "fields": [{"path": "{with.what}", "expected": "{with.value}"}]},
    },
    "guards": [
        {
            "label": "Nothing changed in {with.where}",
            "assertion": {"assert": "state-unchanged", "surfaces": ["{with.where}"]},
        },
        {"label": "No call", "weight": 0, "assertion": {"assert": "interaction", "count": {"max": 0}}},
    ],
}


def sharing(kit: Any, *criteria: Any, **more: Any) -> Any:
    return kit.benchmark("shared", kit.task("a", *criteria), templates=TEMPLATES, **more)


async def test_a_criterion_from_a_template(serve, disk, kit):
    used = {"use": "said", "with": {"what": "dose", "value": 5}}
    heavier = {"use": "said", "with": {"what": "unit", "value": "mg"}, "weight": 3, "required": False}
    disk.benchmark(sharing(kit, used, heavier, {"use": "guards", "with": {"where": "fhir"}}, kit.says(42)))
    async with serve() as live:
        run = await live.started("shared")
        answer = await run.complete(output={"dose": 5, "unit": "g", "answer": 42})
        found = [(c["label"], c["weight"], c["required"], c["passed"]) for c in answer["checks"]]
        assert found == [
            ("The dose is 5", 2, True, True),
            ("The unit is mg", 3, False, False),
            ("Nothing changed in fhir", 1, False, True),
            ("No call", 0, False, True),
            ("the answer", 1, False, True),
        ]
        stored = await live.get(f"/task-runs/{run.tasks[0]}")
        first = stored["snapshot"]["criteria"][0]
        assert first["assertion"]["fields"] == [{"path": "dose", "expected": 5}]  # kept with its type
        assert "use" not in first and "templates" not in stored["snapshot"]


@pytest.mark.parametrize(
    ("used", "key", "said"),
    [
        ({"use": "siad"}, "tasks.0.criteria.0.use", 'there is no template "siad"; did you mean "said"?'),
        ({"use": "said", "with": {"what": "dose"}}, "tasks.0.criteria.0.with", 'the template "said" needs value'),
        (
            {"use": "said", "with": {"what": "dose", "value": 5, "vlaue": 6}},
            "tasks.0.criteria.0.with.vlaue",
            'the template "said" has no {with.vlaue}',
        ),
        ({"use": "guards", "with": {"where": "x"}, "weight": 2}, "tasks.0.criteria.0.weight", "is several criteria"),
        ({"use": "said", "with": [1]}, "tasks.0.criteria.0.with", "must be a mapping"),
        ({"use": "said", "with": {"what": {}, "value": 5}}, "tasks.0.criteria.0.with.what", "inside a longer"),
    ],
)
async def test_a_template_that_does_not_fit(serve, disk, kit, used, key, said):
    path = disk.benchmark(sharing(kit, used))
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    with pytest.raises(DefinitionError) as caught:
        async with serve():
            pass
    (problem,) = caught.value.problems
    assert problem.key == key and said in problem.message, problem
    line = path.read_text().splitlines()[problem.line - 1]
    assert "use" in line or "with" in line or key.rpartition(".")[2] in line or "{" in line


async def test_a_mistake_within_a_template_is_told_once_where_it_is(serve, disk, kit):
    wrong = {"said": {**TEMPLATES["said"], "wieght": 1}}
    used = [{"use": "said", "with": {"what": what, "value": 1}} for what in ("a", "b")]
    path = disk.benchmark(kit.benchmark("shared", kit.task("a", *used), templates=wrong))
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    with pytest.raises(DefinitionError) as caught:
        async with serve():
            pass
    (problem,) = caught.value.problems
    assert '"wieght"' in path.read_text().splitlines()[problem.line - 1] and 'mean "weight"' in problem.message


async def test_instructions_of_all_tasks(serve, disk, kit):
    own = kit.task("a", kit.says(1), task_item={"instruction": "Book it.", "trigger": "fax"})
    none = kit.task("b", kit.says(1))
    disk.benchmark(kit.benchmark("house", own, none, instructions="When in doubt, ask.", concurrency=2))
    async with serve() as live:
        run = await live.run("house")
        first, second = await run.start(0), await run.start(1)
        assert first["task_item"]["instruction"] == "When in doubt, ask.\n\nBook it."
        assert first["task_item"]["trigger"] == "fax"
        assert second["task_item"]["instruction"] == "When in doubt, ask."


@pytest.fixture
def two_worlds(disk, kit):
    """The second task begins later, has other patients, and a payer that denies."""
    ben = {"resourceType": "Patient", "id": "ben", "name": [{"family": "Ortiz"}]}
    disk.dataset("other", {"fhir/Patient.ndjson": json.dumps(ben).encode()})
    later = {
        "clock": "2027-01-01T00:00:00Z",
        "simulators": [
            {"type": "fhir", "dataset": "other"},
            {"type": "Payer", "config": {"default_determination": {"status": "denied", "reason": "no"}}},
        ],
    }
    known = kit.criterion("ben is known", "fhir-resource-state", resource_type="Patient", search={"_id": "ben"})
    return kit.benchmark("worlds", kit.task("plain", known), kit.task("later", known, environment=later), concurrency=2)


async def test_a_task_with_an_environment_of_its_own(serve, disk, kit, two_worlds):
    disk.benchmark(two_worlds)
    async with serve() as live:
        run = await live.run("worlds", seed=1)
        for index, patient, other, year, verdict in (
            (0, "ana", "ben", "2026", None),
            (1, "ben", "ana", "2027", "denied"),
        ):
            await run.start(index)
            assert (await run.call("GET", f"fhir/Patient/{patient}", at=index)).status == 200
            assert (await run.call("GET", f"fhir/Patient/{other}", at=index)).status == 404
            answer = (await run.call("POST", "portal/prior-auths", at=index, json=kit.prior_auth)).json
            assert answer["submitted_at"].startswith(year)
            determination = answer["determination"]
            assert (determination["status"] if verdict else None) == verdict
        hashes = [run.state_hash(0), run.state_hash(1)]
    async with serve() as live:  # folded again from seed and events
        assert [live.state_hash(task) for task in run.tasks] == hashes
        run.live = live
        assert [(await run.complete(index))["score"] for index in (0, 1)] == [0, 1]
        for index, score in ((0, 0), (1, 1)):
            for criteria in ("current", "recorded"):
                again = await live.post(f"/task-runs/{run.tasks[index]}/rescore", json={"criteria": criteria})
                assert again["score"] == score


async def test_a_recorded_run_keeps_its_world_when_the_definition_changes(serve, disk, two_worlds):
    disk.benchmark(two_worlds)
    async with serve() as live:
        run = await live.run("worlds")
        await run.start(1)
        assert (await run.complete(1))["score"] == 1
    del two_worlds["tasks"][1]["environment"]
    disk.benchmark(two_worlds)
    async with serve() as live:
        assert (await live.post(f"/task-runs/{run.tasks[1]}/rescore"))["score"] == 1


@pytest.mark.parametrize(
    ("environment", "key", "said"),
    [
        ({"simulators": [{"type": "Fihr"}]}, "simulators.0.type", 'the environment has no simulator "Fihr"'),
        ({"simulators": [{"type": "Fhir", "dataset": "othr"}]}, "simulators.0.dataset", 'no dataset "othr"'),
        ({"simulators": [{"type": "Payer", "config": {"portl": 1}}]}, "simulators.0.config.portl", "unknown key"),
        ({"simulators": [{"type": "Fhir"}, {"type": "Fhir"}]}, "simulators.1.type", "stands twice"),
        ({"clock": "soon"}, "clock", "soon"),
        ({"name": "x"}, "name", "unknown key"),
    ],
)
async def test_an_environment_that_does_not_fit(serve, disk, kit, environment, key, said):
    disk.benchmark(kit.benchmark("worlds", kit.task("a", kit.says(1), environment=environment)))
    with pytest.raises(DefinitionError) as caught:
        async with serve():
            pass
    (problem,) = caught.value.problems
    assert problem.key == f"tasks.0.environment.{key}" and said in problem.message, problem
