"""Tasks that files define: loaded, shown, read-only, reloaded."""

import asyncio
import json

import pytest

from sandbox.api.context import SHELF
from sandbox.builtin import create_registry
from sandbox.definitions.library import load_library
from sandbox.definitions.problems import DefinitionError

GOOD = {"name": "Other", "system_prompt": "s", "user_prompt": "{text}", "output_format": {"a": "str"}}


@pytest.fixture
def load(settings, desk):
    registry = create_registry()
    return lambda: load_library(settings.playground_dirs, settings.seed_dirs, registry)


async def test_a_file_is_a_task_of_the_default_project(desk, api):
    (task,) = (await api.get("task")).json["results"]
    (revision,) = task["revisions"]
    assert (task["name"], task["enabled"], task["task_run_visibility"]) == ("Read a form", True, "all_viewers")
    assert (revision["active"], revision["llm_model"]["name"], revision["input_params"]) == (
        True,
        "sandbox-extract",
        ["text"],
    )
    run = (await api.run(task)).json
    assert run["response"] == {"name": "Ana Reyes"}
    assert (await api.get(f"task/{task['id']}/run/{run['id']}")).json == run
    assert (await api.get(f"task/{task['id']}/token_report")).json["total_task_runs"] == 1
    assert [r["id"] for r in (await api.get("task_run")).json["results"]] == [run["id"]]


async def test_it_cannot_be_changed_over_the_api(desk, api):
    (task,) = (await api.get("task")).json["results"]
    tag = (await api.post("task/tag", {"name": "x"})).json
    for method, path, body in (
        ("POST", f"task/{task['id']}", {"enabled": False}),
        ("DELETE", f"task/{task['id']}", None),
        ("POST", f"task/tag/{tag['id']}/add", {"entities": [task["id"]]}),
    ):
        answer = await api.call(method, path, json=body)
        assert (answer.status, answer.reason) == (409, "READ_ONLY_DEFINITION")
    taken = await api.post("task", await api.draft(name="read a form"))
    assert (taken.status, taken.reason) == (400, "duplicate_task_name")


async def test_its_ids_are_the_same_on_every_server(desk, start):
    first, second = [(await (await start()).get("task")).json["results"][0] for _ in range(2)]
    assert first["id"] == second["id"]
    assert first["revisions"][0]["id"] == second["revisions"][0]["id"]


async def test_it_is_part_of_what_a_run_is_made_of(desk, load):
    before = load().benchmarks["desk", 1]
    (desk / "read-a-form.yaml").write_text(json.dumps({**GOOD, "annotation": "changed"}))
    after = load().benchmarks["desk", 1]
    assert before.hash != after.hash
    assert before.definition.llm_tasks[0].key == "read-a-form"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"temperature": 1}, "llm_tasks/read-a-form.yaml:1: temperature: unknown key"),
        ({"name": "a_b"}, "name"),
        ({"name": None}, "name"),
        ({"output_format": {"a": "text"}}, "output_format.a: is not a type"),
        ({"output_format": {"a": {"type": "str", "option": ["x"]}}}, "output_format.a.option: is not part of a field"),
        ({"output_format": None}, "output_format: is required"),
        ({"output_modality": "text"}, "output_format: must be null"),
        ({"model": "sandbox-replay", "output_modality": "audio", "output_format": None}, "cannot answer with audio"),
        ({"input_processors": [{"param_name": "text", "input_processor": "magic"}]}, "no input processor magic"),
        ({"input_processors": [{"param_name": "text"}]}, "input_processors.0.input_processor"),
        ({"model": "sandbox-fault", "llm_config": {"faults": 1}}, "must be a list of rules"),
        ({"answers": [{"input": {}}]}, "either response or error"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(desk, load, change, says):
    (desk / "read-a-form.yaml").write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(DefinitionError) as caught:
        load()
    assert any(says in str(problem) for problem in caught.value.problems), caught.value.problems
    assert all("desk/v1/llm_tasks/read-a-form.yaml" in problem.file for problem in caught.value.problems)


def test_names_are_unique_in_a_benchmark_and_tasks_lie_in_files(desk, load):
    (desk / "second.yaml").write_text(json.dumps({**GOOD, "name": "READ A FORM"}))
    with pytest.raises(DefinitionError, match="same key or name"):
        load()
    (desk / "second.yaml").write_text("a: [")
    with pytest.raises(DefinitionError, match="not valid YAML"):
        load()
    (desk / "second.yaml").unlink()
    path = desk.parent / "benchmark.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "llm_tasks": []}))
    with pytest.raises(DefinitionError, match="is a folder beside this file"):
        load()


def test_a_live_model_may_be_named_where_none_is_configured(desk, load):
    (desk / "read-a-form.yaml").write_text(
        json.dumps({**GOOD, "model": "gpt-4o-mini", "fallback_model": "sandbox-extract"})
    )
    assert load().benchmarks["desk", 1].definition.llm_tasks[0].model == "gpt-4o-mini"


async def test_a_model_that_is_not_configured_is_said_so(desk, api, start):
    (desk / "read-a-form.yaml").write_text(json.dumps({**GOOD, "model": "gpt-4o-mini"}))
    other = await start()
    (task,) = (await other.get("task")).json["results"]
    assert task["revisions"][0]["llm_model"]["retired"] is not None
    answer = await other.run(task, {"text": ""})
    assert (answer.status, answer.reason) == (400, "UNKNOWN_MODEL")


async def test_written_answers_are_replayed(desk, api, start):
    answers = [{"input": {"text": "x"}, "response": {"a": "from the file"}}, {"response": {"a": 5}}]
    (desk / "replayed.yaml").write_text(
        json.dumps({**GOOD, "name": "Replayed", "model": "sandbox-replay", "answers": answers})
    )
    other = await start()
    task = (await other.get("task", name="replayed")).json["results"][0]
    assert (await other.run(task, {"text": "x"})).json["response"] == {"a": "from the file"}
    wrong = (await other.run(task, {"text": "y"})).json
    assert wrong["response"]["error"]["type"] == "malformed_output"


async def test_an_edit_is_taken_without_a_restart_and_a_wrong_one_is_not(desk, start):
    api = await start(is_watching=True)
    from sandbox.app import WATCHING

    await api.app[WATCHING].wait()
    shelf, told = api.app[SHELF], asyncio.Event()
    shelf.subscribe(told.set)
    old = (await api.get("task")).json["results"][0]

    async def edit(text):
        told.clear()
        (desk / "read-a-form.yaml").write_text(text)
        await asyncio.wait_for(told.wait(), 20)

    await edit(json.dumps({**GOOD, "name": "Read a form"}))
    new = (await api.get("task")).json["results"][0]
    assert new["id"] == old["id"]
    assert new["revisions"][0]["id"] != old["revisions"][0]["id"]
    await edit("name: [")
    assert (await api.get("task")).json["results"][0] == new
    assert "llm_tasks/read-a-form.yaml" in shelf.last_error
