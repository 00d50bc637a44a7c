"""The tools of a task run: what they are, what they do, how they refuse; and that nobody else has them."""

import asyncio
import base64
import json
import threading

import pytest
from mcp import MCPError
from mcp.client.client import Client

from sandbox import limits
from sandbox.api.bodies import LONG_BODY_BYTES
from sandbox.keys import capability_secret, read_key_file
from sandbox.mcp import protocol, schemas
from sandbox.suggest import SUGGESTED_MAX

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
SYSTEMS = {
    "fhir": "search read create update patch delete transaction",
    "hl7": "inbox send ack sent",
    "files": "list read write move delete",
    "portal": "patients providers formulary questions list_prior_auths read_prior_auth create_prior_auth "
    "update_prior_auth submit_prior_auth attach read_attachment act plan",
    "x12": "eligibility claim_status prior_auth send",
}
OWN = {"task_instructions", "task_complete", "clock_wait"}


def tools_of(*systems):
    return {f"{system}_{name}" for system in systems for name in SYSTEMS[system].split()}


@pytest.fixture
async def run(live):
    return await live.run(seed=1)


@pytest.fixture
async def client(run):
    url = (await run.start())["urls"]["mcp"]
    connected, is_over = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def hold():  # the SDK's client wants to be left by the task that entered it
        async with Client(url) as found:
            connected.set_result(found)
            await is_over.wait()

    holding = asyncio.create_task(hold())
    yield await connected
    is_over.set()
    await holding


async def call(client, name, **arguments):
    """Call a tool that must succeed; what it shows as text is what it shows as structure."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def refused(client, name, **arguments):
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return result.content[0].text


def message(method="tools/list", **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def test_there_are_the_tools_of_each_system_and_of_the_task(client):
    tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == OWN | tools_of(*SYSTEMS)
    assert all(tool.description and tool.output_schema for tool in tools)
    reads = {tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint}
    assert {"fhir_search", "files_read", "task_instructions"} <= reads
    assert not reads & {"fhir_create", "task_complete", "clock_wait", "hl7_send"}


async def test_only_of_the_systems_there_are_and_only_what_the_task_allows(serve, disk, kit):
    definition = kit.benchmark("alone", kit.task("one", kit.says(1), may_advance_clock=False))
    definition["environment"]["simulators"] = definition["environment"]["simulators"][1:2]
    disk.benchmark(definition)
    async with serve() as live:
        run = await live.run("alone@1")
        async with Client((await run.start())["urls"]["mcp"]) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {"task_instructions", "task_complete"} | tools_of("hl7")
            assert "There is no tool clock_wait" in await refused(client, "clock_wait")
            assert "There is no tool fhir_search" in await refused(client, "fhir_search", type="Patient")


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_both_protocols_and_both_roots_lead_to_the_same(run, mode):
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    url = (await run.start())["urls"]["mcp"]
    own = f"{run.live.url}/v1/task-runs/{run.tasks[0]}/mcp"
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {run.token}"}) as http:
        for target in (url, streamable_http_client(own, http_client=http)):
            async with Client(target, mode=mode) as client:
                assert (await call(client, "fhir_read", reference="Patient/ana"))["resource"]["id"] == "ana"
    events = [(e["type"], e["via"], e["request"]["path"]) for e in await run.events() if e["actor"] == "agent"]
    assert events == [("fhir_request", "mcp", "fhir/Patient/ana")] * 2


async def test_all_of_a_task_is_done_by_tools(client, run, kit):
    told = await call(client, "task_instructions")
    assert told["task"]["instruction"] == "Refer Ana Reyes."
    created = await call(client, "portal_create_prior_auth", **kit.prior_auth)
    assert created["status"] == "submitted"
    sent = await call(client, "hl7_send", message=kit.adt.format(control="C1", family="Smith").replace("\r", "\n"))
    assert sent["accepted"]
    await call(client, "files_write", path="outbox/note.txt", text="done")
    await call(
        client, "fhir_create", resource={"resourceType": "Patient", "name": [{"family": "Smith"}], "gender": "male"}
    )
    done = await call(client, "task_complete", notes="done")
    assert (done["status"], done["verdict"], done["score"]) == ("completed", "pass", 1.0)
    assert {check["passed"] for check in done["checks"]} == {True}
    assert {e["via"] for e in await run.events() if e["actor"] == "agent"} == {"mcp"}


async def test_the_answer_goes_to_complete(live):
    run = await live.run(tasks=["answer"])
    async with Client((await run.start())["urls"]["mcp"]) as client:
        wanted = (await call(client, "task_instructions"))["task"]["answer"]
        assert wanted["form"] == {"answer": "any JSON value"} and "task_complete" in wanted["instruction"]
        assert (await call(client, "task_complete", output={"answer": 42}))["score"] == 1.0


async def test_searches_are_told_in_short_and_page_by_page(client):
    for number in range(3):
        photo = [{"contentType": "image/png", "data": base64.b64encode(bytes(300)).decode()}]
        text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
        names = [{"family": f"Page{number}"}]
        resource = {"resourceType": "Patient", "text": text, "photo": photo, "name": names}
        made = await call(client, "fhir_create", resource=resource)
    first = await call(client, "fhir_search", type="Patient", params={"name": "page", "_sort": "name"}, count=2)
    assert first["total"] == 3 and [m["name"][0]["family"] for m in first["matches"]] == ["Page0", "Page1"]
    assert "text" not in first["matches"][0] and first["matches"][0]["photo"][0]["data"] == "(400 characters of Base64)"
    assert "full=true" in first["notes"][0]
    rest = await call(client, "fhir_search", type="Patient", page=first["next_page"])
    assert [m["name"][0]["family"] for m in rest["matches"]] == ["Page2"] and rest["next_page"] is None
    whole = (await call(client, "fhir_read", reference=made["reference"]))["resource"]
    assert "div" in whole["text"] and len(whole["photo"][0]["data"]) == 400
    full = await call(client, "fhir_search", type="Patient", params={"name": "page2"}, full=True)
    assert full["matches"] == [whole] and "notes" not in full
    few = await call(client, "fhir_search", type="Patient", params={"name": "page2"}, elements=["name"])
    assert {"name", "id"} <= {*few["matches"][0]} and "photo" not in few["matches"][0]


async def test_what_does_not_fit_is_named_and_can_be_had(client):
    for number in range(3):
        data = base64.b64encode(bytes(60_000)).decode()
        content = [{"attachment": {"contentType": "text/plain", "data": data}}]
        resource = {"resourceType": "DocumentReference", "status": "current", "content": content}
        made = await call(client, "fhir_create", resource={**resource, "description": f"{number}"})
    found = await call(client, "fhir_search", type="DocumentReference", full=True)
    assert [sorted(m) == ["reference"] for m in found["matches"]] == [False, False, True]
    assert "1 only by reference" in found["notes"][0]
    assert (await call(client, "fhir_read", reference=made["reference"]))["resource"]["description"] == "2"


async def test_decimals_keep_their_digits(client, run):
    asked = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fhir_create","arguments":{"resource":'
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":4.10}}}}}'
    )
    path = f"/v1/task-runs/{run.tasks[0]}/mcp"
    answer = await run.live.call("POST", path, run.token, body=asked, headers=ACCEPT)
    reference = answer.json["result"]["structuredContent"]["reference"]
    assert b'"value":4.10' in (await run.call("GET", f"fhir/{reference}")).body
    read = await client.call_tool("fhir_read", {"reference": reference})
    assert '"value":4.10' in read.content[0].text


async def test_writes_to_the_chart(client):
    patient = {"resourceType": "Patient", "id": "ana", "active": True}
    assert (await call(client, "fhir_update", resource=patient, if_version="1"))["version"] == "2"
    assert "412" in await refused(client, "fhir_update", resource=patient, if_version="1")
    operations = [{"op": "replace", "path": "/active", "value": False}]
    assert (await call(client, "fhir_patch", reference="Patient/ana", operations=operations))["version"] == "3"
    entries = [{"request": {"method": "GET", "url": "Patient/ana"}}]
    done = await call(client, "fhir_transaction", entries=entries)
    assert done["entries"][0]["resource"]["active"] is False
    assert (await call(client, "fhir_read", reference="Patient/ana", version="2"))["resource"]["active"] is True
    again = {"resourceType": "Patient", "identifier": [{"system": "s", "value": "1"}]}
    first = await call(client, "fhir_create", resource=again, if_none_exist="identifier=s|1")
    assert (await call(client, "fhir_create", resource=again, if_none_exist="identifier=s|1"))["status"] == 200
    assert (await call(client, "fhir_delete", reference=first["reference"]))["reference"] == first["reference"]
    assert "410" in await refused(client, "fhir_read", reference=first["reference"])


async def test_messages_by_tools(client, kit):
    inbox = await call(client, "hl7_inbox", limit=1)
    (received,) = inbox["messages"]
    assert received["payload"] == kit.oru and inbox["next_after"] is None
    await call(client, "hl7_ack", id=received["id"], code="AA")
    for control in "12":
        await call(client, "hl7_send", message=kit.adt.format(control=control, family="Smith"))
    first = await call(client, "hl7_sent", limit=1)
    rest = await call(client, "hl7_sent", after=first["next_after"])
    assert [m["control_id"] for m in first["messages"] + rest["messages"]] == ["1", "2"]
    wrong = await call(client, "hl7_send", message="PID|1")
    assert not wrong["accepted"] and wrong["ack_code"] == "AR"


async def test_files_by_tools(client):
    pdf = base64.b64encode(_pdf("Hello Ana")).decode()
    await call(client, "files_write", path="outbox/a b#c.pdf", base64=pdf)
    assert (await call(client, "files_read", path="outbox/a b#c.pdf"))["encoding"] == "base64"
    assert "Hello Ana" in (await call(client, "files_read", path="outbox/a b#c.pdf", as_text=True))["content"]
    await call(client, "files_write", path="outbox/long.txt", text="ä" * 10)
    part = await call(client, "files_read", path="outbox/long.txt", offset=4, length=3)
    assert (part["content"], part["next_offset"], part["size"]) == ("äää", 7, 20)
    assert (await call(client, "files_read", path="outbox/long.txt", offset=7))["next_offset"] is None
    await call(client, "files_move", path="outbox/long.txt", to="outbox/moved.txt")
    listed = await call(client, "files_list", path="", recursive=True)
    assert "outbox/moved.txt" in [row["path"] for row in listed["files"]]
    assert [row["path"] for row in (await call(client, "files_list", path="archive"))["files"]] == ["archive/old.txt"]
    await call(client, "files_delete", path="outbox/moved.txt")
    assert "404" in await refused(client, "files_read", path="outbox/moved.txt")
    assert "either as text or as base64" in await refused(client, "files_write", path="outbox/x.txt")
    assert "400" in await refused(client, "files_read", path="../etc/passwd")


async def test_the_portal_by_tools(client, kit):
    draft = await call(client, "portal_create_prior_auth", **kit.prior_auth, draft=True)
    key = draft["request_id"]
    content = base64.b64encode(b"\x00note").decode()
    attached = await call(client, "portal_attach", id=key, filename="a.bin", content_base64=content)
    attachment = attached["attachments"][0]["id"]
    read = await call(client, "portal_read_attachment", id=key, attachment_id=attachment)
    assert (read["encoding"], read["content"]) == ("base64", content)
    assert (await call(client, "portal_update_prior_auth", id=key, notes="More."))["notes"] == "More."
    assert (await call(client, "portal_update_prior_auth", id=key, units=3))["units"] == 3
    assert (await call(client, "portal_submit_prior_auth", id=key))["status"] == "submitted"
    assert (await call(client, "portal_read_prior_auth", id=key))["request_id"] == key
    assert len((await call(client, "portal_list_prior_auths", status="submitted"))["data"]) == 1
    assert (await call(client, "portal_providers", npi="1234567893"))["data"][0]["name"] == "Dr. Rivera"
    assert (await call(client, "portal_formulary"))["data"] == []
    assert (await call(client, "portal_act", id=key, action="withdraw", text="Wrong side."))["state"] == "withdrawn"
    assert "…/resubmit is possible" in await refused(client, "portal_act", id=key, action="appeal", text="No.")
    assert (await call(client, "portal_act", id=key, action="resubmit"))["state"] == "resubmitted"
    assert "resubmitted" in await refused(client, "portal_act", id=key, action="choose_slot", text="1")
    assert (await call(client, "portal_plan", member_id="M1"))["covered"] is True
    assert (await call(client, "portal_plan", member_id="M1", claims=True))["data"][0]["claim_number"] == "CLM1"
    appeal = await call(client, "portal_act", id="CLM1", action="appeal_claim", text="It was authorized.")
    assert appeal["status"] == "under_review"
    assert "patient_member_id" in await refused(client, "portal_create_prior_auth", procedure_code="72148")


async def test_errors_say_what_to_do(client):
    assert 'did you mean "type"' in await refused(client, "fhir_search", typ="Patient")
    assert "Did you mean name?" in await refused(client, "fhir_search", type="Patient", params={"nme": "x"})
    assert 'did you mean "fhir_search"' in await refused(client, "fhir_serch")
    assert 'needs its "id"' in await refused(client, "fhir_update", resource={"resourceType": "Patient"})
    assert "resourceType" in await refused(client, "fhir_create", resource={})
    assert "reference" in await refused(client, "fhir_read", reference="../../mcp")
    assert "Nothing is to come by itself" in await refused(client, "clock_wait")


async def test_waiting(client, run):
    before = (await run.events())[-1]["at"]
    waited = await call(client, "clock_wait", seconds=60)
    assert waited["advanced_seconds"] == 60 and waited["clock"] > before
    assert [(e["type"], e["via"]) for e in await run.events()][-1] == ("clock_advanced", "mcp")


async def test_what_can_be_read_by_address(client, run):
    resources = (await client.list_resources()).resources
    assert [resource.uri for resource in resources] == ["task:///instructions"]
    templates = {t.uri_template for t in (await client.list_resource_templates()).resource_templates}
    assert templates == {"fhir:///{type}/{id}", "hl7:///{id}", "files:///{+path}"}
    assert [e for e in await run.events() if e["actor"] == "agent"] == []

    async def read(uri):
        return (await client.read_resource(uri)).contents[0]

    assert "Refer Ana Reyes." in (await read("task:///instructions")).text
    assert json.loads((await read("fhir:///Patient/ana")).text)["id"] == "ana"
    assert (await read("files:///inbox/fax.txt")).text == "hello"
    for uri, said in (
        ("files:///inbox/none.txt", "no file"),
        ("fhir:///Patient/none", "Patient/none"),
        ("x:///y", "there are"),
        ("fhir:///", "there are"),
    ):
        with pytest.raises(MCPError, match=said):
            await read(uri)
    assert {e["via"] for e in await run.events() if e["actor"] == "agent"} == {"mcp"}


async def test_the_prompt_is_the_task(client):
    (prompt,) = (await client.list_prompts()).prompts
    text = (await client.get_prompt(prompt.name)).messages[0].content.text
    assert "Refer Ana Reyes." in text and "task_complete" in text
    with pytest.raises(MCPError, match="no prompt"):
        await client.get_prompt("other")


async def test_every_tool_is_refused_to_whoever_is_not_let_in(live, kit):
    run, other = await live.run(), await live.run()
    url = (await run.start())["urls"]["mcp"]
    await other.start()
    async with Client(url) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    path, own = url.removeprefix(live.url), f"/v1/task-runs/{run.tasks[0]}/mcp"
    never = capability_secret(read_key_file(live.settings.data_dir), "tr_other")

    async def statuses(where, token):
        asked = [message("tools/call", name=name, arguments={}) for name in names]
        return {(await live.call("POST", where, token, json=m, headers=ACCEPT)).status for m in asked}

    assert await statuses(own, None) == {401}
    assert await statuses(own, "vrl_run_wrong") == {401}
    assert await statuses(own, kit.api_key) == {401}
    assert await statuses(own, other.token) == {404}
    assert await statuses(f"/t/{never}/mcp", None) == {404}
    assert await statuses(f"/v1/task-runs/{run.tasks[1]}/mcp", run.token) == {409}
    before = len(await run.events())
    assert await statuses("/mcp", run.token) == {401}
    await run.complete()
    assert await statuses(path, None) == {404}
    assert await statuses(own, run.token) == {409}
    assert len(await run.events()) == before


async def test_an_expired_token_and_a_torn_down_playground(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock, run_token_lifetime_s=60) as live:
        run, gone = await live.run(), await live.run()
        urls = [(await r.start())["urls"]["mcp"].removeprefix(live.url) for r in (run, gone)]
        playground = gone.value["task_runs"][0]["playground_id"]
        await live.post(f"/playgrounds/{playground}/teardown")
        paths = [f"/v1/task-runs/{r.tasks[0]}/mcp" for r in (run, gone)]
        async with Client(live.url + urls[0]) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]

        async def statuses(path, token=None):
            asked = [message(), *(message("tools/call", name=name, arguments={}) for name in names)]
            return {(await live.call("POST", path, token, json=m, headers=ACCEPT)).status for m in asked}

        assert len(names) > 20
        assert (await statuses(urls[1]), await statuses(paths[1], gone.token)) == ({404}, {409})
        clock.advance(61)
        assert (await statuses(urls[0]), await statuses(paths[0], run.token)) == ({404}, {401})
        assert [e for e in await run.events() if e["actor"] == "agent"] == []


async def test_strict_mode_has_no_door(serve, kit):
    async with serve(is_strict=True) as live:
        run = await live.started()
        for path, token in (("/mcp", kit.api_key), (f"/v1/task-runs/{run.tasks[0]}/mcp", run.token)):
            assert (await live.call("POST", path, token, json=message(), headers=ACCEPT)).status == 404


async def test_nothing_hangs_on_a_session(client, run):
    path = f"/v1/task-runs/{run.tasks[0]}/mcp"
    for method in ("GET", "DELETE"):
        answer = await run.live.call(method, path, run.token, headers=ACCEPT)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    for body, status in ((b"{", 400), (b"[]", 400), (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', 202)):
        answer = await run.live.call("POST", path, run.token, body=body, headers=ACCEPT)
        assert answer.status == status, answer
    too_long = b" " * (limits.TOOL_CALL_BYTES + 1)
    assert (await run.live.call("POST", path, run.token, body=too_long, headers=ACCEPT)).status == 413


async def test_the_sdk_is_not_given_the_arguments_of_a_long_call(client, run, monkeypatch):
    given, kept = [], protocol._Exchange.__init__

    def note(exchange, request, body):
        given.append(len(body))
        kept(exchange, request, body)

    monkeypatch.setattr(protocol._Exchange, "__init__", note)
    text = "x" * LONG_BODY_BYTES
    note_of = {"resourceType": "Basic", "code": {"text": text}, "extension": [{"url": "u:w", "valueDecimal": 4.10}]}
    created = await call(client, "fhir_create", resource=note_of)
    read = (await run.call("GET", f"fhir/{created['reference']}")).json
    assert (read["code"]["text"], read["extension"]) == (text, note_of["extension"])
    assert max(given) < 2_000

    path = f"/v1/task-runs/{run.tasks[0]}/mcp"
    long = {**message("tools/list"), "more": text}
    for body, status in ((json.dumps(long).encode(), 413), (b'{"a":' + b" " * LONG_BODY_BYTES, 400)):
        answer = await run.live.call("POST", path, run.token, body=body, headers=ACCEPT)
        assert answer.status == status, answer


async def test_the_sdk_is_imported_beside_the_loop(client, run, monkeypatch):
    threads = []
    monkeypatch.setattr(protocol, "_SDK", "an.sdk")
    monkeypatch.setattr(protocol, "import_module", lambda name: threads.append((name, threading.current_thread())))
    await call(client, "task_instructions")
    assert {name for name, _ in threads} == {"an.sdk"}
    assert threading.main_thread() not in {thread for _, thread in threads}


async def test_many_wrong_arguments_are_named_and_few_are_guessed_at(client, monkeypatch):
    guessed = []
    monkeypatch.setattr(schemas, "did_you_mean", lambda *args: guessed.append(args) or "")
    said = await refused(client, "fhir_read", reference="Basic/x", **{f"a{n}": 1 for n in range(999)})
    assert "a998: " in said and len(guessed) == SUGGESTED_MAX
    said = await refused(client, "fhir_read", **{f"a{n}": 1 for n in range(limits.BODY_FIELDS + 1)})
    assert "1,001" in said and len(guessed) == SUGGESTED_MAX


def _pdf(text):
    import io

    from reportlab.pdfgen.canvas import Canvas

    target = io.BytesIO()
    canvas = Canvas(target, invariant=1)
    canvas.drawString(72, 720, text)
    canvas.save()
    return target.getvalue()
