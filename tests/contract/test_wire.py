"""Answers as bytes on a connection: the short way and the usual one give the same; nothing is lost or mixed up."""

import asyncio

import pytest
from aiohttp import web

from sandbox.api.context import IN_FLIGHT, WRITER
from sandbox.api.wire import write_whole


class Wire:
    """One raw connection to the server."""

    def __init__(self, live, run):
        self.live, self.run = live, run

    async def __aenter__(self):
        host, port = self.live.url.removeprefix("http://").split(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def __aexit__(self, *_):
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

    def send(self, method, path, *, version="1.1", headers=(), body=b""):
        lines = [f"{method} /v1/benchmark-runs/{self.run.id}/{path} HTTP/{version}", "Host: localhost"]
        lines += [f"Authorization: Bearer {self.run.token}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def head(self):
        raw = await self.reader.readuntil(b"\r\n\r\n")
        status, *rest = raw.decode().strip().split("\r\n")
        fields = [line.split(": ", 1) for line in rest]
        names = [name.lower() for name, _ in fields]
        assert len(names) == len(set(names)), raw
        return status, {name.lower(): value for name, value in fields}

    async def answer(self):
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers.get("content-length", 0)))


@pytest.fixture
async def run(live):
    return await live.started()


@pytest.fixture
async def wire(live, run):
    async with Wire(live, run) as opened:
        yield opened


async def test_an_answer_is_whole_and_the_connection_stays(wire):
    for _ in range(3):
        wire.send("GET", "fhir/Patient?_count=1")
        status, headers, body = await wire.answer()
        assert status == "HTTP/1.1 200 OK"
        assert headers["content-type"] == "application/fhir+json" and headers["x-request-id"].startswith("req_")
        assert {"date", "server", "content-length"} <= set(headers) and "connection" not in headers
        assert body.startswith(b'{"resourceType":"Bundle"') and body.endswith(b"}")


async def test_requests_sent_ahead_are_answered_in_order(wire):
    for number in range(20):
        wire.send("PUT", f"files/ahead/{number}.txt", body=b"x" * (number + 1))
        wire.send("GET", f"files/ahead/{number}.txt")
    for number in range(20):
        assert (await wire.answer())[0] == "HTTP/1.1 201 Created"
        assert (await wire.answer())[2] == b"x" * (number + 1)


async def test_a_head_has_the_length_and_no_body(wire):
    wire.send("PUT", "files/a.txt", body=b"12345")
    await wire.answer()
    wire.send("HEAD", "files/a.txt")
    status, headers = await wire.head()
    assert status == "HTTP/1.1 200 OK" and headers["content-length"] == "5"
    wire.send("GET", "files/a.txt")
    assert (await wire.answer())[2] == b"12345"


async def test_an_answer_without_a_body(wire):
    wire.send("PUT", "files/a.txt", body=b"1")
    await wire.answer()
    wire.send("DELETE", "files/a.txt")
    status, headers = await wire.head()
    assert status == "HTTP/1.1 204 No Content" and "content-length" not in headers
    wire.send("GET", "files/a.txt")
    assert (await wire.answer())[0] == "HTTP/1.1 404 Not Found"


@pytest.mark.parametrize("how", [{"version": "1.0"}, {"headers": ["Connection: close"]}])
async def test_a_connection_that_is_to_be_closed_is(wire, how):
    wire.send("GET", "fhir/metadata", **how)
    status, headers, body = await wire.answer()
    assert status.endswith("200 OK") and len(body) > 1000
    assert headers.get("connection", "close") == "close"
    assert await wire.reader.read() == b""


async def test_an_http_1_0_connection_that_asks_to_stay_stays(wire):
    for _ in range(2):
        wire.send("GET", "fhir/Patient?_count=1", version="1.0", headers=["Connection: keep-alive"])
        status, headers, _ = await wire.answer()
        assert status == "HTTP/1.0 200 OK" and headers["connection"] == "keep-alive"


async def test_expect_100_continue(wire):
    wire.send("PUT", "files/a.txt", headers=["Expect: 100-continue", "Content-Length: 3"])
    assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.writer.write(b"abc")
    assert (await wire.answer())[0] == "HTTP/1.1 201 Created"


async def test_a_client_that_reads_slowly_gets_every_byte(wire, live, run):
    body = bytes(range(256)) * 32_768  # 8 MiB
    assert (await run.call("PUT", "files/big.bin", body=body)).status == 201
    for _ in range(3):
        wire.send("GET", "files/big.bin")
    for _ in range(3):
        await asyncio.sleep(0)
        assert (await wire.answer())[2] == body


async def test_a_client_that_goes_away_costs_nobody_else(live, run):
    body = b"x" * 4_000_000
    assert (await run.call("PUT", "files/big.bin", body=body)).status == 201
    for _ in range(5):
        async with Wire(live, run) as gone:
            for _ in range(4):
                gone.send("GET", "files/big.bin")
            gone.writer.transport.abort()
    assert (await run.call("GET", "files/big.bin")).body == body


async def test_both_ways_answer_alike(live, run):
    """An encoded percent sign sends a path the usual way; the id it leads to is the same."""
    short = await run.call("GET", "fhir/Patient/none")
    usual = await run.call("GET", "fhir/Patient/no%25ne")
    assert short.status == usual.status == 404
    assert set(short.headers) == set(usual.headers)
    assert usual.json["issue"][0]["diagnostics"] == "There is no Patient/no%ne."


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\rX"])
def test_a_line_break_in_a_header_is_refused(value):
    with pytest.raises(ValueError, match="line break"):
        write_whole(None, 200, "OK", [("ETag", value)], b"")


async def test_calls_sent_ahead_wait_for_their_events_in_order(live, run):
    """Nothing is answered before its event is on disk, and what is sent behind it comes behind it."""
    writer = live.app[WRITER]
    async with Wire(live, run) as wire:
        writer.hold()
        for n in range(3):
            wire.send("PUT", f"files/outbox/{n}.txt", body=b"x")
            wire.send("GET", "files/inbox")
            wire.send("DELETE", f"files/outbox/{n}.txt")
        first = asyncio.create_task(wire.head())
        await live.until(lambda: _has_seq(live.playground(run.tasks[0]), 3))
        for _ in range(20):  # time enough for an answer that does not wait
            assert (await live.call("GET", "/healthz")).status == 200
        assert not first.done()
        writer.release()
        status, headers = await first
        await wire.reader.readexactly(int(headers["content-length"]))
        statuses = [status.split()[1]]
        statuses += [(await wire.answer())[0].split()[1] for _ in range(8)]
    assert statuses == ["201", "200", "204"] * 3


async def test_a_client_that_leaves_before_its_event_is_on_disk(live, run):
    writer = live.app[WRITER]
    async with Wire(live, run) as gone:
        writer.hold()
        gone.send("PUT", "files/outbox/gone.txt", body=b"x")
        playground = live.playground(run.tasks[0])
        await live.until(lambda: _has_seq(playground, 3))
        gone.writer.transport.abort()
    assert (await live.call("GET", "/healthz")).status == 200
    writer.release()
    await live.until(lambda: _is_idle(live))
    assert (await run.call("GET", "files/outbox/gone.txt")).body == b"x"


async def _has_seq(playground, seq):
    return playground.seq >= seq


async def _is_idle(live):
    return live.app[IN_FLIGHT].count == 0


async def test_a_read_goes_the_short_way(live, run, monkeypatch):
    asked = []
    resolve = web.UrlDispatcher.resolve

    async def noted(self, request):
        asked.append(request.path)
        return await resolve(self, request)

    monkeypatch.setattr(web.UrlDispatcher, "resolve", noted)
    assert (await run.call("GET", "fhir/Patient/none")).status == 404
    assert asked == []
    assert (await run.call("GET", "fhir/Patient/no%25ne")).status == 404
    assert len(asked) == 1
