"""Wrong tokens, ids and methods on every route."""

import re


async def test_every_route_has_a_row(live, bad):
    routes = {(r.method, r.resource.canonical) for r in live.app.router.routes() if r.method != "HEAD"}
    found = {key for key in routes if bad.surface_part(key[1]) is None and not bad.is_elsewhere(key[1])}
    assert found == set(bad.API)
    for mount in bad.MOUNTS:
        mounted = {
            (m, bad.surface_part(p)) for m, p in routes if bad.surface_part(p) is not None and p.startswith(mount)
        }
        is_direct = mount.startswith(bad.DIRECT)
        rows = bad.SURFACES.items()
        assert mounted == {k for k, row in rows if not (row.is_agents if is_direct else row.is_direct)}, mount


async def test_the_rows_are_right(world, bad):
    """Each row's own path and token lead to its route: what is refused below is refused for the right reason."""
    for method, path, row in world.routes():
        if method != "GET" or "stream" in path:
            continue
        answer = await world.live.call(method, world.path(path, row), bad.token_of(world, path, row))
        assert answer.status == row.status, (path, answer)


async def test_wrong_tokens(world, bad):
    live = world.live
    before = await world.snapshot()
    for method, path, row in world.routes():
        if row.is_open:
            continue
        target = world.path(path, row)
        sent = "GET" if method == "*" else method
        for token in (None, "", "nonsense", "vk_", "vrl_run_x", "vrl_slv_x", "é"):
            bad.assert_refused(await live.call(sent, target, token, body=b""), target, 401, note=token)
        for kind in ("organization", "solver", "run"):
            is_readable = kind == "solver" and path == "/v1/benchmark-runs/{benchmark_run_id}"
            if kind != row.token and not is_readable:
                bad.assert_refused(await live.call(sent, target, world.tokens[kind], body=b""), target, 401, note=kind)
        if row.token == "run":
            bad.assert_refused(await live.call(sent, target, world.others["run"], body=b""), target, 404)
    assert await world.snapshot() == before


async def test_expired_tokens(serve, kit, bad):
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
            "answer": "x",
            "appeal": "x",
        }
        world = bad.World(live, run, names, {"run": run.token}, {})
        before = run.state_hash(), len(await run.events())
        for method, path, row in world.routes():
            if row.token == "run" and not row.is_open:
                target = world.path(path, row)
                bad.assert_refused(
                    await live.call("GET" if method == "*" else method, target, run.token, body=b""), target, 401
                )
        assert (run.state_hash(), len(await run.events())) == before


async def test_wrong_ids(world, bad):
    live = world.live
    before = await world.snapshot()
    for method, path, row in world.routes():
        for name in row.path:
            if row.is_file:
                continue
            if (method, name) == ("PUT", "path"):
                continue  # most of these are names a file may have; for the others see path traversal
            is_of_mount = bad.surface_part(path) is not None and name not in bad.surface_part(path)
            ids = bad.IDS[:6] if is_of_mount else bad.IDS if bad.is_first(path) else bad.IDS[:2]
            for wrong in ids:
                target = world.path(path, row, {name: wrong})
                answer = await live.call(
                    "GET" if method == "*" else method, target, bad.token_of(world, path, row), body=b""
                )
                bad.assert_refused(answer, target, note=(method, name, wrong[:50]))
                assert answer.status != 401 or name == "path"
    assert await world.snapshot() == before


async def test_wrong_methods(world, bad):
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
            answer = await live.call(wrong, target, bad.token_of(world, path, row), body=b"")
            if target.split("?")[0].endswith(("/files/inbox", "/files/")) and wrong in ("PUT", "DELETE", "POST"):
                bad.assert_refused(answer, target, note=wrong)  # another route's method, on a fixed directory
                continue
            if re.search(r"/fhir/|/portal/web/", target):  # the route for every path takes it
                assert answer.status < 500
                continue
            bad.assert_refused(answer, target, 405, note=wrong)
            assert method in answer.headers["Allow"] or allowed[path] & set(answer.headers["Allow"].split(", "))
        if (method != "GET" and "GET" in allowed[path]) or ("/fhir/" in target and "GET" not in allowed[path]):
            continue
        head_of = await live.call("HEAD", target, bad.token_of(world, path, row))
        is_streamed = path.endswith(("/stream", "/export"))
        assert head_of.status == (row.status if "GET" in allowed[path] and not is_streamed else 405), (path, head_of)
        assert head_of.body == b""
    assert await world.snapshot() == before
