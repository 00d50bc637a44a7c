"""The ports: one of its own for every HL7 sandbox while its task run is started, and one that all share.

A port's number is no part of a playground (a seed does not repeat it). It is kept in the record, so that a sandbox has
the same one after a restart.
"""

import asyncio
import socket
from typing import Final

from aiohttp import web

from sandbox.api.context import CLOCK, CREW, HUB, IN_FLIGHT, READER, RUNS, SETTINGS, WRITER
from sandbox.api.mllp.connection import Connection
from sandbox.api.mllp.deliverer import EVENT_TYPE, Deliverer
from sandbox.api.mllp.desk import Desk, Find
from sandbox.api.mllp.strays import insert_stray
from sandbox.clock import format_instant
from sandbox.errors import Unavailable
from sandbox.logs import get_logger
from sandbox.playground.events import Event
from sandbox.playground.playground import Sandbox
from sandbox.runs.models import Phase, TaskRun
from sandbox.settings import DEFAULT_MLLP_PORT
from sandbox.simulators.hl7.mllp.answering import receiver_of
from sandbox.simulators.hl7.mllp.framing import Framed

SURFACE: Final = "hl7"
_BACKLOG: Final = 512

log = get_logger()


class PortTaken(OSError):
    """A port cannot be listened on; the message says why."""


class _Door:
    """One port that is open: its listener, and who answers there."""

    def __init__(self, desk: Desk, server: asyncio.Server) -> None:
        self.desk = desk
        self._server = server
        self.port: int = server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._server.close()
        for connection in tuple(self.desk.connections):
            connection.close()


class MllpPorts:
    """Opens and closes them; `ports` says which sandbox has which."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._doors: dict[str, _Door] = {}
        self._shared: _Door | None = None
        self._receivers: dict[tuple[str, str], tuple[TaskRun, Sandbox]] = {}
        self._deliverer = Deliverer(app)
        app[HUB].watch(EVENT_TYPE, self._note_delivery)

    @property
    def ports(self) -> dict[str, int]:
        """The open ports, by sandbox."""
        return {sandbox_id: door.port for sandbox_id, door in self._doors.items()}

    @property
    def shared_port(self) -> int | None:
        """The port that all sandboxes share, if it is open."""
        return None if self._shared is None else self._shared.port

    async def open_shared(self) -> None:
        """Open the shared port. Raises `PortTaken`, unless it is the usual one, which others may have as well."""
        settings = self._app[SETTINGS]
        try:
            self._shared = await self._listen(settings.mllp_port, self._find_receiver)
        except OSError as error:
            if settings.mllp_port != DEFAULT_MLLP_PORT:
                raise PortTaken(
                    f"Cannot listen for MLLP on {settings.host}:{settings.mllp_port}: {error.strerror or error}. "
                    "Choose another port with SANDBOX_MLLP_PORT; 0 takes a free one."
                ) from error
            log.warning("no shared MLLP port; each sandbox still has its own", port=settings.mllp_port)

    async def open(self, task_run: TaskRun) -> None:
        """Open the ports of a task run that is about to start, or is started again after a restart of the server.

        Raises `Unavailable` where no port of the range is free.
        """
        for sandbox in task_run.sandboxes:
            if sandbox.surface != SURFACE or sandbox.id in self._doors:
                continue
            target = (task_run, sandbox)
            row = await self._app[READER].row("SELECT port FROM ports WHERE sandbox_id = ?", sandbox.id)
            door = await self._open_own(target, None if row is None else row["port"])
            if door is None:
                continue
            self._doors[sandbox.id] = door
            self._receivers[_names(sandbox)] = target
            if row is None:
                insert = ("INSERT OR REPLACE INTO ports (sandbox_id, port) VALUES (?, ?)", (sandbox.id, door.port))
                await self._app[WRITER].write([insert])

    def close(self, task_run: TaskRun) -> None:
        """Close the ports of a task run, and the connections on them."""
        for sandbox in task_run.sandboxes:
            door = self._doors.pop(sandbox.id, None)
            if door is not None:
                self._receivers.pop(_names(sandbox), None)
                door.close()

    async def close_all(self) -> None:
        """Close everything."""
        await self._deliverer.stop()
        for door in (*self._doors.values(), *([self._shared] if self._shared else [])):
            door.close()
        self._doors.clear()
        self._shared = None

    async def _open_own(self, target: tuple[TaskRun, Sandbox], known: int | None) -> _Door | None:
        def find(framed: Framed) -> tuple[TaskRun, Sandbox]:
            return target

        if known is not None:
            try:
                return await self._listen(known, find)
            except OSError as error:
                log.error("an MLLP port is not free any more", port=known, sandbox_id=target[1].id, error=str(error))
                return None
        taken = {door.port for door in self._doors.values()}
        for port in self._app[SETTINGS].mllp_ports or (0,):
            if port not in taken:
                try:
                    return await self._listen(port, find)
                except OSError as error:
                    log.debug("an MLLP port is taken", port=port, error=str(error))
        raise Unavailable(
            "No port is free for the interface engine of the task run: all of SANDBOX_MLLP_PORTS are in use. Complete "
            "or cancel runs, or widen the range."
        )

    async def _listen(self, port: int, find: Find) -> _Door:
        app, loop = self._app, asyncio.get_running_loop()
        desk = Desk(find, self._note_call, app[CREW], app[WRITER], app[CLOCK], app[IN_FLIGHT])
        addresses = await loop.getaddrinfo(app[SETTINGS].host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        address = min(addresses, key=lambda found: found[0] != socket.AF_INET)  # one port, one number
        server = await loop.create_server(
            lambda: Connection(desk, loop), str(address[4][0]), port, family=address[0], backlog=_BACKLOG
        )
        return _Door(desk, server)

    def _note_delivery(self, event: Event) -> None:
        found = self._app[RUNS].active_sandbox(event.sandbox_id or "")
        if found is not None and found[0].phase is Phase.STARTED:
            self._deliverer.begin(*found)

    def note_started(self, task_run: TaskRun) -> None:
        """Begin to deliver where a listener was named before the start."""
        for sandbox in task_run.sandboxes:
            if sandbox.surface == SURFACE:
                self._deliverer.begin(task_run, sandbox)

    def _note_call(self, task_run: TaskRun) -> None:
        runs = self._app[RUNS]
        run = runs.by_task_run.get(task_run.id)
        if run is not None:
            runs.note_call(run)

    def _find_receiver(self, framed: Framed) -> tuple[TaskRun, Sandbox] | str:
        named = receiver_of(framed)
        target = self._receivers.get(named)
        if target is not None:
            return target
        now = format_instant(self._app[CLOCK].now())
        self._app[WRITER].write(insert_stray(now, named, framed.content))
        log.warning("MLLP message for nobody", application=named[0][:80], facility=named[1][:80])
        return (
            f"Unknown receiver {'^'.join(named)[:60]!r}: MSH-5 and MSH-6 name no interface engine that is started; its "
            "credentials have receiving_application and receiving_facility, and a port of its own."
        )


def _names(sandbox: Sandbox) -> tuple[str, str]:
    return sandbox.secrets["receiving_application"], sandbox.secrets["receiving_facility"]
