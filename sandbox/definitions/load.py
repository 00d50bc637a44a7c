"""Load one benchmark file: parse, check, and make it self-contained.

After loading, the definition holds everything a run needs: contents of `source` files are inlined
and bound entities carry their values, so a run's frozen copy never depends on the disk again.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from sandbox import jsonio, limits
from sandbox.definitions import baselines, solution_states
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.environments import check_environment, check_overrides, seeds_of
from sandbox.definitions.inspection import inspect
from sandbox.definitions.llm_tasks import FOLDER, LlmTaskDefinition
from sandbox.definitions.models import BenchmarkDefinition, EntityReference, TaskDefinition
from sandbox.definitions.problems import DefinitionError, Problem, say
from sandbox.definitions.reading import read_inside
from sandbox.definitions.requirements import requires_problems
from sandbox.definitions.templates import expand
from sandbox.definitions.vocabulary import Vocabulary
from sandbox.definitions.yamlio import Located, load_located
from sandbox.definitions.yamlio import Path as KeyPath
from sandbox.jsonio import Json
from sandbox.playground.branch import Seed
from sandbox.playground.events import EVENT_TYPES
from sandbox.suggest import did_you_mean, nearest

BENCHMARK_FILES = ("benchmark.yaml", "benchmark.yml", "benchmark.json")


@dataclass(frozen=True)
class Benchmark:
    """A loaded benchmark: the definition, the merged seed of its environment, and its hashes.

    `solution_states` are what the reference solution changes, by the tasks' keys, where that is kept and not stale.
    `baselines` are what tasks pay to agents that deserve nothing, by the tasks' keys, where kept and not stale.
    `seeds` are those of tasks whose environment differs, by the tasks' keys.
    `warnings` are what `inspection.py` finds: it loads, and can hardly be meant. `problem_at` says where
    in its file something is; None where there is no file any more.
    """

    definition: BenchmarkDefinition
    seed: Seed
    dataset_hashes: Mapping[str, str]
    frozen: bytes
    hash: str
    directory: Path | None
    warnings: tuple[Problem, ...] = ()
    seeds: Mapping[str, Seed] = field(default_factory=dict)
    solution_states: Mapping[str, Json] = field(default_factory=dict)
    baselines: Mapping[str, Json] = field(default_factory=dict)
    problem_at: Callable[[KeyPath, str], Problem] | None = None

    def seed_of(self, task: TaskDefinition) -> Seed:
        """Return the seed that a task's playground begins with."""
        return self.seeds.get(task.key, self.seed)


def load_benchmark(
    path: Path, datasets: Mapping[str, Dataset], vocabulary: Vocabulary, *, shown: str = ""
) -> Benchmark:
    """Load one benchmark file; `shown` is how it is named in problems.

    Raises `DefinitionError` with every problem found, each with file, line and key.
    """
    file = shown or str(path)
    located = load_located(read_inside(path, path.parent.parent.parent, file), file)
    if not isinstance(located.value, dict):
        raise DefinitionError.at(file, "must be a mapping with slug, version, name, environment, tasks")
    if "llm_tasks" in located.value:
        raise DefinitionError.at(
            file,
            f"is a folder beside this file: {FOLDER}/<key>.yaml",
            line=located.line_of(("llm_tasks",)),
            key="llm_tasks",
        )
    llm_tasks = _load_llm_tasks(path.parent, file, vocabulary)
    located = expand(located, file)
    try:
        definition = BenchmarkDefinition.model_validate({**located.value, "llm_tasks": llm_tasks})
    except ValidationError as error:
        wrong = [_problem(file, located, tuple(e["loc"]), say(BenchmarkDefinition, e)) for e in error.errors()]
        raise DefinitionError(list(dict.fromkeys(wrong))) from None
    problems = _check_place(path, file, located, definition)
    definition = _inline(definition, path.parent, datasets, file, located, problems)
    check_environment(definition, datasets, vocabulary, file, located, problems)
    if not problems:
        check_overrides(definition, datasets, vocabulary, file, located, problems)
    _check_tasks(definition, vocabulary, file, located, problems)
    if problems:
        raise DefinitionError(problems)
    definition = _bind_entities(definition, datasets, vocabulary, file, located)
    seed, seeds = seeds_of(definition, datasets, vocabulary)
    refused = _check_assertions(definition, vocabulary, file, located)
    warnings = inspect(definition, vocabulary, file, located)
    if refused:
        lines = {problem.line for problem in refused}
        raise DefinitionError(sorted([*refused, *(w for w in warnings if w.line not in lines)], key=lambda p: p.line))
    used = definition.datasets | {e.dataset for t in definition.tasks for e in t.entities}
    hashes = {name: datasets[name].hash for name in used}
    states, stale = solution_states.load(path.parent, definition, hashes)
    measured, outdated = baselines.load(path.parent, definition, hashes)
    for name, found in ((solution_states.FILE, stale), (baselines.FILE, outdated)):
        beside = f"{file.rpartition('/')[0] or '.'}/{name}"
        warnings += [Problem(beside, 0, key or "", message) for key, message in found]
    warnings += _without_state(definition, states, [key for key, _ in stale], file, located)
    benchmark = freeze(definition, seed, hashes, path.parent, warnings, states)
    return replace(benchmark, seeds=seeds, baselines=measured, problem_at=partial(_problem, file, located))


def _without_state(
    definition: BenchmarkDefinition, states: Mapping[str, Json], stale: list[str | None], file: str, located: Located
) -> list[Problem]:
    """Return the criteria that compare with a state that nobody recorded."""
    message = f"there is no state of the solution in {solution_states.FILE}; make it with sandbox prove --write"
    return [
        _problem(file, located, ("tasks", t, "criteria", c, "assertion"), message)
        for t, task in enumerate(definition.tasks)
        for c, criterion in enumerate(task.criteria)
        if task.key not in states and task.key not in stale and solution_states.is_asked_in(criterion.assertion)
    ]


def _load_llm_tasks(directory: Path, shown: str, vocabulary: Vocabulary) -> list[LlmTaskDefinition]:
    """Read the benchmark's LLM tasks in order of their file names."""
    found, problems = [], []
    folder = directory / FOLDER
    for path in sorted(p for ending in ("yaml", "yml", "json") for p in folder.glob(f"*.{ending}")):
        file = f"{shown.rpartition('/')[0] or '.'}/{FOLDER}/{path.name}"
        try:
            located = load_located(read_inside(path, directory, file), file)
            if not isinstance(located.value, dict):
                raise DefinitionError.at(file, "must be a mapping with name, system_prompt, user_prompt, output_format")
            task = LlmTaskDefinition.model_validate({"key": path.stem, **located.value})
        except DefinitionError as error:
            problems += error.problems
        except ValidationError as error:
            problems += [_problem(file, located, tuple(e["loc"]), say(LlmTaskDefinition, e)) for e in error.errors()]
        else:
            found.append(task)
            problems += [_problem(file, located, at, message) for at, message in vocabulary.llm_task_problems(task)]
    if problems:
        raise DefinitionError(problems)
    return found


def freeze(
    definition: BenchmarkDefinition,
    seed: Seed,
    dataset_hashes: Mapping[str, str],
    directory: Path | None = None,
    warnings: list[Problem] | None = None,
    states: Mapping[str, Json] | None = None,
) -> Benchmark:
    """Make the loaded benchmark, with the content hash of what a run of it will use."""
    parts = {"definition": definition.frozen(), "datasets": dict(dataset_hashes)}
    if states:
        parts["solution_states"] = dict(states)
    frozen = jsonio.canonical(parts)
    digest = hashlib.sha256(frozen).hexdigest()
    kept = tuple(warnings or ())
    return Benchmark(definition, seed, dataset_hashes, frozen, digest, directory, kept, solution_states=states or {})


def _problem(file: str, located: Located, path: tuple[str | int, ...], message: str) -> Problem:
    return located.problem(file, path, message)


def _check_place(path: Path, file: str, located: Located, definition: BenchmarkDefinition) -> list[Problem]:
    problems = []
    folder, slug = path.parent.name, path.parent.parent.name
    if folder != f"v{definition.version}":
        message = f"is {definition.version}, but the file lies in the folder {folder}/"
        problems.append(_problem(file, located, ("version",), message))
    if slug != definition.slug:
        message = f'is "{definition.slug}", but the file lies in the folder {slug}/'
        problems.append(_problem(file, located, ("slug",), message))
    return problems


def _inline(
    definition: BenchmarkDefinition,
    directory: Path,
    datasets: Mapping[str, Dataset],
    file: str,
    located: Located,
    problems: list[Problem],
) -> BenchmarkDefinition:
    """Replace `source` by the file's contents (`content_base64`, or `payload`/`resource` as text)."""
    value = definition.frozen()
    for t, task in enumerate(definition.tasks):
        for s, step in enumerate(task.steps):
            source = step.args.get("source")
            if source is None:
                continue
            path = ("tasks", t, "scenario", "steps", s, "source")
            content = _read_source(source, directory, datasets)
            if isinstance(content, str):
                problems.append(_problem(file, located, path, content))
                continue
            args = value["tasks"][t]["scenario"]["steps"][s]
            del args["source"]
            if step.action == "post_hl7_inbox":
                args["content_base64"] = base64.b64encode(content).decode()
            elif step.action == "put_fhir":
                try:
                    args["resource"] = jsonio.parse(content)
                except Exception as error:
                    problems.append(_problem(file, located, path, f"{source}: {error}"))
            else:
                args["content_base64"] = base64.b64encode(content).decode()
    return BenchmarkDefinition.model_validate(value)


def _read_source(source: object, directory: Path, datasets: Mapping[str, Dataset]) -> bytes | str:
    if not isinstance(source, str) or not source:
        return "must be the path of a file beside this one, or dataset:path"
    name, colon, inner = source.partition(":")
    if colon and name in datasets:
        return datasets[name].files.get(inner, f'dataset "{name}" has no file {inner}')
    try:
        path = (directory / source).resolve()
        if not path.is_relative_to(directory.resolve()):
            return f"{source} is outside the benchmark's folder"
        return read_inside(path, directory, source, limit=limits.FILE_BYTES)
    except DefinitionError as error:
        return f"{source} {error.problems[0].message}"
    except ValueError as error:  # a NUL
        return f"{source!r} cannot be read: {error}"


def _check_tasks(
    definition: BenchmarkDefinition, vocabulary: Vocabulary, file: str, located: Located, problems: list[Problem]
) -> None:
    surfaces = {vocabulary.surface_of(s.type) or "" for s in definition.environment.simulators}
    for t, task in enumerate(definition.tasks):
        for s, step in enumerate(task.steps):
            at: tuple[str | int, ...] = ("tasks", t, "scenario", "steps", s)
            for path, message in vocabulary.step_problems(step.action, step.args, surfaces):
                problems.append(_problem(file, located, (*at, *path), message))
            if step.when is not None and step.when.event not in EVENT_TYPES:
                message = f'there is no event type "{step.when.event}"{did_you_mean(step.when.event, EVENT_TYPES)}'
                problems.append(_problem(file, located, (*at, "when", "event"), message))
            mistake = vocabulary.match_problem(step.when.match) if step.when is not None else None
            if mistake is not None:
                problems.append(_problem(file, located, (*at, "when", "match"), mistake))
        for c, criterion in enumerate(task.criteria):
            at = ("tasks", t, "criteria", c)
            if criterion.input_entity is not None and task.entity(criterion.input_entity) is None:
                near = did_you_mean(criterion.input_entity, [entity.ref for entity in task.entities])
                message = f"{criterion.input_entity} is not among the task's entities{near}"
                problems.append(_problem(file, located, (*at, "input_entity"), message))
        for path, message in requires_problems(task):
            problems.append(_problem(file, located, ("tasks", t, "criteria", *path), message))


def _check_assertions(
    definition: BenchmarkDefinition, vocabulary: Vocabulary, file: str, located: Located
) -> list[Problem]:
    """Return what refuses the definition rather than leaving an assertion unsupported; entities have their values."""
    problems = []
    for t, task in enumerate(definition.tasks):
        for c, criterion in enumerate(task.criteria):
            bound = task.entity(criterion.input_entity) if criterion.input_entity is not None else None
            reason = vocabulary.refused_assertion(criterion.assertion, bound.value if bound is not None else None)
            if reason is not None:
                at = ("tasks", t, "criteria", c, "assertion", "assert")
                problems.append(_problem(file, located, at, reason))
    return problems


def _bind_entities(
    definition: BenchmarkDefinition,
    datasets: Mapping[str, Dataset],
    vocabulary: Vocabulary,
    file: str,
    located: Located,
) -> BenchmarkDefinition:
    value = definition.frozen()
    problems = []
    for t, task in enumerate(definition.tasks):
        for e, entity in enumerate(task.entities):
            found = _entity_value(entity.dataset, entity.ref, datasets, vocabulary)
            if found is None:
                near = _near_reference(entity, datasets, vocabulary)
                message = f'dataset "{entity.dataset}" has no {entity.ref}{near}'
                problems.append(_problem(file, located, ("tasks", t, "entities", e, "ref"), message))
            value["tasks"][t]["entities"][e]["value"] = found
    if problems:
        raise DefinitionError(problems)
    return BenchmarkDefinition.model_validate(value)


def _entity_value(name: str, ref: str, datasets: Mapping[str, Dataset], vocabulary: Vocabulary) -> Json:
    dataset = datasets.get(name)
    kind, _, key = ref.partition("/")
    if dataset is None or not key:
        return None
    collection = vocabulary.load_seed("Fhir", dataset, {}).collections.get(f"fhir/{kind}")
    document = collection.get(key) if collection is not None else None
    return document.value if document is not None else None


def _near_reference(entity: EntityReference, datasets: Mapping[str, Dataset], vocabulary: Vocabulary) -> str:
    """Return a hint at what the dataset has instead: another dataset, type or id."""
    if entity.dataset not in datasets:
        return f'; there is no dataset "{entity.dataset}"{did_you_mean(entity.dataset, datasets)}'
    collections = vocabulary.load_seed("Fhir", datasets[entity.dataset], {}).collections
    kind, _, key = entity.ref.partition("/")
    rows = collections.get(f"fhir/{kind}")
    if rows is None:
        return did_you_mean(kind, [name.removeprefix("fhir/") for name in collections])
    near = nearest(key, rows)
    return f'; did you mean "{kind}/{near}"?' if near is not None else ""
