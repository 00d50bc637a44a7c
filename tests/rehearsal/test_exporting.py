"""`sandbox export`, from a directory and from a server: the same files, whole or not at all."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.client.threads import LoopThread
from sandbox.testing.server import running_server
from tests.alone import have_only


@pytest.fixture(autouse=True)
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    have_only(monkeypatch, tmp_path_factory.mktemp("alone"), "mock@1", "mock@2")
    monkeypatch.chdir(tmp_path)
    for name in ("SANDBOX_API_KEY", "SANDBOX_SOLVER_KEY", "SANDBOX_OTEL_ENDPOINT", "SANDBOX_OTEL_HEADERS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def sandbox(*args: str) -> Any:
    return CliRunner().invoke(app, args)


def exported(form: str, *args: str) -> bytes:
    result = sandbox("export", "latest", "--format", form, "--out", f"run.{form}", *args)
    assert result.exit_code == 0, result.output
    return Path(f"run.{form}").read_bytes()


def test_every_format_from_a_directory_is_what_a_server_gives(here: Path) -> None:
    assert sandbox("rehearse", "mock@1", "--agent", "near-miss").exit_code == 1
    written = {form: exported(form) for form in ("jsonl", "har", "junit", "html")}
    with running_server(data_dir=here / ".sandbox") as server:
        for form, of_directory in written.items():
            of_server = exported(form, "--url", server.url)
            if form == "har":
                of_server = of_server.replace(server.url.encode(), b"http://sandbox.invalid")
            if form == "html":  # it says when it was written
                of_directory, of_server = (text.partition(b"<article")[2] for text in (of_directory, of_server))
            assert of_server == of_directory, form
        same = sandbox("export", "latest", "--format", "jsonl", "--out", "beside.jsonl")  # beside the running server
        assert same.exit_code == 0
    assert next(json.loads(line)["seq"] for line in written["jsonl"].splitlines()) == 1
    assert len(json.loads(written["har"])["log"]["entries"]) > 3
    assert int(ET.fromstring(written["junit"]).get("failures") or 0) > 0
    assert written["html"].startswith(b"<!doctype html>")


def test_what_cannot_be_done_is_said_and_leaves_no_file(here: Path) -> None:
    nothing = sandbox("export", "latest", "--format", "har", "--out", "run.har")
    assert (nothing.exit_code, "Make a first run" in nothing.stderr) == (2, True)
    assert sandbox("rehearse", "mock@1").exit_code == 0
    for args, said in (
        (("br_0", "--format", "har", "--out", "a.har"), "There is no run br_0"),
        (("latest", "--format", "har"), "--out"),
        (("latest", "--format", "otlp", "--out", "a"), "leave out"),
        (("latest", "--format", "otlp"), "SANDBOX_OTEL_ENDPOINT"),
        (("latest", "--format", "pdf", "--out", "a"), "pdf"),
        (("latest", "--format", "har", "--out", "none/a.har"), "none/a.har"),
        (("latest", "--format", "har", "--out", "a.har", "--url", "http://127.0.0.1:1"), "Cannot connect"),
    ):
        result = sandbox("export", *args)
        assert (result.exit_code, said in result.output) == (2, True), (args, result.output)
    (here / "kept.har").write_text("kept")
    with running_server(data_dir=here / "other") as server:
        result = sandbox("export", "br_0", "--format", "har", "--out", "kept.har", "--url", server.url)
        assert (result.exit_code, "benchmark run" in result.stderr) == (2, True)
    assert (here / "kept.har").read_text() == "kept"
    assert sorted(path.name for path in here.glob("*.har*")) == ["kept.har"]


def test_a_pruned_run_keeps_its_report(here: Path) -> None:
    assert sandbox("rehearse", "mock@1").exit_code == 0
    assert sandbox("prune", "--older-than", "0d").exit_code == 0
    gone = sandbox("export", "latest", "--format", "html", "--out", "a.html")
    assert (gone.exit_code, "were pruned" in gone.stderr) == (2, True)
    assert b"<testsuites" in exported("junit")


class _Taking:
    """A collector on a thread of its own."""

    def __init__(self, thread: LoopThread) -> None:
        self.spans: list[Any] = []
        self.headers: list[Any] = []
        self._thread = thread

    async def start(self) -> str:
        async def take(request: web.Request) -> web.Response:
            sent = ExportTraceServiceRequest.FromString(await request.read())
            self.headers.append(request.headers)
            self.spans += [span for r in sent.resource_spans for s in r.scope_spans for span in s.spans]
            return web.Response(content_type="application/x-protobuf")

        server = web.Application()
        server.router.add_post("/v1/traces", take)
        self._runner = web.AppRunner(server)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()


def test_spans_of_a_recorded_run_from_a_directory_and_from_a_server(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sandbox("rehearse", "mock@1").exit_code == 0
    with LoopThread("collector") as thread:
        taking = _Taking(thread)
        monkeypatch.setenv("SANDBOX_OTEL_ENDPOINT", thread.run(taking.start()))
        monkeypatch.setenv("SANDBOX_OTEL_HEADERS", "authorization=Bearer%20abc")
        try:
            first = sandbox("export", "latest", "--format", "otlp")
            assert first.exit_code == 0, first.output
            of_directory, taking.spans = taking.spans, []
            with running_server(data_dir=here / ".sandbox") as server:
                second = sandbox("export", "latest", "--format", "otlp", "--url", server.url)
            assert second.exit_code == 0, second.output
        finally:
            thread.run(taking.stop())
    assert f"{len(of_directory)} spans sent" in first.stdout
    assert {span.span_id for span in of_directory} == {span.span_id for span in taking.spans}
    assert {span.name for span in taking.spans} >= {"task_run mock@1/next-appointment", "execute_tool fhir_request"}
    assert {headers["authorization"] for headers in taking.headers} == {"Bearer abc"}


def test_a_collector_that_is_not_there_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sandbox.record.export import otlp

    monkeypatch.setattr(otlp.SpanSender.__init__, "__kwdefaults__", {"timeout_s": 0.1})
    assert sandbox("rehearse", "mock@1").exit_code == 0
    monkeypatch.setenv("SANDBOX_OTEL_ENDPOINT", "http://127.0.0.1:1")
    result = sandbox("export", "latest", "--format", "otlp")
    assert (result.exit_code, "does not take spans" in result.stderr) == (2, True)
