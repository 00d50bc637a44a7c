"""From a tree to closures: each node becomes a function of the evaluation's environment.

What can be known before there is a resource is decided here: functions and their arguments, variables, types,
and, where the type of the focus is known, the names of elements.
"""

from collections.abc import Iterable
from functools import cache
from typing import Final, Protocol

from sandbox.fhirpath import arithmetic, ast
from sandbox.fhirpath.code import BOOLEAN, INTEGER, STRING, Code, StepCode
from sandbox.fhirpath.context import Apply, Env, Types
from sandbox.fhirpath.errors import EvaluationProblem, SemanticProblem
from sandbox.fhirpath.families import check_arithmetic, family, result_types
from sandbox.fhirpath.nodes import Item, Node, append_children, step_into, system_of
from sandbox.fhirpath.operators import (
    EQUALITIES,
    ORDERS,
    calculation,
    concatenation,
    logic,
    membership,
    order_of,
    sum_of,
    two_valued,
    union_of,
    walk,
)
from sandbox.fhirpath.types import TypeSpecifier, kind_of, specifier, type_of
from sandbox.fhirpath.values import Long, Quantity
from sandbox.r4.model import Child, definitions, is_type, members
from sandbox.suggest import did_you_mean

CONSTANTS: Final = {
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "ucum": "http://unitsofmeasure.org",
}
_URL: Final = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}
_FOCUS: Final = ("resource", "rootResource", "context")


class Build(Protocol):
    """How a call of a function is compiled; the table of functions is handed in, since they compile their arguments."""

    def __call__(self, compiler: "Compiler", step: ast.Function, types: Types, *, is_unordered: bool) -> StepCode:
        """Return the step."""
        ...


class Compiler:
    """Compiles one expression."""

    def __init__(self, root_types: Types, variables: Iterable[str], build: Build, *, is_strict: bool) -> None:
        self.build = build
        self.this: Types = root_types
        self.root_types = root_types
        self.is_strict = is_strict
        self.variables = set(variables)
        self.in_total = False

    # expressions

    def compile(self, node: ast.Node) -> Code:
        """Compile an expression; raises `SemanticProblem`."""
        if isinstance(node, ast.Path):
            return self._path(node)
        if isinstance(node, ast.Literal):
            return self._literal(node)
        if isinstance(node, ast.Binary):
            return self._binary(node)
        if isinstance(node, ast.Special):
            return self._special(node)
        if isinstance(node, ast.External):
            return self._external(node)
        if isinstance(node, ast.TypeTest):
            return self._type_test(node)
        return self._unary(node)

    def inner(self, node: ast.Node, this: Types) -> Code:
        """Compile an argument that is evaluated for each item, with `$this` of these types."""
        saved, self.this = self.this, this
        try:
            return self.scoped(node)
        finally:
            self.this = saved

    def scoped(self, node: ast.Node) -> Code:
        """Compile an expression whose variables end with it."""
        known = set(self.variables)
        code = self.compile(node)
        if self.variables == known:
            return code
        self.variables = known
        run = code.run

        def restored(env: Env) -> list[Item]:
            saved = env.variables
            try:
                return run(env)
            finally:
                env.variables = saved

        return Code(restored, code.types)

    def _literal(self, node: ast.Literal) -> Code:
        if node.value is None:
            return Code(lambda env: [], frozenset())
        value = node.value
        items = [value]
        return Code(lambda env: items, frozenset({f"System.{_system_name(value)}"}))

    def _special(self, node: ast.Special) -> Code:
        if node.name == "this":
            return Code(lambda env: env.this, self.this)
        if node.name == "index":
            return Code(lambda env: [env.index], INTEGER)
        if not self.in_total:
            raise SemanticProblem("$total has a meaning inside aggregate() only", node.position)
        return Code(lambda env: env.total, None)

    def _external(self, node: ast.External) -> Code:
        name = node.name
        if name in CONSTANTS:
            return _constant(CONSTANTS[name])
        for prefix, url in _URL.items():
            if name.startswith(prefix):
                return _constant(url + name.removeprefix(prefix))
        if name == "resource":
            return Code(lambda env: [env.resource] if env.resource is not None else [], self.root_types)
        if name == "rootResource":
            return Code(lambda env: [env.root] if env.root is not None else [], self.root_types)
        if name == "context":
            return Code(lambda env: env.start, self.root_types)
        if name not in self.variables:
            known = sorted({*self.variables, *_FOCUS, *CONSTANTS})
            near = did_you_mean(f"%{name}", [f"%{variable}" for variable in known])
            raise SemanticProblem(f"there is no variable %{name}{near}", node.position)

        def variable(env: Env) -> list[Item]:
            value = env.variables.get(name)
            if value is None:
                given = env.context.variables.get(name)
                if given is None:
                    raise EvaluationProblem(f"the variable %{name} has no value here", node.position)
                return list(given)
            return value

        return Code(variable, None)

    def _unary(self, node: ast.Unary) -> Code:
        code = self.compile(node.operand)
        run, sign, position = code.run, node.operator, node.position

        def signed(env: Env) -> list[Item]:
            found = run(env)
            if not found:
                return []
            if len(found) > 1:
                raise EvaluationProblem(f'"{sign}" needs one number, and there are {len(found)} items', position)
            value = system_of(found[0])
            if isinstance(value, Quantity):
                return [Quantity(-value.value, value.unit, value.is_calendar) if sign == "-" else value]
            if not arithmetic.is_number(value):
                raise EvaluationProblem(f'"{sign}" has no meaning before {kind_of(found[0])}', position)
            if sign == "+":
                return [value]
            if isinstance(value, int):
                made = arithmetic.whole(-value, is_long=isinstance(value, Long))
                return [] if made is None else [made]
            return [-value if value else value]

        return Code(signed, code.types)

    def _type_test(self, node: ast.TypeTest) -> Code:
        code = self.scoped(node.operand)
        wanted = specifier(node.type_name, node.position)
        self.check_type(code.types, wanted, node.operator, node.position)
        return self.type_test(node.operator, code, wanted, node.position)

    def check_type(self, types: Types, wanted: TypeSpecifier, operator: str, position: int) -> None:
        """Refuse a test that can never succeed on what is known of the types."""
        if self.is_strict and types and operator != "is" and not any(wanted.may_select(t) for t in types):
            shown = ", ".join(sorted(t.removeprefix("System.") for t in types))
            raise SemanticProblem(f"this is never a {wanted.name}; it is {shown}", position)

    def type_test(self, operator: str, code: Code, wanted: TypeSpecifier, position: int) -> Code:
        """Build `is` or `as` on a single item."""
        run = code.run

        def single(env: Env) -> list[Item]:
            found = run(env)
            if len(found) > 1:
                message = (
                    f'"{operator}" needs one item, and there are {len(found)}; to keep the ones of a type, use ofType()'
                )
                raise EvaluationProblem(message, position)
            return found

        if operator == "is":
            return Code(lambda env: [wanted.covers(item) for item in single(env)], BOOLEAN)
        return Code(lambda env: [i for i in single(env) if wanted.selects(i)], narrowed(code.types, wanted))

    # operators

    def _binary(self, node: ast.Binary) -> Code:
        operator = node.operator
        codes = [self.scoped(operand) for operand in node.operands]
        runs = [code.run for code in codes]
        if operator == "|":
            return Code(union_of(runs), _merged(codes))
        if operator == "&":
            return Code(concatenation(runs, node.position), STRING)
        if operator in ("and", "or"):
            return Code(logic(runs, operator, node.position), BOOLEAN)
        if operator == "+" and len(runs) > 2:
            return Code(sum_of(runs, node.position), None)
        left, right = runs
        if operator in ("xor", "implies"):
            return Code(two_valued(left, right, operator, node.position), BOOLEAN)
        if operator in ("=", "!=", "<", "<=", ">", ">="):
            self._comparable(codes[0].types, codes[1].types, operator, node.position)
        if operator in EQUALITIES:
            return Code(EQUALITIES[operator](left, right), BOOLEAN)
        if operator in ORDERS:
            return Code(order_of(left, right, operator, node.position), BOOLEAN)
        if operator in ("in", "contains"):
            one, many = (left, right) if operator == "in" else (right, left)
            return Code(membership(one, many, operator, node.position), BOOLEAN)
        if self.is_strict:
            check_arithmetic([code.types for code in codes], operator, node.position)
        return Code(calculation(left, right, operator, node.position), result_types(codes[0].types))

    def _comparable(self, left: Types, right: Types, operator: str, position: int) -> None:
        """Refuse a comparison whose two sides never have a type in common."""
        if not self.is_strict or not left or not right:
            return
        one, other = {family(t) for t in left}, {family(t) for t in right}
        if None in one or None in other or one & other:
            return
        if {"number", "Quantity"} <= one | other:
            return
        shown = [", ".join(sorted(t.removeprefix("System.") for t in types)) for types in (left, right)]
        hint = ""
        if {"String", "date"} == one | other:
            hint = "; a date is written @2026-04-23, a dateTime @2026-04-23T09:00:00Z"
        raise SemanticProblem(f'"{operator}" compares {shown[0]} with {shown[1]}, which is never true{hint}', position)

    # paths

    def _path(self, node: ast.Path) -> Code:
        if node.start is None:
            code = Code(lambda env: env.this, self.this)
            is_focus = True
        else:
            code = self.compile(node.start)
            is_focus = False
        types = code.types
        steps: list[Apply] = []
        is_unordered = False
        for place, step in enumerate(node.steps):
            if place == 0 and is_focus and isinstance(step, ast.Member):
                made = self._type_name_or_member(step, types)
            else:
                made = self._step(step, types, is_unordered=is_unordered)
            types, is_unordered = made.types, made.is_unordered
            steps.append(made.run)
        return Code(walk(code.run if not is_focus else None, tuple(steps)), types)

    def _step(self, step: ast.Step, types: Types, *, is_unordered: bool) -> StepCode:
        if isinstance(step, ast.Member):
            return self._member(step, types)
        if isinstance(step, ast.Function):
            return self.build(self, step, types, is_unordered=is_unordered)
        if isinstance(step, ast.Special):
            code = self._special(step)
            run = code.run
            return StepCode(lambda env, focus: run(env), code.types)
        self.check_order(is_unordered, "[…]", step.position)
        return StepCode(self._index(step), types)

    def check_order(self, is_unordered: bool, what: str, position: int) -> None:
        """Refuse, when strict, to rely on an order that the specification leaves open."""
        if self.is_strict and is_unordered:
            raise SemanticProblem(
                f"{what} depends on the order of children() or descendants(), which is undefined", position
            )

    def _index(self, step: ast.Index) -> Apply:
        run = self.scoped(step.index).run
        position = step.position

        def at(env: Env, focus: list[Item]) -> list[Item]:
            found = run(env)
            if not found:
                return []
            index = system_of(found[0]) if len(found) == 1 else None
            if not isinstance(index, int) or isinstance(index, bool):
                raise EvaluationProblem("an index is one whole number", position)
            return focus[index : index + 1] if index >= 0 else []

        return at

    def _type_name_or_member(self, step: ast.Member, types: Types) -> StepCode:
        name = step.name
        # Elements begin with a small letter, and some are called as a primitive type is: id, code, date, url.
        if not name[:1].isupper() or not is_type(name) or "." in name:
            return self._member(step, types)
        wanted = TypeSpecifier("FHIR", name)
        if self.is_strict and types is not None and not any(wanted.may_select(t) for t in types):
            shown = ", ".join(sorted(types))
            raise SemanticProblem(f"it begins at {name}, but is evaluated on {shown}", step.position)

        def keep(env: Env, focus: list[Item]) -> list[Item]:
            return [item for item in focus if item.__class__ is Node and wanted.covers(item)]

        return StepCode(keep, frozenset({name}) if name not in _ABSTRACT else types)

    def _member(self, step: ast.Member, types: Types) -> StepCode:
        name = step.name
        result = self._member_types(step, types)

        rows: dict[str, tuple[Child, ...]] = {}

        def child(env: Env, focus: list[Item]) -> list[Item]:
            out: list[Item] = []
            for item in focus:
                if item.__class__ is not Node:
                    continue
                if item.value.__class__ is dict:
                    known = rows.get(item.type)
                    if known is None:
                        known = rows[item.type] = members(item.type).get(name, ())
                    append_children(item, known, out)
                else:
                    step_into(item, name, out)
            env.context.spend(len(focus) + len(out))
            return out

        return StepCode(child, result)

    def _member_types(self, step: ast.Member, types: Types) -> Types:
        if types is None:
            if self.is_strict and step.name not in _all_names():
                near = did_you_mean(step.name, sorted(_all_names()))
                raise SemanticProblem(f'no type of FHIR R4 has an element "{step.name}"{near}', step.position)
            return None
        found: set[str] = set()
        is_open = False
        for type_name in types:
            for child in members(type_name).get(step.name, ()):
                is_open = is_open or child.is_resource
                found.add(child.type)
            is_open = is_open or type_name in _ABSTRACT
        if is_open:
            return None
        if not found and types and self.is_strict:
            raise SemanticProblem(self._no_such_element(step.name, types), step.position)
        return frozenset(found)

    def _no_such_element(self, name: str, types: frozenset[str]) -> str:
        shown = " or ".join(sorted(t.removeprefix("System.") for t in types))
        names: set[str] = set()
        for type_name in types:
            for stem, children in members(type_name).items():
                names.add(stem)
                for child in children:
                    if child.key == name and child.key != stem:
                        return f'{shown} has no element "{name}"; write {stem}.ofType({child.type})'
        return f'{shown} has no element "{name}"{did_you_mean(name, sorted(names))}'


_ABSTRACT: Final = frozenset({"Resource", "DomainResource"})


@cache
def _all_names() -> frozenset[str]:
    names = {"namespace", "name"}
    for type_name in definitions()["structures"]:
        names.update(members(type_name))
    return frozenset(names)


def _system_name(value: Item) -> str:
    return type_of(value)[1]


def narrowed(types: Types, wanted: TypeSpecifier) -> Types:
    """Return the types that remain after a type test."""
    if wanted.namespace != "FHIR" and not is_type(wanted.name):
        return frozenset({f"System.{wanted.name}"})
    if wanted.name in _ABSTRACT:
        return None
    return frozenset({wanted.name})


def _merged(codes: list[Code]) -> Types:
    out: frozenset[str] = frozenset()
    for code in codes:
        if code.types is None:
            return None
        out |= code.types
    return out


def _constant(text: str) -> Code:
    items: list[Item] = [text]
    return Code(lambda env: items, STRING)
