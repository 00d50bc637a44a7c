"""What one mistake makes of a recorded solution: its mutants, which of them are played, and what is left to the agent.

The mistakes are these: a value, a unit or a code is another; something beside what was to be changed is changed, too
(`collateral`); a write is left out, a message not sent, either made twice, or made for another patient, instead of the
right one or besides; a value of the output is another or is missing. A remark that no criterion names is free; one that
some criterion names is left out. What is told to somebody (`message`) is varied in its numbers, dates and codes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final, Literal, TypeAlias, TypeVar

from sandbox import jsonio
from sandbox.definitions.models import TaskDefinition
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.rehearsal.mutation.patients import Known, choose_others, moved
from sandbox.rehearsal.mutation.script import Script, Step
from sandbox.rehearsal.mutation.values import Pools, variants
from sandbox.rehearsal.mutation.witnesses import Place, are_named
from sandbox.simulators.leaves import ABSENT, Form, Leaf, at_json, json_leaves, kind_of, with_json

T = TypeVar("T")
Mistake: TypeAlias = Literal[
    "value", "unit", "code", "collateral", "left out", "not sent", "doubled", "other patient", "extra write", "output"
]

MUTANTS_MAX: Final = 40
_CHOICES_MAX: Final = 2
_OUTPUT: Final = Place("output", "output")
_LONG, _AROUND = 40, 9
_QUOTED: Final = re.compile(r'"([^"]{1,60})"')
_RUN: Final = re.compile(r'"[^"]{1,60}"(?:[,;/\s]*(?:or|and)?\s*"[^"]{1,60}")+')


@dataclass(frozen=True, slots=True)
class Mutant:
    """A script with one mistake. `step` is the call that has it, None for the output; `told` says it for people."""

    mistake: Mistake
    script: Script
    step: int | None
    place: Place
    told: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What mutants of a task are made from, beside its script.

    `branch` is the state that it begins with, `changes` what the solution changes, `{(collection, key): before}`;
    `borrowed` is a write of another task, for a task in which nothing is to be written.
    """

    task: TaskDefinition
    branch: Branch
    people: tuple[Known, ...]
    forms: Mapping[str, Form]
    before: Mapping[tuple[str, str], Json]
    borrowed: Script | None = None


def make_mutants(script: Script, ground: Ground) -> list[Mutant]:
    """Return the mutants of a task that are played, at most `MUTANTS_MAX`, always the same ones.

    Where there are more, the mistakes take turns, each with calls spread over the script, and no pair of a call and a
    mistake has a second turn before every one has had its first.
    """
    groups: dict[Mistake, dict[int | None, list[Mutant]]] = {}
    seen = {_identity(script)}
    for mutant in _all(script, ground):
        identity = _identity(mutant.script)
        if identity not in seen:
            seen.add(identity)
            groups.setdefault(mutant.mistake, {}).setdefault(mutant.step, []).append(mutant)
    pairs = _in_turns(
        [_turned(_spread(list(calls.values())), number, len(groups)) for number, calls in enumerate(groups.values())]
    )
    chosen = _in_turns([_spread(pair) for pair in pairs])[:MUTANTS_MAX]
    return sorted(chosen, key=lambda m: (len(script.steps) if m.step is None else m.step, m.mistake, m.told))


def _turned(items: list[T], number: int, of: int) -> list[T]:
    """Return items from another beginning for each number, so that different mistakes are made in different calls.

    >>> _turned([1, 2, 3, 4], 1, 2)
    [3, 4, 1, 2]
    """
    begin = number * len(items) // of
    return items[begin:] + items[:begin]


def _in_turns(rows: list[list[T]]) -> list[T]:
    """Return the first of each row, then the second of each, and so on.

    >>> _in_turns([["a", "b"], ["c"]])
    ['a', 'c', 'b']
    """
    return [item for turn in zip_longest(*rows) for item in turn if item is not None]


def _spread(items: list[T]) -> list[T]:
    """Return items so that any number of the first are spread over all of them: both ends, the middle, and so on.

    >>> _spread([1, 2, 3, 4, 5])
    [1, 5, 3, 2, 4]
    """
    order: dict[int, None] = {}
    spans = [(0, len(items) - 1)] if items else []
    for low, high in spans:
        middle = (low + high) // 2
        order |= dict.fromkeys((low, high, middle))
        if high - low > 1:
            spans += [(low, middle), (middle, high)]
    return [items[place] for place in order]


def _identity(script: Script) -> bytes:
    rows = [[s.sent.method, s.sent.path, s.sent.query, s.sent.body] for s in script.steps]
    return jsonio.canonical([rows, script.output])


def _all(script: Script, ground: Ground) -> Iterator[Mutant]:
    pools = Pools([step.answered for step in script.steps])
    for place in script.writes:
        step = script.steps[place]
        yield from _values(script, place, step, ground, pools)
        yield Mutant(
            "not sent" if step.is_message else "left out", _without(script, place), place, _of(step), step.subject
        )
        if not step.is_answer:  # the second answer to a message is nobody's
            yield Mutant("doubled", _with(script, place, [step, step]), place, _of(step), step.subject)
        yield from _patients(script, place, step, ground)
    yield from _borrowed(script, ground)
    yield from _output(script, ground, pools)


def _of(step: Step, path: str = "") -> Place:
    body = step.sent.body
    kind = body.get("resourceType") if isinstance(body, dict) else None
    return Place(step.surface, str(kind) if kind else step.sent.path, path)


def _with(script: Script, place: int, steps: list[Step]) -> Script:
    return replace(script, steps=(*script.steps[:place], *steps, *script.steps[place + 1 :]))


def _without(script: Script, place: int) -> Script:
    return _with(script, place, [])


def _values(script: Script, place: int, step: Step, ground: Ground, pools: Pools) -> Iterator[Mutant]:
    form = ground.forms.get(step.surface)
    if form is None:
        return
    before = next((ground.before[where] for where in step.writes if where in ground.before), None)
    for leaf in form.leaves(step.sent):
        at = _of(step, leaf.place)
        if leaf.kind == "write":
            sent = form.with_value(step.sent, leaf, ABSENT)
            told = f"{step.subject}: {leaf.value}"
            yield Mutant("left out", _with(script, place, [replace(step, sent=sent)]), place, at, told)
            continue
        if leaf.kind == "prose":
            if are_named(ground.task, at):
                sent = form.with_value(step.sent, leaf, ABSENT)
                told = f"{step.subject}: {leaf.place} left out"
                yield Mutant("value", _with(script, place, [replace(step, sent=sent)]), place, at, told)
            continue
        if leaf.is_free and not are_named(ground.task, at):
            continue
        is_old = before is not None and at_json(before, leaf.path) == leaf.value
        for mistake, value in variants(leaf, pools):
            sent = form.with_value(step.sent, leaf, value)
            told = f"{step.subject}: {leaf.place} {_change(leaf.value, value)}"
            changed = _with(script, place, [replace(step, sent=sent)])
            yield Mutant("collateral" if is_old else mistake, changed, place, at, told)


def _patients(script: Script, place: int, step: Step, ground: Ground) -> Iterator[Mutant]:
    form = ground.forms.get(step.surface)
    if form is None:
        return
    others = choose_others(script, [step], ground.people, ground.branch, dict(ground.forms))
    sent = moved(step.sent, others, ground.branch, form)
    if sent == step.sent or _is_registration(step):
        return
    names = ", ".join(f"{other.given} {other.family}".strip() for other in others.values())
    told = f"{step.subject} for {names}"
    elsewhere = replace(step, sent=sent)
    yield Mutant("other patient", _with(script, place, [elsewhere]), place, _of(step), told)
    yield Mutant("extra write", _with(script, place, [step, elsewhere]), place, _of(step), told)


def _is_registration(step: Step) -> bool:
    body = step.sent.body
    return isinstance(body, dict) and body.get("resourceType") == "Patient" and step.sent.method == "POST"


def _borrowed(script: Script, ground: Ground) -> Iterator[Mutant]:
    """Where nothing is to be written: what another task of the benchmark writes first, written all the same."""
    other = ground.borrowed
    if script.writes or other is None:
        return
    step = other.steps[other.writes[0]]
    told = f"{step.subject} of {other.key}"
    yield Mutant("extra write", replace(script, steps=(*script.steps, step)), len(script.steps), _of(step), told)


def _output(script: Script, ground: Ground, pools: Pools) -> Iterator[Mutant]:
    if script.output is None:
        return
    for leaf in json_leaves(script.output):
        at = replace(_OUTPUT, path=leaf.place)
        for value in _wrong_outputs(leaf, ground.task, pools):
            told = f"{leaf.place or 'output'} {_change(leaf.value, value)}"
            yield Mutant("output", replace(script, output=with_json(script.output, leaf.path, value)), None, at, told)
    if isinstance(script.output, dict):
        for key, value in script.output.items():
            at = replace(_OUTPUT, path=key)
            is_free = isinstance(value, str) and kind_of(value, key) == "prose" and not are_named(ground.task, at)
            if not is_free and value not in (None, "", [], {}):  # left out and empty say the same
                left = {k: v for k, v in script.output.items() if k != key}
                yield Mutant("output", replace(script, output=left), None, at, f"{key} left out")
    yield Mutant("output", replace(script, output=None), None, _OUTPUT, "no output")


def _wrong_outputs(leaf: Leaf, task: TaskDefinition, pools: Pools) -> Iterator[Json]:
    value = leaf.value
    choices = find_choices(task.task_item, value) if isinstance(value, str) else []
    if choices:
        yield from choices[:_CHOICES_MAX]
        return
    found = [new for _, new in variants(leaf, pools)]
    yield from found
    if not found and leaf.kind == "code":
        yield f"not {value}"


def find_choices(task_item: Json, value: str) -> list[str]:
    """Return what an answer may be instead of a value: what a task's item puts in quotes in one breath with it.

    >>> find_choices({"answer": {"decision": 'one of "booked", "returned" or "both"'}}, "booked")
    ['returned', 'both']
    """
    if isinstance(task_item, dict):
        return next((found for item in task_item.values() if (found := find_choices(item, value))), [])
    for run in _RUN.findall(task_item) if isinstance(task_item, str) else []:
        choices = _QUOTED.findall(run)
        if value in choices:
            return [choice for choice in choices if choice != value]
    return []


def _change(old: Json, new: Json) -> str:
    """Say what becomes of a value; of a long text, around where it differs.

    >>> _change("active", "draft")
    '"active" → "draft"'
    >>> _change("Order EGW-26-0088 cannot be accepted, sorry.", "Order EGW-26-0808 cannot be accepted, sorry.")
    '"… EGW-26-0088 canno…" → "… EGW-26-0808 canno…"'
    """
    if isinstance(old, str) and isinstance(new, str) and len(old) > _LONG:
        place = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
        begin, end = max(0, place - _AROUND), place + _AROUND
        old, new = (f"{'…' if begin else ''}{text[begin:end]}…" for text in (old, new))
    return f"{jsonio.dump(old).decode()} → {jsonio.dump(new).decode()}"
