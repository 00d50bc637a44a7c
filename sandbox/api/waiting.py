"""`POST {surface root}/clock/advance` (extension): the agent waits, without anybody's time passing."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from aiohttp import web
from pydantic import Field, model_validator

from sandbox import limits
from sandbox.api.bodies import Body, parse_body, read_limited
from sandbox.api.calls import asked_of, to_call
from sandbox.api.context import CREW, REGISTRY, REQUEST_ID, SETTINGS
from sandbox.api.doors import NOT_ANY_MORE, AgentWay, without_secret
from sandbox.api.errors import to_web, with_request_id
from sandbox.clock import format_instant
from sandbox.definitions.models import TaskDefinition
from sandbox.errors import Conflict, Forbidden, TooLarge
from sandbox.playground.calls import Asked as Interact
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, Playground
from sandbox.playground.waiting import wait_for_next, wait_for_seconds
from sandbox.simulators.base import render_json_error

PATH: Final = "clock/advance"
NAME: Final = PATH.partition("/")[0]
EVENT_TYPE: Final = "clock_advanced"


class AdvanceClock(Body):
    """Body of `POST {surface root}/clock/advance`: one of the two."""

    hint: ClassVar[str] = 'Send {"seconds": n} or {"to": "next"}.'

    seconds: float | None = Field(default=None, gt=0, le=limits.CLOCK_ADVANCE_S, allow_inf_nan=False)
    to: Literal["next"] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "AdvanceClock":
        if (self.seconds is None) == (self.to is None):
            raise ValueError('give either seconds or to, not both: {"seconds": n} or {"to": "next"}')
        return self


def advance(tx: Interaction, call: Request, task: TaskDefinition, others: Iterable[datetime]) -> Response:
    """Move the clock as the call asks; `others` as `wait_for_next` has it.

    Raises `Forbidden` where the task says so, else what is wrong with the call.
    """
    if not task.may_advance_clock:
        raise Forbidden("This task does not let its agent move the clock: time passes as it does.")
    asked = parse_body(call.body, call.headers.get("content-type", ""), AdvanceClock)
    moved = wait_for_next(tx, others) if asked.seconds is None else wait_for_seconds(tx, asked.seconds)
    return Response.of_json({"clock": format_instant(tx.now + timedelta(seconds=moved)), "advanced_seconds": moved})


class Waiting:
    """The route, in one of the agent's scopes."""

    def __init__(self, app: web.Application, way: AgentWay) -> None:
        self._app = app
        self._way = way

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one request; what falls due happens before the answer leaves."""
        app, way = self._app, self._way
        found = way.started(app, request)
        if found is None:
            raise await way.explain(request, NAME)
        task_run = found[1]
        alias = way.alias_of(request, task_run)
        call = to_call(app[SETTINGS], asked_of(request), await read_limited(request, limits.LOGIN_BODY_BYTES))
        call = without_secret(app, task_run, alias, call)
        playground = task_run.playground
        if playground is None or playground.is_torn_down:
            raise Conflict(NOT_ANY_MORE)
        asked = Interact(
            EVENT_TYPE,
            lambda tx: advance(tx, call, task_run.task, self._moments(playground)),
            None,
            call,
            lambda error: render_json_error(error),
        )
        outcome = await playground.interact_in_turn(app[CREW], asked)
        async with playground.turns.mine():
            if not playground.is_torn_down:
                with suppress(TooLarge):  # a task run that is full takes no more of what is due
                    await playground.settle_in_parts(app[CREW])
        await outcome.committed
        response = outcome.response if alias is None else alias.give_out(outcome.response)
        return to_web(with_request_id(response, request[REQUEST_ID]))

    def _moments(self, playground: Playground) -> list[datetime]:
        """Return what is to come in a playground that is no step of its own."""
        registry = self._app[REGISTRY]
        found = [registry.on_surface(s.surface).next_moment(playground.look(s)) for s in playground.sandboxes]
        return [moment for moment in found if moment is not None]
