"""Every function that an expression may call, by name, and how a call becomes a step."""

from typing import Final

from sandbox.fhirpath import ast
from sandbox.fhirpath.code import StepCode
from sandbox.fhirpath.compiler import Compiler
from sandbox.fhirpath.context import Types
from sandbox.fhirpath.errors import SemanticProblem
from sandbox.fhirpath.functions import collections, conversion, dates, fhir, iterating, numbers, strings, tree
from sandbox.fhirpath.functions.call import Call, Entry
from sandbox.suggest import did_you_mean

FUNCTIONS: Final[dict[str, Entry]] = {
    **collections.ENTRIES,
    **iterating.ENTRIES,
    **conversion.ENTRIES,
    **strings.ENTRIES,
    **numbers.ENTRIES,
    **dates.ENTRIES,
    **tree.ENTRIES,
    **fhir.ENTRIES,
}
_ORDERED: Final = frozenset({"first", "last", "tail", "skip", "take"})


def build(compiler: Compiler, step: ast.Function, types: Types, *, is_unordered: bool) -> StepCode:
    """Compile a call; raises `SemanticProblem` for an unknown function or a wrong number of arguments."""
    entry = FUNCTIONS.get(step.name)
    if entry is None:
        near = did_you_mean(step.name, sorted(FUNCTIONS))
        raise SemanticProblem(f"there is no function {step.name}(){near}", step.position)
    count = len(step.arguments)
    if not entry.least <= count <= entry.most:
        raise SemanticProblem(f"{step.name}() takes {_arity(entry)}, and was given {count}", step.position)
    if step.name in _ORDERED:
        compiler.check_order(is_unordered, f"{step.name}()", step.position)
    return entry.make(Call(compiler, step, types))


def _arity(entry: Entry) -> str:
    if entry.most == 0:
        return "no argument"
    if entry.least == entry.most:
        return "one argument" if entry.least == 1 else f"{entry.least} arguments"
    if entry.most > 9:
        return f"{entry.least} arguments or more"
    return f"{entry.least} to {entry.most} arguments"
