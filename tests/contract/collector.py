"""A collector of spans: takes OTLP over HTTP and keeps what came, read with OpenTelemetry's own messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as plain values."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


@dataclass
class Collector:
    """`status` is answered to everything."""

    url: str = ""
    status: int = 200
    spans: list[Any] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers)
        sent = ExportTraceServiceRequest.FromString(await request.read())
        if self.status == 200:
            self.spans += [span for r in sent.resource_spans for s in r.scope_spans for span in s.spans]
        return web.Response(status=self.status, content_type="application/x-protobuf")

    def named(self, beginning: str) -> list[Any]:
        return [span for span in self.spans if span.name.startswith(beginning)]


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    server = TestServer(app)
    await server.start_server()
    collector.url = str(server.make_url("")).rstrip("/")
    try:
        yield collector
    finally:
        await server.close()
