"""The command `export`: a recorded run as one file for other tools, or as spans to a collector."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sandbox.rehearsal.commands import API_KEY, DATA_DIR, URL, run_shown
from sandbox.settings import DEFAULT_DATA_DIR, Settings

if TYPE_CHECKING:
    from sandbox.client.client import SandboxClient
    from sandbox.record.export.formats import Format
    from sandbox.record.export.spans import Facts, Span
    from sandbox.rehearsal.records import RunRecords

# The server's address is not recorded, and there is none where a directory is read.
NO_SERVER: Final = "http://sandbox.invalid"


class ExportFormat(StrEnum):
    """What a run can be exported as."""

    jsonl = "jsonl"
    har = "har"
    junit = "junit"
    html = "html"
    otlp = "otlp"


def register(app: typer.Typer, html_format: "Callable[[], Format]") -> None:
    """Add the command; `html_format` gives the format of pages, which a part that this one must not know makes."""

    @app.command()
    def export(
        run: Annotated[str, typer.Argument(help="The run's id, or latest.", metavar="RUN")],
        format: Annotated[ExportFormat, typer.Option("--format", help="What to write.")],
        out: Annotated[
            Path | None, typer.Option("--out", help="Where to write it; otlp is sent instead.", metavar="FILE")
        ] = None,
        data_dir: DATA_DIR = DEFAULT_DATA_DIR,
        url: URL = None,
        api_key: API_KEY = None,
    ) -> None:
        """Write a run as one file for other tools, or send it as spans to the collector at SANDBOX_OTEL_ENDPOINT."""
        settings = Settings.from_environment()
        if (out is None) is (format is not ExportFormat.otlp):
            wanted = "is sent, not written: leave out" if format is ExportFormat.otlp else "is written to a file: give"
            raise typer.BadParameter(f"{format} {wanted} --out.", param_hint="--out")
        if format is ExportFormat.otlp and settings.otel_endpoint is None:
            raise typer.BadParameter("otlp is sent to the collector that SANDBOX_OTEL_ENDPOINT names; set it.")

        async def work() -> None:
            from sandbox.record.export.formats import FORMATS

            if out is None:
                typer.echo(await _send(run, settings, data_dir, url, api_key))
            elif url is not None:
                async with _client(url, api_key) as client:
                    await client.export_benchmark_run(await _run_id(client, run), format.value, out)  # type: ignore[arg-type]  # otlp has no file
            else:
                form = html_format() if format is ExportFormat.html else None
                await _write(run, form or FORMATS[format.value], data_dir, out)

        run_shown(work)


async def _write(run: str, form: "Format", data_dir: Path, out: Path) -> None:
    from sandbox.record.export.source import RunSource
    from sandbox.rehearsal.directory import open_directory
    from sandbox.whole_file import whole_file

    async with open_directory(data_dir) as records:
        source = RunSource(records.reader)
        record = await source.run(await _run_id(records, run), has_events=form.has_events)
        with whole_file(out) as file:
            async for piece in form.write(source, record, NO_SERVER):
                file.write(piece)


async def _send(run: str, settings: Settings, data_dir: Path, url: str | None, api_key: str | None) -> str:
    """Send a run's spans and say how many; raises `Unavailable` where the collector does not take them."""
    from sandbox.errors import Unavailable
    from sandbox.record.export.otlp import BATCH, SpanSender

    assert settings.otel_endpoint is not None
    sender = SpanSender(settings.otel_endpoint, dict(settings.otel_headers))
    sent, batch = 0, list["Span"]()

    def send() -> int:
        if batch and not sender.send(batch):
            raise Unavailable(f"{sender.endpoint} does not take spans; {sent} were sent before.")
        return len(batch)

    spans = _spans_of_directory if url is None else _spans_of_server
    try:
        async for span in spans(run, settings, data_dir, url or "", api_key):
            batch.append(span)
            if len(batch) >= BATCH:
                sent += send()
                batch.clear()
        sent += send()
    finally:
        sender.close()
    return f"{sent} spans sent to {sender.endpoint}."


async def _spans_of_directory(
    run: str, settings: Settings, data_dir: Path, url: str, api_key: str | None
) -> "AsyncIterator[Span]":
    from sandbox.record.export.otlp import spans_of_run
    from sandbox.record.export.source import RunSource
    from sandbox.rehearsal.directory import open_directory

    async with open_directory(data_dir) as records:
        source = RunSource(records.reader)
        record = await source.run(await _run_id(records, run))
        async for span in spans_of_run(source, record, has_bodies=settings.otel_has_bodies):
            yield span


async def _spans_of_server(
    run: str, settings: Settings, data_dir: Path, url: str, api_key: str | None
) -> "AsyncIterator[Span]":
    from tempfile import TemporaryDirectory

    from sandbox.record.export.otlp import spans_of_task
    from sandbox.record.export.source import RunRecord, TaskRecord

    async with _client(url, api_key) as client:
        run_id = await _run_id(client, run)
        found = await client.get_benchmark_run(run_id)
        tasks = [
            TaskRecord(task_run.raw, [criterion.raw for criterion in await client.list_criterion_runs(task_run.id)])
            for task_run in found.task_runs
        ]
        record = RunRecord(found.raw, tasks)
        with TemporaryDirectory(prefix="sandbox-") as folder:
            lines = Path(folder) / "events.jsonl"
            await client.export_benchmark_run(run_id, "jsonl", lines)
            for task in tasks:
                told = _told(lines, str(task.task_run["id"]), has_bodies=settings.otel_has_bodies)
                async for span in spans_of_task(record, task, told):
                    yield span


async def _told(lines: Path, task_run_id: str, *, has_bodies: bool) -> "AsyncIterator[tuple[Facts, datetime | None]]":
    """Yield what a file of JSON Lines tells of a task run's events, less the views."""
    from sandbox import jsonio
    from sandbox.clock import parse_instant
    from sandbox.record.export.spans import Facts

    with lines.open("rb") as file:
        for text in file:
            line: Any = jsonio.parse(text)
            if line["task_run_id"] == task_run_id and not line.get("view"):
                at = line["server_at"]
                yield Facts.of_line(line, has_bodies=has_bodies), None if at is None else parse_instant(at)


@asynccontextmanager
async def _client(url: str, api_key: str | None) -> "AsyncIterator[SandboxClient]":
    from sandbox.client.client import SandboxClient
    from sandbox.rehearsal.campaign import default_keys

    found_key, _ = default_keys(url, Settings.from_environment())
    async with SandboxClient(url, api_key=api_key or found_key) as client:
        yield client


async def _run_id(records: "RunRecords | SandboxClient", run: str) -> str:
    """Return a run's id; raises `NotFound` where `latest` is asked for and there is none."""
    from sandbox.errors import NotFound
    from sandbox.rehearsal.records import LATEST

    if run != LATEST:
        return run
    newest = await records.list_benchmark_runs(limit=1)
    if not newest:
        raise NotFound("No run has been recorded yet. Make one: sandbox rehearse mock@1")
    return newest[0].id
