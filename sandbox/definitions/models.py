"""What a benchmark definition may say: the models that its file is checked against.

Unknown keys are errors. Values that depend on the simulators (configurations, scenario steps,
assertions) are checked by the `Vocabulary` that `load.py` is given.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from sandbox import ids
from sandbox.clock import parse_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.definitions.llm_tasks import LlmTaskDefinition
from sandbox.definitions.mess import MESSIEST, TIDY
from sandbox.definitions.pathways import expand_pathway
from sandbox.jsonio import Json

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class SimulatorDefinition(StrictModel):
    """One simulator of the environment, seeded from a dataset."""

    type: str
    name: str = Field(min_length=1, max_length=200)
    dataset: str | None = None
    config: dict[str, Any] = {}


class MessDefinition(StrictModel):
    """How messy the seeds are made, and the seed of that; a level alone may be written as a number."""

    level: int = Field(ge=TIDY + 1, le=MESSIEST)
    seed: int = Field(default=0, ge=0, lt=1 << 53)


class EnvironmentDefinition(StrictModel):
    """The systems an agent works with, how messy their data is, and when its playgrounds' clocks begin."""

    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=1000)
    clock: str | datetime | None = None
    mess: MessDefinition | None = None
    simulators: list[SimulatorDefinition] = Field(min_length=1)

    @field_validator("mess", mode="before")
    @classmethod
    def _level_alone(cls, mess: object) -> object:
        return {"level": mess} if isinstance(mess, int) and not isinstance(mess, bool) else mess

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write a mess only where there is one: what has none is frozen, and hashed, as it was before."""
        written: dict[str, Any] = serialize(self)
        return {key: value for key, value in written.items() if key != "mess" or value is not None}

    @field_validator("clock")
    @classmethod
    def _clock_reads(cls, clock: str | datetime | None) -> str | datetime | None:
        if isinstance(clock, str):
            parse_instant(clock)
        return clock

    @property
    def clock_start(self) -> datetime | None:
        """When the playground's clock starts; None means at the present time."""
        if self.clock is None:
            return None
        return parse_instant(self.clock if isinstance(self.clock, str) else self.clock.isoformat())


class SimulatorOverride(StrictModel):
    """What a task has of its own at one simulator of the environment, named by its type: another dataset, and keys of
    the configuration that take the place of the environment's."""

    type: str
    dataset: str | None = None
    config: dict[str, Any] = {}


class EnvironmentOverride(StrictModel):
    """What a task has of its own of the environment; what it does not name is as for all tasks."""

    clock: str | datetime | None = None
    simulators: list[SimulatorOverride] = []

    @field_validator("clock")
    @classmethod
    def _clock_reads(cls, clock: str | datetime | None) -> str | datetime | None:
        if isinstance(clock, str):
            parse_instant(clock)
        return clock


class WhenClause(StrictModel):
    """An agent's action to wait for."""

    event: str
    match: dict[str, Any] = {}


class StepDefinition(BaseModel):
    """One scenario step: its action, when it happens, and the action's own arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    action: str
    after_seconds: float = Field(default=0, ge=0)
    when: WhenClause | None = None

    @property
    def args(self) -> dict[str, Any]:
        """The arguments of the action."""
        return dict(self.model_extra or {})


class ScenarioDefinition(StrictModel):
    """What happens in the playground without the agent, in order. A `pathway` is in `steps` once it is read, behind
    those that are written out."""

    steps: list[StepDefinition] = []

    @model_validator(mode="before")
    @classmethod
    def _with_pathway(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "pathway" not in value:
            return value
        rest = {name: item for name, item in value.items() if name != "pathway"}
        if not isinstance(value["pathway"], Sequence) or isinstance(value["pathway"], str):
            raise ValueError("a pathway must be a list of steps such as {admit: {…}}")
        return {**rest, "steps": [*(rest.get("steps") or ()), *expand_pathway(value["pathway"])]}


class EntityReference(StrictModel):
    """A record of a dataset bound to the task. `value` is filled in when the file is loaded."""

    dataset: str
    ref: str
    value: dict[str, Any] | None = None


EXTENSIONS: Final = frozenset({"required", "scoring", "requires"})


class CriterionDefinition(StrictModel):
    """One thing that is checked when the task run completes.

    Extensions: `required`, unless it passes in full the verdict is not `pass` (`false` says that this is
    meant not to be so); `scoring: all`, its score is 0 unless every item holds; `requires`, labels of the
    task's criteria that must have passed before this one counts.
    """

    label: str = Field(min_length=1)
    weight: float = Field(default=1, ge=0)
    axis: str | None = None
    input_entity: str | None = None
    required: bool | None = None
    scoring: Literal["all"] | None = None
    requires: list[str] = []
    assertion: dict[str, Any]

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the extensions only where they are used: what uses none is frozen, and hashed, as it was before."""
        written: dict[str, Any] = serialize(self)
        return {key: value for key, value in written.items() if key not in EXTENSIONS or value not in (None, [])}


class TaskDefinition(StrictModel):
    """One task: what the agent is told, what happens, and what counts."""

    key: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    name: str = Field(min_length=1, max_length=200)
    task_item: dict[str, Any] | None = None
    scenario: ScenarioDefinition | None = None
    entities: list[EntityReference] = []
    timeout: float | None = Field(default=None, gt=0)
    tags: list[str] = []
    environment: EnvironmentOverride | None = None
    may_advance_clock: bool = True
    criteria: list[CriterionDefinition] = []

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write what was added later only where it is used: what does not is frozen, and hashed, as it was before."""
        written: dict[str, Any] = serialize(self)
        unsaid = {"environment": None, "may_advance_clock": True}
        return {key: value for key, value in written.items() if key not in unsaid or value is not unsaid[key]}

    @property
    def steps(self) -> list[StepDefinition]:
        """The scenario's steps; empty without a scenario."""
        return self.scenario.steps if self.scenario else []

    def entity(self, ref: str) -> EntityReference | None:
        """Return the bound entity of that reference."""
        return next((e for e in self.entities if e.ref == ref), None)


class BenchmarkDefinition(StrictModel):
    """One published version of a benchmark. `templates` and `instructions` are gone when it is loaded: they are in its
    tasks then."""

    slug: str = Field(pattern=SLUG, max_length=100)
    version: int = Field(ge=1)
    name: str = Field(min_length=1, max_length=200)
    description: str | None = None
    visibility: Literal["Public", "Private"] = "Private"
    timeout: float = Field(default=300, gt=0)
    concurrency: int = Field(default=1, ge=1)
    environment: EnvironmentDefinition
    tasks: list[TaskDefinition] = Field(min_length=1)
    llm_tasks: list[LlmTaskDefinition] = []
    templates: dict[str, Any] = Field(default={}, exclude=True)
    instructions: str | None = Field(default=None, min_length=1, exclude=True)

    @model_validator(mode="after")
    def _unique_keys(self) -> Self:
        seen: set[str] = set()
        for task in self.tasks:
            if task.key in seen:
                raise ValueError(f'two tasks have the key "{task.key}"')
            seen.add(task.key)
        names = [name for t in self.llm_tasks for name in {t.key.lower(), t.name.lower()}]
        if len(names) != len(set(names)):
            raise ValueError("two llm_tasks have the same key or name")
        return self

    @property
    def reference(self) -> str:
        """`slug@version`."""
        return f"{self.slug}@{self.version}"

    @property
    def id(self) -> str:
        """The benchmark's id, derived from slug and version."""
        return ids.derived_id("bench", self.slug, self.version)

    @property
    def environment_id(self) -> str:
        """The environment's id."""
        return ids.derived_id("env", self.slug, self.version)

    def simulator_id(self, position: int) -> str:
        """Return the id of the environment's simulator at a position."""
        return ids.derived_id("sim", self.slug, self.version, position)

    def task_id(self, task: TaskDefinition) -> str:
        """Return the id of a task, derived from slug, version and key."""
        return ids.derived_id("task", self.slug, self.version, task.key)

    def criterion_id(self, task: TaskDefinition, position: int) -> str:
        """Return the id of a task's criterion at a position."""
        return ids.derived_id("crit", self.slug, self.version, task.key, position)

    def timeout_of(self, task: TaskDefinition) -> float:
        """Return the seconds a task run may take."""
        return task.timeout if task.timeout is not None else self.timeout

    def environment_of(self, task: TaskDefinition) -> EnvironmentDefinition:
        """Return the environment of a task: the benchmark's, with what the task has of its own."""
        own = task.environment
        if own is None:
            return self.environment
        overrides = {override.type.casefold(): override for override in own.simulators}
        simulators = []
        for simulator in self.environment.simulators:
            override = overrides.get(simulator.type.casefold())
            if override is not None:
                config = {**simulator.config, **override.config}
                changed = {"dataset": override.dataset or simulator.dataset, "config": config}
                simulator = simulator.model_copy(update=changed)
            simulators.append(simulator)
        clock = self.environment.clock if own.clock is None else own.clock
        return self.environment.model_copy(update={"clock": clock, "simulators": simulators})

    @property
    def datasets(self) -> set[str]:
        """The datasets that some task's simulators begin with."""
        environments = [self.environment, *map(self.environment_of, self.tasks)]
        return {s.dataset for environment in environments for s in environment.simulators if s.dataset}

    def frozen(self) -> Json:
        """Return the definition as JSON, as it is stored with every run."""
        return self.model_dump(mode="json", by_alias=True)


def thaw(value: Mapping[str, Any]) -> BenchmarkDefinition:
    """Read a definition back from its frozen form."""
    return BenchmarkDefinition.model_validate(value)
