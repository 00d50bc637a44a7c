"""The nonsense agent: what the solution does, in its shape, for the wrong patient.

Every write goes to somebody else, the same one throughout, or names another number where nobody is known; where the
task wants none, it makes those of another task of the benchmark. What the output takes from the chart (numbers, dates,
identifiers, names) is another; what it chooses among (`booked`, `urgent`) stays.
"""

from dataclasses import replace

from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.rehearsal.mutation.mutants import Ground, find_choices
from sandbox.rehearsal.mutation.patients import choose_others, moved, moved_value
from sandbox.rehearsal.mutation.script import Script, Step
from sandbox.rehearsal.mutation.values import Pools, variants
from sandbox.simulators.leaves import Form, Person, json_leaves, with_json

NAME = "nonsense"
_TAKEN = frozenset({"number", "date", "identifier", "name", "reference"})


def make_nonsense(script: Script, ground: Ground) -> Script:
    """Return the script of a task's nonsense."""
    steps = list(script.steps)
    if not script.writes and ground.borrowed is not None:
        steps += [ground.borrowed.steps[place] for place in ground.borrowed.writes]
    writing = replace(script, steps=tuple(steps))
    writes = [steps[place] for place in writing.writes]
    others = choose_others(writing, writes, ground.people, ground.branch, dict(ground.forms))
    for place in writing.writes:
        steps[place] = _moved(steps[place], others, ground.branch, ground.forms.get(steps[place].surface) or Form())
    return replace(script, steps=tuple(steps), output=_nonsense_output(script, ground, others))


def _moved(step: Step, others: dict[Person, Person], branch: Branch, form: Form) -> Step:
    """Return a write for somebody else; where it is about nobody who is known, about somebody else who is not."""
    sent = moved(step.sent, others, branch, form)
    if sent == step.sent and not others:
        for leaf in form.leaves(step.sent):
            if leaf.kind in ("identifier", "name"):
                sent = form.with_value(sent, leaf, next((new for _, new in variants(leaf, Pools([]))), leaf.value))
    return replace(step, sent=sent)


def _nonsense_output(script: Script, ground: Ground, others: dict[Person, Person]) -> Json:
    output = script.output
    if output is None:
        return None
    pools = Pools([step.answered for step in script.steps])
    for leaf in json_leaves(output):
        value = leaf.value
        for one, other in others.items():
            value = moved_value(value, one, other)
        is_choice = isinstance(value, str) and bool(find_choices(ground.task.task_item, value))
        if value == leaf.value and leaf.kind in _TAKEN and not is_choice:
            value = next((new for _, new in variants(leaf, pools)), value)
        output = with_json(output, leaf.path, value)
    return output
