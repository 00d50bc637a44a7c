"""What is counted of every request: which surface it was for, how it ended, how long it took."""

from collections.abc import Iterable, Iterator
from typing import Final

from aiohttp import web

from sandbox.tally import SECONDS, Tally

API: Final = "api"
LLM_TASKS: Final = "llm_tasks"
STREAM: Final = "stream"
NOWHERE: Final = "none"
_SCOPES: Final = {"v1": 4, "sandboxes": 3, "services": 3}  # where a surface's name stands in a path below


class Tallies:
    """The requests of one server by surface and status."""

    def __init__(self, surfaces: Iterable[str]) -> None:
        self._surfaces = frozenset(surfaces)
        self._of: dict[tuple[str, int], Tally] = {}
        self._of_path: dict[str, str] = {}

    def note(self, surface: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        tally = self._of.get((surface, status))
        if tally is None:
            tally = self._of[surface, status] = Tally(SECONDS)
        tally.note(seconds)

    def note_request(self, request: web.Request, response: web.StreamResponse, seconds: float) -> None:
        """Count a request that took aiohttp's way. How long a stream lasts says nothing of any other answer."""
        self.note(STREAM if response.prepared else self._surface_of(request), response.status, seconds)

    def _surface_of(self, request: web.Request) -> str:
        resource = request.match_info.route.resource
        if resource is None:
            return NOWHERE
        path = resource.canonical
        surface = self._of_path.get(path)
        if surface is None:
            surface = self._of_path[path] = self._read(path)
        return surface

    def _read(self, path: str) -> str:
        parts = path.split("/")
        at = _SCOPES.get(parts[1])
        if at is not None and len(parts) > at and parts[at] in self._surfaces:
            return parts[at]
        return LLM_TASKS if parts[1] in ("api", "oauth2") else API

    def __iter__(self) -> Iterator[tuple[str, int, Tally]]:
        for (surface, status), tally in sorted(self._of.items()):
            yield surface, status, tally
