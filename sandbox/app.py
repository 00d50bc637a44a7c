"""The only place that puts the parts together: `create_app(settings)`.

There is no global state: two apps in one process do not see each other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial

from aiohttp import web

from sandbox.api import browsers, llm_tasks, metrics, surfaces, system, v1
from sandbox.api.asked import Heads
from sandbox.api.context import (
    CLOCK,
    CREW,
    FETCH,
    FORMATS,
    HEADS,
    HUB,
    IN_FLIGHT,
    KEY_RING,
    LAG,
    PORTS,
    READER,
    REGISTRY,
    RUNS,
    SETTINGS,
    SHELF,
    TALLIES,
    TRACING,
    WRITER,
    InFlight,
)
from sandbox.api.fetch import HttpFetch
from sandbox.api.hosts import HOSTS, Hosts
from sandbox.api.incoming import UNFINISHED, Unfinished
from sandbox.api.internal import benchmark_runs, benchmarks, events, exports, playgrounds, sandboxes, strays, task_runs
from sandbox.api.lag import LoopLag
from sandbox.api.middleware import identify_and_render
from sandbox.api.mllp.ports import MllpPorts
from sandbox.api.subscriptions.deliverer import SubscriptionDeliverer
from sandbox.api.tallies import Tallies
from sandbox.api.wires import WIRES, open_wires
from sandbox.builtin import create_registry
from sandbox.clock import Clock, SystemClock, format_instant
from sandbox.dashboard import routes as dashboard
from sandbox.dashboard.page_file import html_format
from sandbox.definitions.library import Library, Shelf, load_library
from sandbox.definitions.watch import watch
from sandbox.keys import read_key_file
from sandbox.logs import get_logger
from sandbox.mcp import routes as mcp
from sandbox.playground.crew import Crew
from sandbox.playground.playground import NullRecorder, Recorder
from sandbox.record import database, integrity, restore
from sandbox.record.export.formats import FORMATS as FILE_FORMATS
from sandbox.record.hub import EventHub
from sandbox.record.keeper import SYNC_INTERVAL_S
from sandbox.record.lock import DirectoryLock
from sandbox.record.prune import prune
from sandbox.record.reader import Reader
from sandbox.record.tracing import Tracing, open_tracing
from sandbox.record.witness import read_witness
from sandbox.record.writer import Writer, open_writer
from sandbox.runs.registry import Registry
from sandbox.runs.service import RunService
from sandbox.runs.tokens import KeyRing, StartKeys
from sandbox.runs.wires import AllWires
from sandbox.settings import Settings

__all__ = ["LOCK", "START_KEYS", "Settings", "create_app", "create_registry"]

START_KEYS = web.AppKey("start_keys", StartKeys)
WATCHING = web.AppKey("watching", asyncio.Event)
LOCK = web.AppKey("lock", DirectoryLock)

log = get_logger()


def create_app(
    settings: Settings | None = None, *, registry: Registry | None = None, clock: Clock | None = None
) -> web.Application:
    """Build a server. It opens its data directory when it starts and closes it when it stops.

    Starting raises `DatabaseError` when the data directory cannot be used and `DefinitionError`
    when a definition or seed is wrong.
    """
    app = web.Application(middlewares=[identify_and_render], client_max_size=0)
    app[SETTINGS] = settings or Settings.from_environment()
    app[REGISTRY] = registry or create_registry()
    app[CLOCK] = clock or SystemClock()
    app[IN_FLIGHT] = InFlight()
    app[FORMATS] = {**FILE_FORMATS, "html": html_format(app[REGISTRY])}
    app[TALLIES] = Tallies(simulator.surface for simulator in app[REGISTRY].simulators)
    app[FETCH] = HttpFetch()
    app[UNFINISHED] = Unfinished(app[SETTINGS].data_dir)
    app[HEADS] = Heads()
    app[HOSTS] = Hosts(app[SETTINGS])
    surfaces.add_routes(app, app[REGISTRY], is_strict=app[SETTINGS].is_strict)  # first, as they are called most
    system.add_routes(app)
    metrics.add_routes(app)
    v1.add_routes(app)
    for resource in (benchmark_runs, task_runs, playgrounds, sandboxes, events, exports, benchmarks, strays):
        resource.add_routes(app)
    if not app[SETTINGS].is_strict:
        mcp.add_routes(app)
    app.cleanup_ctx.append(_lifetime)
    llm_tasks.add_routes(app)
    app.on_startup.append(benchmarks.note_start)
    app.on_response_prepare.append(browsers.add_headers)
    dashboard.add_routes(app)
    app.on_shutdown.append(_let_go)
    return app


async def _let_go(app: web.Application) -> None:
    app[HUB].close()


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    settings, registry, clock = app[SETTINGS], app[REGISTRY], app[CLOCK]
    lock = app[LOCK] = DirectoryLock(settings.data_dir)
    try:
        load = partial(load_library, settings.playground_dirs, settings.seed_dirs, registry)
        shelf = app[SHELF] = Shelf(load())
        file = settings.data_dir / database.FILE_NAME
        await asyncio.to_thread(_open_record, settings, clock.now())
        writer = app[WRITER] = await open_writer(file)
        crew = app[CREW] = Crew()
        closing = AsyncExitStack()
        lag = app[LAG] = LoopLag()
        closing.callback(lag.stop)
        reader = app[READER] = Reader(await database.connect(file, is_reader=True))
        hub = app[HUB] = EventHub(writer)
        mllp = app[PORTS] = MllpPorts(app)
        try:
            key = _key_of(settings)
            recorder: Recorder = hub if settings.is_recording else NullRecorder()
            on_end = hub.wake
            tracing = await open_tracing(settings, recorder, reader, clock)
            if tracing is not None:
                app[TRACING] = tracing
                closing.push_async_callback(tracing.close)
                recorder, on_end = tracing, partial(_tell_end, hub, tracing)
            runs = app[RUNS] = RunService(
                registry, shelf, reader, writer, recorder, crew, clock, settings, app[FETCH], key, on_end
            )
            ring = app[KEY_RING] = KeyRing()
            app[START_KEYS] = await ring.open(settings, reader, writer, format_instant(clock.now()))
            await _keep_datasets(shelf.library, reader, writer)
            await asyncio.to_thread(_warm_up, registry)
            deliverer = SubscriptionDeliverer(app, registry)
            closing.push_async_callback(deliverer.stop)
            runs.wires = deliverer
            if not settings.is_strict:
                runs.wires = AllWires(mllp, deliverer)
                await mllp.open_shared()
            restored = await runs.restore()
            for fork in runs.active_forks.values():
                deliverer.note_started(fork)
            if restored:
                log.info("runs restored", runs=restored)
            await writer.begin_witness()
            wires = app[WIRES] = open_wires(app)
            stop = asyncio.Event()
            watching = app[WATCHING] = asyncio.Event()
            watcher = asyncio.create_task(_watch(app, load, stop, watching))
            yield
            stop.set()
            await watcher
            await wires.close()
            await runs.close()
        finally:
            await mllp.close_all()
            await closing.aclose()
            crew.close()
            await app[FETCH].close()
            await writer.close()
            await reader.close()
    finally:
        lock.release()


def _tell_end(hub: EventHub, tracing: Tracing, playground_id: str) -> None:
    hub.wake(playground_id)
    tracing.note_end(playground_id)


def _key_of(settings: Settings) -> bytes:
    try:
        return read_key_file(settings.data_dir)
    except ValueError as error:
        raise database.DatabaseError(f"{error} Put the right one in its place.") from error


def _open_record(settings: Settings, now: datetime) -> None:
    """Bring the database to this version; refuse one that is not whole, unless that is accepted."""
    now_text = format_instant(now)
    directory, is_accepted = settings.data_dir, settings.is_loss_accepted
    losses = integrity.check_files(directory, is_loss_accepted=is_accepted)
    witness = read_witness(directory)
    database.migrate(directory / database.FILE_NAME)
    losses += integrity.check_start(directory, is_loss_accepted=is_accepted, at=now_text)
    for loss in losses:
        log.warning("lost, and accepted", what=str(loss))
    if settings.prune_older_than is not None:
        before = format_instant(now - settings.prune_older_than)
        done = prune(directory, before=before, keep_published=settings.is_keeping_published, at=now_text)
        freed = done.size_before - done.size_after
        log.info("pruned", runs=done.runs, events=done.events, llm_runs=done.llm_runs, bytes_freed=freed)
    if witness is not None and not witness.is_clean and not losses:
        log.warning(
            "the server did not stop by itself; the record is whole up to its last sync",
            generation=witness.generation,
            may_be_missing=f"what was answered in the last {SYNC_INTERVAL_S} s, if the machine stopped, too",
        )


def _warm_up(registry: Registry) -> None:
    for simulator in registry.simulators:
        simulator.warm_up()


async def _watch(app: web.Application, load: Callable[[], Library], stop: asyncio.Event, ready: asyncio.Event) -> None:
    settings = app[SETTINGS]
    if settings.is_watching:
        directories = [*settings.playground_dirs, *settings.seed_dirs]
        keep = partial(_keep_datasets, reader=app[READER], writer=app[WRITER])
        await watch(app[SHELF], directories, load, keep, stop, ready)


async def _keep_datasets(library: Library, reader: Reader, writer: Writer) -> None:
    """Store the files of every dataset, so that a run outlives a change of its seed on disk."""
    for dataset in library.datasets.values():
        if not await restore.is_dataset_kept(reader, dataset.hash):
            await writer.write(restore.dataset_statements(dataset.name, dataset.hash, dataset.files))
