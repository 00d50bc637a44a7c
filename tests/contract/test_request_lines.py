"""Long URLs, which FHIR searches by GET make, and what is no HTTP at all."""

import asyncio
import json

import aiohttp
import pytest
from yarl import URL

from sandbox import limits
from sandbox.serving import serving_url
from sandbox.settings import Settings


@pytest.fixture
async def url(tmp_path):
    (tmp_path / "playgrounds").mkdir()
    settings = Settings(port=0, data_dir=tmp_path / "data", playgrounds=(tmp_path / "playgrounds",), is_watching=False)
    async with serving_url(settings) as found:
        yield found


@pytest.mark.parametrize(("length", "status"), [(20_000, 200), (limits.REQUEST_LINE_BYTES + 1, 400)])
async def test_a_long_url(url, length, status):
    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(f"{url}/healthz?q={'x' * length}", encoded=True)) as answer,
    ):
        assert answer.status == status


MALFORMED = [
    b"FLY / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nGarbage\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x01b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (limits.REQUEST_LINE_BYTES + 1) + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(500)) + b"\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("request_bytes", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_no_http_is_answered_as_any_error(url, request_bytes):
    host, port = url.removeprefix("http://").split(":")
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request_bytes)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    assert lines[0].split()[1] == "400"
    assert headers["content-type"] == "application/json"
    error = json.loads(body)["error"]
    assert error["code"] == "BAD_REQUEST" and error["request_id"] == headers["x-request-id"]
    assert error["message"].startswith("The request is not valid HTTP")
    async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as answer:
        assert answer.status == 200
