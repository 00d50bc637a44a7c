"""SIGKILL while files come in over SFTP: what was acknowledged at close is there, whole, after the restart."""

import asyncio

import asyncssh
import pytest

ENOUGH = 40
SIZES = (0, 17, 40_000, 300_000)


def content(name: str, size: int) -> bytes:
    return (name.encode() + b"\n") * (size // len(name) + 1) if size else b""


@pytest.mark.parametrize("is_resumed", [False, True], ids=["restarted", "killed twice"])
async def test_what_was_acknowledged_at_close_outlives_the_server(spawn, reach, is_resumed):
    server = spawn("--sftp-port", "0").wait_until_ready()
    live = reach(server.url)
    run = await live.started()
    acknowledged: dict[str, bytes] = {}
    is_enough = asyncio.Event()

    async def send(number: int, where: dict) -> None:
        try:
            async with asyncssh.connect(
                where["sftp_host"],
                where["sftp_port"],
                username=where["username"],
                password=where["password"],
                known_hosts=None,
                config=None,
                client_keys=None,
                agent_path=None,
            ) as connection:
                client = await connection.start_sftp_client()
                for count in range(1000):
                    name = f"outbound/{number}-{len(acknowledged)}-{count}.txt"
                    sent = content(name, SIZES[count % len(SIZES)])
                    async with client.open(name, "wb") as file:
                        await file.write(sent)
                    acknowledged[name] = sent
                    if len(acknowledged) >= ENOUGH:
                        is_enough.set()
        except (OSError, asyncssh.Error):
            pass

    for _ in range(1 + is_resumed):
        value = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
        where = next(s for s in value["sandboxes"] if s["type"] == "Files")["credentials"]
        is_enough.clear()
        goal = len(acknowledged)
        writers = [asyncio.create_task(send(number, where)) for number in range(4)]
        await asyncio.wait_for(is_enough.wait(), 60)
        while len(acknowledged) < goal + ENOUGH:
            await asyncio.sleep(0.01)
        server.kill()
        await asyncio.gather(*writers)
        server = spawn("--sftp-port", "0").wait_until_ready()
        live = run.live = reach(server.url)
        for name, sent in acknowledged.items():
            answer = await run.call("GET", f"files/{name}")
            assert (name, answer.status, answer.body == sent) == (name, 200, True)
    events = await run.events()
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
