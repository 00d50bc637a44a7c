"""Generated requests at every surface and at the API.

Whatever is sent: never a 500, an error has the surface's own form, and a refused request leaves the
playground's state as it was. At the end the state on disk is the state in memory.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

FUZZ = settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
METHODS = ["GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PROPFIND"]
SEGMENTS = {
    "fhir": (
        "Patient Observation Nonsense ana none metadata _history _search $everything $validate $lastn token 1 2 "
        ".well-known smart-configuration Bundle"
    ).split(),
    "hl7": "inbox outbound messages ack MESSAGE none".split(),
    "files": "inbox outbox a.txt new.txt .. . archive".split(),
    "portal": (
        "prior-auths patients providers formulary questions login logout attachments submit M1 1234567893 none"
    ).split(),
    "api": (
        "v1 benchmark-runs task-runs criterion-runs sandboxes services playgrounds benchmarks tasks leaderboard events "
        "stream none RUN TASK SANDBOX fuzz@1 healthz"
    ).split(),
}
PARAMETERS = {
    "fhir": (
        "_id _count _sort _include _revinclude _summary _elements _total _format _lastUpdated family name:exact "
        "birthdate gender identifier _has:Observation:patient:code general-practitioner.name _filter _tag"
    ).split(),
    "hl7": ["limit"],
    "files": ["recursive", "move_to"],
    "portal": "limit cursor name member_id status birth_date filename drug npi procedure_code".split(),
    "api": "limit cursor order benchmark_run_id task_run_id benchmark_id playground_id superseded benchmark".split(),
}
VALUES = [
    "ana",
    "Reyes",
    "1970-01-01",
    "ge1970",
    "zz",
    "0",
    "-1",
    "1",
    "1000",
    "99999999999999999999",
    "true",
    "a,b",
    "a|b",
    "|",
    "Patient/ana",
    "http://x|y",
    "$",
    "\\,",
    "*",
    "_id,-family",
    "Patient:organization",
    "../x",
    "inbox/a.txt",
    "outbox/b",
]
FIELDS = {
    "fhir": (
        "resourceType id meta name gender birthDate active contained type entry status code subject extension"
    ).split(),
    "hl7": ["payload", "ack_code", "text"],
    "files": ["x"],
    "portal": (
        "patient_member_id procedure_code diagnosis_codes provider_npi clinical_answers notes attachments draft "
        "username password filename content_base64 content_type"
    ).split(),
    "api": "benchmark benchmark_id scored agent seed output notes criteria".split(),
}
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [
            "Patient",
            "Bundle",
            "transaction",
            "batch",
            "searchset",
            "Observation",
            "final",
            "male",
            "1970-01-01",
            "M1",
            "72148",
            "M54.16",
            "1234567893",
            "AA",
            "MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5",
            "fuzz",
            "eA==",
            "a.pdf",
        ]
    ),
)
CONTENT_TYPES = [
    "application/json",
    "application/fhir+json",
    "application/json-patch+json",
    "text/plain",
    "application/hl7-v2",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/octet-stream",
    "image/png",
    "nonsense",
    "text/plain; charset=utf-16",
    "application/json; charset=latin-1",
    "/",
    ";",
]
HEADERS = [
    "Accept",
    "If-Match",
    "If-None-Match",
    "If-None-Exist",
    "If-Modified-Since",
    "Prefer",
    "Range",
    "If-Range",
    "Cookie",
    "X-Request-Id",
    "Last-Event-ID",
    "If-Unmodified-Since",
]
HEADER_VALUES = [
    "*/*",
    "application/fhir+json",
    "application/fhir+xml",
    "*",
    'W/"1"',
    '"x"',
    "bytes=0-1",
    "bytes=-1",
    "bytes=9-1,,2-",
    "bytes=0-0,2-2",
    "return=minimal",
    "return=OperationOutcome, handling=lenient",
    "handling=strict",
    "family=Reyes",
    "Tue, 20 Apr 2027 17:10:02 GMT",
    "portal_session=x",
    "5",
]
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)


def paths(surface: str) -> st.SearchStrategy[str]:
    segment = st.one_of(
        st.sampled_from(SEGMENTS[surface]),
        st.sampled_from(SEGMENTS[surface]),
        st.text(max_size=12).map(lambda t: quote(t, safe="")),
        st.binary(min_size=1, max_size=6).map(lambda b: "".join(f"%{x:02x}" for x in b)),
    )
    return st.lists(segment, max_size=5).map("/".join)


def queries(surface: str) -> st.SearchStrategy[str]:
    name = st.one_of(st.sampled_from(PARAMETERS[surface]), st.text(max_size=8).map(lambda t: quote(t, safe=":")))
    value = st.one_of(st.sampled_from(VALUES), st.text(max_size=15)).map(lambda t: quote(t, safe=":,|"))
    return st.lists(st.tuples(name, value).map("=".join), max_size=3).map("&".join)


def json_bodies(surface: str) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(FIELDS[surface]), st.text(max_size=8))
    return st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
    )


def bodies(surface: str) -> st.SearchStrategy[bytes]:
    as_json = json_bodies(surface).map(lambda v: json.dumps(v).encode())
    typed = st.dictionaries(st.sampled_from(FIELDS[surface]), LEAVES, max_size=6).map(lambda v: json.dumps(v).encode())
    cut = as_json.flatmap(lambda b: st.integers(0, len(b)).map(lambda n: b[:n]))
    er7 = st.lists(
        st.sampled_from(["MSH|^~\\&|", "PID|1||x", "ADT^A01", "|", "^", "\r", "\n", "~", "2.5", "\\X41\\", "é"])
    ).map(lambda parts: "".join(parts).encode())
    return st.one_of(
        st.just(b""), as_json, typed, cut, er7, st.binary(max_size=64), st.just(b"[" * 200), st.just(b"a=1&b=%ff")
    )


def requests(surface: str) -> st.SearchStrategy[tuple[str, str, str, dict[str, str], bytes]]:
    value = st.one_of(st.sampled_from(HEADER_VALUES), PRINTABLE)
    headers = st.tuples(
        st.dictionaries(st.sampled_from(HEADERS), value, max_size=3),
        st.one_of(st.none(), st.sampled_from(CONTENT_TYPES), PRINTABLE),
    ).map(lambda pair: {**pair[0], **({"Content-Type": pair[1]} if pair[1] is not None else {})})
    return st.tuples(st.sampled_from(METHODS), paths(surface), queries(surface), headers, bodies(surface))


def assert_error(surface: str, target: Any, request: Any, status: int, headers: Any, body: bytes) -> None:
    """A refusal has a request id and the surface's own form."""
    where = (request, status, body[:500])
    assert re.fullmatch(r"req_\w{20,}", headers["X-Request-Id"]), where
    if request[0] == "HEAD":
        assert body == b"", where
    elif headers.get("Content-Type", "").startswith("application/fhir+json"):
        assert surface in ("fhir", "api"), where
        value = json.loads(body)
        assert value["resourceType"] == "OperationOutcome" and value["issue"], where
    elif surface == "fhir":
        value = json.loads(body)  # a token request is refused as OAuth says (RFC 6749, 5.2)
        assert "token" in request[1] and value["error"], where
    else:
        error = json.loads(body)["error"]
        assert error["message"] and error["code"] and error["request_id"] == headers["X-Request-Id"], where


async def throw(target: Any, surface: str, root: str, token: str, request: Any) -> None:
    method, path, query, headers, body = request
    for name, value in target.ids.items():
        path = path.replace(name.upper(), value)
    before = target.state_hash()
    url = f"{root}/{path}" + (f"?{query}" if query else "")
    if url.count("stream") and surface == "api":
        return
    headers = {**headers, "Authorization": f"Bearer {token}"}
    status, answered, content = await target.send(method, url, headers=headers, data=body or None)
    where = (method, url, headers, body, status, content[:500])
    assert status < 500, where
    assert re.fullmatch(r"req_\w{20,}", answered["X-Request-Id"]), where
    if status >= 400:
        assert_error(surface, target, request, status, answered, content)
        if not url.partition("?")[0].endswith("/portal/login"):  # a failed login is an attempt that counts
            assert target.state_hash() == before, where
    elif method in ("GET", "HEAD") and surface not in ("portal", "api"):  # a read may settle a determination
        assert target.state_hash() == before, where


async def settle(target: Any) -> None:
    """Nothing broke inside, and what is on disk is what is in memory."""
    assert await target.folded_hash() == target.state_hash()
    status, _, body = await target.send("GET", "/readyz")
    assert status == 200, body


async def examples(strategy: st.SearchStrategy[Any], act: Callable[[Any], Awaitable[None]], *more: Any) -> None:
    """Run hypothesis on a thread of its own; each example runs on this loop, where the server is."""
    loop = asyncio.get_running_loop()

    def go(value: Any) -> None:
        asyncio.run_coroutine_threadsafe(act(value), loop).result(30)

    test = FUZZ(given(value=strategy)(go))
    for value in more:
        test = example(value=value)(test)
    await asyncio.to_thread(test)


@pytest.mark.parametrize("surface", ["fhir", "hl7", "files", "portal"])
async def test_surfaces(target, surface):
    async def act(request: Any) -> None:
        await throw(target, surface, f"/v1/benchmark-runs/{target.run_id}/{surface}", target.token, request)

    await examples(
        requests(surface),
        act,
        ("POST", "", "", {"Content-Type": "application/json"}, b"{}"),
        ("GET", "%00", "%00=%00", {"Range": "bytes=0-"}, b""),
        ("PUT", "%ff", "", {"Content-Type": "\xff"}, b"\x00"),
    )
    await settle(target)


async def test_api(target):
    async def act(value: Any) -> None:
        request, token = value
        await throw(target, "api", "", target.token if token == "RUN" else token, request)

    await examples(st.tuples(requests("api"), st.sampled_from(["vk_local", "vrl_slv_local", "RUN", "nonsense"])), act)
    await settle(target)
