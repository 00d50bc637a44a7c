"""Spans of task runs and calls, as a collector gets them; what is lost is counted, and no answer waits."""

from datetime import UTC, datetime

import pytest

from sandbox.api.context import TRACING
from sandbox.record import tracing
from tests.contract.collector import collecting, plain

AGENT = "0af7651916cd43dd8448eb211c80319c"
ASKING = "b7ad6b7169203331"
OTHER = "11111111111111111111111111111111"


def header(trace=AGENT, span=ASKING):
    return {"traceparent": f"00-{trace}-{span}-01"}


async def played(live, *, start=None, call=None, **more):
    run = await live.run(agent="reader", **more)
    await live.post(f"/v1/task-runs/{run.tasks[0]}/start", run.token, headers=start)
    await run.call("GET", "fhir/Patient/ana", headers=call)
    await run.call("PUT", "files/outbox/a.txt", body=b"hello")
    await run.call("GET", "files/none")
    await run.complete()
    return run


async def test_a_task_run_is_one_trace(serve):
    async with collecting() as collector:
        began = datetime.now(UTC)
        async with serve(otel_endpoint=collector.url, otel_headers=(("x-project", "7"),)) as live:
            run = await played(live)
            value = await live.get(f"/task-runs/{run.tasks[0]}")
        ended = datetime.now(UTC)
    (root,) = collector.named("task_run ")
    assert root.name == "task_run clinic@1/refer"
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert all(span.parent_span_id == root.span_id for span in collector.spans if span is not root)
    told = plain(root.attributes)
    assert told["gen_ai.agent.name"] == "reader"
    assert told["sandbox.verdict"] == value["verdict"]
    assert told["sandbox.score"] == pytest.approx(value["score"], abs=1e-6)
    assert "sandbox.axis.correctness.score" in told
    judged = [plain(event.attributes) for event in root.events]
    assert {event.name for event in root.events} == {"gen_ai.evaluation.result"}
    assert [j["gen_ai.evaluation.name"] for j in judged] == [c["label"] for c in value["criterion_runs"]]
    assert [j["gen_ai.evaluation.score.label"] == "pass" for j in judged] == [
        c["passed"] for c in value["criterion_runs"]
    ]
    calls = collector.named("execute_tool ")
    assert [span.name for span in calls] == [f"execute_tool {t}" for t in ("fhir_request", "file_write", "file_read")]
    read = plain(calls[0].attributes)
    assert read["gen_ai.operation.name"] == "execute_tool"
    assert read["gen_ai.tool.name"] == "fhir_request"
    assert read["gen_ai.tool.call.id"].startswith("evt_")
    assert read["url.path"] == "fhir/Patient/ana"
    assert "gen_ai.tool.call.result" not in read
    assert plain(calls[2].attributes)["error.type"] == "404"
    assert (calls[0].status.code, calls[2].status.code) == (0, 2)
    assert [span.name for span in collector.named("scenario ")] == [
        "scenario clock_advanced",
        "scenario drop_file_inbox",
    ]
    for span in collector.spans:
        assert began.timestamp() - 1 <= span.start_time_unix_nano / 1e9 <= span.end_time_unix_nano / 1e9
        assert span.end_time_unix_nano / 1e9 <= ended.timestamp() + 1
    assert all(headers["x-project"] == "7" for headers in collector.headers)


async def test_a_caller_s_trace_is_joined(serve):
    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        await played(live, start=header(), call=header(span="2222222222222222"))
    (root,) = collector.named("task_run ")
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (AGENT, ASKING)
    assert {span.trace_id.hex() for span in collector.spans} == {AGENT}
    read, write, _ = collector.named("execute_tool ")
    assert read.parent_span_id.hex() == "2222222222222222"
    assert [link.span_id for link in read.links] == [root.span_id]
    assert write.parent_span_id == root.span_id


async def test_the_trace_of_the_first_caller_is_the_task_run_s(serve):
    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        await played(live, call=header())
    (root,) = collector.named("task_run ")
    assert (root.trace_id.hex(), root.parent_span_id) == (AGENT, b"")
    assert {span.trace_id.hex() for span in collector.spans} == {AGENT}


async def test_a_call_of_another_trace_is_in_that_and_linked(serve):
    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        await played(live, start=header(), call=header(trace=OTHER))
    read = collector.named("execute_tool ")[0]
    (root,) = collector.named("task_run ")
    assert read.trace_id.hex() == OTHER
    assert [(link.trace_id, link.span_id) for link in read.links] == [(root.trace_id, root.span_id)]


async def test_bodies_are_sent_where_that_is_asked_for(serve):
    async with collecting() as collector, serve(otel_endpoint=collector.url, otel_has_bodies=True) as live:
        run = await live.started()
        await run.call("PUT", "files/outbox/a.txt", body=b"x" * 20_000)
        await run.call("GET", "fhir/Patient/ana")
        await run.call("POST", "portal/login", json={"username": "a", "password": "s3cr3t-of-mine"})
    write, read, login = (plain(span.attributes) for span in collector.named("execute_tool "))
    assert len(write["gen_ai.tool.call.arguments"]) == 16_384
    assert write["sandbox.bodies_cut"] is True
    assert '"Reyes"' in read["gen_ai.tool.call.result"]
    assert "s3cr3t-of-mine" not in str(login)


async def test_spans_of_a_run_that_goes_on_are_sent_when_the_server_stops(serve):
    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        await live.started()
    assert collector.named("scenario ")
    assert not collector.named("task_run ")


async def test_what_timed_out_is_an_error(serve, disk, kit):
    disk.benchmark(kit.benchmark("brief", kit.task("a", kit.says(1), timeout=1)))
    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        run = await live.started("brief@1")

        async def is_over():
            return (await run.task_state())[0] == "completed"

        await live.until(is_over)
    (root,) = collector.named("task_run ")
    assert (root.status.code, root.status.message) == (2, "timed_out")


@pytest.mark.parametrize("status", [None, 400])
async def test_a_collector_that_is_away_loses_spans_and_nothing_else(serve, status, capsys, monkeypatch):
    monkeypatch.setattr(tracing, "CLOSE_S", 0.1)
    async with collecting() as collector:
        collector.status = status or 200
        url = collector.url if status else "http://127.0.0.1:1"
        async with serve(otel_endpoint=url) as live:
            run = await played(live)
            assert (await run.task_state())[0] == "completed"
            sent = live.app[TRACING]
    assert sent.sent == 0
    assert sent.lost == 6
    assert "spans are lost" in capsys.readouterr().err


async def test_a_queue_that_is_full_counts_what_it_has_no_room_for(serve, monkeypatch):
    monkeypatch.setattr(tracing, "QUEUE_SPANS", 3)
    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        run = await played(live)
        text = (await live.call("GET", "/metrics")).body.decode()
        assert "sandbox_spans_lost_total 2.0" in text
        assert run
        sent = live.app[TRACING]
    assert (sent.sent, sent.lost) == (4, 2)


async def test_a_sending_process_that_dies_is_begun_again(serve, monkeypatch):
    monkeypatch.setattr(tracing, "SEND_EVERY_S", 0.01)
    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        sending = live.app[TRACING]
        run = await live.started()

        async def call(until):
            await run.call("GET", "files/inbox")
            return until()

        await live.until(lambda: call(lambda: sending.sent))
        sending._process.kill()
        await live.until(lambda: call(lambda: sending.lost))
        before = sending.sent
        await live.until(lambda: call(lambda: sending.sent > before))
    assert sending.sent == len(collector.spans)


async def test_a_recorded_run_gives_the_spans_that_were_sent(serve, tmp_path):
    from sandbox.api.context import READER
    from sandbox.record.export.otlp import spans_of_run
    from sandbox.record.export.source import RunSource

    async with collecting() as collector, serve(otel_endpoint=collector.url) as live:
        run = await played(live, call=header())
        source = RunSource(live.app[READER])
        record = await source.run(run.id)
        again = [span async for span in spans_of_run(source, record, has_bodies=False)]
    sent = {span.span_id.hex(): span for span in collector.spans}
    assert {f"{span.id.span:016x}" for span in again} == sent.keys()
    for span in again:
        before = sent[f"{span.id.span:016x}"]
        assert (before.name, before.trace_id.hex()) == (span.name, f"{span.id.trace:032x}")
        assert plain(before.attributes) == pytest.approx(span.attributes)
        assert abs(before.end_time_unix_nano - span.end_ns) < 0.25e9


async def test_without_the_extra_the_server_says_what_to_install(serve, monkeypatch):
    import sys

    from sandbox.settings import SettingError

    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingError, match="playground-sandbox\\[otel\\]"):
        async with serve(otel_endpoint="http://127.0.0.1:1"):
            pass
