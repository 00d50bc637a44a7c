"""Every transition of the life cycle does what the example beside it says, and nothing else can be done."""

import pytest

from sandbox.clock import format_instant
from sandbox.paths import read_path
from sandbox.payer.lifecycle import life_cycle
from tests.payer.cases import CONFIG, PROVIDERS, made, take, way_to
from tests.simulators.portal.conftest import START

TABLE = life_cycle()


def reached(world, state):
    name = made(world)
    for transition in way_to(state):
        take(world, name, transition)
    return name


def value_at(row, path):
    if path.startswith("history.-1."):
        return row["history"][-1].get(path.removeprefix("history.-1."))
    return (read_path(row, path) or [None])[0]


@pytest.mark.parametrize("transition", TABLE.transitions, ids=lambda t: t.name)
def test_the_example_beside_a_transition(make_world, transition):
    world = make_world(CONFIG)
    name = reached(world, transition.source)
    row = take(world, name, transition)
    assert row["state"] == transition.to
    for path, expected in transition.example["out"].items():
        assert value_at(row, path) == expected, path
    determination = TABLE.states[transition.to].determination
    if determination != "kept":
        assert (row["determination"] or {}).get("status") == determination
    assert row["history"][-1]["at"] >= format_instant(START)


def test_every_state_can_be_reached_and_every_name_is_unique():
    names = [t.name for t in TABLE.transitions]
    assert len(set(names)) == len(names)
    assert {t.source for t in TABLE.transitions} | {t.to for t in TABLE.transitions} == set(TABLE.states)
    by_clock = {t.to for t in TABLE.transitions if t.by == "clock"}
    assert all(way_to(state) is not None or state in by_clock for state in TABLE.states)
    assert len(TABLE.by_trigger) == len(TABLE.transitions)


def test_the_calls_of_the_table_are_those_there_are():
    assert set(TABLE.triggers("provider")) == set(PROVIDERS)
    assert set(TABLE.triggers("clock")) == {"lapse"}
