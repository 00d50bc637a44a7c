"""Where the simulated systems are mounted: one resource per scope, found by splitting the path once.

A scope is `/v1/benchmark-runs/{benchmark_run_id}` or one of its siblings; below it stands a surface's name.
aiohttp's own table tries one pattern after the other, for every simulator's routes; here the surface chooses
first, so a request costs the same however many simulators there are.

Beside its handler a route may have a way to be answered at once, for plain calls (`connections.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from aiohttp import StreamReader, hdrs, web
from aiohttp.typedefs import Handler
from yarl import URL

from sandbox.api.asked import Asked
from sandbox.playground.playground import Outcome

# What a call that can be answered at once gives: its outcome; or who does the rest of it; or None, untouched.
AtOnce: TypeAlias = Callable[[Asked, StreamReader], Outcome | Handler | None]
ANY_PATH: Final = "/{path:.*}"


class Scope(web.AbstractResource):
    """All surfaces below `/<first>[/<second>]/{parameter}`."""

    def __init__(self, prefix: str, parameter: str) -> None:
        super().__init__()
        self.prefix = f"{prefix}/"
        self._root = f"{prefix}/{{{parameter}}}"
        self._parameter = parameter
        self._resources: dict[str, web.Resource] = {}
        self._fixed: dict[tuple[str, str], web.AbstractRoute] = {}
        self._patterns: dict[str, list[web.Resource]] = {}
        self._any_path: dict[str, web.AbstractRoute] = {}
        self._at_once: dict[web.AbstractRoute, AtOnce] = {}

    def add(self, method: str, path: str, handler: Handler, at_once: AtOnce | None = None) -> None:
        """Serve a method at a path below the scope; its first part is the surface."""
        surface = path.partition("/")[0]
        resource = self._resources.get(path)
        if resource is None:
            resource = self._resources[path] = web.DynamicResource(f"{self._root}/{path}")
            if "{" in path:
                self._patterns.setdefault(surface, []).append(resource)
        route = resource.add_route(method, handler)
        if at_once is not None:
            self._at_once[route] = at_once
        if "{" not in path:
            self._fixed[method, path] = route
        elif method == hdrs.METH_ANY and path == surface + ANY_PATH:
            self._any_path[surface] = route
        if len(self._patterns.get(surface, ())) > 1:
            self._any_path.pop(surface, None)  # another pattern may come first

    def _find(self, method: str, path: str) -> tuple[web.AbstractRoute, dict[str, str]] | None:
        key, _, below = path.partition("/")
        if not key or "%" in path:
            return None
        route = self._fixed.get((method, below)) or self._fixed.get((hdrs.METH_ANY, below))
        if route is not None:
            return route, {self._parameter: key}
        surface, slash, rest = below.partition("/")
        route = self._any_path.get(surface) if slash else None
        return None if route is None else (route, {self._parameter: key, "path": rest})

    def match(self, method: str, path: str) -> web.UrlMappingMatchInfo | None:
        """Return the match of a path that is found without trying patterns; `path` is below the prefix, decoded."""
        found = self._find(method, path)
        return None if found is None else web.UrlMappingMatchInfo(found[1], found[0])

    def at_once(self, method: str, path: str) -> tuple[AtOnce, dict[str, str]] | None:
        """Return the way to answer a path at once and its parameters, where there is one."""
        found = self._find(method, path)
        way = self._at_once.get(found[0]) if found is not None else None
        return None if found is None or way is None else (way, found[1])

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        """Return the match, or None and the methods that the path takes; a path without parameters goes first."""
        path = request.rel_url.path_safe.removeprefix(self.prefix)
        found = self.match(request.method, path)
        allowed: set[str] = set()
        if found is not None:
            return found, allowed
        below = path.partition("/")[2]
        fixed = self._resources.get(below)
        for resource in ([fixed] if fixed is not None else []) + self._patterns.get(below.partition("/")[0], []):
            found, methods = await resource.resolve(request)
            if found is not None:
                return found, methods
            allowed |= methods
        return None, allowed

    @property
    def canonical(self) -> str:
        """The scope's path; aiohttp looks it up by what stands before the parameter."""
        return self._root

    def url_for(self, **kwargs: str) -> URL:
        """Return the scope's own URL."""
        return URL.build(path=self._root.format_map(kwargs))

    def add_prefix(self, prefix: str) -> None:
        """Refuse: scopes stand at the root."""
        raise RuntimeError("a scope cannot be mounted below a prefix")

    def get_info(self) -> Any:
        """Describe the resource."""
        info: Mapping[str, str] = {"formatter": self._root}
        return info

    def raw_match(self, path: str) -> bool:
        """Whether a path is this scope's own; its routes are never extended from outside."""
        return False

    def __len__(self) -> int:
        return sum(map(len, self._resources.values()))

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        for resource in self._resources.values():
            yield from resource
