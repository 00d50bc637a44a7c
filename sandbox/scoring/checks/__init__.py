"""The checks that belong to no simulator, and the table of all checks of a server."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from sandbox.scoring.checks.agent_output import AGENT_OUTPUT
from sandbox.scoring.checks.interaction import INTERACTION
from sandbox.scoring.checks.state_equals_solution import comparer_of, state_equals_solution
from sandbox.scoring.checks.state_unchanged import state_unchanged
from sandbox.simulators.base import Check, Simulator

GENERIC_CHECKS: Final = (
    INTERACTION,
    state_unchanged(frozenset()),
    state_equals_solution(comparer_of(())),
    AGENT_OUTPUT,
)


def all_checks(simulators: Iterable[Simulator], others: Iterable[Check] = ()) -> MappingProxyType[str, Check]:
    """Return every check by name: those of the simulators, the generic ones and any others.

    `state-unchanged` ignores what the simulators declare as bookkeeping. Two checks of one name
    are a programming error: ValueError.
    """
    known = tuple(simulators)
    comparer = comparer_of(known)
    generic = (INTERACTION, state_unchanged(comparer.bookkeeping), state_equals_solution(comparer), AGENT_OUTPUT)
    table: dict[str, Check] = {}
    for check in (*generic, *others, *(check for simulator in known for check in simulator.checks)):
        if check.name in table:
            raise ValueError(f"two checks are called {check.name}")
        table[check.name] = check
    return MappingProxyType(table)
