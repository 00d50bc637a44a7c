"""Creating, changing and listing tasks over HTTP."""

import asyncio

import pytest

from sandbox import limits

UNKNOWN = "00000000-0000-4000-8000-00000000dead"


async def test_create_makes_one_live_revision(api):
    task = await api.create(name="Read forms", description="d", annotation="first")
    (revision,) = task["revisions"]
    assert task["active_revisions"] == [{"task_revision_id": revision["id"], "weight": 1.0}]
    assert (revision["active"], revision["input_params"], revision["annotation"]) == (True, ["text"], "first")
    assert revision["llm_model"]["id"] == revision["llm_model_id"]
    assert (await api.get(f"task/{task['id']}")).json == task


async def test_unknown_keys_are_ignored_and_booleans_may_be_text(api):
    body = {**await api.draft(), "enabled": "true", "image_required": False, "$comment": "x", "id": "y"}
    answer = await api.post("task", body)
    assert answer.status == 200
    assert answer.json["enabled"] is True


async def test_the_output_format_comes_back_as_it_was_sent(api):
    spec = {"b": "string", "a": {"type": "array", "item_type": "integer"}, "c": {"type": "boolean"}}
    task = await api.create(output_format=spec)
    assert task["revisions"][0]["output_format"] == spec
    assert list(task["revisions"][0]["output_format"]) == ["b", "a", "c"]


@pytest.mark.parametrize("name", ["system_prompt", "user_prompt", "llm_model_id", "name", "enabled"])
async def test_required_fields_are_named(api, name):
    body = await api.draft()
    del body[name]
    answer = await api.post("task", body)
    assert answer.status == 422
    assert answer.json["detail"] == [{"loc": ["body", name], "msg": "Field required", "type": "missing"}]


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"name": "a_b"}, ["body", "name"]),
        ({"name": "x\n"}, ["body", "name"]),
        ({"name": ""}, ["body", "name"]),
        ({"name": "x" * 64}, ["body", "name"]),
        ({"llm_model_id": "gpt"}, ["body", "llm_model_id"]),
        ({"enabled": "perhaps"}, ["body", "enabled"]),
        ({"output_modality": "video"}, ["body", "output_modality"]),
        ({"output_format": None}, ["body", "output_format"]),
        ({"output_format": {"a": "text"}}, ["body", "output_format", "a"]),
        ({"output_modality": "text"}, ["body", "output_format"]),
        ({"file_input_mode": "video"}, ["body", "file_input_mode"]),
        ({"annotation": "x" * 256}, ["body", "annotation"]),
        ({"user_prompt": "x" * (limits.LLM_PROMPT_CHARS + 1)}, ["body", "user_prompt"]),
        ({"input_processors": [{"param_name": "text"}]}, ["body", "input_processors", 0, "input_processor"]),
        (
            {"input_processors": [{"param_name": "text", "input_processor": "magic"}]},
            ["body", "input_processors", 0, "input_processor"],
        ),
        (
            {"input_processors": [{"param_name": "other", "input_processor": "url_fetcher"}]},
            ["body", "input_processors", 0, "param_name"],
        ),
        (
            {"input_processors": [{"param_name": "text", "input_processor": "document_content_extractor"}]},
            ["body", "input_processors", 0, "config", "filename"],
        ),
        (
            {
                "input_processors": [
                    {
                        "param_name": "text",
                        "input_processor": "perplexity_search",
                        "config": {"query_context": "about {x}"},
                    }
                ]
            },
            ["body", "input_processors", 0, "config", "query_context"],
        ),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_made(api, change, loc):
    answer = await api.post("task", {**await api.draft(), **change})
    assert answer.status == 422, answer
    assert answer.json["detail"][0]["loc"] == loc
    assert (await api.get("task")).json["results"] == []


async def test_limits_are_allowed_themselves(api):
    await api.create(name="x" * 63, annotation="x" * 255, user_prompt="x" * limits.LLM_PROMPT_CHARS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"test": True}, "TEST_REVISION_ON_CREATE"),
        ({"llm_model_id": UNKNOWN}, "UNKNOWN_MODEL"),
        ({"fallback_llm_model_id": UNKNOWN}, "UNKNOWN_MODEL"),
        ({"name": "TAKEN"}, "duplicate_task_name"),
    ],
)
async def test_broken_rules_have_a_reason(api, change, reason):
    await api.create(name="Taken")
    answer = await api.post("task", {**await api.draft(), **change})
    assert (answer.status, answer.reason) == (400, reason)


async def test_a_body_that_is_not_json_is_told_so(api):
    answer = await api.call("POST", "task", data=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["detail"][0]["type"]) == (422, "json_invalid")
    empty = await api.call("POST", "task", headers={"Content-Type": "application/json"})
    assert (empty.status, empty.json["detail"][0]["type"]) == (422, "missing")
    wrong = await api.call("POST", "task", data=b"<a/>", headers={"Content-Type": "text/xml"})
    assert (wrong.status, wrong.reason) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_revision_field_makes_an_inactive_revision(api):
    task = await api.create(annotation="first", llm_config={"top_p": 1})
    answer = await api.post(f"task/{task['id']}", {"user_prompt": "Now {text} and {more}"})
    new, old = answer.json["revisions"]
    assert answer.status == 200
    assert (answer.headers["X-New-Revision-ID"], answer.headers["X-New-Revision-created"]) == (new["id"], "true")
    assert (new["active"], old["active"]) == (False, True)
    assert (new["input_params"], new["system_prompt"], new["annotation"]) == (
        ["text", "more"],
        "You read forms.",
        "first",
    )
    assert answer.json["active_revisions"] == task["active_revisions"]
    assert answer.json["modified"] is not None


async def test_a_task_field_makes_no_revision(api):
    task = await api.create(description="old")
    answer = await api.post(f"task/{task['id']}", {"description": None, "enabled": "false", "public": True})
    assert "X-New-Revision-ID" not in answer.headers
    assert answer.headers["X-New-Revision-created"] == "false"
    assert len(answer.json["revisions"]) == 1
    assert (answer.json["description"], answer.json["enabled"], answer.json["public"]) == (None, False, True)


async def test_active_revisions_replace_what_was_live(api):
    task = await api.create()
    revised = (await api.post(f"task/{task['id']}", {"system_prompt": "v2"})).json
    new, old = (r["id"] for r in revised["revisions"])
    switched = await api.post(f"task/{task['id']}", {"active_revisions": [{"task_revision_id": new}]})
    assert switched.json["active_revisions"] == [{"task_revision_id": new, "weight": 1.0}]
    assert [r["active"] for r in switched.json["revisions"]] == [True, False]
    split = [{"task_revision_id": new, "weight": 0.25}, {"task_revision_id": old, "weight": 0.75}]
    assert (await api.post(f"task/{task['id']}", {"active_revisions": split})).json["active_revisions"] == split
    wrong = await api.post(f"task/{task['id']}", {"active_revisions": split[:1], "description": "x"})
    assert (wrong.status, wrong.reason) == (400, "INVALID_TRAFFIC_WEIGHTS")
    after = (await api.get(f"task/{task['id']}")).json
    assert (after["active_revisions"], after["description"]) == (split, None)
    missing = await api.post(f"task/{task['id']}", {"active_revisions": [{"task_revision_id": UNKNOWN, "weight": 1}]})
    assert missing.status == 404
    beyond = await api.post(f"task/{task['id']}", {"active_revisions": [{"task_revision_id": new, "weight": 1.1}]})
    assert beyond.status == 422


async def test_test_revisions_are_hidden_and_never_live(api):
    task = await api.create()
    made = await api.post(f"task/{task['id']}", {"system_prompt": "try", "test": True})
    test_id = made.headers["X-New-Revision-ID"]
    assert [r["id"] for r in (await api.get(f"task/{task['id']}")).json["revisions"]] == [task["revisions"][0]["id"]]
    shown = (await api.get(f"task/{task['id']}", include_tests="true")).json["revisions"]
    assert [r["test"] for r in shown] == [True, False]
    live = await api.post(f"task/{task['id']}", {"active_revisions": [{"task_revision_id": test_id}]})
    assert (live.status, live.reason) == (400, "TEST_REVISION_NOT_ACTIVATABLE")
    tried = await api.run(task, revision_id=test_id)
    assert tried.json["task_revision_id"] == test_id
    base = (await api.post(f"task/{task['id']}", {"annotation": "x"})).json["revisions"][0]
    assert (base["system_prompt"], base["test"]) == ("You read forms.", False)


async def test_the_modality_is_fixed(api):
    task = await api.create()
    assert (await api.post(f"task/{task['id']}", {"output_modality": "json"})).status == 200
    answer = await api.post(f"task/{task['id']}", {"output_modality": "text"})
    assert (answer.status, answer.reason) == (400, "OUTPUT_MODALITY_FIXED")


async def test_a_deleted_task_is_gone_and_its_name_is_free(api):
    task = await api.create(name="Once")
    run = (await api.run(task)).json
    answer = await api.call("DELETE", f"task/{task['id']}")
    assert (answer.status, answer.json["id"]) == (200, task["id"])
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/run"), ("GET", f"/run/{run['id']}")):
        assert (await api.call(method, f"task/{task['id']}{path}", json={})).status == 404
    assert (await api.get("task_run")).json["results"] == []
    await api.create(name="Once")


async def test_a_task_may_be_deleted_while_an_update_is_being_sent(api, monkeypatch):
    from sandbox.llm_tasks.http.handlers import tasks

    task, read = await api.create(), tasks.read_json

    async def slowly(request, model):
        body = await read(request, model)
        assert (await api.call("DELETE", f"task/{task['id']}")).status == 200
        return body

    monkeypatch.setattr(tasks, "read_json", slowly)
    assert (await api.post(f"task/{task['id']}", {"name": "New name"})).status == 404


async def test_the_list_is_filtered_and_paged(api):
    for i in range(5):
        await api.create(name=f"Form {i}")
    await api.create(name="Letter")
    names = [t["name"] for t in (await api.get("task")).json["results"]]
    assert names == ["Letter", "Form 4", "Form 3", "Form 2", "Form 1", "Form 0"]
    assert [t["name"] for t in (await api.get("task", name="FORM", created_by_me="false")).json["results"]] == names[1:]
    seen, cursor = [], None
    while True:
        page = (await api.get("task", page_limit=4, **({"cursor": cursor} if cursor else {}))).json
        seen += [t["name"] for t in page["results"]]
        pagination = page["pagination"]
        assert pagination["page_limit"] == 4
        cursor = pagination["next_cursor"]
        assert pagination["has_next"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == names


@pytest.mark.parametrize(
    "query",
    [{"page_limit": 0}, {"page_limit": 101}, {"page_limit": "x"}, {"include_tests": "perhaps"}, {"cursor": UNKNOWN}],
)
async def test_a_wrong_query_is_named(api, query):
    answer = await api.get("task", **query)
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["query", next(iter(query))]


@pytest.mark.parametrize("path", ["task/nonsense", "task/1/run", "model/x/../../task/zz"])
async def test_a_malformed_id_is_400_and_named(api, path):
    answer = await api.get(path)
    assert answer.status == 400
    detail = answer.json["detail"]
    assert detail["reason"] == "MALFORMED_RESOURCE_IDENTIFIER"
    assert detail["malformedResourceIdentifierError"]["field"] == "task_id"


async def test_the_number_of_revisions_is_limited(api, monkeypatch):
    monkeypatch.setattr(limits, "LLM_REVISIONS_PER_TASK", 2)
    task = await api.create()
    assert (await api.post(f"task/{task['id']}", {"system_prompt": "2"})).status == 200
    assert (await api.post(f"task/{task['id']}", {"system_prompt": "3"})).status == 413


async def test_two_tasks_of_one_name_made_at_once_are_not_both_made(api):
    draft = await api.draft(name="Race")
    answers = await asyncio.gather(*(api.post("task", draft) for _ in range(8)))
    assert sorted(a.status for a in answers) == [200] + [400] * 7


async def test_models_and_processors_are_bare_arrays(api):
    models = (await api.get("model")).json
    assert [m["name"] for m in models] == ["sandbox-extract", "sandbox-replay", "sandbox-fault"]
    for model in models:
        for key in (model["id"], model["name"].upper(), model["alias"]):
            assert (await api.get(f"model/{key}")).json == model
    assert (await api.get("model/none")).status == 404
    assert {m["name"] for m in (await api.get("model", output_capability="image")).json} == {
        "sandbox-extract",
        "sandbox-fault",
    }
    processors = (await api.get("input_processor")).json
    assert [p["name"] for p in processors] == ["url_fetcher", "document_content_extractor", "perplexity_search"]
    assert all(p["config_schema"]["type"] == "object" and p["description"] for p in processors)


async def test_models_have_the_same_ids_on_every_server(serve, tmp_path):
    async with serve() as one:
        first = {m["name"]: m["id"] for m in (await one.get("model")).json}
    async with serve(data_dir=tmp_path / "other") as two:
        assert {m["name"]: m["id"] for m in (await two.get("model")).json} == first
