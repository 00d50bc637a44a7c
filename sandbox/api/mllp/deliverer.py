"""Delivers inboxes to listeners: watches the playgrounds that have one, and carries out what is due.

Nothing runs for a playground without a listener. On a clock that runs, further attempts and steps of the scenario come
when they are due; a clock that steps is moved by the agent alone.
"""

import asyncio
from typing import Final

from aiohttp import web

from sandbox.api.context import CREW, HUB, SETTINGS
from sandbox.api.following import wait_for_more
from sandbox.api.mllp.exchange import deliver
from sandbox.errors import SandboxError
from sandbox.logs import get_logger
from sandbox.playground.calls import Asked
from sandbox.playground.events import SCENARIO_METHOD, Request, Response
from sandbox.playground.playground import Interaction, Playground, Sandbox
from sandbox.runs.models import Holder, Phase
from sandbox.simulators.hl7 import deliveries
from sandbox.simulators.hl7.deliveries import Job

EVENT_TYPE: Final = "hl7_delivery"

log = get_logger()


class Deliverer:
    """The deliveries of all playgrounds that have a listener; `begin` may be called again and again."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, holder: Holder, sandbox: Sandbox) -> None:
        """Deliver what there is and what comes, as long as a listener is named and the task run goes on."""
        playground = holder.playground
        if sandbox.id in self._tasks or playground is None or not deliveries.is_delivering(playground.branch):
            return
        task = self._tasks[sandbox.id] = asyncio.create_task(self._deliver_all(holder, playground, sandbox))
        task.add_done_callback(lambda _: self._tasks.pop(sandbox.id, None))

    async def stop(self) -> None:
        """End all; what is under way is tried again after a restart."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver_all(self, holder: Holder, playground: Playground, sandbox: Sandbox) -> None:
        try:
            with self._app[HUB].follow(playground.id) as changed:
                while not playground.is_torn_down and holder.phase is Phase.STARTED:
                    changed.clear()
                    look = playground.look(sandbox)
                    if not deliveries.is_delivering(look.branch):
                        return
                    job = deliveries.next_job(look)
                    if job is not None:
                        await self._attempt(playground, sandbox, job)
                        continue
                    await wait_for_more(self._app, playground, look, deliveries.next_attempt_at(look), changed)
        except SandboxError as error:  # the task run is over, or full of events
            log.info("deliveries ended", playground_id=playground.id, reason=error.message)
        except Exception:
            log.exception("deliveries failed", playground_id=playground.id)

    async def _attempt(self, playground: Playground, sandbox: Sandbox, job: Job) -> None:
        outcome = await deliver(job, self._app[SETTINGS].outbound_hosts)
        if playground.is_torn_down:
            return

        def handle(tx: Interaction) -> Response:
            return Response.of_json(deliveries.settle(tx, job, outcome))

        request = Request(
            SCENARIO_METHOD,
            f"hl7/inbox/{job.inbox_id}",
            headers={"content-type": "application/hl7-v2"},
            body=job.body,
            via="mllp",
        )
        asked = Asked(EVENT_TYPE, handle, sandbox, request, actor="scenario")
        done = await playground.interact_in_turn(self._app[CREW], asked)
        await done.committed
