"""Where the doors for tools stand: below a task run, below its capability URL, and for the organization.

Only POST is served: without sessions there is nothing to listen to (GET) or to end (DELETE). Strict mode has no door.
"""

import importlib.util
from typing import Final

from aiohttp import web

from sandbox.api import auth
from sandbox.api.capability import PREFIX
from sandbox.api.doors import AgentWay, ByCapability, ByTaskRun
from sandbox.api.representations import TOOLS
from sandbox.errors import NotFound
from sandbox.mcp.agent import AgentTools
from sandbox.mcp.organization import OrganizationTools
from sandbox.mcp.protocol import answer

_EXTRA: Final = "The tools need the extra mcp: pip install 'playground-sandbox[mcp]', and start the server again."


def add_routes(app: web.Application) -> None:
    """Add the doors."""
    app.router.add_post(f"/{TOOLS}", _of_organization)
    app.router.add_post(f"/v1/task-runs/{{task_run_id}}/{TOOLS}", _AgentDoor(ByTaskRun(takes_basic=True)).handle)
    app.router.add_post(f"{PREFIX}/{{capability}}/{TOOLS}", _AgentDoor(ByCapability()).handle)


def _check_installed() -> None:
    if importlib.util.find_spec("mcp") is None:
        raise NotFound(_EXTRA)


async def _of_organization(request: web.Request) -> web.Response:
    """POST /mcp, with the organization key."""
    auth.organization(request)
    _check_installed()
    return await answer(request, OrganizationTools(request))


class _AgentDoor:
    """A door to one task run, in one of the agent's scopes."""

    def __init__(self, way: AgentWay) -> None:
        self._way = way

    async def handle(self, request: web.Request) -> web.Response:
        """POST {root}/mcp, with what opens the root."""
        found = self._way.started(request.app, request)
        if found is None:
            raise await self._way.explain(request, TOOLS)
        _check_installed()
        return await answer(request, AgentTools(request, request.path.removesuffix(f"/{TOOLS}"), *found))
