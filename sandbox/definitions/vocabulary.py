"""What the simulators and checks bring to definitions, asked for without knowing them."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.inspection import Judge
from sandbox.definitions.llm_tasks import LlmTaskDefinition
from sandbox.definitions.mess import Mess
from sandbox.jsonio import Json
from sandbox.playground.branch import Seed


class Vocabulary(Judge, Protocol):
    """What the simulators and checks bring to definitions; the app passes its registry."""

    @property
    def simulator_types(self) -> Collection[str]:
        """The names of the simulator types there are."""
        ...

    def surface_of(self, simulator_type: str) -> str | None:
        """Return the surface of a simulator type or alias, None when there is no such type."""
        ...

    def has_mess(self, simulator_type: str) -> bool:
        """Whether a simulator's data can be made messy."""
        ...

    def config_problems(
        self, simulator_type: str, config: Mapping[str, Any]
    ) -> list[tuple[tuple[str | int, ...], str]]:
        """Return `(path, message)` for everything wrong with a configuration."""
        ...

    def step_problems(
        self, action: str, args: Mapping[str, Any], surfaces: set[str]
    ) -> list[tuple[tuple[str | int, ...], str]]:
        """Return `(path, message)` for everything wrong with a scenario step."""
        ...

    def match_problem(self, match: Mapping[str, Any]) -> str | None:
        """Return what is wrong with a `when` clause's match, None when it can be used."""
        ...

    def refused_assertion(self, assertion: Mapping[str, Any], entity: Json) -> str | None:
        """Return why a definition with this assertion is refused, None when it may be loaded."""
        ...

    def llm_task_problems(self, task: LlmTaskDefinition) -> list[tuple[tuple[str | int, ...], str]]:
        """Return `(path, message)` for everything wrong with an LLM task."""

    def load_seed(
        self, simulator_type: str, dataset: Dataset | None, config: Mapping[str, Any], mess: Mess | None = None
    ) -> Seed:
        """Parse a dataset for a simulator and make it as messy; the same input gives the same (shared) seed."""
