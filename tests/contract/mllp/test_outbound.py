"""The inbox, pushed to the agent's listener."""

import asyncio
import socket
from typing import Any

import pytest

from tests.contract.mllp.listening import ack, framed, listening

ORU = (
    "MSH|^~\\&|LAB|HOSP|EHR|CLINIC|20260423083000||ORU^R01^ORU_R01|{control}|P|2.5{more}\r"
    "PID|1||P1^^^MRN||Reyes^Ana||19700101|F\rOBR|1|||718-7^Hemoglobin^LN\rOBX|1|ST|718-7^Hemoglobin^LN||{text}||||||F\r"
)


def post(control: str, text: str = "13", more: str = "", **extra: Any) -> dict[str, Any]:
    return {"action": "post_hl7_inbox", "payload": ORU.format(control=control, text=text, more=more), **extra}


@pytest.fixture
def feed(disk, kit):
    """Write the benchmark `feed`: an interface engine alone, with these steps and this configuration."""

    def write(*steps: Any, config: Any = None, clock: str | None = "2026-04-23T09:00:00Z") -> str:
        definition = kit.benchmark("feed", kit.task("t", kit.says(1), scenario={"steps": list(steps)}))
        definition["environment"] = {
            "name": "Lab",
            "clock": clock,
            "simulators": [{"type": "Hl7", "name": "Engine", "config": config or {}}],
        }
        disk.benchmark(definition)
        return "feed@1"

    return write


async def name(run: Any, port: int) -> Any:
    answer = await run.call("PUT", "hl7/listener", json={"host": "127.0.0.1", "port": port})
    assert answer.status == 200, answer
    return answer.json


async def settled(run: Any, count: int) -> Any:
    """The inbox, once so many of its messages are settled."""

    async def look() -> Any:
        rows = (await run.call("GET", "hl7/inbox")).json
        return rows if sum(row["delivery"]["state"] != "pending" for row in rows) == count else None

    return await run.live.until(look)


async def test_the_inbox_is_pushed_in_order(serve, feed):
    reference = feed(*(post(f"L-{n}") for n in range(5)))
    async with serve() as live, listening() as listener:
        run = await live.started(reference)
        told = await name(run, listener.port)
        assert told == {
            "host": "127.0.0.1",
            "port": listener.port,
            "deliveries": {"pending": 5, "delivered": 0, "rejected": 0, "failed": 0},
        }
        rows = await settled(run, 5)
        assert listener.controls == [f"L-{n}" for n in range(5)]
        assert listener.got == [row["payload"] for row in rows]
        assert {row["delivery"]["state"] for row in rows} == {"delivered"}
        assert {row["delivery"]["ack_code"] for row in rows} == {"AA"}
        events = [e for e in await run.events() if e["type"] == "hl7_delivery" and e["via"] == "mllp"]
        assert [(e["actor"], e["response"]["body"]["control_id"]) for e in events] == [
            ("scenario", f"L-{n}") for n in range(5)
        ]
        message = (await run.call("GET", f"hl7/inbox/{rows[0]['id']}")).json
        assert [(a["ack_code"], a["text"]) for a in message["acks"]] == [("AA", "said so")]


async def test_what_comes_later_is_pushed_without_a_call(serve, feed):
    """The clock runs, so a step that is due is taken though the agent does nothing but listen."""
    reference = feed(post("L-1"), post("L-2", after_seconds=0.2))
    async with serve() as live, listening() as listener:
        run = await live.started(reference)
        await name(run, listener.port)

        async def both() -> Any:
            return len(listener.got) == 2

        await live.until(both)
        assert listener.controls == ["L-1", "L-2"]


async def test_without_a_listener_the_inbox_is_as_it_was(serve, feed):
    reference = feed(post("L-1"))
    async with serve() as live:
        run = await live.started(reference)
        (row,) = (await run.call("GET", "hl7/inbox")).json
        assert set(row) == {"id", "message_type", "control_id", "payload", "received_at"}
        assert (await run.call("GET", "hl7/listener")).status == 404


async def test_a_listener_named_with_the_run(serve, feed):
    reference = feed(post("L-1"))
    async with serve() as live, listening() as listener:
        run = await live.run(reference, hl7_listener={"host": "127.0.0.1", "port": listener.port})
        assert not listener.got
        await run.start()
        await settled(run, 1)
        assert listener.controls == ["L-1"]


@pytest.mark.parametrize("code", ["AE", "AR", "CR"])
async def test_a_refused_message_is_sent_again_by_the_rule(serve, feed, code):
    config = {"delivery": {"attempts": 3, "spacing_seconds": 0.05}}
    reference = feed(post("L-1"), post("L-2"), config=config)

    def answer(text, number):
        return [framed(ack(text, code if number == 1 else "AA"))]

    async with serve() as live, listening(answer) as listener:
        run = await live.started(reference)
        await name(run, listener.port)
        rows = await settled(run, 2)
        assert listener.controls == ["L-1", "L-1", "L-2"]
        assert [(row["delivery"]["state"], row["delivery"]["attempts"]) for row in rows] == [
            ("delivered", 2),
            ("delivered", 1),
        ]


async def test_waiting_for_the_next_reaches_the_next_attempt(serve, feed):
    reference = feed(post("L-1"), config={"delivery": {"attempts": 2, "spacing_seconds": 3_600}})
    async with serve() as live, listening(lambda text, number: [framed(ack(text, "AE"))]) as listener:
        run = await live.started(reference)
        await name(run, listener.port)

        async def refused() -> Any:
            (row,) = (await run.call("GET", "hl7/inbox")).json
            return row["delivery"]["next_attempt_at"]

        at = await live.until(refused)
        waited = (await run.call("POST", "clock/advance", json={"to": "next"})).json
        assert 3_500 < waited["advanced_seconds"] <= 3_600 and waited["clock"][:19] == at[:19]
        (row,) = await settled(run, 1)
        assert (row["delivery"]["state"], listener.controls) == ("rejected", ["L-1", "L-1"])
        assert (await run.call("POST", "clock/advance", json={"to": "next"})).status == 409


async def test_what_is_refused_to_the_end_is_given_up_and_the_next_goes(serve, feed):
    config = {"delivery": {"attempts": 2, "spacing_seconds": 0}}
    reference = feed(post("L-1"), post("L-2"), config=config)

    def answer(text, number):
        return [framed(ack(text, "AE" if "L-1" in text else "AA"))]

    async with serve() as live, listening(answer) as listener:
        run = await live.started(reference)
        await name(run, listener.port)
        rows = await settled(run, 2)
        assert [row["delivery"]["state"] for row in rows] == ["rejected", "delivered"]
        assert listener.controls == ["L-1", "L-1", "L-2"]


async def test_answers_to_others_and_repeated_ones_are_ignored(serve, feed):
    def answer(text, number):
        own = framed(ack(text))
        return [framed(ack(text, "AE", control="OTHER")) + b"\r\n" + own[:20], own[20:] + own + own]

    reference = feed(post("L-1"), post("L-2"))
    async with serve() as live, listening(answer) as listener:
        run = await live.started(reference)
        await name(run, listener.port)
        rows = await settled(run, 2)
        assert [row["delivery"]["ack_code"] for row in rows] == ["AA", "AA"]
        assert listener.controls == ["L-1", "L-2"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda text, number: None, "closed without an answer"),
        (lambda text, number: [framed(ack(text, control="OTHER"))], "no answer within"),
        (lambda text, number: [], "no answer within"),
    ],
)
async def test_no_answer_is_said_and_given_up(serve, feed, answer, error):
    config = {"delivery": {"attempts": 2, "spacing_seconds": 0, "timeout_seconds": 0.2}}
    reference = feed(post("L-1"), config=config)
    async with serve() as live, listening(answer) as listener:
        run = await live.started(reference)
        await name(run, listener.port)
        (row,) = await settled(run, 1)
        assert (row["delivery"]["state"], row["delivery"]["attempts"]) == ("failed", 2)
        assert error in row["delivery"]["error"]
        assert len(listener.got) == 2


async def test_a_listener_that_is_not_there_yet(serve, feed):
    config = {"delivery": {"attempts": 50, "spacing_seconds": 0.05}}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    reference = feed(post("L-1"), config=config)
    async with serve() as live:
        run = await live.started(reference)
        await name(run, port)

        async def refused() -> Any:
            (row,) = (await run.call("GET", "hl7/inbox")).json
            return row["delivery"]["error"]

        assert "refused the connection" in await live.until(refused)
        async with listening(port=port) as listener:
            (row,) = await settled(run, 1)
            assert row["delivery"]["state"] == "delivered"
            assert listener.controls == ["L-1"]


async def test_a_message_that_asks_for_enhanced_mode_waits_for_the_second_answer(serve, feed):
    def answer(text, number):
        return [framed(ack(text, "CA")), framed(ack(text, "AE" if number == 1 else "AA"))]

    config = {"delivery": {"spacing_seconds": 0}}
    reference = feed(post("L-1", more="|||AL|AL"), config=config)
    async with serve() as live, listening(answer) as listener:
        run = await live.started(reference)
        await name(run, listener.port)
        (row,) = await settled(run, 1)
        assert (row["delivery"]["ack_code"], row["delivery"]["attempts"]) == ("AA", 2)


async def test_characters_go_as_the_message_declares(serve, feed):
    bodies = []

    def answer(text, number):
        bodies.append(text)
        return [framed(ack(text))]

    reference = feed(post("L-1", text="Grüße €"))
    async with serve() as live, listening(answer) as listener:
        run = await live.started(reference)
        await name(run, listener.port)
        await settled(run, 1)
        assert "Grüße €" in bodies[0]


async def test_a_restart_goes_on_where_it_was(serve, feed):
    config = {"delivery": {"attempts": 5, "spacing_seconds": 0, "timeout_seconds": 30}}
    reference = feed(*(post(f"L-{n}") for n in range(3)), config=config)
    async with serve() as live:
        run = await live.started(reference)
        async with listening(lambda text, number: [framed(ack(text))] if number == 1 else []) as listener:
            await name(run, listener.port)

            async def second() -> Any:
                return len(listener.got) == 2

            await live.until(second)
            port = listener.port
            await live.stop()
    async with listening(port=port) as listener, serve() as live:
        run.live = live
        rows = await settled(run, 3)
        assert listener.controls == ["L-1", "L-2"]
        assert [row["delivery"]["attempts"] for row in rows] == [1, 1, 1]


async def test_a_seed_gives_a_delivery_its_time_whatever_the_network_does(serve, feed, tmp_path):
    hashes, port = [], 0
    config = {"delivery": {"attempts": 2, "spacing_seconds": 3, "timeout_seconds": 20}}
    reference = feed(post("L-1"), post("L-2", after_seconds=4), config=config)
    for is_waiting in (True, False):

        def answer(text, number):
            return [framed(ack(text, "AE" if number == 1 else "AA"))]

        async with (
            serve(data_dir=tmp_path / f"data-{is_waiting}") as live,
            listening(answer, port) as listener,
        ):
            port = listener.port
            run = await live.started(reference, seed=7)
            await name(run, port)

            async def first(live=live, run=run) -> Any:
                rows = [row for _, row in live.playground(run.tasks[0]).branch.items("hl7/_deliveries")]
                return len(rows) == 1 and rows[0]["attempts"] == 1

            async def both(live=live, run=run) -> Any:
                rows = [row for _, row in live.playground(run.tasks[0]).branch.items("hl7/_deliveries")]
                return len(rows) == 2 and all(row["settled_at"] for row in rows)

            if is_waiting:
                await live.until(first)
            for _ in range(10):
                await run.call("GET", "hl7/inbox")
            await live.until(both)
            hashes.append(run.state_hash())
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"host": "example.org", "port": 2575}, 403),
        ({"host": "169.254.169.254", "port": 80}, 403),
        ({"host": "127.0.0.1", "port": 0}, 400),
        ({"host": "127.0.0.1", "port": "x"}, 400),
        ({"host": "127.0.0.1"}, 400),
        ({"host": "127.0.0.1", "port": 1, "tls": True}, 400),
        ([], 400),
    ],
)
async def test_a_listener_that_cannot_be(serve, feed, body, status):
    reference = feed(post("L-1"))
    async with serve() as live:
        run = await live.started(reference)
        answer = await run.call("PUT", "hl7/listener", json=body)
        assert answer.status == status, answer
        if isinstance(body, dict) and status == 403:
            assert "SANDBOX_OUTBOUND_HOSTS" in answer.error["message"]
            created = await live.call(
                "POST", "/v1/benchmark-runs", "vrl_slv_local", json={"benchmark": "feed@1", "hl7_listener": body}
            )
            assert created.status == 403


async def test_hosts_of_the_settings_are_allowed(serve, feed):
    reference = feed()
    async with serve(outbound_hosts=("listener.example.org",)) as live:
        run = await live.started(reference)
        answer = await run.call("PUT", "hl7/listener", json={"host": "Listener.Example.org", "port": 2575})
        assert answer.status == 200


async def test_a_name_that_leads_elsewhere_is_not_connected_to(serve, feed, monkeypatch):
    reference = feed(post("L-1"), config={"delivery": {"attempts": 1}})
    async with serve() as live, listening() as listener:
        run = await live.started(reference)

        async def getaddrinfo(host, port, **more):
            return [(2, 1, 6, "", ("10.1.2.3", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        answer = await run.call("PUT", "hl7/listener", json={"host": "localhost", "port": listener.port})
        assert answer.status == 200
        (row,) = await settled(run, 1)
        assert "SANDBOX_OUTBOUND_HOSTS" in row["delivery"]["error"] and not listener.got


async def test_a_listener_can_be_taken_back(serve, feed):
    reference = feed(post("L-1"), config={"delivery": {"timeout_seconds": 0.1, "attempts": 99}})
    async with serve() as live, listening(lambda text, number: []) as listener:
        run = await live.started(reference)
        await name(run, listener.port)
        assert (await run.call("DELETE", "hl7/listener")).status == 204
        assert (await run.call("GET", "hl7/listener")).status == 404
        assert (await run.call("DELETE", "hl7/listener")).status == 404
