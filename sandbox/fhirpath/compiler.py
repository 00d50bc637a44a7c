"""From a tree to closures: each node becomes a function of the evaluation's environment.

What can be known before there is a resource is decided here: functions and their arguments, variables, types,
and, where the type of the focus is known, the names of elements.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from sandbox.fhirpath import arithmetic, ast, comparing
from sandbox.fhirpath.context import Apply, Env, Evaluate, Types
from sandbox.fhirpath.errors import EvaluationProblem, SemanticProblem
from sandbox.fhirpath.nodes import Item, Node, append_children, step_into, system_of
from sandbox.fhirpath.types import TypeSpecifier, kind_of, specifier, type_of
from sandbox.fhirpath.values import Long, Quantity
from sandbox.r4.model import STRING_TYPES, Child, definitions, is_type, members
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
BOOLEAN: Final[Types] = frozenset({"System.Boolean"})
STRING: Final[Types] = frozenset({"System.String"})
INTEGER: Final[Types] = frozenset({"System.Integer"})


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled expression and the types its items can have, None where that is not known."""

    run: Evaluate
    types: Types


@dataclass(frozen=True, slots=True)
class StepCode:
    """A compiled step of a path."""

    run: Apply
    types: Types
    is_unordered: bool = False


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
            return Code(_union(runs), _merged(codes))
        if operator == "&":
            return Code(_concatenation(runs, node.position), STRING)
        if operator in ("and", "or"):
            return Code(_logic(runs, operator, node.position), BOOLEAN)
        if operator == "+" and len(runs) > 2:
            return Code(_sum(runs, node.position), None)
        left, right = runs
        if operator in ("xor", "implies"):
            return Code(_two_valued(left, right, operator, node.position), BOOLEAN)
        if operator in ("=", "!=", "<", "<=", ">", ">="):
            self._comparable(codes[0].types, codes[1].types, operator, node.position)
        if operator in _EQUALITIES:
            return Code(_EQUALITIES[operator](left, right), BOOLEAN)
        if operator in _ORDERS:
            return Code(_order(left, right, operator, node.position), BOOLEAN)
        if operator in ("in", "contains"):
            one, many = (left, right) if operator == "in" else (right, left)
            return Code(_membership(one, many, operator, node.position), BOOLEAN)
        if self.is_strict:
            _check_arithmetic(codes, operator, node.position)
        return Code(_calculation(left, right, operator, node.position), _result_types(codes, operator))

    def _comparable(self, left: Types, right: Types, operator: str, position: int) -> None:
        """Refuse a comparison whose two sides never have a type in common."""
        if not self.is_strict or not left or not right:
            return
        one, other = {_family(t) for t in left}, {_family(t) for t in right}
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
        return Code(_walk(code.run if not is_focus else None, tuple(steps)), types)

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


_FAMILIES: Final = {
    "boolean": "Boolean", "integer": "number", "positiveInt": "number", "unsignedInt": "number", "decimal": "number",
    "date": "date", "dateTime": "date", "instant": "date", "time": "time",
    "System.Boolean": "Boolean", "System.Integer": "number", "System.Long": "number", "System.Decimal": "number",
    "System.Date": "date", "System.DateTime": "date", "System.Time": "time", "System.String": "String",
    "System.Quantity": "Quantity",
    "Quantity": "Quantity", "SimpleQuantity": "Quantity", "Age": "Quantity", "Duration": "Quantity",
    "Count": "Quantity", "Distance": "Quantity", "MoneyQuantity": "Quantity",
}  # fmt: skip


def _family(type_name: str) -> str | None:
    if type_name in STRING_TYPES:
        return "String"
    return _FAMILIES.get(type_name, type_name)


def _check_arithmetic(codes: list[Code], operator: str, position: int) -> None:
    left, right = (({_family(t) for t in code.types} if code.types else None) for code in codes)
    if left is None or right is None:
        return
    if left <= {"date", "time"} and right and "Quantity" not in right:
        raise SemanticProblem(f'to move a date, "{operator}" takes a duration, such as 7 days', position)


def _result_types(codes: list[Code], operator: str) -> Types:
    left = codes[0].types
    if left and all(_family(t) in ("date", "time") for t in left):
        return left
    return None


# closures


def _constant(text: str) -> Code:
    items: list[Item] = [text]
    return Code(lambda env: items, STRING)


def _walk(start: Evaluate | None, steps: tuple[Apply, ...]) -> Evaluate:
    if start is None:
        if len(steps) == 1:
            only = steps[0]
            return lambda env: only(env, env.this)

        def from_focus(env: Env) -> list[Item]:
            focus = env.this
            for step in steps:
                focus = step(env, focus)
            return focus

        return from_focus

    def from_start(env: Env) -> list[Item]:
        focus = start(env)
        for step in steps:
            focus = step(env, focus)
        return focus

    return from_start


def truth(found: list[Item], what: str, position: int) -> bool | None:
    """Evaluate a collection as a Boolean (FHIRPath 2.0, Singleton Evaluation of Collections)."""
    if not found:
        return None
    if len(found) > 1:
        raise EvaluationProblem(f"{what} needs one Boolean, and there are {len(found)} items", position)
    value = system_of(found[0])
    return value if isinstance(value, bool) else True


def _boolean(value: bool | None) -> list[Item]:
    return [] if value is None else [value]


def _union(runs: list[Evaluate]) -> Evaluate:
    def union(env: Env) -> list[Item]:
        found: list[Item] = []
        for run in runs:
            found = found + run(env)
        return comparing.distinct(found, env.context)

    return union


def _concatenation(runs: list[Evaluate], position: int) -> Evaluate:
    def concatenate(env: Env) -> list[Item]:
        parts = []
        for run in runs:
            found = run(env)
            if len(found) > 1:
                raise EvaluationProblem(f'"&" needs one string, and there are {len(found)} items', position)
            if found:
                value = system_of(found[0])
                if not isinstance(value, str):
                    raise EvaluationProblem(f'"&" joins strings, not {kind_of(found[0])}; use toString()', position)
                parts.append(value)
        text = "".join(parts)
        env.context.spend(1 + len(text) // 64)
        return [text]

    return concatenate


def _logic(runs: list[Evaluate], operator: str, position: int) -> Evaluate:
    decisive = operator == "or"

    def logic(env: Env) -> list[Item]:
        is_open = False
        for run in runs:
            value = truth(run(env), f'"{operator}"', position)
            if value is decisive:
                return [decisive]
            is_open = is_open or value is None
        return [] if is_open else [not decisive]

    return logic


def _two_valued(left: Evaluate, right: Evaluate, operator: str, position: int) -> Evaluate:
    def implies(env: Env) -> list[Item]:
        first = truth(left(env), '"implies"', position)
        if first is False:
            return [True]
        second = truth(right(env), '"implies"', position)
        if first is True:
            return _boolean(second)
        return [True] if second else []

    def xor(env: Env) -> list[Item]:
        first, second = truth(left(env), '"xor"', position), truth(right(env), '"xor"', position)
        return [] if first is None or second is None else [first is not second]

    return xor if operator == "xor" else implies


def _equals(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda env: _boolean(comparing.equal_collections(left(env), right(env), env.context))


def _differs(left: Evaluate, right: Evaluate) -> Evaluate:
    def differs(env: Env) -> list[Item]:
        found = comparing.equal_collections(left(env), right(env), env.context)
        return [] if found is None else [not found]

    return differs


def _equivalent(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda env: [comparing.equivalent_collections(left(env), right(env), env.context)]


def _not_equivalent(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda env: [not comparing.equivalent_collections(left(env), right(env), env.context)]


_EQUALITIES: Final[dict[str, Callable[[Evaluate, Evaluate], Evaluate]]] = {
    "=": _equals,
    "!=": _differs,
    "~": _equivalent,
    "!~": _not_equivalent,
}
_ORDERS: Final[dict[str, Callable[[int], bool]]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def _order(left: Evaluate, right: Evaluate, operator: str, position: int) -> Evaluate:
    holds = _ORDERS[operator]

    def compare(env: Env) -> list[Item]:
        one, other = left(env), right(env)
        if not one or not other:
            return []
        if len(one) > 1 or len(other) > 1:
            count = max(len(one), len(other))
            raise EvaluationProblem(f'"{operator}" compares one item with one, and there are {count}', position)
        order = comparing.order(one[0], other[0])
        return [] if order is None else [holds(order)]

    return compare


def _membership(one: Evaluate, many: Evaluate, operator: str, position: int) -> Evaluate:
    def contains(env: Env) -> list[Item]:
        single = one(env)
        if not single:
            return []
        if len(single) > 1:
            raise EvaluationProblem(f'"{operator}" looks for one item, and there are {len(single)}', position)
        context = env.context
        return [any(comparing.equal(single[0], item, context) is True for item in many(env))]

    return contains


def _calculation(left: Evaluate, right: Evaluate, operator: str, position: int) -> Evaluate:
    def calculate(env: Env) -> list[Item]:
        one, other = left(env), right(env)
        if not one or not other:
            return []
        if len(one) > 1 or len(other) > 1:
            count = max(len(one), len(other))
            raise EvaluationProblem(f'"{operator}" takes one item on each side, and there are {count}', position)
        env.context.spend(4)
        found = arithmetic.calculate(operator, one[0], other[0])
        if isinstance(found, str):
            env.context.spend(len(found) // 64)
        return [] if found is None else [found]

    return calculate


def _sum(runs: list[Evaluate], position: int) -> Evaluate:
    def total(env: Env) -> list[Item]:
        found = runs[0](env)
        for run in runs[1:]:
            value = found
            found = _calculation(lambda _env, value=value: value, run, "+", position)(env)  # type: ignore[misc]
        return found

    return total
