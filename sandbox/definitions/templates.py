"""What the tasks of a benchmark share, put into each of them when the file is loaded: templates of criteria, and
instructions.

A criterion `{use: name, with: {…}}` is replaced by the template's, or by each of several, with `{with.…}` filled in;
keys beside the two take the place of the template's own. `instructions` come before each task's own. After that a
definition is as if all of it had been written out, and a run's frozen copy knows nothing of this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.definitions.problems import DefinitionError, Problem
from sandbox.definitions.yamlio import Located, Path
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.paths import read_path
from sandbox.placeholders import Unfit, fill, paths_in
from sandbox.suggest import did_you_mean

USE: Final = "use"
WITH: Final = "with"
TEMPLATES: Final = "templates"
INSTRUCTIONS: Final = "instructions"


def expand(located: Located, file: str) -> Located:
    """Return the document with what is shared in its place; lines lead to where each part was written.

    Raises `DefinitionError` for a template that is not there and for parameters that do not fit it. What has not the
    form of a definition is left for the models to refuse.
    """
    value = located.value
    tasks = value.get("tasks")
    if not isinstance(tasks, list) or not (TEMPLATES in value or INSTRUCTIONS in value or _uses_any(tasks)):
        return located
    expansion = _Expansion(file, located, value.get(TEMPLATES, {}))
    instructions = value.get(INSTRUCTIONS)
    expanded = [_instructed(expansion.task(t, task), instructions) for t, task in enumerate(tasks)]
    for name, template in expansion.templates.items():
        for c, criterion in enumerate(template if isinstance(template, list) else [template]):
            if not isinstance(criterion, dict):
                at = (TEMPLATES, name, c) if isinstance(template, list) else (TEMPLATES, name)
                expansion.blame(at, "must be a criterion, or a list of criteria")
    if expansion.problems:
        raise DefinitionError(expansion.problems)
    return located.rearranged({**value, "tasks": expanded}, expansion.origins)


def unused(value: Json) -> Iterator[Path]:
    """Yield the templates of a document, as it was written, that no criterion uses."""
    used = {row.get(USE) for task in value["tasks"] for row in task.get("criteria") or ()}
    yield from ((TEMPLATES, name) for name in value.get(TEMPLATES) or () if name not in used)


def _uses_any(tasks: list[Any]) -> bool:
    criteria = (task.get("criteria") for task in tasks if isinstance(task, dict))
    return any(isinstance(c, dict) and USE in c for rows in criteria if isinstance(rows, list) for c in rows)


def _instructed(task: Any, shared: Any) -> Any:
    """Return a task with the shared instructions before its own."""
    if not isinstance(shared, str) or not isinstance(task, dict):
        return task
    item = task.get("task_item") or {}
    if not isinstance(item, dict):
        return task
    own = item.get("instruction")
    told = f"{shared.rstrip()}\n\n{own}" if isinstance(own, str) and own else shared.rstrip()
    return {**task, "task_item": {**item, "instruction": told}}


@dataclass
class _Expansion:
    """One document's templates, what is wrong with their uses, and where each criterion was written."""

    file: str
    located: Located
    templates: Any
    problems: list[Problem] = field(default_factory=list)
    origins: dict[Path, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.templates, dict):
            self.blame((TEMPLATES,), "must be a mapping of names and criteria")
            self.templates = {}

    def blame(self, path: Path, message: str) -> None:
        self.problems.append(Problem(self.file, self.located.line_of(path), ".".join(map(str, path)), message))

    def task(self, t: int, task: Any) -> Any:
        rows = task.get("criteria") if isinstance(task, dict) else None
        if not isinstance(rows, list):
            return task
        criteria: list[Any] = []
        for c, row in enumerate(rows):
            at: Path = ("tasks", t, "criteria", c)
            if isinstance(row, dict) and USE in row:
                for criterion, origin in self.criteria_of(row, at):
                    self.origins[("tasks", t, "criteria", len(criteria))] = origin
                    criteria.append(criterion)
            else:
                self.origins[("tasks", t, "criteria", len(criteria))] = at
                criteria.append(row)
        return {**task, "criteria": criteria}

    def criteria_of(self, row: Mapping[str, Any], at: Path) -> Iterator[tuple[Any, Path]]:
        """Yield what a use stands for, and where that was written."""
        name, given = row[USE], row.get(WITH, {})
        if not isinstance(name, str) or name not in self.templates:
            near = did_you_mean(str(name), self.templates) if self.templates else ""
            self.blame((*at, USE), f'there is no template "{name}"{near}')
            return
        template = self.templates[name]
        if not isinstance(given, dict):
            self.blame((*at, WITH), "must be a mapping of names and values")
            return
        if not self.fits(name, template, given, at):
            return
        own = {key: value for key, value in row.items() if key not in (USE, WITH)}
        if isinstance(template, list) and own:
            key = next(iter(own))
            self.blame((*at, key), f'the template "{name}" is several criteria; say {key} there')
            return
        for place, criterion in enumerate(template if isinstance(template, list) else [template]):
            origin: Path = (TEMPLATES, name, place) if isinstance(template, list) else (TEMPLATES, name)
            try:
                filled = fill(criterion, WITH, lambda path: _one(given, path))
            except Unfit as error:
                self.blame((*at, WITH, error.path), error.message)
                return
            except Invalid as error:
                self.blame((*at, WITH), error.message)
                return
            yield ({**filled, **own} if isinstance(filled, dict) else filled), origin if not own else at

    def fits(self, name: str, template: Json, given: Mapping[str, Json], at: Path) -> bool:
        """Whether the parameters are those that the template asks for."""
        wanted = {path.partition(".")[0] for path in paths_in(template, WITH)}
        missing = sorted(wanted - given.keys())
        if missing:
            self.blame((*at, WITH), f'the template "{name}" needs {", ".join(missing) or "a name after {with"}')
        for key in given:
            if key not in wanted:
                near = did_you_mean(str(key), wanted) if wanted else ""
                self.blame((*at, WITH, key), f'the template "{name}" has no {{with.{key}}}{near}')
        return not missing and given.keys() <= wanted


def _one(given: Mapping[str, Json], path: str) -> Json:
    values = read_path(given, path)
    if len(values) != 1:
        raise Invalid(f"{{with.{path}}} has {'no value' if not values else f'{len(values)} values'}; name exactly one")
    return values[0]
