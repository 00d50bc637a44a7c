"""The environment of a benchmark and what its tasks have of their own: whether it fits, and the seeds of both."""

import hashlib
from collections.abc import Mapping

from sandbox import jsonio
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import TIDY, Mess, words_in
from sandbox.definitions.models import BenchmarkDefinition, EnvironmentDefinition
from sandbox.definitions.problems import Problem
from sandbox.definitions.vocabulary import Vocabulary
from sandbox.definitions.yamlio import Located
from sandbox.playground.branch import Seed
from sandbox.suggest import did_you_mean


def check_environment(
    definition: BenchmarkDefinition,
    datasets: Mapping[str, Dataset],
    vocabulary: Vocabulary,
    file: str,
    located: Located,
    problems: list[Problem],
) -> None:
    """Add what is wrong with the environment to the problems."""
    taken: dict[str, str] = {}
    for i, simulator in enumerate(definition.environment.simulators):
        at: tuple[str | int, ...] = ("environment", "simulators", i)
        surface = vocabulary.surface_of(simulator.type)
        if surface is None:
            known = did_you_mean(simulator.type, vocabulary.simulator_types)
            problems.append(
                located.problem(file, (*at, "type"), f'there is no simulator type "{simulator.type}"{known}')
            )
            continue
        if surface in taken:
            message = f'"{taken[surface]}" already serves the surface {surface}; an environment has one of each'
            problems.append(located.problem(file, (*at, "type"), message))
        taken[surface] = simulator.name
        if simulator.dataset is not None and simulator.dataset not in datasets:
            known = ", ".join(sorted(datasets)) or "none"
            message = f'there is no dataset "{simulator.dataset}" (known: {known})'
            problems.append(located.problem(file, (*at, "dataset"), message))
        for path, message in vocabulary.config_problems(simulator.type, simulator.config):
            problems.append(located.problem(file, (*at, "config", *path), message))
    if not problems:
        _check_shared(definition.environment, datasets, vocabulary, file, located, problems, ("environment",))
    if definition.environment.mess is not None and not problems:
        pointless = find_mess_problem(definition, datasets, vocabulary)
        if pointless is not None:
            problems.append(located.problem(file, ("environment", "mess"), pointless))


def check_overrides(
    definition: BenchmarkDefinition,
    datasets: Mapping[str, Dataset],
    vocabulary: Vocabulary,
    file: str,
    located: Located,
    problems: list[Problem],
) -> None:
    """Add what is wrong with the tasks' own parts of the environment to the problems."""
    types = [s.type for s in definition.environment.simulators]
    known = {name.casefold() for name in types}
    for t, task in enumerate(definition.tasks):
        changed: set[str] = set()
        for i, override in enumerate(task.environment.simulators if task.environment is not None else ()):
            at: tuple[str | int, ...] = ("tasks", t, "environment", "simulators", i)
            name = override.type.casefold()
            if name not in known or name in changed:
                said = f'the environment has no simulator "{override.type}"{did_you_mean(override.type, types)}'
                message = f"{override.type} stands twice" if name in changed else said
                problems.append(located.problem(file, (*at, "type"), message))
                continue
            changed.add(name)
            if override.dataset is not None and override.dataset not in datasets:
                near = did_you_mean(override.dataset, datasets)
                message = f'there is no dataset "{override.dataset}"{near}'
                problems.append(located.problem(file, (*at, "dataset"), message))
            (whole,) = [s for s in definition.environment_of(task).simulators if s.type.casefold() == name]
            for path, message in vocabulary.config_problems(whole.type, whole.config):
                problems.append(located.problem(file, (*at, "config", *path), message))


def _check_shared(
    environment: EnvironmentDefinition,
    datasets: Mapping[str, Dataset],
    vocabulary: Vocabulary,
    file: str,
    located: Located,
    problems: list[Problem],
    at: tuple[str | int, ...],
) -> None:
    """Add where two simulators begin with the same records and have them from different datasets."""
    seed, seen = Seed(), ""
    for i, simulator in enumerate(environment.simulators):
        dataset = datasets[simulator.dataset] if simulator.dataset else None
        try:
            seed = seed.merged(vocabulary.load_seed(simulator.type, dataset, simulator.config))
        except ValueError:
            message = f"{simulator.name} begins with records that {seen} has, too; give both the same dataset"
            problems.append(located.problem(file, (*at, "simulators", i, "dataset"), message))
        seen = f"{seen}, {simulator.name}" if seen else simulator.name


def find_mess_problem(
    definition: BenchmarkDefinition, datasets: Mapping[str, Dataset], vocabulary: Vocabulary
) -> str | None:
    """Return why the environment's data cannot be made messy, None where it can."""
    for environment in (definition.environment, *map(definition.environment_of, definition.tasks)):
        if any(s.dataset in datasets and vocabulary.has_mess(s.type) for s in environment.simulators):
            return None
    return "nothing can be made messy: no simulator of the environment has a dataset and rules for it"


def seeds_of(
    definition: BenchmarkDefinition, datasets: Mapping[str, Dataset], vocabulary: Vocabulary, level: int | None = None
) -> tuple[Seed, dict[str, Seed]]:
    """Return the merged seed of the environment, and those of tasks whose environment has other data or settings.

    They are as messy as the environment says, or as `level` does, with 0 for the data as it is.
    """
    made: dict[bytes, Seed] = {}
    mess = mess_of(definition, level)

    def seed_of(environment: EnvironmentDefinition) -> Seed:
        key = jsonio.canonical([(s.type, s.dataset, s.config) for s in environment.simulators])
        if key not in made:
            seed = Seed()
            for simulator in environment.simulators:
                dataset = datasets[simulator.dataset] if simulator.dataset else None
                seed = seed.merged(vocabulary.load_seed(simulator.type, dataset, simulator.config, mess))
            made[key] = seed
        return made[key]

    own = {task.key: definition.environment_of(task) for task in definition.tasks if task.environment is not None}
    return seed_of(definition.environment), {key: seed_of(environment) for key, environment in own.items()}


def hash_of_seeds(seed: Seed, seeds: Mapping[str, Seed]) -> str:
    """Return one hash for what `seeds_of` returned, whatever the order of its documents."""
    sums = {key: f"{one.hash_sum:x}" for key, one in seeds.items()}
    return hashlib.sha256(jsonio.canonical([f"{seed.hash_sum:x}", sums])).hexdigest()


def mess_of(definition: BenchmarkDefinition, level: int | None = None) -> Mess | None:
    """Return what simulators are told of a benchmark's mess at its own level or at another; None for tidy data."""
    said = definition.environment.mess
    wanted = (said.level if said is not None else TIDY) if level is None else level
    if wanted == TIDY:
        return None
    return Mess(wanted, said.seed if said is not None else 0, words_in(definition.frozen()))
