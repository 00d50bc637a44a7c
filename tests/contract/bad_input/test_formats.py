"""What FHIR, HL7 and HTTP itself must refuse, each in its own way."""

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


async def test_fhir(world, bad):
    live = world.live
    before = await world.snapshot()
    for mount in bad.MOUNTS:
        names = {
            "benchmark_run_id": "{run}",
            "task_run_id": "{task}",
            "capability": "{secret}",
            "sandbox_id": "{Fhir}",
        }
        for name, value in names.items():
            mount = mount.replace("{" + name + "}", world.fill(value))
        token = world.run.token if mount.startswith("/v1") else world.tokens["organization"]
        for method, path, body, headers in FHIR:
            target = f"{mount}/fhir/{path}" if path else f"{mount}/fhir"
            answer = await live.call(method, target, token, body=body or None, headers=headers)
            bad.assert_refused(answer, target, note=(method, path, body[:100]))
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


async def test_hl7_charsets_never_break(world, bad):
    run = world.run
    for charset in HL7_CHARSETS:
        for body in (b"MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5\r", b"\xff\xfe\x00", b"", b"\x80"):
            answer = await run.call(
                "POST", "hl7/outbound", body=body, headers={"Content-Type": f"text/plain; charset={charset}"}
            )
            assert answer.status < 500, (charset, body, answer)
    for event in await run.events():
        assert event["type"] != "surface_error", event


async def test_what_the_http_parser_itself_refuses(live, kit, bad):
    """Not an HTTP request, or one with a line beyond all reason: a 4xx, and the server lives on."""
    for request in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/benchmark-runs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ):
        answer = await bad.raw(live, request)
        assert 400 <= answer.status < 500, (request[:50], answer)
    assert (await live.call("GET", "/healthz")).status == 200
