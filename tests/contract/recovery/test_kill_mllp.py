"""SIGKILL while messages come in by MLLP: what was acknowledged is there after the restart, on the same port."""

import asyncio
from collections import Counter

import pytest

ENOUGH = 200
ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423083000||ORU^R01^ORU_R01|{control}|P|2.5\r"
    "PID|1||P1^^^MRN||Reyes^Ana||19700101|F\r"
    "OBR|1|||718-7^Hemoglobin^LN\rOBX|1|NM|718-7^Hemoglobin^LN||13.2|g/dL|||||F\r"
)
END = b"\x1c\r"


@pytest.mark.parametrize(
    "is_resumed", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["restarted", "killed twice"]
)
async def test_what_was_acknowledged_outlives_the_server(spawn, reach, is_resumed):
    server = spawn().wait_until_ready()
    run = await reach(server.url).started()
    sent: Counter[str] = Counter()
    acknowledged: dict[str, None] = {}
    port = 0
    for life in range(1 + is_resumed):
        value = await reach(server.url).get(f"/v1/benchmark-runs/{run.id}", run.token)
        engine = next(s for s in value["sandboxes"] if s["type"] == "Hl7" and s["credentials"]["mllp_port"])
        host = engine["credentials"]["mllp_host"]
        assert port in (0, engine["credentials"]["mllp_port"])
        port = engine["credentials"]["mllp_port"]
        goal, is_enough = len(acknowledged) + ENOUGH, asyncio.Event()

        async def send(number: int, life=life, host=host, port=port, goal=goal, is_enough=is_enough) -> None:
            reader, writer = await asyncio.open_connection(host, port)
            try:
                for count in range(10_000):
                    name = f"{life}-{number}-{count}"
                    writer.write(b"\x0b" + ORU.format(control=name).encode() + END)
                    sent[name] += 1
                    ack = await reader.readuntil(END)
                    assert f"MSA|AA|{name}\r".encode() in ack
                    acknowledged[name] = None
                    if len(acknowledged) >= goal:
                        is_enough.set()
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        senders = [asyncio.create_task(send(number)) for number in range(4)]
        waiting = asyncio.create_task(is_enough.wait())
        await asyncio.wait([waiting, *senders], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        assert is_enough.is_set(), [sender.done() and sender.exception() for sender in senders]
        server.kill()
        await asyncio.gather(*senders)
        server = spawn().wait_until_ready()
        run.live = reach(server.url)
        kept: Counter[str] = Counter()
        after = ""
        while True:
            answer = await run.call("GET", f"hl7/outbound?limit=100{after}")
            kept.update(row["control_id"] for row in answer.json)
            if "next" not in answer.headers.get("Link", ""):
                break
            after = f"&after={answer.json[-1]['id']}"
        assert set(acknowledged) <= set(kept) <= set(sent)
        assert set(kept.values()) == {1}
    events = await run.events()
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
