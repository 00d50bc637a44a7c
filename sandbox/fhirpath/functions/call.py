"""What all functions share: how arguments are compiled and read, how a single item is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.fhirpath import ast
from sandbox.fhirpath.code import BOOLEAN, StepCode
from sandbox.fhirpath.compiler import Compiler
from sandbox.fhirpath.context import Apply, Env, Evaluate, Types
from sandbox.fhirpath.errors import EvaluationProblem
from sandbox.fhirpath.nodes import Item, Node, system_of
from sandbox.fhirpath.types import kind_of


@dataclass(frozen=True, slots=True)
class Call:
    """A call under compilation: its arguments, and the types of what it is called on."""

    compiler: Compiler
    step: ast.Function
    types: Types

    @property
    def count(self) -> int:
        """The number of arguments."""
        return len(self.step.arguments)

    def argument(self, place: int) -> Evaluate:
        """Compile an argument that is evaluated once, where the expression stands."""
        return self.compiler.scoped(self.step.arguments[place]).run

    def each(self, place: int) -> Evaluate:
        """Compile an argument that is evaluated for each item."""
        return self.compiler.inner(self.step.arguments[place], self.types).run

    def problem(self, why: str) -> EvaluationProblem:
        """Return an error at the call's place; `why` completes "name() …"."""
        return EvaluationProblem(f"{self.step.name}() {why}", self.step.position)

    def one(self, focus: list[Item]) -> Item:
        """Return the only item of the focus, None for an empty one; raises for several."""
        if not focus:
            return None
        if len(focus) > 1:
            raise self.problem(f"is called on one item, and there are {len(focus)}")
        return focus[0]

    def value(self, focus: list[Item]) -> Item:
        """Return the only item of the focus as a System value; an element that has no value counts as none."""
        item = self.one(focus)
        value = system_of(item) if item is not None else None
        return None if isinstance(value, Node) and value.value is None else value

    def single(self, run: Evaluate, env: Env, kind: type | tuple[type, ...], what: str) -> Item:
        """Evaluate an argument to one System value of a type, None for an empty one."""
        found = run(env)
        if not found:
            return None
        if len(found) > 1:
            raise self.problem(f"takes one {what}, and was given {len(found)} items")
        value = system_of(found[0])
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.problem(f"takes {what}, and was given {kind_of(found[0])}")
        return value


@dataclass(frozen=True, slots=True)
class Entry:
    """A function: how many arguments it takes, and how a call is compiled."""

    least: int
    most: int
    make: Callable[[Call], StepCode]


def plain(run: Callable[[Env, list[Item]], list[Item]], types: Types = None, *, same: bool = False) -> Entry:
    """Return the entry of a function without arguments; `same` keeps the types of the focus."""
    return Entry(0, 0, lambda call: StepCode(run, call.types if same else types))


def test(run: Callable[[Env, list[Item]], bool | None]) -> Entry:
    """Return the entry of a function without arguments that answers true, false or nothing."""

    def answer(env: Env, focus: list[Item]) -> list[Item]:
        found = run(env, focus)
        return [] if found is None else [found]

    return plain(answer, BOOLEAN)


def of_value(least: int, most: int, make: Callable[[Call], Apply], types: Types = None) -> Entry:
    """Return the entry of a function whose builder gives the closure alone."""
    return Entry(least, most, lambda call: StepCode(make(call), types))
