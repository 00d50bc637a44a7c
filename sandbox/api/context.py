"""What request handlers find in the application: typed keys, nothing global."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from sandbox.api.asked import Heads
from sandbox.api.fetch import HttpFetch
from sandbox.api.lag import LoopLag
from sandbox.api.tallies import Tallies
from sandbox.clock import Clock
from sandbox.definitions.library import Shelf
from sandbox.playground.crew import Crew
from sandbox.playground.events import Via
from sandbox.record.export.formats import Format
from sandbox.record.hub import EventHub
from sandbox.record.reader import Reader
from sandbox.record.tracing import Tracing
from sandbox.record.writer import Writer
from sandbox.runs.registry import Registry
from sandbox.runs.service import RunService
from sandbox.runs.tokens import KeyRing
from sandbox.settings import Settings


class OpenPorts(Protocol):
    """The ports that simulated systems listen on beside HTTP."""

    @property
    def ports(self) -> Mapping[str, int]:
        """The open ones, by sandbox."""
        ...


@dataclass(slots=True)
class InFlight:
    """How many requests are being handled now, so that a stop can wait for them."""

    count: int = 0


SETTINGS = web.AppKey("settings", Settings)
REGISTRY = web.AppKey("registry", Registry)
SHELF = web.AppKey("shelf", Shelf)
READER = web.AppKey("reader", Reader)
WRITER = web.AppKey("writer", Writer)
HUB = web.AppKey("hub", EventHub)
RUNS = web.AppKey("runs", RunService)
KEY_RING = web.AppKey("key_ring", KeyRing)
IN_FLIGHT = web.AppKey("in_flight", InFlight)
FETCH = web.AppKey("fetch", HttpFetch)
FORMATS = web.AppKey("formats", dict[str, Format])
TALLIES = web.AppKey("tallies", Tallies)
LAG = web.AppKey("lag", LoopLag)
TRACING = web.AppKey("tracing", Tracing)  # there only where spans are sent
CREW = web.AppKey("crew", Crew)
CLOCK = web.AppKey("clock", Clock)
HEADS = web.AppKey("heads", Heads)
PORTS = web.AppKey("ports", OpenPorts)
REQUEST_ID = web.RequestKey("request_id", str)
VIA: web.RequestKey[Via] = web.RequestKey("via", str)  # type: ignore[arg-type]


def root_url(request: web.Request) -> str:
    """Return the absolute URL of the server as the client sees it, without a final slash."""
    return request.app[SETTINGS].url_base or f"http://{request.host}"
