"""Wrong bodies on every route that takes one, and the limits at their edge."""

import asyncio
import gzip
import json
import re
import zlib
from typing import Any

import pytest

from sandbox import limits

JSON = {"Content-Type": "application/json"}
BROKEN = [
    (b"{", JSON),
    (b"{}{}", JSON),
    (b"nonsense", JSON),
    (b"'x'", JSON),
    (b'{"a": 1, "a": 2}', JSON),
    (b'{"a": NaN}', JSON),
    (b'{"a": Infinity}', JSON),
    (b'{"a": 01}', JSON),
    (b'{"a": "\\ud800"}', JSON),
    (b'{"a": "\xff"}', JSON),
    (b"\xff\xfe{\x00}\x00", JSON),
    (b"[" * 65 + b"]" * 65, JSON),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, JSON),
    (b"[]", JSON),
    (b'"x"', JSON),
    (b"1", JSON),
    (b"null", JSON),
    (b"true", JSON),
    (b'{"nonsense": 1}', JSON),
    (b'{"": 1}', JSON),
    (b'{"__proto__": {}}', JSON),
    (b"<x/>", {"Content-Type": "application/xml"}),
    (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}),
    (b"\x00", {"Content-Type": "image/png"}),
]


def bodies(bad: Any, row: Any) -> list[tuple[bytes, dict[str, str]]]:
    """Every wrong body for a route that reads bad.JSON."""
    assert row.body is not None
    found = list(BROKEN)
    incomplete = ({k: v for k, v in row.body.items() if k != name} for name in row.required)
    found += [(json.dumps(value).encode(), bad.JSON) for value in incomplete]
    for name, values in row.wrong.items():
        base = {} if name == "payload" else row.body
        found += [(json.dumps({**base, name: value}).encode(), bad.JSON) for value in values]
    found.append((json.dumps({**row.body, "nonsense": 1}).encode(), bad.JSON))
    return found


async def test_wrong_bodies(world, bad):
    live = world.live
    before = await world.snapshot()
    for method, path, row in world.routes():
        if row.body is None or not row.has_json:
            continue
        target = world.path(path, row)
        for body, headers in bodies(bad, row) if bad.is_first(path) else BROKEN:
            if "attachments" in path and headers["Content-Type"] == "image/png":
                continue  # a file as it is, which only lacks its name
            answer = await live.call(method, target, bad.token_of(world, path, row), body=body, headers=headers)
            bad.assert_refused(answer, target, 400, 404, 413, 415, 422, note=body[:200])
    assert await world.snapshot() == before


async def test_fields_are_named(live, kit, bad):
    for path, token in (("/v1/benchmark-runs", kit.solver_key), ("/benchmark-runs", kit.api_key)):
        row = bad.API["POST", path]
        for name, values in row.wrong.items():
            for value in values:
                if isinstance(value, str) and "@" in value:
                    continue
                answer = await live.call("POST", path, token, json={**(row.body or {}), name: value})
                assert answer.status == 400, (name, value, answer)
                named = {place.partition(".")[0] for place in answer.error["details"]}  # of a list: which element
                assert named == {name}, (name, value, answer)
        answer = await live.call("POST", path, token, json={})
        assert answer.error["details"] == {row.required[0]: ["Required field"]}
        answer = await live.call("POST", path, token, json={**(row.body or {}), "nonsense": 1})
        assert list(answer.error["details"]) == ["nonsense"]


async def test_oversize_bodies_on_every_route(world, bad):
    """The size is declared, so that nothing need be sent."""
    live = world.live
    before = await world.snapshot()
    for method, path, row in world.routes():
        is_fhir = method == "*"
        if row.body is None and not is_fhir:
            continue
        target = world.path(path, row)
        size = row.limit * 2 + 1
        kind = "application/fhir+json" if is_fhir else "application/json"
        request = bad.head(
            "POST" if is_fhir else method,
            target,
            bad.token_of(world, path, row),
            f"Content-Length: {size}",
            f"Content-Type: {kind}",
        )
        bad.assert_refused(await bad.raw(live, request), target, 413)
    assert await world.snapshot() == before


async def test_the_limit_of_a_body_and_one_past_it(live, kit, bad):
    run = await live.started()
    path = f"/v1/task-runs/{run.tasks[0]}/complete"
    empty = len(json.dumps({"output": ""}))
    full = json.dumps({"output": "x" * (limits.REQUEST_BODY_BYTES - empty)}).encode()
    assert len(full) == limits.REQUEST_BODY_BYTES
    for body in (full + b" ", chunks(full + b" ")):
        answer = await live.call("POST", path, run.token, body=body, headers=bad.JSON)
        bad.assert_refused(answer, path, 413)
        assert str(limits.REQUEST_BODY_BYTES) in answer.error["message"]
    assert (await live.get(f"/task-runs/{run.tasks[0]}"))["phase"] == "started"
    answer = await live.call("POST", path, run.token, body=full, headers=bad.JSON)
    assert answer.status == 200


async def chunks(body: bytes) -> Any:
    for begin in range(0, len(body), limits.MIB):
        yield body[begin : begin + limits.MIB]


async def test_a_file_one_past_its_limit(live, bad):
    run = await live.started()
    before = run.state_hash()

    async def content() -> Any:
        for _ in range(64):
            yield b"\x00" * limits.MIB
        yield b"\x00"

    answer = await run.call("PUT", "files/outbox/big.bin", body=content())
    bad.assert_refused(answer, f"/v1/benchmark-runs/{run.id}/files/outbox/big.bin", 413)
    assert run.state_hash() == before


async def test_depth_at_the_limit_and_one_past_it(live, bad):
    run = await live.started()
    path = f"/v1/task-runs/{run.tasks[0]}/complete"
    for depth, status in ((limits.JSON_DEPTH + 1, 413), (limits.JSON_DEPTH, 200)):
        arrays = depth - 1  # the object around them is one level
        body = b'{"output": ' + b"[" * arrays + b"]" * arrays + b"}"
        assert (await live.call("POST", path, run.token, body=body, headers=bad.JSON)).status == status


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", gzip.compress(b"{}", mtime=0), 400),
        ("gzip", b"nonsense", 400),
        ("gzip", gzip.compress(b'{"resourceType": "Patient"}', mtime=0)[:15], 400),
        ("deflate", b"nonsense", 400),
        ("deflate", b"", 400),
        ("br", b"{}", 415),
        ("zstd", b"{}", 415),
        ("compress", b"{}", 415),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), 415),
        ("nonsense", b"{}", 415),
        ("identity", b"{}", 400),
    ],
)
async def test_content_encodings(live, coding, body, status):
    run = await live.started()
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": coding}
    answer = await live.call("POST", f"/v1/benchmark-runs/{run.id}/fhir/Patient", run.token, body=body, headers=headers)
    assert answer.status == status
    assert answer.json["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "nonsense"])
async def test_a_refused_encoding_leaves_the_connection_open(live, caplog, coding):
    run = await live.started()
    target = f"/v1/benchmark-runs/{run.id}/fhir/Patient"
    host = live.url.partition("//")[2]
    head = f"Host: {host}\r\nAuthorization: Bearer {run.token}\r\n"
    fields = f"Content-Type: application/fhir+json\r\nContent-Encoding: {coding}\r\nContent-Length: 8\r\n"
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(f"POST {target} HTTP/1.1\r\n{head}{fields}\r\nnonsense".encode())
    first = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", first)[1]))
    writer.write(f"GET {target}?_count=0 HTTP/1.1\r\n{head}\r\n".encode())
    second = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert first.split()[1] in (b"400", b"415") and second.split()[1] == b"200"
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


async def test_a_compressed_body_has_the_limit_of_a_body(live):
    run = await live.started()
    path = f"/v1/benchmark-runs/{run.id}/fhir/Patient"
    plain = b" " * (limits.REQUEST_BODY_BYTES + 1)
    for coding, bomb in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain))):
        headers = {"Content-Type": "application/fhir+json", "Content-Encoding": coding}
        answer = await live.call("POST", path, run.token, body=bomb, headers=headers)
        assert answer.status == 413 and answer.json["resourceType"] == "OperationOutcome", coding


def raw_deflate(body: bytes) -> bytes:
    maker = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return maker.compress(body) + maker.flush()


@pytest.mark.parametrize(
    ("coding", "make"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate), ("Deflate", zlib.compress)],
)
async def test_a_compressed_body_is_read(live, coding, make):
    run = await live.started()
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": coding}
    body = make(b'{"resourceType": "Patient"}')
    answer = await live.call("POST", f"/v1/benchmark-runs/{run.id}/fhir/Patient", run.token, body=body, headers=headers)
    assert answer.status == 201
