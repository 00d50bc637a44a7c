"""Calls that came in by other ways than HTTP stand in the timeline with their way, and messages with what they were."""

import asyncio
import re

import asyncssh

CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "fhir_search", "arguments": {"type": "Patient"}},
}
MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


async def send(where, text):
    reader, writer = await asyncio.open_connection(where["mllp_host"], where["mllp_port"])
    writer.write(b"\x0b" + text.encode() + b"\x1c\r")
    async with asyncio.timeout(20):
        await reader.readuntil(b"\x1c\r")
    writer.close()
    await writer.wait_closed()


async def put(where, name, content):
    options = {"known_hosts": None, "config": None, "client_keys": None, "agent_path": None}
    names = {"username": where["username"], "password": where["password"]}
    async with (
        asyncssh.connect(where["sftp_host"], where["sftp_port"], **names, **options) as connection,
        connection.start_sftp_client() as client,
        client.open(name, "wb") as file,
    ):
        await file.write(content)


async def test_each_way_is_told_in_the_timeline(live, browser, kit):
    run = await live.started()
    value = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
    where = {s["type"]: s["credentials"] for s in value["sandboxes"] if s["task_run_id"] == run.tasks[0]}
    message = kit.adt.format(control="c1", family="Reyes")
    await send(where["Hl7"], message)
    await send(where["Hl7"], message.replace("ADT^A", "XXX^A"))
    assert (await run.call("POST", "hl7/outbound", json={"payload": message})).status in (200, 201)
    if where["Files"].get("sftp_port"):
        await put(where["Files"], "outbound/a.txt", b"a")
    headers = {"Authorization": f"Bearer {run.token}", **MCP}
    await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/mcp", json=CALL, headers=headers)
    ways = [(event["via"], event["type"]) for event in await run.events()]
    page = await browser.see(f"/ui/task-runs/{run.tasks[0]}")
    for way in ("mllp", "mcp"):
        assert (
            sum(via == way for via, _ in ways)
            == len(re.findall(rf'<span class="dim small">{way}</span>', page.text))
            > 0
        )
    assert ("sftp", "file_write") not in ways or '<span class="dim small">sftp</span>' in page.text
    assert re.findall(r'<span class="gist([^"]*)">(.*?)</span>', page.text) == [
        ("", "ADT^A01, AA"),
        (" removed", "XXX^A01, AR"),
        ("", "ADT^A01, AA"),
    ]
    [event] = [e for e in await run.events() if e["via"] == "mcp"]
    assert "Came by mcp" in (await browser.see(f"/ui/playgrounds/{event['playground_id']}/events/{event['seq']}")).plain
