"""Every route of the server, called by somebody without a credential: nothing is there afterwards that was not."""

import sqlite3

from sandbox import limits
from sandbox.api.context import WRITER
from sandbox.record.database import FILE_NAME

NOTHING_SENT = (None, "nonsense", "vk_wrong", "vrl_slv_wrong", "vrl_run_wrong", "rbk_wrong", "vrl_smart_01.wrong")


def routes_of(app):
    """(method, path) of every route; a path's parameters are in braces."""
    found = set()
    for resource in app.router.resources():
        for route in resource:
            pattern = route.resource.canonical
            for method in ("GET", "POST", "PUT", "DELETE") if route.method == "*" else (route.method,):
                found.add((method, pattern.replace("{path:.*}", "{path}")))
    return sorted(found)


async def contents(live):
    """Every row of the record, and the live state of every playground."""
    await live.app[WRITER].flush()
    with sqlite3.connect(f"file:{live.settings.data_dir / FILE_NAME}?mode=ro", uri=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}"))) for table in tables}


async def test_every_route(guard):
    live, run = guard.live, guard.run
    ids = {
        "benchmark_run_id": run.id,
        "task_run_id": run.tasks[0],
        "id": run.id,
        "path": "Patient/ana",
        "org_id": "x",
    }
    playground = live.playground(run.tasks[0])
    before, seq = await contents(live), (playground.seq, run.state_hash())
    called = 0
    for method, pattern in routes_of(live.app):
        for kind in ("Fhir", "Hl7", "Files", "Payer") if "{sandbox_id}" in pattern else ("Fhir",):
            values = {**ids, "sandbox_id": guard.sandbox_id(kind)}
            path = pattern
            while "{" in path:
                head, _, rest = path.partition("{")
                name, _, tail = rest.partition("}")
                path = head + values.get(name, run.tasks[1]) + tail
            for token in NOTHING_SENT:
                answer = await live.call(method, path, token, body=b"{}" if method != "GET" else None)
                assert answer.status < 500, (method, path, answer)
                called += 1
                if answer.status < 400:
                    assert method in ("GET", "HEAD"), (method, path, answer)
    assert called > 1000
    assert (playground.seq, run.state_hash()) == seq
    assert await contents(live) == before


async def test_a_hundred_thousand_documents_use_up_nothing(serve, guarding, monkeypatch):
    monkeypatch.setattr(limits, "EVENTS_PER_TASK_RUN", 20)
    async with serve() as live:
        guard = guarding(live, await live.started(seed=1))
        for _ in range(50):
            for path in ("fhir/metadata", "fhir/.well-known/smart-configuration", "portal"):
                assert (await live.call("GET", f"/v1/task-runs/{guard.run.tasks[0]}/{path}")).status == 200
        assert (await guard.run.call("GET", "fhir/Patient/ana")).status == 200
        times = [event["at"] for event in await guard.run.events()]
        assert times[-1] < "2026-04-23T09:00:05"


async def test_a_stranger_at_a_door_cannot_send_much(guard):
    for path in ("fhir/token", "portal/login"):
        url = f"/v1/benchmark-runs/{guard.run.id}/{path}"
        answer = await guard.live.call("POST", url, body=b"a" * (limits.LOGIN_BODY_BYTES + 1))
        assert answer.status == 413, answer
        assert (await guard.live.call("POST", url, body=b"a" * limits.LOGIN_BODY_BYTES)).status in (400, 401)
