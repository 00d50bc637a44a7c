"""From a frame to a playground and back: who is meant, one interaction, its commit, the answer."""

from collections.abc import Callable
from typing import Final, TypeAlias

from sandbox import ids, jsonio
from sandbox.api.bodies import LONG_BODY_BYTES
from sandbox.api.context import InFlight
from sandbox.api.mllp.connection import Connection
from sandbox.clock import Clock
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.limits import MLLP_CONNECTIONS
from sandbox.logs import get_logger
from sandbox.playground.calls import Asked
from sandbox.playground.crew import Crew
from sandbox.playground.events import Response
from sandbox.playground.playground import Interaction, Playground, Sandbox
from sandbox.record.writer import Writer
from sandbox.runs.models import Phase, TaskRun
from sandbox.simulators import wire_faults
from sandbox.simulators.hl7.mllp import answering
from sandbox.simulators.hl7.mllp.framing import Framed
from sandbox.simulators.hl7.mllp.writes import Answer

Find: TypeAlias = Callable[[Framed], tuple[TaskRun, Sandbox] | str]
"""Returns whom a frame is for, or why it is for nobody."""

OVER: Final = "The task run is over; its systems take no more messages."
BROKEN: Final = "The simulator broke on this message; nothing of it was kept."

log = get_logger()


class Desk:
    """Answers the frames of one port."""

    def __init__(
        self,
        find: Find,
        note_call: Callable[[TaskRun], None],
        crew: Crew,
        writer: Writer,
        clock: Clock,
        in_flight: InFlight,
    ) -> None:
        self._find = find
        self._note_call = note_call
        self._crew = crew
        self._writer = writer
        self._clock = clock
        self._in_flight = in_flight
        self.connections: set[Connection] = set()

    def admit(self, connection: Connection) -> bool:
        """Take a connection in, up to `limits.MLLP_CONNECTIONS`."""
        if len(self.connections) >= MLLP_CONNECTIONS:
            log.warning("MLLP connection refused", open=len(self.connections), limit=MLLP_CONNECTIONS)
            return False
        self.connections.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)

    async def answer(self, framed: Framed) -> Answer:
        """Return what goes back for a frame, once what it did is on disk."""
        self._in_flight.count += 1
        try:
            target = self._find(framed)
            if isinstance(target, str):
                return self._refuse(framed, target)
            try:
                return await self._receive(*target, framed)
            except SandboxError as error:
                return self._refuse(framed, error.message)
            except Exception as error:
                log.error("MLLP message failed", error=f"{type(error).__name__}: {error}")
                await self._writer.flush()
                return self._refuse(framed, BROKEN)
        finally:
            self._in_flight.count -= 1

    async def _receive(self, task_run: TaskRun, sandbox: Sandbox, framed: Framed) -> Answer:
        playground = task_run.playground
        if task_run.phase is not Phase.STARTED or playground is None or playground.is_torn_down:
            return self._refuse(framed, OVER)
        self._note_call(task_run)
        answers: list[Answer] = []

        def handle(tx: Interaction) -> Response:
            response, answer = answering.receive(tx, framed)
            answers.append(answer)  # what is tried twice is answered as it was done last
            return response

        asked = Asked("hl7_outbound", handle, sandbox, answering.request_of(framed))
        is_long = len(framed.content) > LONG_BODY_BYTES
        outcome = await playground.interact_in_turn(self._crew, asked, is_long=is_long)
        await outcome.committed
        answer = answers[-1]
        if answer.fault is not None:
            await self._record_fault(playground, sandbox, answering.tell_fault(framed, answer))
        return answer

    async def _record_fault(self, playground: Playground, sandbox: Sandbox, told: Json) -> None:
        """Record a fault before it is carried out; it is no step of the agent's and moves no clock."""

        def handle(tx: Interaction) -> Response:
            tx.stand_still()
            return Response.of_json(told)

        request = wire_faults.request_of("mllp", jsonio.dump(told))
        asked = Asked(wire_faults.EVENT_TYPE, handle, sandbox, request, actor="scenario")
        done = await playground.interact_in_turn(self._crew, asked)
        await done.committed

    def _refuse(self, framed: Framed, reason: str) -> Answer:
        return answering.refuse(framed, reason, self._clock.now(), ids.new_id())
