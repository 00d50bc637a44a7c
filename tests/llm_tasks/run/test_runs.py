"""Running tasks over HTTP: bodies, revisions, files, fallbacks."""

import asyncio
import base64
import json

import aiohttp
import pytest

from sandbox import limits
from sandbox.llm_tasks.engines import media

UNKNOWN = "00000000-0000-4000-8000-00000000dead"
PNG = media.picture("x")
PDF = media.document("Patient name: Ana Reyes\nPages: 2")


def form(task_input=None, *files):
    data = aiohttp.FormData(quote_fields=False)
    if task_input is not None:
        data.add_field("task_input", json.dumps(task_input))
    for name, content, kind in files:
        data.add_field("task_file", content, filename=name, content_type=kind)
    if not data._fields:
        data.add_field("nothing", "")
    data._is_multipart = True
    return data


async def run_form(api, task, *args, **params):
    return await api.call("POST", f"task/{task['id']}/run", data=form(*args), params=params)


async def test_a_run_says_what_it_did_and_can_be_fetched(api):
    task = await api.create()
    answer = await api.run(task)
    run = answer.json
    assert answer.status == 200
    assert answer.headers["X-Task-Run-ID"] == run["id"]
    assert answer.headers["X-Task-Revision-ID"] == run["task_revision_id"] == task["revisions"][0]["id"]
    assert run["response"] == {"name": "Ana Reyes"}
    assert run["run_data"]["submitted"] == {"text": "Name: Ana Reyes"}
    assert run["total_tokens"] == run["input_tokens"] + run["output_tokens"] > 0
    assert run["run_data"]["tokens_are_estimates"] is True
    assert (await api.get(f"task/{task['id']}/run/{run['id']}")).json == run


async def test_a_form_is_as_good_as_json(api):
    task = await api.create()
    by_form = (await run_form(api, task, {"text": "Name: Ana Reyes"})).json
    by_json = (await api.run(task)).json
    assert by_form["response"] == by_json["response"]
    assert by_form["run_data"] == by_json["run_data"]


async def test_extra_inputs_are_kept_and_not_used(api):
    task = await api.create()
    run = (await api.run(task, {"text": "Name: Ana", "other": "Name: Bo"})).json
    assert run["response"] == {"name": "Ana"}
    assert run["run_data"]["submitted"] == {"text": "Name: Ana", "other": "Name: Bo"}


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body", "task_input"]),
        ({"text": "x"}, ["body", "task_input"]),
        ({"task_input": {}}, ["body", "task_input", "text"]),
        ({"task_input": "x"}, ["body", "task_input"]),
        ({"task_input": {"text": ""}, "task_reference": "x" * 65}, ["body", "task_reference"]),
        ({"task_input": {"text": ""}, "context_id": "x" * 65}, ["body", "context_id"]),
        ({"task_input": {"text": ""}, "reporting_group_id": "x"}, ["body", "reporting_group_id"]),
        ({"task_input": {"text": ""}, "task_files": [{"filename": "a"}]}, ["body", "task_files", 0, "content"]),
        (
            {"task_input": {"text": ""}, "task_files": [{"filename": "a", "content": "%%"}]},
            ["body", "task_files", 0, "content"],
        ),
    ],
)
async def test_a_wrong_body_is_422_and_stored_nowhere(api, body, loc):
    task = await api.create()
    answer = await api.post(f"task/{task['id']}/run", body)
    assert answer.status == 422, answer
    assert answer.json["detail"][0]["loc"] == loc
    assert (await api.get(f"task/{task['id']}/run")).json["results"] == []


async def test_wrong_forms_are_told_so(api):
    task = await api.create()
    missing = await run_form(api, task)
    assert (missing.status, missing.json["detail"][0]["loc"]) == (422, ["body", "task_input", "text"])
    broken = await api.call(
        "POST",
        f"task/{task['id']}/run",
        data=b"--b\r\nContent-Disposition: form-data; name=task_input\r\n\r\n{\r\n--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (broken.status, broken.json["detail"][0]["type"]) == (422, "json_invalid")
    for raw, header in ((b"no parts", "multipart/form-data; boundary=b"), (b"x", "multipart/form-data")):
        answer = await api.call("POST", f"task/{task['id']}/run", data=raw, headers={"Content-Type": header})
        assert answer.status in (400, 422), answer


async def test_a_value_cannot_reach_another_placeholder(api):
    task = await api.create(user_prompt="Public: {text}\nSecret: {secret}", output_modality="text", output_format=None)
    run = (await api.run(task, {"text": "say {secret} {{secret}}", "secret": "hunter2"})).json
    assert "say {secret} {{secret}}" in run["response"]


async def test_the_input_is_limited(api, monkeypatch):
    monkeypatch.setattr(limits, "LLM_TASK_INPUT_CHARS", 50)
    task = await api.create()
    assert (await api.run(task, {"text": "x" * 50})).status == 200
    answer = await api.run(task, {"text": "x" * 51})
    assert (answer.status, answer.reason) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_disabled_task_is_not_run(api):
    task = await api.create(enabled=False)
    answer = await api.run(task)
    assert (answer.status, answer.reason) == (400, "TASK_DISABLED")


# -- which revision ------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "status"), [("DELETE", 404), ("POST", 400)])
async def test_a_task_may_end_while_a_run_is_being_sent(api, monkeypatch, change, status):
    from sandbox.llm_tasks.http.handlers import runs

    task, read = await api.create(), runs.read_run

    async def slowly(request):
        body = await read(request)
        ended = await api.call(change, f"task/{task['id']}", json={"enabled": False} if change == "POST" else None)
        assert ended.status == 200
        return body

    monkeypatch.setattr(runs, "read_run", slowly)
    assert (await api.run(task)).status == status
    assert (await api.get("task_run")).json["results"] == []


async def test_a_run_may_name_its_revision(api):
    task = await api.create()
    new = (await api.post(f"task/{task['id']}", {"system_prompt": "v2"})).headers["X-New-Revision-ID"]
    old = task["revisions"][0]["id"]
    tag = (await api.post("task_revision/tag", {"name": "staging"})).json
    await api.post(f"task_revision/tag/{tag['id']}/add", {"entities": [new]})
    for params, wanted in (
        ({}, old),
        ({"revision_id": new}, new),
        ({"revision": new}, new),
        ({"revision_tag": "staging"}, new),
        ({"revision_id": old, "revision_tag": "staging"}, old),
    ):
        answer = await api.run(task, **params)
        assert answer.json["task_revision_id"] == answer.headers["X-Task-Revision-ID"] == wanted, params
    for params, status in (
        ({"revision_id": UNKNOWN}, 404),
        ({"revision_tag": "none"}, 404),
        ({"revision_id": "x"}, 400),
    ):
        assert (await api.run(task, **params)).status == status


async def test_a_run_uses_one_revision_from_beginning_to_end(api):
    task = await api.create(output_modality="text", output_format=None, user_prompt="version 0 {text}")
    ids = {task["revisions"][0]["id"]: 0}
    for i in range(1, 4):
        made = await api.post(f"task/{task['id']}", {"user_prompt": f"version {i} {{text}}", "annotation": str(i)})
        ids[made.headers["X-New-Revision-ID"]] = i
    split = [{"task_revision_id": r, "weight": 0.25} for r in ids]
    await api.post(f"task/{task['id']}", {"active_revisions": split, "llm_model_id": await api.model()})
    answers = await asyncio.gather(*(api.run(task, {"text": "same"}) for _ in range(40)))
    runs = [a.json for a in answers]
    assert len({r["task_revision_id"] for r in runs}) > 1
    tokens = {}
    for answer, run in zip(answers, runs, strict=True):
        assert answer.headers["X-Task-Revision-ID"] == run["task_revision_id"]
        tokens.setdefault(run["task_revision_id"], set()).add(run["input_tokens"])
    assert all(len(found) == 1 for found in tokens.values())


async def test_the_choice_goes_on_where_it_was_after_a_restart(serve, tmp_path):
    async def choices(api, task, count):
        return [(await api.run(task)).json["task_revision_id"] for _ in range(count)]

    async def prepare(api):
        task = await api.create()
        new = (await api.post(f"task/{task['id']}", {"system_prompt": "v2"})).headers["X-New-Revision-ID"]
        split = [{"task_revision_id": r, "weight": 0.5} for r in (task["revisions"][0]["id"], new)]
        return (await api.post(f"task/{task['id']}", {"active_revisions": split})).json

    async with serve() as api:
        task = await prepare(api)
        before = await choices(api, task, 6)
    async with serve() as api:
        after = await choices(api, task, 6)
        counted = {(await api.get(f"task/{task['id']}/token_report")).json["total_task_runs"]}
    assert counted == {12}
    assert len(set(before + after)) == 2


async def test_runs_are_counted_on_after_a_restart(serve):
    async with serve() as api:
        rules = {"faults": [{"kind": "error", "runs": [3]}]}
        task = await api.create(model="sandbox-fault", llm_config=rules)
        assert [(await api.run(task)).json["is_error"] for _ in range(2)] == [False, False]
    async with serve() as api:
        assert [(await api.run(task)).json["is_error"] for _ in range(2)] == [True, False]


# -- files ---------------------------------------------------------------------------------------


async def test_a_file_is_kept_and_given_back(api):
    task = await api.create(file_input_mode="any")
    run = (await run_form(api, task, {"text": "-"}, ("form page.pdf", PDF, "application/pdf"))).json
    (meta,) = run["files"]
    assert run["response"] == {"name": "Ana Reyes"}
    assert (meta["original_filename"], meta["content_type"], meta["size_bytes"]) == (
        "form page.pdf",
        "application/pdf",
        len(PDF),
    )
    assert meta["stored_filename"].endswith(".pdf")
    assert run["run_data"]["files"] == [meta["stored_filename"]]
    assert meta["download_url"].endswith(f"/task/{task['id']}/run/{run['id']}/file/{meta['stored_filename']}")
    got = await api.call("GET", "/api/v1" + meta["download_url"])
    assert (got.body, got.headers["Content-Type"]) == (PDF, "application/pdf")
    assert got.headers["Content-Disposition"] == "attachment; filename*=UTF-8''form%20page.pdf"
    inline = await api.call("GET", "/api/v1" + meta["download_url"] + "?inline=true")
    assert inline.headers["Content-Disposition"].startswith("inline;")
    assert (await api.get(f"task/{task['id']}/run/{run['id']}/file/form page.pdf")).status == 404


async def test_large_files_are_kept_and_given_back(api):
    task = await api.create(file_input_mode="any")
    files = [(f"{n}.bin", bytes([n]) * (700_000 + n), "application/octet-stream") for n in range(3)]
    run = (await run_form(api, task, {"text": "-"}, *files)).json
    for meta, (name, content, _) in zip(run["files"], files, strict=True):
        got = await api.call("GET", "/api/v1" + meta["download_url"])
        assert (meta["original_filename"], got.body) == (name, content)


async def test_a_page_is_never_shown_inline(api):
    task = await api.create(file_input_mode="any")
    run = (await run_form(api, task, {"text": "-"}, ("x.html", b"<script>", "text/html"))).json
    got = await api.call("GET", "/api/v1" + run["files"][0]["download_url"] + "?inline=true")
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert got.headers["X-Content-Type-Options"] == "nosniff"


async def test_files_in_a_json_body(api):
    task = await api.create(file_input_mode="pdf")
    encoded = base64.b64encode(PDF).decode()
    for content in (encoded, f"data:application/pdf;base64,{encoded}"):
        body = {"task_input": {"text": "-"}, "task_files": [{"filename": "f.pdf", "content": content}]}
        run = (await api.post(f"task/{task['id']}/run", body)).json
        assert run["response"] == {"name": "Ana Reyes"}


async def test_a_files_text_is_read_in_its_charset_and_its_type_is_kept(api):
    task = await api.create(file_input_mode="any")
    kind = "text/plain; charset=windows-1252"
    run = (await run_form(api, task, {"text": "-"}, ("a.txt", "Name: José Núñez".encode("cp1252"), kind))).json
    assert (run["response"], run["files"][0]["content_type"]) == ({"name": "José Núñez"}, kind)
    stored = run["files"][0]["stored_filename"]
    assert stored.endswith(".txt")
    got = await api.get(f"task/{task['id']}/run/{run['id']}/file/{stored}")
    assert got.headers["Content-Type"] == kind
    unknown = (await run_form(api, task, {"text": "-"}, ("a.txt", b"Name: Ana", "text/plain; charset=klingon"))).json
    assert "the charset klingon is not known" in json.dumps(unknown["run_data"])


async def test_several_files_in_both_spellings(api):
    task = await api.create(file_input_mode="any")
    data = form({"text": "-"}, ("a.txt", b"Name: Ana", "text/plain"), ("b.txt", b"x", "text/plain"))
    data.add_field("task_files", b"y", filename="../c.txt", content_type="text/plain")
    run = (await api.call("POST", f"task/{task['id']}/run", data=data)).json
    assert [f["original_filename"] for f in run["files"]] == ["a.txt", "b.txt", "c.txt"]
    assert len({f["stored_filename"] for f in run["files"]}) == 3


@pytest.mark.parametrize(
    ("mode", "file", "status"),
    [
        ("none", None, 200),
        ("none", PNG, 200),
        ("any", None, 422),
        ("any", b"text", 200),
        ("image", None, 422),
        ("image", PNG, 200),
        ("image", PDF, 422),
        ("image", b"text", 422),
        ("pdf", PDF, 200),
        ("pdf", PNG, 422),
        ("image_or_pdf", PDF, 200),
        ("image_or_pdf", PNG, 200),
        ("image_or_pdf", b"text", 422),
    ],
)
async def test_which_files_a_task_takes(api, mode, file, status):
    task = await api.create(file_input_mode=mode)
    files = [("f.bin", file, "application/octet-stream")] if file is not None else []
    answer = await run_form(api, task, {"text": "-"}, *files)
    assert answer.status == status, answer
    if status == 422:
        assert answer.json["detail"][0]["loc"] == ["body", "task_file"]


async def test_without_placeholders_a_file_is_enough(api):
    task = await api.create(file_input_mode="pdf", user_prompt="Read the file.")
    answer = await run_form(api, task, None, ("f.pdf", PDF, "application/pdf"))
    assert answer.json["response"] == {"name": "Ana Reyes"}


async def test_the_number_and_size_of_files_are_limited(api, monkeypatch):
    monkeypatch.setattr(limits, "LLM_FILES_PER_RUN", 2)
    monkeypatch.setattr(limits, "FILE_BYTES", 10)
    task = await api.create(file_input_mode="any")
    small = [(f"{i}.txt", b"x" * 10, "text/plain") for i in range(3)]
    assert (await run_form(api, task, {"text": ""}, *small[:2])).status == 200
    assert (await run_form(api, task, {"text": ""}, *small)).status == 413
    assert (await run_form(api, task, {"text": ""}, ("a", b"x" * 11, "text/plain"))).status == 413


# -- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modality", "accept", "kind", "first_bytes"),
    [
        ("image", "image/", "image/png", b"\x89PNG"),
        ("audio", "audio/*", "audio/wav", b"RIFF"),
        ("pdf", "application/pdf", "application/pdf", b"%PDF-"),
        ("csv", "text/csv", "text/csv", b"label,value"),
    ],
)
async def test_generated_files_and_their_bytes(api, modality, accept, kind, first_bytes):
    task = await api.create(output_modality=modality, output_format=None)
    for plain in (None, "*/*", "application/json", "text/html"):
        headers = {"Accept": plain} if plain else {}
        run = (
            await api.call(
                "POST", f"task/{task['id']}/run", json={"task_input": {"text": "Name: Ana"}}, headers=headers
            )
        ).json
        response = run["response"]
        assert response["content_type"] == kind
        assert response[f"{modality}_name"] == run["files"][-1]["stored_filename"]
    stored = await api.call("GET", "/api/v1" + response["download_url"])
    assert stored.body.startswith(first_bytes)
    raw = await api.call(
        "POST", f"task/{task['id']}/run", json={"task_input": {"text": "Name: Ana"}}, headers={"Accept": accept}
    )
    assert (raw.status, raw.headers["Content-Type"].partition(";")[0], raw.body) == (200, kind, stored.body)
    assert raw.headers["X-Task-Run-ID"] != run["id"]
    fetched = await api.get(f"task/{task['id']}/run/{run['id']}")
    assert fetched.json == run


async def test_a_text_task_answers_text(api):
    task = await api.create(output_modality="text", output_format=None)
    run = (await api.run(task, {"text": "One. Two. Three. Four."})).json
    assert run["response"] == "One. Two. Three."


async def test_references_come_back(api):
    task = await api.create()
    group = (await api.post("reporting-groups", {"name": "pilot"})).json
    body = {"task_input": {"text": "Name: Ana"}, "task_reference": "ref-1", "context_id": "case 7"}
    run = (await api.post(f"task/{task['id']}/run", body, reporting_group="pilot")).json
    assert (run["reference"], run["context_id"]) == ("ref-1", "case 7")
    assert (run["reporting_group_id"], run["reporting_group"]["name"]) == (group["id"], "pilot")
    older = {"task_input": {"text": ""}, "reference": "ref-2", "reporting_group_id": group["id"]}
    run = (await api.post(f"task/{task['id']}/run", older)).json
    assert (run["reference"], run["reporting_group_id"]) == ("ref-2", group["id"])
    assert (await api.run(task, reporting_group="none")).status == 404
    assert (await api.run(task, reporting_group="x" * 65)).status == 422
    assert (
        await api.post(f"task/{task['id']}/run", {"task_input": {"text": ""}, "reporting_group_id": UNKNOWN})
    ).status == 404


async def test_the_callers_credentials_are_not_kept(api):
    key = (await api.post("api_key", {"name": "k"})).json["key"]
    task = await api.create()
    run = (await api.as_(key).run(task, {"text": f"Name: {key} of {key}", key: 1})).json
    assert key not in json.dumps(run)
    assert run["run_data"]["submitted"]["text"] == "Name: [redacted] of [redacted]"
    assert (await api.get(f"task/{task['id']}/run/{run['id']}")).json == run


# -- failures and fallbacks ----------------------------------------------------------------------


async def faulty(api, *faults, fallback=True, **fields):
    other = {"fallback_llm_model_id": await api.model(), "fallback_llm_config": {"a": 1}} if fallback else {}
    return await api.create(model="sandbox-fault", llm_config={"faults": list(faults)}, **other, **fields)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("error", "model_error"),
        ("timeout", "timeout"),
        ("rate_limit", "rate_limited"),
        ("malformed", "malformed_output"),
    ],
)
async def test_a_failing_model_is_an_error_run(api, kind, name):
    task = await faulty(api, {"kind": kind}, fallback=False)
    answer = await api.run(task)
    run = answer.json
    assert answer.status == 200
    assert run["is_error"] is True
    assert run["response"]["error"]["type"] == name
    assert run["response"]["error"]["message"]
    assert run["llm_retries"] == limits.LLM_RETRIES
    assert (await api.get(f"task/{task['id']}/run/{run['id']}")).json == run
    assert (await api.get(f"task/{task['id']}/run", status="error")).json["results"] == [run]
    assert (await api.get(f"task/{task['id']}/run", status="success")).json["results"] == []


async def test_a_failure_is_retried(api):
    for kind in ("error", "malformed"):
        task = await faulty(api, {"kind": kind, "attempts": 2}, fallback=False, name=f"Retry {kind}")
        run = (await api.run(task)).json
        assert (run["is_error"], run["llm_retries"], run["response"]) == (False, 2, {"name": "Ana Reyes"})


async def test_the_fallback_takes_over(api):
    task = await faulty(api, {"kind": "timeout", "message": "Primary model timeout"})
    run = (await api.run(task)).json
    assert run["is_error"] is False
    assert run["used_fallback_model"] is True
    assert run["primary_failure_reason"] == "Primary model timeout"
    assert run["fallback_llm_model_id"] == await api.model()
    assert run["model_name"] == "sandbox-extract"
    assert run["response"] == {"name": "Ana Reyes"}


async def test_the_fallback_may_be_asked_for(api):
    task = await faulty(api, {"kind": "error"})
    run = (await api.run(task, use_fallback_model="true")).json
    assert (run["used_fallback_model"], run["primary_failure_reason"], run["llm_retries"]) == (True, None, 0)
    plain = await api.create(name="Plain")
    answer = await api.run(plain, use_fallback_model="true")
    assert (answer.status, answer.reason) == (400, "NO_FALLBACK_MODEL")
    assert (await api.run(plain, use_fallback_model="perhaps")).status == 422


async def test_when_both_models_fail_the_run_says_so(api):
    fault = await api.model("sandbox-fault")
    task = await api.create(model="sandbox-replay", fallback_llm_model_id=fault)
    run = (await api.run(task)).json
    assert (run["is_error"], run["used_fallback_model"]) == (True, True)
    assert "No recorded answer" in run["primary_failure_reason"]
    assert run["response"]["error"]["type"] == "model_error"


async def test_the_same_input_gives_the_same_answer(api):
    task = await api.create(output_format={"name": "str", "n": "int", "tags": {"type": "list", "item_type": "str"}})
    text = "Name: Ana Reyes\nN: 5\nTags: a, b"
    runs = [(await api.run(task, {"text": text})).json for _ in range(3)]
    assert all(r["response"] == {"name": "Ana Reyes", "n": 5, "tags": ["a", "b"]} for r in runs)
    assert len({json.dumps(r["run_data"]) for r in runs}) == 1


async def test_a_hundred_runs_at_once_are_all_kept(api):
    task = await api.create()
    answers = await asyncio.gather(*(api.run(task, {"text": f"Name: Patient {i}"}) for i in range(100)))
    assert {a.status for a in answers} == {200}
    assert [a.json["response"]["name"] for a in answers] == [f"Patient {i}" for i in range(100)]
    kept = (await api.get(f"task/{task['id']}/run")).json["results"]
    assert {r["id"] for r in kept} == {a.json["id"] for a in answers}


async def test_what_was_refused_does_not_count_as_a_run(api):
    task = await faulty(api, {"kind": "error", "runs": [2]}, fallback=False)
    assert (await api.run(task)).json["is_error"] is False
    assert (await api.run(task, {})).status == 422
    assert (await api.run(task)).json["is_error"] is True
    assert (await api.run(task)).json["is_error"] is False
