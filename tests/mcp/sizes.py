"""How long the tools of an environment are, as the door lists them."""

import json
from types import SimpleNamespace
from typing import Any, Final

from sandbox.api.context import REGISTRY
from sandbox.mcp.agent import AgentTools

TOKENS_MAX: Final = 4_000
CHARS_PER_TOKEN: Final = 4


def tokens_of(registry: Any, definition: Any) -> int:
    """Return the size of `tools/list` for the whole environment of a benchmark."""
    surfaces = [registry.surface_of(simulator.type) for simulator in definition.environment.simulators]
    sandboxes = [SimpleNamespace(surface=surface) for surface in surfaces]
    task_run: Any = SimpleNamespace(sandboxes=sandboxes, task=SimpleNamespace(may_advance_clock=True))
    request: Any = SimpleNamespace(app={REGISTRY: registry})
    listed = AgentTools(request, "", None, task_run).tools()  # type: ignore[arg-type]
    return len(json.dumps({"tools": listed}, separators=(",", ":"), ensure_ascii=False)) // CHARS_PER_TOKEN
