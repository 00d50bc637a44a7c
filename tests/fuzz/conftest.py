"""What is thrown at the server: strategies for requests to each surface and to the API."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import strategies as st

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
ROUTES = {
    "fhir": (
        "POST Patient|PUT Patient/ana|PUT Patient/new|GET Patient|GET Patient/ana|POST |PATCH Patient/ana|"
        "DELETE Patient/ana|GET Patient/ana/_history|GET Patient/ana/_history/1|POST Patient/_search|"
        "GET Observation|POST Observation|GET metadata|GET Patient/ana/$everything|POST Patient/$validate|"
        "GET Observation/$lastn|GET _history|GET Patient/_history|POST token|"
        "GET .well-known/smart-configuration|PUT Patient|PATCH Patient|DELETE Patient|"
        "GET Patient/ana/Observation|GET |POST _search|HEAD Patient/ana"
    ).split("|"),
    "hl7": (
        "GET inbox|GET inbox/MESSAGE|POST inbox/MESSAGE/ack|GET outbound|POST outbound|POST messages|GET messages"
    ).split("|"),
    "files": (
        "GET inbox|GET |GET inbox/a.txt|HEAD inbox/a.txt|PUT outbox/new.txt|PUT inbox/a.txt|PUT a/b/c/d|"
        "DELETE inbox/a.txt|DELETE outbox/new.txt|POST outbox/new.txt|POST inbox/a.txt|GET outbox/new.txt|"
        "GET inbox/|GET outbox"
    ).split("|"),
    "portal": (
        "POST prior-auths|GET prior-auths|GET prior-auths/AUTH|PATCH prior-auths/AUTH|"
        "POST prior-auths/AUTH/submit|POST prior-auths/AUTH/attachments|GET prior-auths/AUTH/attachments|"
        "GET patients|GET patients/M1|GET providers|GET providers/1234567893|GET formulary|GET questions|"
        "POST login|POST logout"
    ).split("|"),
    "api": (
        "POST v1/benchmark-runs|GET v1/benchmark-runs/RUN|POST v1/task-runs/OTHER/start|GET benchmark-runs|"
        "POST benchmark-runs|GET benchmark-runs/RUN|POST benchmark-runs/RUN/publish|GET leaderboard|"
        "GET task-runs|GET task-runs/TASK|POST task-runs/TASK/rescore|GET task-runs/TASK/events|"
        "GET criterion-runs|GET sandboxes|GET sandboxes/SANDBOX|GET sandboxes/SANDBOX/events|"
        "POST sandboxes/SANDBOX/teardown|GET playgrounds|GET benchmarks|GET benchmarks/fuzz@1|GET tasks|"
        "GET tasks/none|GET healthz|GET readyz|POST oauth2/token|GET api/v1/whoami"
    ).split("|"),
}
MSH = "MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5"
MULTIPART = b"\r\n".join(
    [
        b"--x",
        b'Content-Disposition: form-data; name="file"; filename="a.pdf"',
        b"Content-Type: application/pdf",
        b"",
        b"%PDF",
        b"--x--",
        b"",
    ]
)
BODIES: dict[str, list[Any]] = {
    "fhir": [
        {"resourceType": "Patient", "id": "ana", "name": [{"family": "Reyes"}], "gender": "female"},
        {"resourceType": "Patient", "name": [{"family": "Neu"}]},
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": "Patient/ana"},
        },
        {"resourceType": "Parameters", "parameter": []},
    ],
    "hl7": [
        {"payload": MSH + "\rEVN|A01|20260423\rPID|1||1^^^MRN||Smith^John\rPV1|1|I"},
        {"ack_code": "AA"},
        {"ack_code": "AE", "text": "no"},
    ],
    "files": [{}, {"x": 1}],
    "portal": [
        {
            "patient_member_id": "M1",
            "procedure_code": "72148",
            "diagnosis_codes": ["M54.16"],
            "provider_npi": "1234567893",
        },
        {"patient_member_id": "M1", "draft": True},
        {"notes": "x"},
        {"filename": "a.pdf", "content_base64": "eA=="},
        {"username": "x", "password": "y"},
        {},
    ],
    "api": [
        {"benchmark": "fuzz@1"},
        {"benchmark_id": "fuzz@1", "seed": 1},
        {"criteria": "recorded"},
        {"output": 1},
        {},
    ],
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


def junk_paths(surface: str) -> st.SearchStrategy[str]:
    segment = st.one_of(
        st.sampled_from(SEGMENTS[surface]),
        st.sampled_from(SEGMENTS[surface]),
        st.text(max_size=12).map(lambda t: quote(t, safe="")),
        st.binary(min_size=1, max_size=6).map(lambda b: "".join(f"%{x:02x}" for x in b)),
    )
    return st.lists(segment, max_size=5).map("/".join)


def calls(surface: str) -> st.SearchStrategy[tuple[str, str]]:
    """A method and a path: mostly a real route, sometimes with another method, sometimes anything."""
    real = st.sampled_from([tuple(route.split(" ")) for route in ROUTES[surface]])
    other = st.tuples(st.sampled_from(METHODS), real).map(lambda pair: (pair[0], pair[1][1]))
    junk = st.tuples(st.sampled_from(METHODS), junk_paths(surface))
    return st.one_of(real, real, real, real, other, junk)


def queries(surface: str) -> st.SearchStrategy[str]:
    name = st.one_of(st.sampled_from(PARAMETERS[surface]), st.text(max_size=8).map(lambda t: quote(t, safe=":")))
    value = st.one_of(st.sampled_from(VALUES), st.text(max_size=15)).map(lambda t: quote(t, safe=":,|"))
    some = st.lists(st.tuples(name, value).map("=".join), max_size=3).map("&".join)
    return st.one_of(st.just(""), some)


def values(surface: str) -> st.SearchStrategy[Any]:
    """Any JSON, with the surface's own names in it."""
    keys = st.one_of(st.sampled_from(FIELDS[surface]), st.text(max_size=8))
    return st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
    )


def nearly_valid(surface: str) -> st.SearchStrategy[Any]:
    """A valid body with some of its fields replaced, added or left out."""
    base = st.sampled_from(BODIES[surface])
    if surface == "hl7":
        base = st.one_of(base, er7().map(lambda text: {"payload": text}))
    if surface == "fhir":
        base = st.one_of(base, bundles())

    def change(value: Any) -> st.SearchStrategy[Any]:
        if not isinstance(value, dict):
            return st.just(value)
        more = st.dictionaries(st.sampled_from([*FIELDS[surface], *value]), values(surface), max_size=2)
        left_out = st.sets(st.sampled_from(list(value) or ["x"]), max_size=1)
        return st.tuples(more, left_out).map(lambda t: {k: v for k, v in {**value, **t[0]}.items() if k not in t[1]})

    return st.one_of(base, base.flatmap(change))


def er7() -> st.SearchStrategy[str]:
    """Messages: a header that is right or nearly, and segments of anything."""
    begin = st.sampled_from(
        [MSH, MSH.replace("2.5", "9.9"), MSH.replace("ADT^A01", "X^Y"), MSH.replace("|P|", "||"), ""]
    )
    piece = st.sampled_from(
        [
            "PID|1||1^^^MRN||Smith^John",
            "PV1|1|I",
            "EVN|A01|20260423",
            "ZZZ|1",
            "|",
            "^",
            "~",
            "&",
            "\\X41\\",
            "é",
            "OBX|1|NM|x||y",
        ]
    )
    return st.tuples(begin, st.lists(piece, max_size=5), st.sampled_from(["\r", "\n", "\r\n", ""])).map(
        lambda t: t[2].join([t[0], *t[1]])
    )


def bundles() -> st.SearchStrategy[Any]:
    """Transactions and batches whose entries may or may not work."""
    request = st.fixed_dictionaries(
        {"method": st.sampled_from(METHODS), "url": st.sampled_from([r.split(" ")[1] for r in ROUTES["fhir"]] + VALUES)}
    )
    resource = st.one_of(st.sampled_from(BODIES["fhir"]), values("fhir"))
    entry = st.fixed_dictionaries(
        {"request": request},
        optional={"resource": resource, "fullUrl": st.sampled_from(["urn:uuid:1", "urn:uuid:2", "x"])},
    )
    return st.fixed_dictionaries(
        {
            "resourceType": st.just("Bundle"),
            "type": st.sampled_from(["transaction", "transaction", "batch", "searchset", "x"]),
            "entry": st.lists(entry, max_size=4),
        }
    )


def bodies(surface: str) -> st.SearchStrategy[tuple[bytes, str | None]]:
    """A body and its content type."""
    right = {"fhir": ["application/fhir+json", "application/json"], "hl7": ["application/json"]}
    content_type = st.sampled_from(right.get(surface, ["application/json"]))
    as_json = st.tuples(nearly_valid(surface).map(lambda v: json.dumps(v).encode()), content_type)
    anything = st.tuples(values(surface).map(lambda v: json.dumps(v).encode()), content_type)
    cut = as_json.flatmap(lambda b: st.integers(0, len(b[0])).map(lambda n: (b[0][:n], b[1])))
    raw = st.one_of(
        st.binary(max_size=64),
        er7().map(str.encode),
        st.sampled_from([b"", b"[" * 200, b"a=1&b=%ff", b"grant_type=client_credentials", MULTIPART, MULTIPART[:60]]),
        nearly_valid(surface).map(lambda v: json.dumps(v).encode()),
        patches().map(lambda v: json.dumps(v).encode()),
    )
    odd = st.tuples(raw, st.one_of(st.none(), st.sampled_from(CONTENT_TYPES), PRINTABLE))
    return st.one_of(as_json, as_json, as_json, anything, cut, odd)


def patches() -> st.SearchStrategy[Any]:
    operation = st.fixed_dictionaries(
        {
            "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
            "path": st.sampled_from(
                ["/gender", "/name/0/family", "/name/-", "/id", "/resourceType", "", "/", "x", "/name/9"]
            ),
        },
        optional={"value": LEAVES, "from": st.sampled_from(["/name", "/x"])},
    )
    return st.lists(operation, max_size=3)


def requests(surface: str) -> st.SearchStrategy[tuple[str, str, str, dict[str, str], bytes]]:
    value = st.one_of(st.sampled_from(HEADER_VALUES), PRINTABLE)
    some = st.dictionaries(st.sampled_from(HEADERS), value, max_size=2)
    headers = st.one_of(st.just({}), st.just({}), some)

    def put_together(parts: Any) -> tuple[str, str, str, dict[str, str], bytes]:
        (method, path), query, more, (body, content_type) = parts
        return method, path, query, more | ({"Content-Type": content_type} if content_type is not None else {}), body

    return st.tuples(calls(surface), queries(surface), headers, bodies(surface)).map(put_together)


@pytest.fixture(scope="session")
def requests_to() -> Callable[[str], st.SearchStrategy[Any]]:
    """The strategy for requests to a surface, or to the `api`: (method, path, query, headers, body)."""
    return requests
