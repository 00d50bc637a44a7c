"""Waiting beside a playground for what is to be carried out outside of it: for a change, or for the time.

On a clock that runs, steps of the scenario and further attempts come when they are due, though nobody calls; a clock
that steps is moved by the agent alone.
"""

import asyncio
from datetime import datetime

from aiohttp import web

from sandbox.api.context import CREW, WRITER
from sandbox.clock import parse_instant
from sandbox.playground.playground import Interaction, Playground
from sandbox.playground.steps import in_order


async def wait_for_more(
    app: web.Application, playground: Playground, look: Interaction, attempt: datetime | None, changed: asyncio.Event
) -> None:
    """Return once something changed, or once a step or the next `attempt` is due; then the steps were taken."""
    steps = in_order(look.branch)[:1]
    moments = [*(parse_instant(step[0]) for step in steps), *([attempt] if attempt is not None else [])]
    if look.is_seeded or not moments:
        await changed.wait()
        return
    try:
        async with asyncio.timeout(max((min(moments) - look.now).total_seconds(), 0.001)):
            await changed.wait()
    except TimeoutError:
        async with playground.turns.mine():
            if not playground.is_torn_down:
                await playground.settle_in_parts(app[CREW])
        await app[WRITER].flush((playground.id,))
