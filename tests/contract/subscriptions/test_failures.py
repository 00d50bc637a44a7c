"""What is not taken is tried again on the playground's clock, and in the end the Subscription is in error."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.subscriptions import queue
from tests.contract.subscriptions.conftest import FHIR_JSON, SCHEDULE, subscription
from tests.contract.subscriptions.hooks import hooked, never, said

MERGE = "application/merge-patch+json"


def by_number(*statuses):
    return lambda notified, number: web.Response(status=statuses[min(number, len(statuses)) - 1])


async def test_an_answer_that_is_no_success_is_tried_again_in_order(ehr):
    async with hooked(by_number(500, 404, 204)) as hook:
        await ehr.ask(hook.url, payload=FHIR_JSON)
        one, two = await ehr.observe(), await ehr.observe()
        (told,) = await ehr.attempted(1)
        assert (told["state"], told["status"], told["error"]) == ("pending", 500, "It answered 500.")
        assert told["next_attempt_at"] is not None
        assert (await ehr.wait(to="next"))["advanced_seconds"] == pytest.approx(500, abs=60)
        second = (await ehr.attempted(2))[1]
        assert (second["attempt"], second["state"]) == (2, "pending")
        assert (await ehr.wait(to="next"))["advanced_seconds"] == pytest.approx(3000, abs=60)
        told = await ehr.attempted(4)
        assert [t["state"] for t in told] == ["pending", "pending", "delivered", "delivered"]
        assert [got.json["id"] for got in hook.got] == [one["id"]] * 3 + [two["id"]]


async def test_after_the_last_attempt_the_subscription_is_in_error(ehr):
    async with hooked(said(500, text="broken here")) as hook:
        key = await ehr.ask(hook.url)
        made = await ehr.observe()
        await ehr.observe()
        for count in range(1, len(queue.SCHEDULE) + 1):
            await ehr.attempted(count)
            await ehr.wait(to="next")
        told = await ehr.attempted(len(queue.SCHEDULE) + 1)
        assert told[-1]["state"] == "error" and told[-1]["answer"] == {"text": "broken here"}
        stored = await ehr.read(key)
        assert (stored["status"], stored["meta"]["versionId"]) == ("error", "3")
        assert f"Observation/{made['id']}/_history/1" in stored["error"] and "It answered 500." in stored["error"]
        await ehr.observe()
        assert (await ehr.run.call("POST", "clock/advance", json={"to": "next"})).status == 409
        hook.answer = said()
        answer = await ehr.call("PATCH", f"Subscription/{key}", {"reason": "again"}, MERGE)
        assert answer.json["status"] == "requested" and "error" not in answer.json
        last = await ehr.observe()
        assert (await ehr.read(key))["status"] == "active"
        told = await ehr.attempted(len(queue.SCHEDULE) + 2)
        assert (told[-1]["resource"], told[-1]["state"]) == (f"Observation/{last['id']}/_history/1", "delivered")


async def test_a_refused_connection_is_tried_again(ehr):
    async with hooked() as hook:
        port = hook.port
    await ehr.ask(f"http://127.0.0.1:{port}/hook")
    await ehr.observe()
    (told,) = await ehr.attempted(1)
    assert told["error"] == f"127.0.0.1:{port} refused the connection." and told["status"] is None
    async with hooked(port=port) as hook:
        await ehr.wait(to="next")
        await ehr.attempted(2)
        assert len(hook.got) == 1


async def test_a_clock_that_runs_tries_again_though_nobody_calls(ehr, monkeypatch):
    monkeypatch.setattr(queue, "SCHEDULE", (0.05, 0.05))
    async with hooked(by_number(500, 500, 200)) as hook:
        await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.until(lambda: len(hook.got) == 3)
        assert (await ehr.attempted(3))[-1]["state"] == "delivered"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(ehr, status):
    async with hooked() as other, hooked(said(status, headers={"Location": other.url})) as hook:
        await ehr.ask(hook.url)
        await ehr.observe()
        (told,) = await ehr.attempted(1)
        assert told["error"] == f"It answered {status}; redirects are not followed."
        assert len(hook.got) == 1 and other.got == []


async def test_an_endpoint_that_never_answers_delays_nobody(ehr, monkeypatch):
    monkeypatch.setattr(queue, "TIMEOUT_S", 1.5)
    async with hooked(never) as silent, hooked() as hook:
        await ehr.ask(silent.url)
        await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.until(lambda: hook.got)
        told = await ehr.attempted(2)
        assert [t["state"] for t in told] == ["delivered", "pending"]
        assert told[1]["error"].endswith("did not answer within 1.5 seconds.")


async def test_what_is_no_http_is_an_outcome(ehr):
    async def babble(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    try:
        await ehr.ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await ehr.observe()
        (told,) = await ehr.attempted(1)
        assert told["state"] == "pending" and told["error"]
    finally:
        server.close()
        await server.wait_closed()


async def test_a_long_or_binary_answer_is_kept_in_part(ehr):
    async with hooked(by_number(200)) as hook:
        hook.answer = lambda notified, number: web.Response(body=b"\xff\x00" if number == 1 else b"x" * 100_000)
        await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.observe()
        told = await ehr.attempted(2)
        assert told[0]["answer"] == {"base64": "/wA="}
        assert told[1]["answer"]["is_whole"] is False and len(told[1]["answer"]["text"]) < 20_000


async def test_turned_off_it_delivers_no_more(ehr):
    async with hooked(said(500)) as hook:
        key = await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.attempted(1)
        answer = await ehr.call("PATCH", f"Subscription/{key}", {"status": "off"}, MERGE)
        assert answer.status == 200 and answer.json["status"] == "off"
        await ehr.observe()
        assert (await ehr.run.call("POST", "clock/advance", json={"to": "next"})).status == 409
        await ehr.wait(seconds=3600)
        hook.answer = said()
        await ehr.call("PATCH", f"Subscription/{key}", {"status": "requested"}, MERGE)
        await ehr.observe()
        await ehr.attempted(2)
        assert len(hook.got) == 2


async def test_deleted_it_delivers_no_more(ehr):
    async with hooked(said(500)) as hook:
        key = await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.attempted(1)
        assert (await ehr.call("DELETE", f"Subscription/{key}")).status == 204
        await ehr.wait(seconds=3600)
        await ehr.observe()
        assert len(hook.got) == 1


async def test_its_end_turns_it_off(ehr):
    async with hooked() as hook:
        key = await ehr.ask(hook.url, end="2026-04-23T11:00:00+01:00")
        await ehr.observe()
        await ehr.attempted(1)
        await ehr.wait(to="next")
        stored = await ehr.read(key)
        assert stored["status"] == "off" and stored["meta"]["lastUpdated"].startswith("2026-04-23T10:00:")
        await ehr.observe()
        again = await ehr.call("PUT", f"Subscription/{key}", {**stored, "status": "requested"})
        assert again.status == 422 and again.json["issue"][0]["expression"] == ["Subscription.end"]
        assert len(hook.got) == 1


async def test_a_change_of_its_end_counts(ehr):
    async with hooked() as hook:
        key = await ehr.ask(hook.url, end="2026-04-23T10:00:00Z")
        await ehr.call("PATCH", f"Subscription/{key}", {"end": "2026-04-23T12:00:00Z"}, MERGE)
        await ehr.wait(seconds=2 * 3600)
        assert (await ehr.read(key))["status"] == "active"
        await ehr.call("PATCH", f"Subscription/{key}", {"end": None}, MERGE)
        await ehr.wait(seconds=24 * 3600)
        assert (await ehr.read(key))["status"] == "active"


async def test_what_it_is_changed_to_is_what_is_delivered(ehr):
    """What waits goes to the new endpoint, at once."""
    async with hooked(said(500)) as old, hooked() as new:
        key = await ehr.ask(old.url, payload=FHIR_JSON)
        made = await ehr.observe()
        await ehr.attempted(1)
        changed = {**subscription(new.url, "Patient", payload=FHIR_JSON), "id": key, "status": "active"}
        answer = await ehr.call("PUT", f"Subscription/{key}", changed)
        assert answer.json["status"] == "requested"
        await ehr.attempted(2)
        await ehr.observe()
        await ehr.call("PUT", "Patient/ana", {"resourceType": "Patient", "id": "ana"})
        await ehr.attempted(3)
        assert [got.json["id"] for got in new.got] == [made["id"], "ana"]


async def test_a_task_run_that_ended_delivers_no_more(ehr):
    async with hooked(said(500)) as hook:
        await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.attempted(1)
        await ehr.run.complete()
        count = len(await ehr.run.events())
        await asyncio.sleep(0.1)
        assert len(hook.got) == 1 and len(await ehr.run.events()) == count


async def test_what_is_under_way_at_the_end_is_let_go(ehr):
    async with hooked(never) as hook:
        await ehr.ask(hook.url)
        await ehr.observe()
        await ehr.until(lambda: hook.got)
        await ehr.run.complete()
        assert await ehr.attempts() == []


def test_the_page_says_when_it_is_tried_again():
    page = (Path(__file__).parents[3] / "docs" / "surfaces" / "subscriptions.md").read_text()
    *others, last = map(str, SCHEDULE)
    assert f"after {', '.join(others)} and {last} seconds" in page
    assert f"within {queue.TIMEOUT_S} seconds" in page
