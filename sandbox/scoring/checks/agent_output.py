"""`agent-output` (extension): what the agent said it did, the `output` of its complete call."""

from pydantic import Field

from sandbox import jsonio
from sandbox.definitions.assertions import Assertion, FieldExpectation
from sandbox.simulators.base import Check, Selection, Subject, View


class AgentOutputAssertion(Assertion):
    """Fields of the output, and phrases in its text."""

    fields: list[FieldExpectation] = Field(default_factory=list)
    contains: list[str] = Field(default_factory=list)
    not_contains: list[str] = Field(default_factory=list)


def select_output(assertion: AgentOutputAssertion, view: View) -> Selection:
    """Select the output; nothing when the agent completed without one."""
    if view.output is None:
        return Selection("output: the agent completed without one", ())
    text = view.output if isinstance(view.output, str) else jsonio.dump(view.output).decode()
    return Selection("output", (Subject("output", view.output, text=text),))


AGENT_OUTPUT = Check("agent-output", AgentOutputAssertion, select_output, is_upstream=False, has_fuzzy_phrases=True)
