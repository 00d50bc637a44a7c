"""Every documented field of what the API shows: its type, and what it holds when nothing was said.

`?` marks a type that may also be null. A default of `ANY` depends on the run or the time.
"""

import re
from datetime import datetime
from typing import Any

import aiohttp
import pytest

ANY = object()
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DECIMAL = re.compile(r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$")

RUN = {
    "task_id": ("uuid", ANY),
    "task_revision_id": ("uuid", ANY),
    "response": ("object|str", ANY),
    "run_data": ("object", ANY),
    "files": ("list", []),
    "id": ("uuid", ANY),
    "created": ("time", ANY),
    "is_error": ("bool", False),
    "llm_retries": ("int", 0),
    "used_fallback_model": ("bool", False),
    "primary_failure_reason": ("str?", None),
    "fallback_llm_model_id": ("uuid?", None),
    "input_tokens": ("int", ANY),
    "output_tokens": ("int", ANY),
    "total_tokens": ("int", ANY),
    "input_processor_timing": ("number?", None),
    "llm_call_timing": ("number?", ANY),
    "mcp_tool_timing": ("number?", None),
    "rag_retrieval_timing": ("number?", None),
    "rag_query_rewrite_input_tokens": ("int?", None),
    "rag_query_rewrite_output_tokens": ("int?", None),
    "rag_query_rewrite_total_tokens": ("int?", None),
    "charged_credits": ("decimal?", "0.00"),
    "input_processor_charged_credits": ("decimal?", None),
    "model_name": ("str?", "sandbox-extract"),
    "task_name": ("str?", "Task"),
    "output_modality": ("str?", "json"),
    "user_id": ("uuid?", ANY),
    "reporting_group_id": ("uuid?", None),
    "reporting_group": ("object?", None),
    "reference": ("str?", None),
    "context_id": ("str?", None),
    "event_trigger_id": ("list?", None),
}
FILE = {
    "original_filename": ("str", "a.txt"),
    "stored_filename": ("str", ANY),
    "content_type": ("str", "text/plain"),
    "download_url": ("str?", ANY),
    "size_bytes": ("int?", 1),
}
TASK = {
    "id": ("uuid", ANY),
    "project_id": ("uuid", ANY),
    "name": ("str", "Task"),
    "description": ("str?", None),
    "enabled": ("bool", True),
    "public": ("bool", False),
    "exposed_to_agents": ("bool", False),
    "shared_with_project": ("bool", False),
    "output_modality": ("str", "json"),
    "task_run_visibility": ("str", "owner_only"),
    "created": ("time", ANY),
    "modified": ("time?", None),
    "deleted": ("time?", None),
    "revisions": ("list", ANY),
    "active_revisions": ("list", ANY),
    "access_token": ("str?", ANY),
    "cloned_from_task_revision_id": ("uuid?", None),
    "tags": ("list", []),
}
REVISION = {
    "id": ("uuid", ANY),
    "created": ("time", ANY),
    "modified": ("time?", None),
    "active": ("bool", True),
    "system_prompt": ("str", "You read forms."),
    "user_prompt": ("str", "Read this: {text}"),
    "llm_model_id": ("uuid", ANY),
    "llm_config": ("object", {}),
    "output_format": ("object?", {"name": "str"}),
    "task_forwarder_id": ("uuid?", None),
    "rag": ("object?", None),
    "file_input_mode": ("str", "none"),
    "image_required": ("bool", False),
    "optimise_images": ("bool", True),
    "test": ("bool", False),
    "input_processors": ("list", []),
    "annotation": ("str?", None),
    "fallback_llm_model_id": ("uuid?", None),
    "fallback_llm_config": ("object?", None),
    "tool_choice": ("str?", None),
    "task_mcp_tool_ids": ("list", []),
    "integration_tool_ids": ("list", []),
    "input_params": ("list", ["text"]),
    "llm_model": ("object", ANY),
    "fallback_llm_model": ("object?", None),
    "tags": ("list", []),
    "output_modality": ("str", "json"),
}
MODEL = {
    "id": ("uuid", ANY),
    "provider": ("str", "Sandbox"),
    "vendor": ("str", "sandbox"),
    "name": ("str", "sandbox-extract"),
    "alias": ("str", "Sandbox Extract"),
    "description": ("str", ANY),
    "supports_vision": ("bool", True),
    "supports_image_output": ("bool", True),
    "supports_pdf_vision": ("bool", True),
    "supports_tool_calling": ("bool", False),
    "supports_context_caching": ("bool", False),
    "price": ("str?", "cheap"),
    "speed": ("str?", "ultra fast"),
    "knowledge_cutoff": ("str?", None),
    "pdf_vision_config": ("object?", ANY),
    "max_context_window": ("int", ANY),
    "model_params": ("object?", None),
    "created": ("time", ANY),
    "modified": ("time", ANY),
    "replaced_by": ("uuid?", None),
    "retired": ("time?", None),
    "llm_model_comments": ("list", []),
}


def is_a(value: Any, kind: str) -> bool:
    if kind.endswith("?"):
        return value is None or is_a(value, kind[:-1])
    if "|" in kind:
        return any(is_a(value, part) for part in kind.split("|"))
    match kind:
        case "uuid":
            return isinstance(value, str) and UUID.fullmatch(value) is not None
        case "time":
            return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
        case "decimal":
            return isinstance(value, str) and DECIMAL.match(value) is not None
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, {"str": str, "bool": bool, "object": dict, "list": list}[kind])


def check(shown: dict[str, Any], table: dict[str, tuple[str, Any]]) -> None:
    assert set(shown) == set(table)
    for name, (kind, default) in table.items():
        assert is_a(shown[name], kind), (name, kind, shown[name])
        assert default is ANY or shown[name] == default, (name, shown[name])


async def test_task_and_revision(api):
    task = await api.create()
    for shown in (task, (await api.get(f"task/{task['id']}")).json, (await api.get("task")).json["results"][0]):
        check(shown, TASK)
        (revision,) = shown["revisions"]
        check(revision, REVISION)
        check(revision["llm_model"], MODEL)
        assert all(isinstance(name, str) for name in revision["input_params"])
        (share,) = shown["active_revisions"]
        assert (is_a(share["task_revision_id"], "uuid"), share["weight"]) == (True, 1.0)


async def test_run_fetch_and_lists_show_the_same_object(api):
    task = await api.create()
    run = (await api.run(task)).json
    check(run, RUN)
    fetched = (await api.get(f"task/{task['id']}/run/{run['id']}")).json
    listed = [(await api.get(path)).json["results"][0] for path in (f"task/{task['id']}/run", "task_run")]
    assert [fetched, *listed] == [run] * 3
    assert set(run["run_data"]) >= {"submitted", "files"}


async def test_a_failed_run_shows_the_same_fields(api):
    task = await api.create(model="sandbox-fault", fallback_llm_model_id=await api.model("sandbox-replay"))
    run = (await api.run(task)).json
    check(run, {name: (kind, ANY) for name, (kind, _) in RUN.items()})
    assert set(run["response"]["error"]) == {"type", "message"}
    assert (run["is_error"], run["used_fallback_model"]) == (True, True)


async def test_files_of_a_run(api):
    task = await api.create(file_input_mode="any")
    data = aiohttp.FormData()
    data.add_field("task_input", '{"text": ""}')
    data.add_field("task_file", b"x", filename="a.txt", content_type="text/plain")
    run = (await api.call("POST", f"task/{task['id']}/run", data=data)).json
    check(run["files"][0], FILE)


async def test_every_create_field_comes_back_as_it_was_given(api):
    fallback = await api.model("sandbox-replay")
    given = {
        "description": "d",
        "enabled": False,
        "public": True,
        "exposed_to_agents": True,
        "task_run_visibility": "all_viewers",
        "llm_config": {"temperature": 0.10},
        "task_forwarder_id": "01a2027d-b06f-aea4-0024-8b9557d7fae6",
        "rag": {"collection_id": "01a2027d-b06f-aea4-0024-8b9557d7fae6", "rag_config": {"final_k": 5}},
        "file_input_mode": "image_or_pdf",
        "optimise_images": False,
        "annotation": "a",
        "fallback_llm_model_id": fallback,
        "fallback_llm_config": {"top_p": 0.5},
        "tool_choice": "auto",
        "task_mcp_tool_ids": ["01a2027d-b06f-aea4-0024-8b9557d7fae6"],
        "integration_tool_ids": ["01a2027d-b06f-aea4-0024-8b9557d7fae6"],
        "input_processors": [
            {"param_name": "text", "input_processor": "url_fetcher", "config": {"fetch_mode": "direct"}}
        ],
    }
    task = await api.create(**given)
    shown = {**task["revisions"][0], **task}
    assert {name: shown[name] for name in given} == given
    assert task["revisions"][0]["fallback_llm_model"]["name"] == "sandbox-replay"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "task"),
        ("GET", "task"),
        ("GET", "task/{task}"),
        ("POST", "task/{task}"),
        ("POST", "task/{task}/run"),
        ("GET", "task/{task}/run"),
        ("GET", "task/{task}/run/{run}"),
        ("POST", "reporting-groups"),
        ("POST", "task/tag"),
        ("POST", "api_key"),
        ("DELETE", "task/{task}"),
    ],
)
async def test_success_is_exactly_200(api, method, path):
    task = await api.create(name="Existing")
    run = (await api.run(task)).json
    bodies = {
        "task": await api.draft(name="New"),
        "task/{task}": {"description": "x"},
        "task/{task}/run": {"task_input": {"text": ""}},
    }
    body = bodies.get(path, {"name": "name"}) if method == "POST" else None
    answer = await api.call(method, path.format(task=task["id"], run=run["id"]), json=body)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("application/json")
