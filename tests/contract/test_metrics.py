"""Metrics: what Prometheus reads, by its own parser; who may read it; that two servers do not see each other."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.settings import Settings


async def read(live, token=None):
    answer = await live.call("GET", "/metrics", token)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def requests(found):
    return {
        (dict(labels)["surface"], dict(labels)["status"]): value
        for (name, *labels), value in found.items()
        if name == "sandbox_requests_total"
    }


async def test_requests_are_counted_once_by_surface_and_status(live, kit):
    run = await live.started()
    before = requests(await read(live))
    for method, path, more in [
        ("GET", "fhir/Patient/ana", {}),
        ("GET", "fhir/Patient/none", {}),
        ("GET", "files/inbox", {}),
        ("PUT", "files/outbox/a.txt", {"body": b"1"}),
        ("DELETE", "files/outbox/a.txt", {}),
        ("POST", "hl7/outbound", {"json": {"payload": kit.adt}}),
        ("GET", "portal/patients?name=Reyes", {}),
        ("GET", "fhir/Patient", {"headers": {"Expect": "nothing"}}),
    ]:
        await run.call(method, path, **more)
    await live.call("GET", "/nowhere")
    found = await read(live)
    after = requests(found)
    counted = {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}
    assert counted == {
        ("fhir", "200"): 1,
        ("fhir", "404"): 1,
        ("files", "200"): 1,
        ("files", "201"): 1,
        ("files", "204"): 1,
        ("hl7", "200"): 1,
        ("portal", "200"): 1,
        ("none", "417"): 1,
        ("none", "404"): 1,
        ("api", "200"): 1,  # the reading of metrics before
    }
    assert found[("sandbox_request_seconds_count", ("surface", "files"))] == 3
    assert found[("sandbox_request_seconds_sum", ("surface", "files"))] > 0


async def test_what_else_is_told(live):
    run = await live.started()
    await run.call("GET", "files/inbox")
    found = await read(live)
    assert found[("sandbox_playgrounds_active",)] == 2
    assert found[("sandbox_runs_active",)] == 1
    assert found[("sandbox_commit_units_count",)] > 0
    assert (
        found[("sandbox_database_bytes", ("file", "database"))] + found[("sandbox_database_bytes", ("file", "wal"))] > 0
    )
    assert found[("sandbox_spans_lost_total",)] == 0
    assert ("sandbox_loop_lag_seconds_count",) in found
    assert found[("sandbox_requests_in_flight",)] == 1
    await live.post(f"/benchmark-runs/{run.id}/cancel")
    assert (await read(live))[("sandbox_playgrounds_active",)] == 0


async def test_two_servers_in_one_process_count_for_themselves(serve, live, disk):
    async with serve(data_dir=disk.root / "other") as other:
        await other.call("GET", "/healthz")
        assert requests(await read(other)) == {("api", "200"): 1}
    assert requests(await read(live)) == {}


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "0.0.0.0", "api_key": "vk_of_a_test", "solver_key": "vrl_slv_of_a_test"},
        {"url_base": "http://127.0.0.1"},
    ],
)
async def test_where_others_reach_the_server_it_needs_the_organization_key(serve, settings):
    key = settings.get("api_key", Settings().api_key or "vk_local")
    async with serve(**settings) as live:
        assert (await live.call("GET", "/metrics")).status == 401
        assert (await live.call("GET", "/metrics", "vrl_slv_local")).status == 401
        await read(live, key)
