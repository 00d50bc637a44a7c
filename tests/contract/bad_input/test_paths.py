"""Paths, queries and headers that no well-behaved client sends, byte for byte."""

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


async def test_path_traversal_raw(world, bad):
    """Sent byte for byte: no client has tidied the path up."""
    live, run = world.live, world.run
    before = await world.snapshot()
    for mount in (
        f"/v1/benchmark-runs/{run.id}",
        f"/v1/task-runs/{run.tasks[0]}",
        f"/t/{world.names['secret']}",
        f"/sandboxes/{world.names['Files']}",
    ):
        token = run.token if mount.startswith("/v1") else world.tokens["organization"]
        for path in TRAVERSAL:
            target = f"{mount}/files/{path}"
            for method in ("GET", "PUT", "DELETE"):
                answer = await bad.raw(live, bad.head(method, target, token, "Content-Length: 0"))
                bad.assert_refused(answer, target, note=method)
                assert b"root:" not in answer.body
            target = f"{mount}/files/inbox/referral.txt?move_to={path}"
            bad.assert_refused(await bad.raw(live, bad.head("POST", target, token, "Content-Length: 0")), target)
    assert await world.snapshot() == before


async def test_bytes_that_are_not_utf_8(world, bad):
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
        answer = await bad.raw(live, bad.head(method, path.encode("latin-1"), token, "Content-Length: 0"))
        assert 400 <= answer.status < 500, (path, answer)
    for path in (
        "/task-runs/\xff",
        "/sandboxes/\xff",
        "/criterion-runs/\xff",
        "/benchmarks?cursor=\xff",
        "/sandboxes?playground_id=\xff",
    ):
        answer = await bad.raw(live, bad.head("GET", path.encode("latin-1"), world.tokens["organization"]))
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
            answer = await bad.raw(
                live, bad.head("GET", f"/v1/benchmark-runs/{run.id}/{target}", token, f"{name}: \xff\xfe")
            )
            assert answer.status < 500, (name, target, answer)
    assert await world.snapshot() == before
    assert (await live.call("GET", "/readyz")).status == 200
    for event in await run.events():
        assert event["type"] != "surface_error", event


async def test_queries(world, bad):
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
                bad.assert_refused(answer, f"/v1/benchmark-runs/{run.id}/{path}", note=query[:50])
    for query in ("limit=0", "limit=-1", "limit=x", "cursor=x", "cursor=%00", "limit=1&limit=2"):
        answer = await run.call("GET", f"portal/patients?{query}")
        bad.assert_refused(answer, f"/v1/benchmark-runs/{run.id}/portal/patients", 400, note=query)
    assert await world.snapshot() == before
