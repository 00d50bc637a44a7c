"""How the payer says no: fields that are wrong, and what a case's state does not allow.

Each surface words these in its own format; what they say is the same on all.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sandbox.errors import Conflict, Invalid

MESSAGE_CHARS: Final = 1_000
# Where the problem of a refusal says what is possible, in the words of the surface.
POSSIBLE: Final = "{possible}"


def invalid(details: dict[str, list[str]]) -> Invalid:
    """Make the error for these fields; the message is their problems in one line."""
    told = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in details.items())
    return Invalid(told if len(told) <= MESSAGE_CHARS else told[: MESSAGE_CHARS - 3] + "...", details=details)


class Refused(Conflict):
    """What was asked for is not possible in the state that a case is in.

    `state` is that state, `possible` what the caller may do in it, by the calls' names in the table of the life cycle.
    The message names both; `said` words it for a surface that has its own names for the calls.
    """

    def __init__(self, name: str, state: str, possible: Sequence[str], problem: str = "") -> None:
        self.name = name
        self.state = state
        self.possible = tuple(possible)
        self.problem = problem
        super().__init__(self.said({}))

    def said(self, words: Mapping[str, str]) -> str:
        """Return the message with a surface's own words for the calls.

        >>> Refused("PA1", "denied", ["appeal"]).said({"appeal": "POST …/appeal"})
        'PA1 is denied: only POST …/appeal is possible, or a new request.'
        >>> Refused("PA1", "withdrawn", []).said({})
        'PA1 is withdrawn: that is final; make a new request.'
        """
        told = ", ".join(words.get(call, call) for call in self.possible)
        is_open = self.state.split(" ")[0] in _OPEN
        possible = f"only {told} is possible{'' if is_open else ', or a new request'}."
        if not self.possible:
            possible = "that is final; make a new request."
        return f"{self.name} is {self.state}: {self.problem.replace(POSSIBLE, possible) or possible}"


# Where a new request would be a duplicate.
_OPEN: Final = frozenset({"draft", "pending", "need_more_info"})
