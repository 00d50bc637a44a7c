"""Connections that hold on: half a head, half a body, an answer that nobody reads. The others do not notice."""

import asyncio
import re
import resource
import socket
import subprocess
import sys
import threading
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from sandbox import limits
from sandbox.api.incoming import UNFINISHED

MOMENT_S = 0.4


@pytest.fixture
def hurry(monkeypatch):
    """Times short enough to be waited for."""
    monkeypatch.setattr(limits, "HEAD_TIMEOUT_S", MOMENT_S)
    monkeypatch.setattr(limits, "STALL_S", MOMENT_S)


def upload(guard, size, path="files/outbox/big.bin"):
    return (
        f"PUT /v1/benchmark-runs/{guard.run.id}/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n"
        f"Authorization: Bearer {guard.run.token}\r\n\r\n"
    ).encode()


# -- heads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begun", [b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "]
)
async def test_half_a_head(hurry, guard, begun):
    async with guard.line() as line:
        line.write(begun)
        status, headers, body = await line.answer()
        assert status == 408 and headers["connection"] == "close" and b"REQUEST_TIMEOUT" in body
        assert await line.rest() == b""


async def test_a_head_that_trickles(hurry, guard):
    async with guard.line() as line:
        line.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX: ")
        async with trickling(line):
            assert (await line.answer())[0] == 408


@asynccontextmanager
async def trickling(line):
    """Send a byte now and then."""

    async def send():
        with suppress(ConnectionError):
            while True:
                line.write(b"a")
                await line.writer.drain()
                await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_nothing_at_all_and_half_of_the_next(hurry, guard):
    async with guard.line() as line:
        assert await line.rest() == b""
    async with guard.line() as line:
        line.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await line.answer())[0] == 200
        line.write(b"GET /readyz HTTP/1.1\r\nHo")
        assert (await line.answer())[0] == 408


async def test_an_idle_connection_stays_and_goes_on(hurry, guard):
    async with guard.line() as line:
        for _ in range(3):
            line.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await line.answer())[0] == 200
            await asyncio.sleep(MOMENT_S * 1.5)  # between requests is the keep-alive's time, not a head's


async def test_hundreds_of_half_heads_and_an_honest_client(hurry, guard, monkeypatch):
    monkeypatch.setattr(limits, "HEAD_TIMEOUT_S", 3)
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(guard.line()) for _ in range(200)]
        for line in lines:
            line.write(b"GET /readyz HTTP/1.1\r\nHost: loc")
        assert (await guard.run.call("GET", "fhir/Patient/ana")).status == 200
        answers = await asyncio.gather(*(line.rest() for line in lines))
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
    assert (await guard.run.call("GET", "fhir/Patient/ana")).status == 200


def address(guard):
    host, port = guard.live.url.removeprefix("http://").split(":")
    return host, int(port)


# -- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["files/outbox/x", "fhir/Patient/x", "portal/login", "hl7/outbound", "fhir/token"])
async def test_half_a_body(hurry, guard, path):
    before = guard.run.state_hash()
    async with guard.line() as line:
        line.write(
            upload(guard, 100_000, path).replace(b"PUT", b"PUT" if path[:5] in ("files", "fhir/P") else b"POST")
            + b"x" * 50
        )
        status, _, body = await line.answer()
        assert status in (405, 408), (status, body)
        if status == 408:
            assert b"stopped coming" in body
        assert await line.rest() == b""
    assert guard.run.state_hash() == before
    assert guard.live.app[UNFINISHED].count == 0


async def test_a_body_that_trickles(hurry, guard):
    async with guard.line() as line:
        line.write(upload(guard, 1_000_000))
        async with trickling(line):
            assert (await line.answer())[0] == 408


async def test_a_body_that_moves_is_waited_for(hurry, guard, monkeypatch):
    monkeypatch.setattr(limits, "STALL_BYTES", 1_000)
    async with guard.line() as line:
        line.write(upload(guard, 60_000))
        for _ in range(30):  # far longer than one span
            line.write(b"x" * 2_000)
            await line.writer.drain()
            await asyncio.sleep(MOMENT_S / 5)
        assert (await line.answer())[0] == 201


async def test_unfinished_bodies_have_a_bound(guard, monkeypatch):
    monkeypatch.setattr(limits, "UNFINISHED_BYTES", 4 * limits.MIB)
    half, whole = b"x" * (2 * limits.MIB - 1000), 2 * limits.MIB
    async with guard.line() as first, guard.line() as second:
        for line in (first, second):
            line.write(upload(guard, whole) + half)
            await line.writer.drain()
        unfinished = guard.live.app[UNFINISHED]
        async with asyncio.timeout(20):
            while unfinished.count < 2 * len(half):
                await asyncio.sleep(0.01)
        refused = await guard.run.call("PUT", "files/outbox/third.bin", body=b"y" * 500_000)
        assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0
        assert (await guard.run.call("PUT", "files/outbox/small.txt", body=b"y")).status == 201
        for line in (first, second):
            line.write(b"x" * 1000)
            assert (await line.answer())[0] in (200, 201)
    assert (await guard.run.call("PUT", "files/outbox/third.bin", body=b"y" * 500_000)).status == 201
    assert unfinished.count == 0
    assert (await guard.run.call("GET", "files/outbox/big.bin")).body == b"x" * whole


async def test_large_bodies_do_not_lie_in_memory(guard):
    """Twenty uploads of 16 MiB that never end: the process grows by a fraction of them."""
    unfinished = guard.live.app[UNFINISHED]
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(guard.line()) for _ in range(20)]
        before = resident()
        for line in lines:
            line.write(upload(guard, 17 * limits.MIB))
        for _ in range(16):
            for line in lines:
                line.write(b"x" * limits.MIB)
                await line.writer.drain()
        async with asyncio.timeout(60):
            while unfinished.count < 20 * 15 * limits.MIB:
                await asyncio.sleep(0.01)
        assert resident() - before < 80 * limits.MIB
        assert not list(guard.live.settings.data_dir.glob("tmp*"))
    async with asyncio.timeout(20):
        while unfinished.count:
            await asyncio.sleep(0.01)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


# -- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_download_that_is_not_read(hurry, guard, version):
    assert (await guard.run.call("PUT", "files/big.bin", body=b"x" * 30_000_000)).status == 201
    raw = socket.create_connection(address(guard))
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(
        raw, upload(guard, 0, "files/big.bin").replace(b"PUT", b"GET").replace(b"1.1", version.encode())
    )
    try:
        server = guard.live.runner.server
        async with asyncio.timeout(20):
            while len(server.connections) < 2:
                await asyncio.sleep(0.01)
            while len(server.connections) > 1:  # what is left is this test's own client
                await asyncio.sleep(0.01)
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(20):
                while await loop.sock_recv(raw, 1 << 20):
                    pass
                raise ConnectionError("the end came before the whole answer")
    finally:
        raw.close()


async def test_a_download_that_is_read_slowly_comes_whole(hurry, guard, monkeypatch):
    monkeypatch.setattr(limits, "STALL_BYTES", 1_000)
    assert (await guard.run.call("PUT", "files/big.bin", body=b"x" * 8_000_000)).status == 201
    async with guard.line(limit=1 << 16) as line:
        line.write(upload(guard, 0, "files/big.bin").replace(b"PUT", b"GET"))
        await line.reader.readuntil(b"\r\n\r\n")
        left = 8_000_000
        while left:
            left -= len(await line.reader.read(400_000))
            await asyncio.sleep(MOMENT_S / 10)


# -- descriptors ---------------------------------------------------------------------------------


WITHOUT = """
import sys
sys.modules["uvloop"] = None
"""
SERVE = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from sandbox.cli import main
main()
"""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_at_the_descriptor_limit(disk, loop):
    places = ["--data-dir", disk.data, "--playgrounds", disk.playgrounds, "--seeds", disk.seeds]
    code = SERVE if loop == "uvloop" else WITHOUT + SERVE
    command = [sys.executable, "-c", code, "serve", "--port", "0", *map(str, places)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log: list[str] = []
    reading = threading.Thread(target=lambda: log.extend(process.stderr))  # a full pipe would hold the server up
    reading.start()
    held = []
    try:
        url = next(line.split()[-1] for line in process.stdout if line.startswith("sandbox ready at "))
        host, port = re.fullmatch(r"http://(.+):(\d+)", url).groups()
        reader, writer = await asyncio.open_connection(host, int(port))

        async def ask(reader, writer):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
            return head.startswith(b"HTTP/1.1 200 OK")

        assert await ask(reader, writer)
        held += [socket.create_connection((host, int(port)), timeout=5) for _ in range(150)]
        for _ in range(40):  # two seconds at the limit
            assert await ask(reader, writer)
            await asyncio.sleep(0.05)
        for one in held:
            one.close()
        async with asyncio.timeout(20):
            while True:  # until those that waited are gone
                late, other = await asyncio.open_connection(host, int(port))
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    if await ask(late, other):
                        break
                other.close()
        for one in (writer, other):
            one.close()
            await one.wait_closed()
    finally:
        for one in held:
            one.close()
        process.terminate()
        process.wait(30)
        reading.join()
        process.stdout.close()
        process.stderr.close()
    assert len(log) < 10 and "Traceback" not in "".join(log), log[:20]
    assert loop == "uvloop" or "ulimit -n" in "".join(log)
