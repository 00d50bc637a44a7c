"""Base64, over HTTP and in definitions: one reading for FHIR, the portal, the task API and scenario steps."""

import base64
import json

import pytest

CONTENT = b"hello world\n" * 20
PLAIN = base64.b64encode(CONTENT).decode()
WRAPPED = base64.encodebytes(CONTENT).decode()  # as `base64 FILE` writes it
BROKEN = ["Zm9v====", "Zm9", "Zm9vYg", "Zm9v-_==", "é", "!"]
FHIR = {"Content-Type": "application/fhir+json"}


async def sent_to_the_portal(run, kit, text):
    attachment = {"filename": "a.txt", "content_type": "text/plain", "content_base64": text}
    return await run.call("POST", "portal/prior-auths", json={**kit.prior_auth, "attachments": [attachment]})


async def sent_as_binary(run, text):
    body = json.dumps({"resourceType": "Binary", "contentType": "text/plain", "data": text})
    return await run.call("POST", "fhir/Binary", body=body, headers=FHIR)


@pytest.mark.parametrize("text", [PLAIN, WRAPPED, f" {PLAIN}\r\n"])
async def test_lines_may_be_broken_as_tools_break_them(live, kit, text):
    run = await live.started()
    created = await sent_to_the_portal(run, kit, text)
    assert (created.status, created.json["attachments"][0]["size"]) == (201, len(CONTENT))
    binary = await sent_as_binary(run, text)
    assert binary.status == 201
    read = await run.call("GET", f"fhir/Binary/{binary.json['id']}", headers={"Accept": "text/plain"})
    assert read.body == CONTENT


@pytest.mark.parametrize("text", BROKEN)
async def test_what_is_no_base64_is_none_anywhere(live, kit, text):
    run = await live.started()
    refused = await sent_to_the_portal(run, kit, text)
    assert (refused.status, list(refused.error["details"])) == (400, ["attachments.0.content_base64"])
    assert (await sent_as_binary(run, text)).status == 400


@pytest.mark.parametrize("text", [PLAIN, WRAPPED])
async def test_steps_of_a_scenario_read_it_alike(serve, disk, kit, text):
    message = base64.encodebytes(kit.oru.replace("IN1", "IN2").encode()).decode()
    steps = [
        {"action": "drop_file_inbox", "path": "inbox/a.txt", "content_base64": text},
        {"action": "post_hl7_inbox", "content_base64": message},
    ]
    disk.benchmark(kit.benchmark("clinic", kit.task("t", kit.says(1), scenario={"steps": steps})))
    async with serve() as live:
        run = await live.started()
        assert (await run.call("GET", "files/inbox/a.txt")).body == CONTENT
        assert len((await run.call("GET", "hl7/inbox")).json) == 2


@pytest.mark.parametrize(("text", "status"), [(PLAIN, 200), (WRAPPED, 200), *((text, 422) for text in BROKEN)])
async def test_files_of_a_task_run_are_read_alike(live, kit, run_path, text, status):
    sent = {"task_input": {}, "task_files": [{"filename": "a.txt", "content": text}]}
    answer = await live.call("POST", run_path, kit.api_key, json=sent)
    assert answer.status == status, answer
    if status == 200:
        assert answer.json["files"][0]["size_bytes"] == len(CONTENT)
