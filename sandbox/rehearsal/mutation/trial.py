"""Playing scripts on fresh playgrounds, and telling whether what they leave is what the solution leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.client.client import SandboxClient
from sandbox.definitions.load import Benchmark
from sandbox.definitions.models import TaskDefinition
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.rehearsal.mutation.mutants import Ground, Mutant, make_mutants
from sandbox.rehearsal.mutation.nonsense import NAME as NONSENSE
from sandbox.rehearsal.mutation.nonsense import make_nonsense
from sandbox.rehearsal.mutation.patients import find_people
from sandbox.rehearsal.mutation.playing import ScriptAgent
from sandbox.rehearsal.mutation.script import Script, read_script
from sandbox.rehearsal.mutation.witnesses import find_witnesses
from sandbox.rehearsal.runner import Observer, Options, RunResult, TaskResult, rehearse_once
from sandbox.runs.registry import Registry
from sandbox.runs.untouched import untouched_view
from sandbox.scoring.states.alignment import Alignment, TooManyAlike
from sandbox.scoring.states.changes import Change, Changes
from sandbox.simulators.leaves import Form

# Another than that of the recording: no id of one is an id of the other.
_SEED: Final = 20_260_423
_OUTPUT: Final = "output"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that passed. `witnesses` are the criteria that look at its place, `failed` those that saw something."""

    task: str
    mistake: str
    told: str
    score: float | None
    witnesses: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MutantsResult:
    """What became of a task's mutants. `refused` are those that the server did not take, `equivalent` those that left
    what the solution leaves: neither can be told from the solution by a criterion, so neither counts."""

    task: str
    played: int
    refused: int
    equivalent: int
    survivors: tuple[Survivor, ...]

    @property
    def killed(self) -> int:
        """How many of those that count did not pass."""
        return self.played - len(self.survivors)


class Laboratory:
    """The recorded solution of one benchmark, and everything to vary it with.

    `record` makes it. Tasks are named by their keys.
    """

    def __init__(
        self, client: SandboxClient, benchmark: Benchmark, registry: Registry, scripts: Mapping[str, Script]
    ) -> None:
        self._client = client
        self._benchmark = benchmark
        self._minted = registry.comparer.minted
        self._registry = registry
        self._scripts = scripts
        self._tasks: Mapping[str, TaskDefinition] = {task.key: task for task in benchmark.definition.tasks}

    @classmethod
    async def record(
        cls, client: SandboxClient, benchmark: Benchmark, registry: Registry, result: RunResult
    ) -> "Laboratory":
        """Read the solution's scripts from a run of it. Raises `Invalid` for one that cannot be played again."""
        scripts = {}
        for task in result.task_runs:
            events = await client.list_events(task.id)
            output = (await client.get_task_run(task.id)).raw.get("output")
            own_ids = (result.benchmark_run_id, task.id)
            scripts[task.key] = read_script(task.key, events, output, own_ids, registry.comparer.bookkeeping)
        return cls(client, benchmark, registry, scripts)

    def nonsense(self) -> Mapping[str, ScriptAgent]:
        """Return the nonsense agent of each task."""
        made = {key: make_nonsense(script, self._ground(key)) for key, script in self._scripts.items()}
        return {key: ScriptAgent(NONSENSE, script, self._minted) for key, script in made.items()}

    async def play_mutants(self, key: str, observer: Observer) -> MutantsResult:
        """Play a task's mutants and return what became of them.

        Raises `Invalid` where the script does not score in full as it is: then it tells nothing.
        """
        script, task = self._scripts[key], self._tasks[key]
        whole, expected, _ = await self._play(script, observer)
        if not whole.is_pass or whole.score != 1.0:
            raise Invalid(f"{key}: the recorded solution, played again, scores {whole.score}: {whole.explain()}")
        before = {(row["collection"], row["key"]): row["before"] for row in expected["changes"]}
        played = refused = equivalent = 0
        survivors = []
        for mutant in make_mutants(script, self._ground(key, before)):
            result, actual, agent = await self._play(mutant.script, observer)
            if mutant.step is not None and mutant.step in agent.refused:
                refused += 1
            elif result.is_pass and self._is_equivalent(task, expected, actual):
                equivalent += 1
            else:
                played += 1
                if result.is_pass:
                    survivors.append(_survivor(mutant, task, result))
        return MutantsResult(key, played, refused, equivalent, tuple(survivors))

    def _ground(self, key: str, before: Mapping[tuple[str, str], Json] | None = None) -> Ground:
        task = self._tasks[key]
        branch = untouched_view(self._registry, self._benchmark, task).branch
        environment = self._benchmark.definition.environment_of(task)
        simulators = [self._registry.simulator(simulator.type) for simulator in environment.simulators]
        forms: dict[str, Form] = {simulator.surface: simulator.form for simulator in simulators}
        others = (script for other, script in self._scripts.items() if other != key and script.writes)
        people = tuple(find_people(simulators, branch))
        return Ground(task, branch, people, forms, before or {}, next(others, None))

    async def _play(self, script: Script, observer: Observer) -> tuple[TaskResult, dict[str, Any], ScriptAgent]:
        agent = ScriptAgent("mutant", script, self._minted)
        options = Options(task_keys=(script.key,), seed=_SEED)
        result = await rehearse_once(self._client, self._benchmark.definition.reference, agent, options, observer)
        (task,) = result.task_runs
        changes = await self._client.get_task_run_changes(task.id)
        output = (await self._client.get_task_run(task.id)).raw.get("output")
        return task, {**changes, _OUTPUT: output}, agent

    def _is_equivalent(self, task: TaskDefinition, expected: dict[str, Any], actual: dict[str, Any]) -> bool:
        """Whether two runs of a task left the same, output included, up to the ids that were minted."""
        comparer = self._registry.comparer
        given = set(expected["given"]) & set(actual["given"])
        fixed = comparer.seed_ids(Branch(self._benchmark.seed_of(task))) | given | set(expected["named"])
        one, other = (_with_output(run) for run in (expected, actual))
        try:
            return not Alignment(one, other, comparer.minted, frozenset(fixed)).differences()
        except TooManyAlike:
            return False


def _with_output(run: dict[str, Any]) -> Changes:
    changes = Changes.of_json(run)
    return Changes((*changes.changes, Change(_OUTPUT, _OUTPUT, None, run[_OUTPUT])), changes.begin, changes.end)


def _survivor(mutant: Mutant, task: TaskDefinition, result: TaskResult) -> Survivor:
    failed = tuple(check.label for check in result.checks if not check.passed)
    witnesses = tuple(find_witnesses(task, mutant.place))
    return Survivor(task.key, mutant.mistake, mutant.told, result.score, witnesses, failed)
