"""`agent-output` (extension): what the agent said it did, the `output` of its complete call."""

from collections.abc import Iterator

from pydantic import Field

from sandbox import jsonio
from sandbox.definitions.assertions import Assertion, FieldExpectation
from sandbox.jsonio import Json
from sandbox.paths import parse_path
from sandbox.simulators.base import Check, Selection, Subject, View
from sandbox.simulators.vocabulary import Finding, Surroundings
from sandbox.suggest import did_you_mean


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


def inspect(assertion: AgentOutputAssertion, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield paths that the form of the task's answer, where it is declared, does not have."""
    for index, expectation in enumerate(assertion.fields):
        problem = _form_problem(surroundings.answer, expectation.path)
        if problem is not None:
            yield ("fields", index), f"{expectation.path}: {problem}"


def _form_problem(form: Json, path: str) -> str | None:
    for segment in parse_path(path):
        if segment.is_any or segment.name.isdecimal():
            form = form[0] if isinstance(form, list) and form else None
        elif isinstance(form, dict):
            if segment.name not in form:
                near = did_you_mean(segment.name, form)
                return f'the answer that task_item.answer declares has no "{segment.name}"{near}'
            form = form[segment.name]
        else:
            return None
    return None


AGENT_OUTPUT = Check(
    "agent-output",
    AgentOutputAssertion,
    select_output,
    is_upstream=False,
    has_fuzzy_phrases=True,
    inspect=inspect,
)
