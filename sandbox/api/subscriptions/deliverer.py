"""Delivers notifications: watches the playgrounds that have Subscriptions, and carries out what is due.

Nothing runs for a playground without any. Each Subscription has one attempt under way at most, and none waits for
another's; neither does the agent. An attempt holds no turn of the playground: only what came of it is an interaction.
"""

import asyncio
import base64
from functools import partial
from typing import Final

from aiohttp import web

from sandbox.api.context import CREW, HUB, RUNS, SETTINGS
from sandbox.api.following import wait_for_more
from sandbox.api.outbound import Answered, OutboundHttp, Unreached
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.playground.calls import Asked
from sandbox.playground.events import RESTORED, SCENARIO_METHOD, Event, Request, Response
from sandbox.playground.playground import Interaction, Playground, Sandbox
from sandbox.runs.models import Holder, Phase, TaskRun
from sandbox.runs.registry import Registry
from sandbox.subscriptions import lifecycle, queue
from sandbox.subscriptions.home import Home
from sandbox.subscriptions.queue import Job, Outcome
from sandbox.subscriptions.rules import TYPE

EVENT_TYPE: Final = "subscription_delivery"

log = get_logger()


class SubscriptionDeliverer:
    """The notifications of all playgrounds that have Subscriptions; one of what starts and ends with a task run."""

    def __init__(self, app: web.Application, registry: Registry) -> None:
        self._app = app
        self._http = OutboundHttp(app[SETTINGS].outbound_hosts)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._homes: dict[str, Home] = {}
        for simulator in registry.simulators:
            home = simulator.subscriptions
            if home is not None:
                self._homes[simulator.surface] = home
                watch = partial(self._note_change, simulator.surface)
                app[HUB].watch_collection(lifecycle.rows_of(home.prefix), watch)
        app[HUB].watch(RESTORED, self._note_restore)

    async def open(self, task_run: TaskRun) -> None:
        """Open nothing."""

    def note_started(self, task_run: Holder) -> None:
        """Begin where there are Subscriptions already: from the scenario, or from before a restart."""
        for sandbox in task_run.sandboxes:
            if sandbox.surface in self._homes:
                self._begin(task_run, sandbox)

    def close(self, task_run: TaskRun) -> None:
        """End what goes on for a task run that is over."""
        for sandbox in task_run.sandboxes:
            task = self._tasks.get(sandbox.id)
            if task is not None:
                task.cancel()

    async def stop(self) -> None:
        """End all; what is under way is sent again after a restart."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.close()

    def _note_change(self, surface: str, event: Event) -> None:
        holder = self._app[RUNS].by_playground.get(event.playground_id)
        if holder is not None and holder.phase is Phase.STARTED:
            for sandbox in holder.sandboxes:
                if sandbox.surface == surface:
                    self._begin(holder, sandbox)

    def _note_restore(self, event: Event) -> None:
        for surface in self._homes:
            self._note_change(surface, event)

    def _begin(self, holder: Holder, sandbox: Sandbox) -> None:
        playground, home = holder.playground, self._homes[sandbox.surface]
        if playground is None or sandbox.id in self._tasks or not lifecycle.are_asked(playground.branch, home.prefix):
            return
        self._tasks[sandbox.id] = asyncio.create_task(self._follow(holder, playground, sandbox, home))

    async def _follow(self, holder: Holder, playground: Playground, sandbox: Sandbox, home: Home) -> None:
        under_way: dict[str, asyncio.Task[None]] = {}
        try:
            with self._app[HUB].follow(playground.id) as changed:
                while not playground.is_torn_down and holder.phase is Phase.STARTED:
                    changed.clear()
                    for done in [key for key, task in under_way.items() if task.done()]:
                        under_way.pop(done).result()
                    look = playground.look(sandbox)
                    if not lifecycle.are_asked(look.branch, home.prefix):
                        return  # nothing is awaited from here to where the place is given up
                    for job in list(queue.due_jobs(look, home, under_way)):
                        task = asyncio.create_task(self._attempt(holder, playground, sandbox, home, job))
                        task.add_done_callback(lambda _: changed.set())
                        under_way[job.subscription_id] = task
                    attempt = queue.next_attempt_at(look, home, under_way)
                    await wait_for_more(self._app, playground, look, attempt, changed)
        except SandboxError as error:  # the task run is over, or full of events
            log.info("notifications ended", playground_id=playground.id, reason=error.message)
        except Exception:
            log.exception("notifications failed", playground_id=playground.id)
        finally:
            self._tasks.pop(sandbox.id, None)
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    async def _attempt(self, holder: Holder, playground: Playground, sandbox: Sandbox, home: Home, job: Job) -> None:
        outcome = await self._send(job)
        if playground.is_torn_down or holder.phase is not Phase.STARTED:
            return

        def handle(tx: Interaction) -> Response:
            return Response.of_json(queue.settle(tx, home, job, outcome))

        content_type = job.sent.headers.get("Content-Type")
        request = Request(
            SCENARIO_METHOD,
            f"{sandbox.surface}/{TYPE}/{job.subscription_id}",
            headers={"content-type": content_type} if content_type and job.body else {},
            body=job.body,
        )
        asked = Asked(EVENT_TYPE, handle, sandbox, request, actor="scenario")
        done = await playground.interact_in_turn(self._app[CREW], asked)
        await done.committed

    async def _send(self, job: Job) -> Outcome:
        sent = job.sent
        try:
            answered = await self._http.send(sent.method, sent.url, sent.headers, job.body, timeout_s=queue.TIMEOUT_S)
        except Unreached as error:
            return Outcome(error=str(error))
        return Outcome(answered.status, answered.content_type, _body_of(answered))


def _body_of(answered: Answered) -> Json:
    """Write an answer's body: text where it is, else Base64."""
    if not answered.body:
        return None
    more = {} if answered.is_whole else {"is_whole": False}
    try:
        return {"text": answered.body.decode(), **more}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(answered.body).decode(), **more}
