"""`GET /metrics`: what Prometheus reads, collected when it is asked for. Each server has a registry of its own."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from sandbox import __version__
from sandbox.api import auth
from sandbox.api.context import IN_FLIGHT, LAG, RUNS, SETTINGS, TALLIES, TRACING, WRITER
from sandbox.keys import is_loopback
from sandbox.record.database import FILE_NAME
from sandbox.tally import SECONDS, Tally

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_FILES: Final = ("", "-wal")


class ServerMetrics:
    """What is known of a server at the moment."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def collect(self) -> "Iterator[Metric]":
        """Yield every metric."""
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        app = self._app
        yield InfoMetricFamily("sandbox", "The server.", {"version": __version__})
        yield from self._requests()
        yield GaugeMetricFamily("sandbox_requests_in_flight", "Requests being answered.", app[IN_FLIGHT].count)
        yield from self._runs()
        yield _histogram("sandbox_commit_units", "Units of work committed together.", app[WRITER].batches)
        yield _histogram(
            "sandbox_loop_lag_seconds", "How late the event loop was, looked at now and then.", app[LAG].tally
        )
        size = GaugeMetricFamily("sandbox_database_bytes", "Size of the database's files.", labels=["file"])
        for name in _FILES:
            size.add_metric(
                [name.removeprefix("-") or "database"], _size(app[SETTINGS].data_dir / f"{FILE_NAME}{name}")
            )
        yield size
        yield from self._spans()

    def _requests(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        counts = CounterMetricFamily("sandbox_requests", "Requests answered.", labels=["surface", "status"])
        by_surface: dict[str, Tally] = {}
        for surface, status, tally in self._app[TALLIES]:
            counts.add_metric([surface, str(status)], tally.count)
            by_surface.setdefault(surface, Tally(SECONDS)).add(tally)
        yield counts
        seconds = HistogramMetricFamily(
            "sandbox_request_seconds", "From reading a request to handing over its answer.", labels=["surface"]
        )
        for surface, tally in by_surface.items():
            seconds.add_metric([surface], tally.buckets(), tally.total)
        yield seconds

    def _runs(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        active = self._app[RUNS].active.values()
        yield GaugeMetricFamily("sandbox_runs_active", "Benchmark runs that are not over.", len(active))
        playgrounds = [t.playground for run in active for t in run.task_runs]
        count = sum(playground is not None for playground in playgrounds)
        yield GaugeMetricFamily("sandbox_playgrounds_active", "Playgrounds in memory.", count)

    def _spans(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily

        tracing = self._app.get(TRACING)
        sent, lost = (0, 0) if tracing is None else (tracing.sent, tracing.lost)
        yield CounterMetricFamily("sandbox_spans_sent", "Spans that the collector took.", sent)
        yield CounterMetricFamily("sandbox_spans_lost", "Spans that nobody will see.", lost)


def _histogram(name: str, text: str, tally: Tally) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    return HistogramMetricFamily(name, text, buckets=tally.buckets(), sum_value=tally.total)


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: to everybody on a server that only this machine reaches, else with the organization key."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    settings = request.app[SETTINGS]
    if not is_loopback(settings.host) or settings.url_base is not None:
        auth.organization(request)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerMetrics(request.app))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(registry), headers={"Content-Type": content_type})


def add_routes(app: web.Application) -> None:
    """Add the route of metrics."""
    app.router.add_get("/metrics", metrics)
