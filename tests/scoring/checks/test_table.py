from dataclasses import replace
from types import SimpleNamespace

import pytest

from sandbox.scoring.checks import GENERIC_CHECKS, all_checks
from sandbox.scoring.checks.agent_output import AGENT_OUTPUT


def simulator(*checks, bookkeeping=()):
    return SimpleNamespace(checks=checks, bookkeeping=frozenset(bookkeeping))


def test_the_table_holds_generic_and_simulators_checks():
    own = replace(AGENT_OUTPUT, name="fax-sent")
    table = all_checks([simulator(own), simulator()])
    assert set(table) == {"interaction", "state-unchanged", "state-equals-solution", "agent-output", "fax-sent"}
    assert table["fax-sent"] is own
    assert all(table[name].name == name for name in table)


def test_the_generic_checks_are_extensions():
    assert [check.name for check in GENERIC_CHECKS] == [
        "interaction",
        "state-unchanged",
        "state-equals-solution",
        "agent-output",
    ]
    assert not any(check.is_upstream for check in GENERIC_CHECKS)


@pytest.mark.parametrize("name", ["interaction", "fax-sent"])
def test_two_checks_of_one_name_are_an_error(name):
    twin = replace(AGENT_OUTPUT, name=name)
    with pytest.raises(ValueError, match=name):
        all_checks([simulator(twin), simulator(twin)])


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        all_checks([])["x"] = AGENT_OUTPUT
