"""The registry: which simulators, checks and scenario actions exist, asked by name.

It is the vocabulary that definitions are checked against, and where runs find the code for a
surface. Built once by the app; holds no state but the seeds it has already parsed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import Field, ValidationError

from sandbox import jsonio
from sandbox.definitions.assertions import StrictModel
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.llm_tasks import LlmTaskDefinition
from sandbox.definitions.mess import Mess
from sandbox.definitions.models import BenchmarkDefinition, CriterionDefinition, TaskDefinition, WhenClause
from sandbox.definitions.problems import say
from sandbox.errors import Conflict
from sandbox.jsonio import Json
from sandbox.playground.branch import Seed
from sandbox.playground.playground import Action, Interaction, Sandbox
from sandbox.scoring.answers import ANSWER
from sandbox.scoring.checks import all_checks
from sandbox.scoring.checks.state_equals_solution import comparer_of
from sandbox.scoring.event_inspection import find_match_problems
from sandbox.scoring.inspection import inspect_assertion
from sandbox.scoring.matching import describe_match_problem
from sandbox.scoring.parsing import UnsupportedAssertion, combination_of, leaves_of, parse_assertion, parse_proposition
from sandbox.simulators.base import Check, ScenarioAction, Simulator
from sandbox.simulators.vocabulary import Surface, Surroundings
from sandbox.suggest import did_you_mean

Problems = list[tuple[tuple[str | int, ...], str]]


class AdvanceClock(StrictModel):
    """Arguments of `advance_clock`."""

    seconds: float = Field(ge=0)


def _advance_clock(tx: Interaction, args: AdvanceClock) -> None:
    tx.advance_clock(args.seconds)


CORE_ACTIONS: Mapping[str, ScenarioAction] = {"advance_clock": ScenarioAction(AdvanceClock, _advance_clock)}


class Registry:
    """Simulators by type and surface, checks and actions by name."""

    def __init__(
        self,
        simulators: Sequence[Simulator],
        *,
        checks: Sequence[Check] = (),
        llm_task_problems: Callable[[LlmTaskDefinition], Problems] = lambda task: [],
    ) -> None:
        self.llm_task_problems = llm_task_problems
        self.simulators = tuple(simulators)
        self._by_type = {name.lower(): s for s in simulators for name in (s.type, *s.aliases)}
        self._by_surface = {name: s for s in simulators for name in (s.surface, *s.surface_aliases)}
        self._surface_of_check = {check.name: s.surface for s in simulators for check in s.checks}
        self.checks = all_checks(simulators, checks)
        self.comparer = comparer_of(simulators)
        self.scenario_actions: dict[str, tuple[ScenarioAction, str | None]] = {
            name: (action, None) for name, action in CORE_ACTIONS.items()
        }
        for simulator in simulators:
            for name, action in simulator.actions.items():
                self.scenario_actions[name] = (action, simulator.surface)
        self.actions: dict[str, Action] = {
            name: partial(_run_action, action) for name, (action, _) in self.scenario_actions.items()
        }
        self._seeds: dict[tuple[str, str | None, bytes, Mess | None], Seed] = {}

    def simulator(self, simulator_type: str) -> Simulator:
        """Return the simulator of a type or alias, whatever its case. Raises `KeyError`."""
        return self._by_type[simulator_type.lower()]

    def on_surface(self, surface: str) -> Simulator:
        """Return the simulator that serves a surface, by its name or an alias. Raises `KeyError`."""
        return self._by_surface[surface]

    def check_holds_state(self, sandboxes: Iterable[Sandbox]) -> None:
        """Raise `Conflict` where a part of a playground's state is on a server outside, which does not go along."""
        for sandbox in sandboxes:
            if not self.simulator(sandbox.type).holds_state(sandbox):
                raise Conflict(
                    f"The state of {sandbox.name} is on the server behind this one; it can be neither forked nor "
                    "returned to."
                )

    # -- the vocabulary of definitions ---------------------------------------------------------

    @property
    def simulator_types(self) -> list[str]:
        """The names of the simulator types there are."""
        return [simulator.type for simulator in self.simulators]

    def surface_of(self, simulator_type: str) -> str | None:
        """Return the surface of a simulator type or alias, None when there is no such type."""
        found = self._by_type.get(simulator_type.lower())
        return found.surface if found else None

    def has_mess(self, simulator_type: str) -> bool:
        """Whether a simulator's data can be made messy; False where there is no such type."""
        found = self._by_type.get(simulator_type.lower())
        return found is not None and found.has_mess

    def config_problems(self, simulator_type: str, config: Mapping[str, Any]) -> Problems:
        """Return what is wrong with a simulator's configuration."""
        return _problems(self.simulator(simulator_type).config_model, config)

    def step_problems(self, action: str, args: Mapping[str, Any], surfaces: set[str]) -> Problems:
        """Return what is wrong with a scenario step in an environment with these surfaces."""
        found = self.scenario_actions.get(action)
        if found is None or "." in action:
            known = did_you_mean(action, [name for name in self.scenario_actions if "." not in name])
            return [(("action",), f'there is no action "{action}"{known}')]
        scenario_action, surface = found
        if surface is not None and surface not in surfaces:
            return [(("action",), f"{action} needs a simulator on the surface {surface}")]
        return _problems(scenario_action.model, args)

    def match_problem(self, match: Mapping[str, Any]) -> str | None:
        """Return what is wrong with a `when` clause's match, None when it can be used."""
        return describe_match_problem(dict(match))

    def assertion_problems(
        self, criterion: CriterionDefinition, task: TaskDefinition, definition: BenchmarkDefinition
    ) -> Problems:
        """Return what makes a criterion's assertion unsupported, else what in it can never be met or never fail."""
        bound = task.entity(criterion.input_entity) if criterion.input_entity is not None else None
        assertion = criterion.assertion
        entity = bound.value if bound is not None else None
        surroundings = self._surroundings(definition, task)
        problems: Problems = []
        for path, leaf in leaves_of(assertion):
            parsed = parse_assertion(self.checks, leaf, entity)
            if isinstance(parsed, UnsupportedAssertion):
                problems.append(((*path, "assert"), parsed.reason))
                continue
            check = self.checks[parsed.check]
            surface = self._surface_of_check.get(check.name)
            problems += [((*path, *at), said) for at, said in inspect_assertion(check, surface, parsed, surroundings)]
        if not problems and combination_of(assertion) is not None:
            whole = parse_proposition(self.checks, assertion, entity)
            if isinstance(whole, UnsupportedAssertion):
                return [((), whole.reason)]
        return problems

    def when_problems(self, when: WhenClause, definition: BenchmarkDefinition) -> Problems:
        """Return what in a `when` clause no event of the environment can satisfy."""
        return [(("match", key), text) for key, text in find_match_problems(when.match, self._surfaces(definition))]

    def _surroundings(self, definition: BenchmarkDefinition, task: TaskDefinition) -> Surroundings:
        llm_tasks = {task.name: task.output_format for task in definition.llm_tasks}
        return Surroundings(self._surfaces(definition), (task.task_item or {}).get(ANSWER), llm_tasks)

    def _surfaces(self, definition: BenchmarkDefinition) -> dict[str, Surface]:
        simulators = [self.simulator(simulator.type) for simulator in definition.environment.simulators]
        return {s.surface: Surface(s.surface, s.collections, s.find_path_problem) for s in simulators}

    def refused_assertion(self, assertion: Mapping[str, Any], entity: Json) -> str | None:
        """Return why a definition with this assertion is refused; `entity` is None without an input entity."""
        parsed = parse_proposition(self.checks, assertion, entity)
        return parsed.reason if isinstance(parsed, UnsupportedAssertion) and parsed.is_refused else None

    def load_seed(
        self, simulator_type: str, dataset: Dataset | None, config: Mapping[str, Any], mess: Mess | None = None
    ) -> Seed:
        """Parse a dataset for a simulator and make it as messy as is said; the same input gives the same seed."""
        simulator = self.simulator(simulator_type)
        key = (simulator.type, dataset.hash if dataset else None, jsonio.canonical(dict(config)), mess)
        if key not in self._seeds:
            if mess is None:
                self._seeds[key] = simulator.load_seed(dataset, config)
            else:
                self._seeds[key] = simulator.mess(self.load_seed(simulator_type, dataset, config), mess)
        return self._seeds[key]


def _problems(model: Any, value: Mapping[str, Any]) -> Problems:
    try:
        model.model_validate(dict(value))
    except ValidationError as error:
        return [(tuple(e["loc"]), say(model, e)) for e in error.errors()]
    return []


def _run_action(action: ScenarioAction, tx: Interaction, args: Json) -> None:
    action.run(tx, action.model.model_validate(args))
