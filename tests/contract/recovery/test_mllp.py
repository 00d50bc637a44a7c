"""MLLP by a server in a process of its own, on the event loop that it chooses itself."""

import asyncio

MESSAGE = "MSH|^~\\&|A|B|C|D|20260423090000||ADT^A08|ctl-1|P|2.5\rEVN|A08\rPID|1||1^^^MRN||Reyes^Ana\rPV1|1|O\r"


async def test_a_message_is_answered_on_the_servers_own_loop(spawn, reach):
    server = spawn("--sftp-port", "0").wait_until_ready()
    run = await reach(server.url).started()
    value = await run.live.get(f"/v1/benchmark-runs/{run.id}", run.token)
    where = next(s for s in value["sandboxes"] if s["type"] == "Hl7")["credentials"]
    reader, writer = await asyncio.open_connection(where["mllp_host"], where["mllp_port"])
    writer.write(b"\x0b" + MESSAGE.encode() + b"\x1c\r")
    async with asyncio.timeout(20):
        answer = await reader.readuntil(b"\x1c\r")
    writer.close()
    await writer.wait_closed()
    assert b"\rMSA|AA|ctl-1" in answer
