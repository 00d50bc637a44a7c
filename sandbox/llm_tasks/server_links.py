"""What the task API asks of the rest of the server, as narrow as it can be.

The app hands in something that fits; so this package knows neither runs nor the API beside it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sandbox.definitions.models import BenchmarkDefinition
from sandbox.playground.playground import Playground


@dataclass(frozen=True, slots=True)
class StartedTaskRun:
    """A started task run: where events go, and the definition that its run was made from."""

    id: str
    benchmark_run_id: str
    playground: Playground
    definition: BenchmarkDefinition


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The benchmark run of a run token: nothing of the runs of others is for it. `since` is when it was made."""

    benchmark_run_id: str
    since: datetime
    started: tuple[StartedTaskRun, ...]


class ServerLinks(Protocol):
    """Keys and started task runs."""

    def is_organization_key(self, key: str) -> bool:
        """Whether a bearer is an organization key."""
        ...

    def started(self, task_run_id: str) -> StartedTaskRun | None:
        """Return a task run that is started now."""
        ...

    def of_run_token(self, token: str) -> TokenOwner | None:
        """Return whose a run token is, None for anything that is no run token."""
        ...
