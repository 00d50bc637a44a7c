"""Walking the tree, and the types in it (FHIRPath 2.0, Tree navigation; Types)."""

from typing import Final

from sandbox.fhirpath import ast, units
from sandbox.fhirpath.code import BOOLEAN, Code, StepCode
from sandbox.fhirpath.compiler import narrowed
from sandbox.fhirpath.context import Apply, Env
from sandbox.fhirpath.errors import SemanticProblem
from sandbox.fhirpath.functions.call import Call, Entry, of_value, plain
from sandbox.fhirpath.functions.conversion import to_quantity
from sandbox.fhirpath.nodes import Item, Node, children_of
from sandbox.fhirpath.types import TypeSpecifier, specifier, type_of
from sandbox.fhirpath.values import Quantity
from sandbox.r4.model import members


def _children(env: Env, focus: list[Item]) -> list[Item]:
    out: list[Item] = []
    for item in focus:
        if isinstance(item, Node):
            out += children_of(item)
    env.context.spend(len(focus) + len(out))
    return out


def _descendants(env: Env, focus: list[Item]) -> list[Item]:
    out: list[Item] = []
    level = _children(env, focus)
    while level:
        out += level
        level = _children(env, level)
    return out


def _type_argument(call: Call) -> TypeSpecifier:
    argument = call.step.arguments[0]
    if isinstance(argument, ast.Path) and argument.start is None:
        names = [step.name for step in argument.steps if isinstance(step, ast.Member)]
        if len(names) == len(argument.steps) <= 2:
            return specifier(".".join(names), argument.position)
    if isinstance(argument, ast.Literal) and isinstance(argument.value, str):
        return specifier(argument.value, argument.position)
    raise SemanticProblem(f"{call.step.name}() takes the name of a type", call.step.position)


def _of_type(call: Call) -> StepCode:
    wanted = _type_argument(call)
    call.compiler.check_type(call.types, wanted, "ofType", call.step.position)
    return StepCode(lambda env, focus: [item for item in focus if wanted.selects(item)], narrowed(call.types, wanted))


def _type_test(call: Call) -> StepCode:
    wanted = _type_argument(call)
    call.compiler.check_type(call.types, wanted, call.step.name, call.step.position)
    held: list[list[Item]] = []

    code = call.compiler.type_test(call.step.name, Code(lambda env: held[-1], call.types), wanted, call.step.position)
    run = code.run

    def test(env: Env, focus: list[Item]) -> list[Item]:
        held.append(focus)
        try:
            return run(env)
        finally:
            held.pop()

    return StepCode(test, code.types)


def _type(env: Env, focus: list[Item]) -> list[Item]:
    out: list[Item] = []
    for item in focus:
        namespace, name = type_of(item)
        out.append(Node({"namespace": namespace, "name": name}, "ClassInfo"))
    return out


def _comparable(call: Call) -> Apply:
    argument = call.argument(0)

    def run(env: Env, focus: list[Item]) -> list[Item]:
        found = argument(env)
        value = to_quantity(call.value(focus)) if focus else None
        other = to_quantity(call.value(found)) if len(found) == 1 else None
        if not isinstance(value, Quantity) or not isinstance(other, Quantity):
            return []
        return [units.compare(value, other) is not None]

    return run


def _path_name(call: Call) -> Apply:
    argument = call.argument(0) if call.count else None

    def run(env: Env, focus: list[Item]) -> list[Item]:
        is_short = argument is not None and call.single(argument, env, bool, "a Boolean")
        return [
            path_of(item, is_short=bool(is_short)) for item in focus if isinstance(item, Node) and _is_inside(item, env)
        ]

    return run


def _is_inside(node: Node, env: Env) -> bool:
    while node.parent is not None:
        node = node.parent
    return env.root is None or node is env.root


def path_of(node: Node, *, is_short: bool = False) -> str:
    """Return the path to a node from its resource: `Patient.name[0].given[1]`.

    A short one leaves out the index of what does not repeat.
    """
    parts: list[str] = []
    while node.parent is not None:
        stem, is_list = node.key, node.index is not None
        for name, children in members(node.parent.type).items():
            for child in children:
                if child.key == node.key:
                    stem, is_list = name, child.is_list
        index = "" if is_short and not is_list else f"[{node.index or 0}]"
        parts.append(stem + index)
        node = node.parent
    return ".".join([node.type, *reversed(parts)])


ENTRIES: Final[dict[str, Entry]] = {
    "children": Entry(0, 0, lambda call: StepCode(_children, None, is_unordered=True)),
    "descendants": Entry(0, 0, lambda call: StepCode(_descendants, None, is_unordered=True)),
    "ofType": Entry(1, 1, _of_type),
    "is": Entry(1, 1, _type_test),
    "as": Entry(1, 1, _type_test),
    "type": plain(_type, frozenset({"ClassInfo"})),
    "comparable": of_value(1, 1, _comparable, BOOLEAN),
    "pathname": of_value(0, 1, _path_name),
}
