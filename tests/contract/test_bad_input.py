"""Bad input on every route of the server: a 4xx in the route's own format, and no state changed.

`API` and `SURFACES` hold one row per route; a route without a row fails `test_every_route_has_a_row`.
"""

import asyncio
import email
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox import limits

MOUNTS = (
    "/v1/benchmark-runs/{benchmark_run_id}",
    "/v1/task-runs/{task_run_id}",
    "/sandboxes/{sandbox_id}",
    "/services/{sandbox_id}",
)
SURFACE_NAMES = ("fhir", "hl7", "files", "portal")
JSON = {"Content-Type": "application/json"}
ANY_TYPE = [1, 1.5, True, "x", [], {}, None]


@dataclass(frozen=True)
class Row:
    """One route: whose token it wants, what stands in its path, and what its body must be.

    `path` fills the parameters in; `body` is a valid one, None where the route takes none. `wrong`
    gives wrong values by field, `required` the fields that may not be missing.
    """

    token: str = "organization"
    path: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    required: tuple[str, ...] = ()
    wrong: dict[str, list[Any]] = field(default_factory=dict)
    query: str = ""
    is_open: bool = False
    has_json: bool = True
    limit: int = limits.REQUEST_BODY_BYTES


def but(*allowed: type) -> list[Any]:
    """Values of every JSON type but these."""
    return [v for v in ANY_TYPE if type(v) not in allowed]


NULL = type(None)
NOTHING = Row(body={})
RUN_ID = {"id": "{run}"}
TASK_ID = {"id": "{task}"}
COMPLETE = {"output": 1}
CREATE_WRONG = {
    "scored": but(bool),
    "agent": [*but(str, NULL), "x" * 201],
    "seed": [1.5, True, "x", [], {}, -1, 2**53, 10**40],
}
API: dict[tuple[str, str], Row] = {
    ("GET", "/healthz"): Row(is_open=True),
    ("GET", "/readyz"): Row(is_open=True),
    ("POST", "/v1/benchmark-runs"): Row(
        "solver",
        body={"benchmark": "clinic@1"},
        required=("benchmark",),
        wrong={
            "benchmark": [*but(str), "", "@1", "clinic@", "clinic@x", "clinic@-1", "clinic@²", "c" * 201],
            **CREATE_WRONG,
        },
    ),
    ("GET", "/v1/benchmark-runs/{benchmark_run_id}"): Row("run", {"benchmark_run_id": "{run}"}),
    ("POST", "/v1/task-runs/{task_run_id}/start"): Row("run", {"task_run_id": "{other_task}"}, {}),
    ("POST", "/v1/task-runs/{task_run_id}/complete"): Row(
        "run", {"task_run_id": "{task}"}, COMPLETE, wrong={"notes": [*but(str, NULL), "x" * 100_001]}
    ),
    ("GET", "/benchmark-runs"): Row(),
    ("POST", "/benchmark-runs"): Row(
        body={"benchmark_id": "clinic@1"},
        required=("benchmark_id",),
        wrong={"benchmark_id": [*but(str), "", "clinic@x", "bench_x" * 40], **CREATE_WRONG},
    ),
    ("GET", "/benchmark-runs/{id}"): Row(path=RUN_ID),
    ("POST", "/benchmark-runs/{id}/complete"): Row(path=RUN_ID, body={}),
    ("POST", "/benchmark-runs/{id}/cancel"): Row(path=RUN_ID, body={}),
    ("POST", "/benchmark-runs/{id}/publish"): Row(path=RUN_ID, body={}),
    ("POST", "/benchmark-runs/{id}/unpublish"): Row(path=RUN_ID, body={}),
    ("GET", "/leaderboard"): Row(query="benchmark=clinic@1"),
    ("GET", "/task-runs"): Row(query="benchmark_run_id={run}"),
    ("GET", "/task-runs/{id}"): Row(path=TASK_ID),
    ("POST", "/task-runs/{id}/complete"): Row(
        path=TASK_ID, body=COMPLETE, wrong={"notes": [*but(str, NULL), "x" * 100_001]}
    ),
    ("POST", "/task-runs/{id}/cancel"): Row(path=TASK_ID, body={}),
    ("POST", "/task-runs/{id}/rescore"): Row(
        path={"id": "{done}"}, body={"criteria": "current"}, wrong={"criteria": [*but(str), "other"]}
    ),
    ("GET", "/task-runs/{id}/events"): Row(path=TASK_ID),
    ("GET", "/task-runs/{id}/events/stream"): Row(path=TASK_ID),
    ("GET", "/criterion-runs"): Row(query="task_run_id={task}"),
    ("GET", "/criterion-runs/{id}"): Row(path={"id": "{criterion_run}"}),
    ("GET", "/sandboxes"): Row(),
    ("GET", "/sandboxes/{id}"): Row(path={"id": "{Files}"}),
    ("GET", "/sandboxes/{id}/events"): Row(path={"id": "{Files}"}),
    ("POST", "/sandboxes/{id}/teardown"): Row(path={"id": "{Files}"}, body={}),
    ("GET", "/playgrounds"): Row(),
    ("GET", "/playgrounds/{id}"): Row(path={"id": "{playground}"}),
    ("POST", "/playgrounds/{id}/teardown"): Row(path={"id": "{playground}"}, body={}),
    ("GET", "/benchmarks"): Row(),
    ("GET", "/benchmarks/{id}"): Row(path={"id": "clinic@1"}),
    ("GET", "/tasks"): Row(query="benchmark_id={benchmark}"),
    ("GET", "/tasks/{id}"): Row(path={"id": "{task_definition}"}),
}
AUTH_WRONG = {
    "patient_member_id": [*but(str), "", "x" * 65, "nobody"],
    "procedure_code": [*but(str), "", "1", "72148X"],
    "diagnosis_codes": [*but(list), [1], [None], ["nonsense"], ["M54.16"] * 13],
    "provider_npi": [*but(str), "", "1234567890", "12"],
    "clinical_answers": but(dict, NULL),
    "notes": [*but(str, NULL), "x" * 10_001],
    "attachments": [*but(list, NULL), [1], [{}], [{"filename": "../x", "content_base64": "eA=="}]],
    "draft": but(bool),
}
PRIOR_AUTH = {
    "patient_member_id": "M1",
    "procedure_code": "72148",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
}
PAYLOAD = Row(body={"payload": "MSH|"}, required=("payload",), wrong={"payload": but(str)})
SURFACES: dict[tuple[str, str], Row] = {
    ("GET", "hl7/inbox"): Row(),
    ("GET", "hl7/inbox/{id}"): Row(path={"id": "{message}"}),
    ("POST", "hl7/inbox/{id}/ack"): Row(
        path={"id": "{message}"},
        body={"ack_code": "AA"},
        required=("ack_code",),
        wrong={"ack_code": [*but(str), "", "XX"], "text": but(str), "payload": [*but(str), "nonsense"]},
    ),
    ("GET", "hl7/outbound"): Row(),
    ("POST", "hl7/outbound"): PAYLOAD,
    ("GET", "hl7/messages"): Row(),
    ("POST", "hl7/messages"): PAYLOAD,
    ("GET", "files"): Row(),
    ("GET", "files/"): Row(),
    ("GET", "files/inbox"): Row(),
    ("GET", "files/{path}"): Row(path={"path": "inbox/referral.txt"}),
    ("PUT", "files/{path}"): Row(path={"path": "outbox/x.txt"}, body={}, has_json=False, limit=limits.FILE_BYTES),
    ("DELETE", "files/{path}"): Row(path={"path": "inbox/referral.txt"}),
    ("POST", "files/{path}"): Row(path={"path": "inbox/referral.txt"}, body={}, has_json=False),
    ("POST", "portal/prior-auths"): Row(
        body=PRIOR_AUTH,
        required=("patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi"),
        wrong=AUTH_WRONG,
    ),
    ("GET", "portal/prior-auths"): Row(),
    ("GET", "portal/prior-auths/{id}"): Row(path={"id": "{draft}"}),
    ("PATCH", "portal/prior-auths/{id}"): Row(
        path={"id": "{draft}"},
        body={"notes": "x"},
        wrong={n: [v for v in values if v is not None] for n, values in AUTH_WRONG.items()},
    ),
    ("POST", "portal/prior-auths/{id}/submit"): Row(path={"id": "{draft}"}, body={}),
    ("POST", "portal/prior-auths/{id}/attachments"): Row(
        path={"id": "{draft}"},
        body={"filename": "a.pdf", "content_base64": "eA=="},
        required=("filename", "content_base64"),
        wrong={
            "filename": [*but(str), "", "..", "a/b", "a\x00b", "x" * 300],
            "content_base64": [*but(str), "!", "", "eA"],
            "content_type": [*but(str), "", "x", "a/b/c"],
        },
    ),
    ("GET", "portal/prior-auths/{id}/attachments"): Row(path={"id": "{draft}"}),
    ("GET", "portal/prior-auths/{id}/attachments/{aid}"): Row(path={"id": "{draft}", "aid": "{attachment}"}),
    ("GET", "portal/patients"): Row(),
    ("GET", "portal/patients/{member_id}"): Row(path={"member_id": "M1"}),
    ("GET", "portal/providers"): Row(),
    ("GET", "portal/providers/{npi}"): Row(path={"npi": "1234567893"}),
    ("GET", "portal/formulary"): Row(),
    ("GET", "portal/questions"): Row(),
    ("POST", "portal/login"): Row(
        body={"username": "x", "password": "y"},
        required=("username", "password"),
        wrong={"username": [*but(str), "x" * 201], "password": [*but(str), "x" * 201]},
    ),
    ("POST", "portal/logout"): Row(body={}),
    ("GET", "fhir/.well-known/smart-configuration"): Row(is_open=True),
    ("POST", "fhir/token"): Row(is_open=True, has_json=False, body={}),
    ("*", "fhir"): Row(),
    ("*", "fhir/{path}"): Row(path={"path": "Patient/ana"}),
}

IDS = [
    "x",
    "..",
    "%2e%2e",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%2e%2e%5c%2e%2e%5cwindows",
    "%00",
    "a%00b",
    "%ff%fe",
    "%ED%A0%80",
    "%C0%AE%C0%AE%2f",
    "%25",
    "%zz",
    "'%20OR%20'1'='1",
    "%F0%9F%92%89",
    "%0d%0aX-Injected:%201",
    "a" * 5000,
    "-1",
    "null",
    "*",
]


@dataclass
class World:
    """A run with one task started, and everything a path needs."""

    live: Any
    run: Any
    names: dict[str, str]
    tokens: dict[str, str]
    others: dict[str, str]

    def fill(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace("{" + name + "}", value)
        return text

    def routes(self) -> list[tuple[str, str, Row]]:
        """Every route with its parameters still open: (method, path, row)."""
        found = []
        for route in self.live.app.router.routes():
            method, path = route.method, route.resource.canonical
            if method == "HEAD":
                continue
            surface = surface_part(path)
            if surface is None:
                found.append((method, path, API[method, path]))
            else:
                mount = path[: -len(surface) - 1]
                found.append((method, path, self.mounted(mount, SURFACES[method, surface], surface)))
        return found

    def mounted(self, mount: str, row: Row, surface: str) -> Row:
        kind = {"files": "{Files}", "hl7": "{Hl7}", "portal": "{Payer}", "fhir": "{Fhir}"}[surface.partition("/")[0]]
        more = {"benchmark_run_id": "{run}", "task_run_id": "{task}", "sandbox_id": kind}
        path = {**row.path, **{k: v for k, v in more.items() if "{" + k + "}" in mount}}
        token = "run" if mount.startswith("/v1") else "organization"
        is_open = row.is_open and token == "organization"
        return Row(token, path, row.body, row.required, row.wrong, row.query, is_open, row.has_json, row.limit)

    def path(self, path: str, row: Row, replaced: dict[str, str] | None = None) -> str:
        """The path with its parameters filled in, some of them replaced."""
        for name, value in {**row.path, **(replaced or {})}.items():
            path = path.replace("{" + name + "}", self.fill(value))
        return path + (f"?{self.fill(row.query)}" if row.query else "")

    async def snapshot(self) -> Any:
        run = await self.live.get(f"/benchmark-runs/{self.run.id}")
        runs = (await self.live.get("/benchmark-runs?limit=100"))["data"]
        return run, runs, self.run.state_hash(0), self.live.state_hash(self.names["other_task"])


def surface_part(path: str) -> str | None:
    """The part of a canonical path below a mount, None for the API's own routes."""
    for mount in MOUNTS:
        rest = path.removeprefix(mount + "/")
        if rest != path and rest.split("/")[0] in SURFACE_NAMES:
            return rest
    return None


def is_first(path: str) -> bool:
    """Whether a route is the API's own or below the first mount: one implementation serves all mounts."""
    return surface_part(path) is None or path.startswith(MOUNTS[0])


@pytest.fixture
async def world(live, kit):
    other = await live.started()
    run = await live.run()
    await run.start(1)
    await run.complete(1)
    third = await live.run()
    await run.start(0)
    draft = (await run.call("POST", "portal/prior-auths", json={**PRIOR_AUTH, "draft": True})).json["request_id"]
    uploaded = await run.call(
        "POST", f"portal/prior-auths/{draft}/attachments", json={"filename": "a.pdf", "content_base64": "eA=="}
    )
    attachment = (await run.call("GET", f"portal/prior-auths/{draft}/attachments")).json["data"][0]
    benchmark = await live.get("/benchmarks/clinic@1")
    assert uploaded.status == 201
    names = {
        "run": run.id,
        "task": run.tasks[0],
        "other_task": third.tasks[0],
        "done": run.tasks[1],
        "draft": draft,
        "attachment": str(attachment.get("attachment_id") or attachment.get("id")),
        "message": (await run.call("GET", "hl7/inbox")).json[0]["id"],
        "playground": run.value["task_runs"][0]["playground_id"],
        "benchmark": benchmark["id"],
        "task_definition": run.value["task_runs"][0]["task_id"],
        "criterion_run": (await live.get(f"/criterion-runs?task_run_id={run.tasks[1]}"))["data"][0]["id"],
    }
    names |= {s["type"]: s["id"] for s in run.value["sandboxes"] if s["task_run_id"] == run.tasks[0]}
    tokens = {"organization": kit.api_key, "solver": kit.solver_key, "run": run.token, "third": third.token}
    return World(live, run, names, tokens, {"run": other.token})


def token_of(world: World, path: str, row: Row) -> str:
    return world.tokens["third" if "{other_task}" in row.path.values() else row.token]


def assert_refused(answer: Any, path: str, *statuses: int, note: object = "") -> None:
    """A 4xx in the format of the path's surface, with the request id."""
    where = (path[:200], note, answer)
    assert 400 <= answer.status < 500, where
    if statuses:
        assert answer.status in statuses, where
    request_id = answer.headers["X-Request-Id"]
    assert re.fullmatch(r"req_\w{20,}", request_id), where
    assert "X-Injected" not in answer.headers
    if re.match(r"/(v1/(benchmark|task)-runs|sandboxes|services)/[^/]*/fhir(/|$|\?)", path):
        assert answer.headers["Content-Type"].startswith("application/fhir+json"), where
        assert answer.json["resourceType"] == "OperationOutcome", where
        assert answer.json["issue"][0]["diagnostics"], where
        return
    assert answer.headers["Content-Type"].startswith("application/json"), where
    error = answer.error
    assert set(error) in ({"code", "message", "request_id"}, {"code", "message", "request_id", "details"}), where
    assert error["request_id"] == request_id, where
    assert error["message"] and re.fullmatch("[A-Z_]+", error["code"]), where


@dataclass(frozen=True)
class Raw:
    """An answer to `raw`."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


async def raw(live: Any, request: bytes) -> Any:
    """Send bytes as they are and read the answer."""
    host, port = live.url.removeprefix("http://").split(":")
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        await writer.drain()
        begin, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        headers = email.message_from_bytes(rest)
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        writer.close()
    return Raw(int(begin.split()[1]), headers, body)


def head(method: str, path: bytes | str, token: str, *headers: str) -> bytes:
    target = path if isinstance(path, bytes) else path.encode()
    lines = "".join(
        f"{line}\r\n" for line in ("Host: x", f"Authorization: Bearer {token}", "Connection: close", *headers)
    )
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + lines.encode("latin-1") + b"\r\n"


async def test_every_route_has_a_row(live):
    routes = {(r.method, r.resource.canonical) for r in live.app.router.routes() if r.method != "HEAD"}
    found = {key for key in routes if surface_part(key[1]) is None}
    assert found == set(API)
    for mount in MOUNTS:
        mounted = {(m, surface_part(p)) for m, p in routes if surface_part(p) is not None and p.startswith(mount)}
        assert mounted == set(SURFACES), mount


async def test_the_rows_are_right(world):
    """Each row's own path and token lead to its route: what is refused below is refused for the right reason."""
    for method, path, row in world.routes():
        if method != "GET" or "stream" in path:
            continue
        answer = await world.live.call(method, world.path(path, row), token_of(world, path, row))
        assert answer.status == 200, (path, answer)


async def test_wrong_tokens(world):
    live = world.live
    before = await world.snapshot()
    for method, path, row in world.routes():
        if row.is_open:
            continue
        target = world.path(path, row)
        sent = "GET" if method == "*" else method
        for token in (None, "", "nonsense", "vk_", "vrl_run_x", "vrl_slv_x", "é"):
            assert_refused(await live.call(sent, target, token, body=b""), target, 401, note=token)
        for kind in ("organization", "solver", "run"):
            is_readable = kind == "solver" and path == "/v1/benchmark-runs/{benchmark_run_id}"
            if kind != row.token and not is_readable:
                assert_refused(await live.call(sent, target, world.tokens[kind], body=b""), target, 401, note=kind)
        if row.token == "run":
            assert_refused(await live.call(sent, target, world.others["run"], body=b""), target, 404)
    assert await world.snapshot() == before


async def test_expired_tokens(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        run = await live.started()
        clock.advance(25 * 3600)
        names = {
            "run": run.id,
            "task": run.tasks[0],
            "other_task": run.tasks[1],
            "message": "x",
            "draft": "x",
            "attachment": "x",
        }
        world = World(live, run, names, {"run": run.token}, {})
        before = run.state_hash(), len(await run.events())
        for method, path, row in world.routes():
            if row.token == "run":
                target = world.path(path, row)
                assert_refused(
                    await live.call("GET" if method == "*" else method, target, run.token, body=b""), target, 401
                )
        assert (run.state_hash(), len(await run.events())) == before


async def test_wrong_ids(world):
    live = world.live
    before = await world.snapshot()
    for method, path, row in world.routes():
        for name in row.path:
            if (method, name) == ("PUT", "path"):
                continue  # most of these are names a file may have; for the others see path traversal
            is_of_mount = surface_part(path) is not None and name not in surface_part(path)
            for bad in IDS[:6] if is_of_mount else IDS if is_first(path) else IDS[:2]:
                target = world.path(path, row, {name: bad})
                answer = await live.call(
                    "GET" if method == "*" else method, target, token_of(world, path, row), body=b""
                )
                assert_refused(answer, target, note=(method, name, bad[:50]))
                assert answer.status != 401 or name == "path"
    assert await world.snapshot() == before


async def test_wrong_methods(world):
    live = world.live
    before = await world.snapshot()
    allowed: dict[str, set[str]] = {}
    for method, path, _ in world.routes():
        allowed.setdefault(path, set()).add(method)
    for method, path, row in world.routes():
        if "*" in allowed[path]:
            continue
        target = world.path(path, row)
        for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - allowed[path]:
            answer = await live.call(wrong, target, token_of(world, path, row), body=b"")
            if target.split("?")[0].endswith(("/files/inbox", "/files/")) and wrong in ("PUT", "DELETE", "POST"):
                assert_refused(answer, target, note=wrong)  # another route's method, on a fixed directory
                continue
            if re.search(r"/fhir/", target):  # the route for every path takes it
                assert answer.status < 500
                continue
            assert_refused(answer, target, 405, note=wrong)
            assert method in answer.headers["Allow"] or allowed[path] & set(answer.headers["Allow"].split(", "))
        if method != "GET" and "GET" in allowed[path]:
            continue
        head_of = await live.call("HEAD", target, token_of(world, path, row))
        assert head_of.status in ((200,) if "GET" in allowed[path] and "stream" not in path else (405,)), (
            path,
            head_of,
        )
        assert head_of.body == b""
    assert await world.snapshot() == before


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


def bodies(row: Row) -> list[tuple[bytes, dict[str, str]]]:
    """Every wrong body for a route that reads JSON."""
    assert row.body is not None
    found = list(BROKEN)
    incomplete = ({k: v for k, v in row.body.items() if k != name} for name in row.required)
    found += [(json.dumps(value).encode(), JSON) for value in incomplete]
    for name, values in row.wrong.items():
        base = {} if name == "payload" else row.body
        found += [(json.dumps({**base, name: value}).encode(), JSON) for value in values]
    found.append((json.dumps({**row.body, "nonsense": 1}).encode(), JSON))
    return found


async def test_wrong_bodies(world):
    live = world.live
    before = await world.snapshot()
    for method, path, row in world.routes():
        if row.body is None or not row.has_json:
            continue
        target = world.path(path, row)
        for body, headers in bodies(row) if is_first(path) else BROKEN:
            if "attachments" in path and headers["Content-Type"] == "image/png":
                continue  # a file as it is, which only lacks its name
            answer = await live.call(method, target, token_of(world, path, row), body=body, headers=headers)
            assert_refused(answer, target, 400, 404, 413, 415, 422, note=body[:200])
    assert await world.snapshot() == before


async def test_fields_are_named(live, kit):
    for path, token in (("/v1/benchmark-runs", kit.solver_key), ("/benchmark-runs", kit.api_key)):
        row = API["POST", path]
        for name, values in row.wrong.items():
            for value in values:
                if isinstance(value, str) and "@" in value:
                    continue
                answer = await live.call("POST", path, token, json={**(row.body or {}), name: value})
                assert answer.status == 400 and name in answer.error["details"], (name, value, answer)
        answer = await live.call("POST", path, token, json={})
        assert answer.error["details"] == {row.required[0]: ["Required field"]}
        answer = await live.call("POST", path, token, json={**(row.body or {}), "nonsense": 1})
        assert list(answer.error["details"]) == ["nonsense"]


async def test_oversize_bodies_on_every_route(world):
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
        request = head(
            "POST" if is_fhir else method,
            target,
            token_of(world, path, row),
            f"Content-Length: {size}",
            f"Content-Type: {kind}",
        )
        assert_refused(await raw(live, request), target, 413)
    assert await world.snapshot() == before


async def test_the_limit_of_a_body_and_one_past_it(live, kit):
    run = await live.started()
    path = f"/v1/task-runs/{run.tasks[0]}/complete"
    empty = len(json.dumps({"output": ""}))
    full = json.dumps({"output": "x" * (limits.REQUEST_BODY_BYTES - empty)}).encode()
    assert len(full) == limits.REQUEST_BODY_BYTES
    for body in (full + b" ", chunks(full + b" ")):
        answer = await live.call("POST", path, run.token, body=body, headers=JSON)
        assert_refused(answer, path, 413)
        assert str(limits.REQUEST_BODY_BYTES) in answer.error["message"]
    assert (await live.get(f"/task-runs/{run.tasks[0]}"))["phase"] == "started"
    answer = await live.call("POST", path, run.token, body=full, headers=JSON)
    assert answer.status == 200


async def chunks(body: bytes) -> Any:
    for begin in range(0, len(body), limits.MIB):
        yield body[begin : begin + limits.MIB]


async def test_a_file_one_past_its_limit(live):
    run = await live.started()
    before = run.state_hash()

    async def content() -> Any:
        for _ in range(64):
            yield b"\x00" * limits.MIB
        yield b"\x00"

    answer = await run.call("PUT", "files/outbox/big.bin", body=content())
    assert_refused(answer, f"/v1/benchmark-runs/{run.id}/files/outbox/big.bin", 413)
    assert run.state_hash() == before


async def test_depth_at_the_limit_and_one_past_it(live):
    run = await live.started()
    path = f"/v1/task-runs/{run.tasks[0]}/complete"
    for depth, status in ((limits.JSON_DEPTH + 1, 413), (limits.JSON_DEPTH, 200)):
        arrays = depth - 1  # the object around them is one level
        body = b'{"output": ' + b"[" * arrays + b"]" * arrays + b"}"
        assert (await live.call("POST", path, run.token, body=body, headers=JSON)).status == status


TRAVERSAL = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "inbox/../../etc/passwd",
    "inbox/%2e%2e/%2e%2e/etc/passwd",
    "inbox/..",
    "inbox//referral.txt",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "inbox%00.txt",
    "inbox/%00",
    "inbox%5c..%5c..%5cetc",
    "%ff%fe",
    "a" * 1025,
    "a/" * 600 + "a",
    "%0a",
    "inbox/a%0ab",
    "%7e/../x",
    ".",
    "./inbox/referral.txt",
]


async def test_path_traversal_raw(world):
    """Sent byte for byte: no client has tidied the path up."""
    live, run = world.live, world.run
    before = await world.snapshot()
    for mount in (
        f"/v1/benchmark-runs/{run.id}",
        f"/v1/task-runs/{run.tasks[0]}",
        f"/sandboxes/{world.names['Files']}",
    ):
        token = run.token if mount.startswith("/v1") else world.tokens["organization"]
        for path in TRAVERSAL:
            target = f"{mount}/files/{path}"
            for method in ("GET", "PUT", "DELETE"):
                answer = await raw(live, head(method, target, token, "Content-Length: 0"))
                assert_refused(answer, target, note=method)
                assert b"root:" not in answer.body
            target = f"{mount}/files/inbox/referral.txt?move_to={path}"
            assert_refused(await raw(live, head("POST", target, token, "Content-Length: 0")), target)
    assert await world.snapshot() == before


async def test_bytes_that_are_not_utf_8(world):
    """In the path, the query, and every header that is kept or compared."""
    live, run = world.live, world.run
    before = await world.snapshot()
    token = run.token
    for method, path in [
        ("GET", "/\xff"),
        ("GET", f"/v1/benchmark-runs/{run.id}/files/\xff\xfe"),
        ("PUT", f"/v1/benchmark-runs/{run.id}/files/outbox/\xe9.txt"),
        ("GET", f"/v1/benchmark-runs/{run.id}/portal/patients/\xff"),
        ("GET", f"/v1/benchmark-runs/{run.id}/portal/patients?name=\xff"),
        ("GET", f"/v1/benchmark-runs/{run.id}/hl7/inbox/\xff"),
        ("GET", f"/v1/benchmark-runs/{run.id}/fhir/Patient/\xff"),
        ("GET", f"/v1/benchmark-runs/{run.id}/fhir/Patient?family=\xff"),
        ("GET", "/v1/benchmark-runs/\xff"),
        ("POST", "/v1/task-runs/\xff/start"),
    ]:
        answer = await raw(live, head(method, path.encode("latin-1"), token, "Content-Length: 0"))
        assert 400 <= answer.status < 500, (path, answer)
    for path in (
        "/task-runs/\xff",
        "/sandboxes/\xff",
        "/criterion-runs/\xff",
        "/benchmarks?cursor=\xff",
        "/sandboxes?playground_id=\xff",
    ):
        answer = await raw(live, head("GET", path.encode("latin-1"), world.tokens["organization"]))
        assert answer.status < 500, (path, answer)
    for name in (
        "User-Agent",
        "Accept",
        "Content-Type",
        "If-Match",
        "If-None-Match",
        "If-None-Exist",
        "Prefer",
        "Range",
        "If-Modified-Since",
        "Cookie",
        "X-Other",
    ):
        for target in ("files/inbox/referral.txt", "hl7/inbox", "portal/patients", "fhir/Patient/ana"):
            answer = await raw(live, head("GET", f"/v1/benchmark-runs/{run.id}/{target}", token, f"{name}: \xff\xfe"))
            assert answer.status < 500, (name, target, answer)
    assert await world.snapshot() == before
    assert (await live.call("GET", "/readyz")).status == 200
    for event in await run.events():
        assert event["type"] != "surface_error", event


async def test_queries(world):
    run = world.run
    before = await world.snapshot()
    for path in (
        "files/inbox",
        "files/inbox/referral.txt",
        "portal/patients",
        "portal/prior-auths",
        "portal/formulary",
    ):
        for query in ("nonsense=1", "limit=x&nonsense", "%00=1", "%ff=1", "a" * 5000, "=", "&&&=&", "a=1&a=2"):
            answer = await run.call("GET", f"{path}?{query}")
            if query.strip("&=") or answer.status != 200:
                assert_refused(answer, f"/v1/benchmark-runs/{run.id}/{path}", note=query[:50])
    for query in ("limit=0", "limit=-1", "limit=x", "cursor=x", "cursor=%00", "limit=1&limit=2"):
        answer = await run.call("GET", f"portal/patients?{query}")
        assert_refused(answer, f"/v1/benchmark-runs/{run.id}/portal/patients", 400, note=query)
    assert await world.snapshot() == before


FHIR_JSON = {"Content-Type": "application/fhir+json"}
FHIR = [
    ("GET", "Nonsense", b"", {}),
    ("GET", "Nonsense/1", b"", {}),
    ("GET", "Patient/none", b"", {}),
    ("GET", "Patient/ana/_history/99", b"", {}),
    ("GET", "Patient/ana/_history/x", b"", {}),
    ("GET", "Patient/" + "x" * 65, b"", {}),
    ("GET", "Patient/a%00b", b"", {}),
    ("GET", "Patient/..%2f..%2f", b"", {}),
    ("GET", "Patient/ana/nonsense", b"", {}),
    ("GET", "Patient/ana/$nonsense", b"", {}),
    ("GET", "$nonsense", b"", {}),
    ("GET", "Patient?nonsense=1", b"", {}),
    ("GET", "Patient?name:nonsense=1", b"", {}),
    ("GET", "Patient?birthdate=nonsense", b"", {}),
    ("GET", "Patient?birthdate=zz2020", b"", {}),
    ("GET", "Patient?_count=x", b"", {}),
    ("GET", "Patient?_count=-1", b"", {}),
    ("GET", "Patient?_sort=nonsense", b"", {}),
    ("GET", "Patient?_include=nonsense", b"", {}),
    ("GET", "Patient?_format=xml", b"", {}),
    ("GET", "Patient/ana", b"", {"Accept": "application/fhir+xml"}),
    ("GET", "Patient/ana", b"", {"Accept": "image/png"}),
    ("POST", "Patient", b"", FHIR_JSON),
    ("POST", "Patient", b"{", FHIR_JSON),
    ("POST", "Patient", b"[]", FHIR_JSON),
    ("POST", "Patient", b"null", FHIR_JSON),
    ("POST", "Patient", b"{}", FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": 1}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Nonsense"}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Observation"}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "resourceType": "Patient"}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "nonsense": 1}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "gender": "banana"}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "birthDate": "1999-13-40"}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "name": "x"}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "active": NaN}', FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "contained": ' + b"[" * 100 + b"]" * 100 + b"}", FHIR_JSON),
    ("POST", "Patient", b'{"resourceType": "Patient", "name": [{"family": "\xff"}]}', FHIR_JSON),
    ("POST", "Patient", b"<Patient/>", {"Content-Type": "application/fhir+xml"}),
    ("POST", "Patient", b"x", {"Content-Type": "image/png"}),
    ("POST", "Observation", b'{"resourceType": "Observation"}', FHIR_JSON),
    ("PUT", "Patient/ana", b'{"resourceType": "Patient"}', FHIR_JSON),
    ("PUT", "Patient/ana", b'{"resourceType": "Patient", "id": "other"}', FHIR_JSON),
    ("PUT", "Patient/ana", b'{"resourceType": "Patient", "id": "ana"}', {**FHIR_JSON, "If-Match": 'W/"99"'}),
    ("PUT", "Patient/ana", b'{"resourceType": "Patient", "id": "ana"}', {**FHIR_JSON, "If-Match": "nonsense"}),
    ("PUT", "Patient/in_valid", b'{"resourceType": "Patient", "id": "in_valid"}', FHIR_JSON),
    ("PUT", "Patient", b'{"resourceType": "Patient"}', FHIR_JSON),
    ("PATCH", "Patient/ana", b"nonsense", {"Content-Type": "application/json-patch+json"}),
    ("PATCH", "Patient/ana", b'[{"op": "nonsense"}]', {"Content-Type": "application/json-patch+json"}),
    (
        "PATCH",
        "Patient/ana",
        b'[{"op": "remove", "path": "/nonsense"}]',
        {"Content-Type": "application/json-patch+json"},
    ),
    (
        "PATCH",
        "Patient/ana",
        b'[{"op": "test", "path": "/id", "value": "x"}]',
        {"Content-Type": "application/json-patch+json"},
    ),
    (
        "PATCH",
        "Patient/ana",
        b'[{"op": "replace", "path": "/gender", "value": "banana"}]',
        {"Content-Type": "application/json-patch+json"},
    ),
    ("PATCH", "Patient/none", b"[]", {"Content-Type": "application/json-patch+json"}),
    ("PATCH", "Patient/ana", b"{}", {"Content-Type": "text/plain"}),
    ("DELETE", "Nonsense/1", b"", {}),
    ("POST", "", b'{"resourceType": "Patient"}', FHIR_JSON),
    ("POST", "", b'{"resourceType": "Bundle"}', FHIR_JSON),
    ("POST", "", b'{"resourceType": "Bundle", "type": "nonsense"}', FHIR_JSON),
    ("POST", "", b'{"resourceType": "Bundle", "type": "transaction", "entry": 1}', FHIR_JSON),
    ("POST", "", b'{"resourceType": "Bundle", "type": "transaction", "entry": [{}]}', FHIR_JSON),
    (
        "POST",
        "",
        b'{"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "POST", "url": "Patient"},'
        b' "resource": {"resourceType": "Patient"}}, {"request": {"method": "DELETE", "url": "Nonsense/1"}}]}',
        FHIR_JSON,
    ),
    ("POST", "Patient/_search", b"nonsense=1", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("POST", "Patient/_search", b"{}", FHIR_JSON),
    ("POST", "Patient/ana", b"{}", FHIR_JSON),
    ("TRACE", "Patient", b"", {}),
    ("PROPFIND", "Patient/ana", b"", {}),
]


async def test_fhir(world):
    live = world.live
    before = await world.snapshot()
    for mount in MOUNTS:
        names = {"benchmark_run_id": "{run}", "task_run_id": "{task}", "sandbox_id": "{Fhir}"}
        for name, value in names.items():
            mount = mount.replace("{" + name + "}", world.fill(value))
        token = world.run.token if mount.startswith("/v1") else world.tokens["organization"]
        for method, path, body, headers in FHIR:
            target = f"{mount}/fhir/{path}" if path else f"{mount}/fhir"
            answer = await live.call(method, target, token, body=body or None, headers=headers)
            assert_refused(answer, target, note=(method, path, body[:100]))
    assert await world.snapshot() == before


HL7_CHARSETS = [
    "hex",
    "rot13",
    "base64",
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "utf-7",
    "x" * 500,
    "utf-16",
    "undefined",
    "zip",
]


async def test_hl7_charsets_never_break(world):
    run = world.run
    for charset in HL7_CHARSETS:
        for body in (b"MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5\r", b"\xff\xfe\x00", b"", b"\x80"):
            answer = await run.call(
                "POST", "hl7/outbound", body=body, headers={"Content-Type": f"text/plain; charset={charset}"}
            )
            assert answer.status < 500, (charset, body, answer)
    for event in await run.events():
        assert event["type"] != "surface_error", event


async def test_what_the_http_parser_itself_refuses(live, kit):
    """Not an HTTP request, or one with a line beyond all reason: a 4xx, and the server lives on."""
    for request in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/benchmark-runs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ):
        answer = await raw(live, request)
        assert 400 <= answer.status < 500, (request[:50], answer)
    assert (await live.call("GET", "/healthz")).status == 200
