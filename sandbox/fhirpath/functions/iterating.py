"""Functions that evaluate an argument for each item (FHIRPath 2.0, Scoped Functions), and aggregates."""

from decimal import Decimal
from functools import cmp_to_key
from typing import Final

from sandbox.fhirpath import arithmetic, ast, comparing
from sandbox.fhirpath.code import BOOLEAN, StepCode
from sandbox.fhirpath.context import Apply, Env, Evaluate, Types
from sandbox.fhirpath.errors import EvaluationProblem
from sandbox.fhirpath.functions.call import Call, Entry, of_value
from sandbox.fhirpath.nodes import Item, system_of
from sandbox.fhirpath.operators import truth
from sandbox.fhirpath.results import to_json

# Units of work that a turn of an iteration costs beside what its argument does.
_STEP: Final = 3


def _filter(criteria: Evaluate, position: int, what: str, env: Env, focus: list[Item]) -> list[Item]:
    out = []
    this, index, variables = env.this, env.index, env.variables
    for place, item in enumerate(focus):
        env.context.spend(_STEP)
        env.this, env.index = [item], place
        if truth(criteria(env), what, position):
            out.append(item)
    env.this, env.index, env.variables = this, index, variables
    return out


def _where(call: Call) -> StepCode:
    criteria, position = call.each(0), call.step.position
    return StepCode(lambda env, focus: _filter(criteria, position, "where()", env, focus), call.types)


def _exists(call: Call) -> StepCode:
    if not call.count:
        return StepCode(lambda env, focus: [bool(focus)], BOOLEAN)
    criteria, position = call.each(0), call.step.position
    return StepCode(lambda env, focus: [bool(_filter(criteria, position, "exists()", env, focus))], BOOLEAN)


def _all(call: Call) -> Apply:
    criteria, position = call.each(0), call.step.position

    def every(env: Env, focus: list[Item]) -> list[Item]:
        return [len(_filter(criteria, position, "all()", env, focus)) == len(focus)]

    return every


def _project(run: Evaluate, env: Env, focus: list[Item]) -> list[Item]:
    out: list[Item] = []
    this, index = env.this, env.index
    for place, item in enumerate(focus):
        env.this, env.index = [item], place
        found = run(env)
        env.context.spend(_STEP + len(found))
        out += found
    env.this, env.index = this, index
    return out


def _select(call: Call) -> StepCode:
    code = call.compiler.inner(call.step.arguments[0], call.types)
    run = code.run
    return StepCode(lambda env, focus: _project(run, env, focus), code.types)


def _repeat(call: Call) -> StepCode:
    """Compile `repeat` (each item once) and `repeatAll`; the types are those of any number of rounds."""
    is_once = call.step.name == "repeat"
    types: Types = call.types
    for _ in range(_ROUNDS_OF_TYPES):
        code = call.compiler.inner(call.step.arguments[0], types)
        if code.types is None or types is None or code.types <= types:
            break
        types = types | code.types
    else:
        types = None
    code = call.compiler.inner(call.step.arguments[0], types)
    run = code.run

    def repeat(env: Env, focus: list[Item]) -> list[Item]:
        out: list[Item] = []
        seen: set[object] = set()
        queue = focus
        while queue:
            found = _project(run, env, queue)
            if is_once:
                queue = []
                for item in found:
                    key = comparing.key_of(item, env.context)
                    if key not in seen:
                        seen.add(key)
                        queue.append(item)
            else:
                queue = found
            out += queue
        return out

    return StepCode(repeat, code.types)


_ROUNDS_OF_TYPES: Final = 8


def _iif(call: Call) -> StepCode:
    codes = [call.compiler.inner(argument, call.types) for argument in call.step.arguments]
    criterion, then = codes[0].run, codes[1].run
    otherwise = codes[2].run if len(codes) > 2 else None
    position = call.step.position

    def decide(env: Env, focus: list[Item]) -> list[Item]:
        call.one(focus)
        this = env.this
        env.this = focus
        try:
            if truth(criterion(env), "iif()", position):
                return then(env)
            return otherwise(env) if otherwise is not None else []
        finally:
            env.this = this

    known = [code.types for code in codes[1:]]
    types: Types = frozenset()
    for one in known:
        types = None if types is None or one is None else types | one
    return StepCode(decide, types)


def _aggregate(call: Call) -> Apply:
    init = call.argument(1) if call.count > 1 else None
    outer, call.compiler.in_total = call.compiler.in_total, True
    run = call.each(0)
    call.compiler.in_total = outer

    def aggregate(env: Env, focus: list[Item]) -> list[Item]:
        this, index, total = env.this, env.index, env.total
        env.total = init(env) if init is not None else []
        for place, item in enumerate(focus):
            env.this, env.index = [item], place
            env.total = run(env)
            env.context.spend(_STEP + len(env.total))
        result = env.total
        env.this, env.index, env.total = this, index, total
        return result

    return aggregate


def _sort(call: Call) -> StepCode:
    keys: list[tuple[Evaluate, bool]] = []
    for place, argument in enumerate(call.step.arguments):
        is_descending = call.step.descending[place]
        # HL7's test cases write a descending key with a minus, of strings too.
        if isinstance(argument, ast.Unary) and argument.operator == "-":
            argument, is_descending = argument.operand, not is_descending
        keys.append((call.compiler.inner(argument, call.types).run, is_descending))

    def values(env: Env, item: Item) -> list[Item]:
        this = env.this
        env.this = [item]
        out = []
        for run, _ in keys:
            found = run(env)
            if len(found) > 1:
                raise call.problem(f"needs one value a key, and met {len(found)}")
            out.append(found[0] if found else None)
        env.this = this
        return out

    directions = [is_descending for _, is_descending in keys] or [False]

    def sort(env: Env, focus: list[Item]) -> list[Item]:
        env.context.spend(len(focus) * max(1, len(focus).bit_length()))
        rows = [(values(env, item) if keys else [item], item) for item in focus]

        def compare(left: tuple[list[Item], Item], right: tuple[list[Item], Item]) -> int:
            for one, other, is_descending in zip(left[0], right[0], directions, strict=True):
                if one is None or other is None:
                    order: int | None = (other is None) - (one is None)
                else:
                    order = comparing.order(one, other)
                if order is None:
                    raise call.problem("met values whose order is unknown")
                if order:
                    return -order if is_descending else order
            return 0

        return [item for _, item in sorted(rows, key=cmp_to_key(compare))]

    return StepCode(sort, call.types)


def _extreme(call: Call) -> StepCode:
    """Compile `min` and `max`, defined by `aggregate` (FHIRPath 2.0, Aggregates)."""
    wanted = -1 if call.step.name == "min" else 1

    def extreme(env: Env, focus: list[Item]) -> list[Item]:
        env.context.spend(len(focus))
        best = focus[:1]
        for item in focus[1:]:
            order = comparing.order(item, best[0])
            if order is None:
                return []
            if order == wanted:
                best = [item]
        return best

    return StepCode(extreme, call.types)


def _sum(call: Call) -> Apply:
    is_mean = call.step.name == "avg"

    def total(env: Env, focus: list[Item]) -> list[Item]:
        env.context.spend(len(focus))
        if not focus:
            return []
        result = system_of(focus[0])
        if not arithmetic.is_number(result) and len(focus) == 1:
            arithmetic.calculate("-", result, result)
        for item in focus[1:]:
            result = arithmetic.calculate("+", result, item)
            if result is None:
                return []
        if is_mean:
            result = arithmetic.calculate("/", result, Decimal(len(focus)))
        return [] if result is None else [result]

    return total


def _trace(call: Call) -> StepCode:
    name = call.argument(0)
    run = call.each(1) if call.count > 1 else None

    def trace(env: Env, focus: list[Item]) -> list[Item]:
        label = call.single(name, env, str, "a name")
        if label is None:
            raise EvaluationProblem("trace() needs a name", call.step.position)
        shown = focus if run is None else _project(run, env, focus)
        if len(env.context.traces) < _MAX_TRACES:
            env.context.traces.append({"name": label, "values": [to_json(item) for item in shown[:_MAX_TRACED]]})
        return focus

    return StepCode(trace, call.types)


_MAX_TRACES: Final = 100
_MAX_TRACED: Final = 100


def _define_variable(call: Call) -> StepCode:
    argument = call.step.arguments[0]
    if not (isinstance(argument, ast.Literal) and isinstance(argument.value, str)):
        raise EvaluationProblem("defineVariable() takes the name as a string literal", call.step.position)
    name = argument.value
    run = call.compiler.inner(call.step.arguments[1], call.types).run if call.count > 1 else None
    if name in call.compiler.variables or name in ("resource", "rootResource", "context", "sct", "loinc", "ucum"):
        raise EvaluationProblem(f"the variable %{name} is defined already", call.step.position)
    call.compiler.variables.add(name)

    def define(env: Env, focus: list[Item]) -> list[Item]:
        value = focus
        if run is not None:
            this = env.this
            env.this = focus
            value = run(env)
            env.this = this
        env.variables = {**env.variables, name: value}
        return focus

    return StepCode(define, call.types)


ENTRIES: Final[dict[str, Entry]] = {
    "where": Entry(1, 1, _where),
    "exists": Entry(0, 1, _exists),
    "all": of_value(1, 1, _all, BOOLEAN),
    "select": Entry(1, 1, _select),
    "repeat": Entry(1, 1, _repeat),
    "repeatAll": Entry(1, 1, _repeat),
    "iif": Entry(2, 3, _iif),
    "aggregate": of_value(1, 2, _aggregate),
    "sort": Entry(0, 9, _sort),
    "min": Entry(0, 0, _extreme),
    "max": Entry(0, 0, _extreme),
    "sum": of_value(0, 0, _sum),
    "avg": of_value(0, 0, _sum),
    "trace": Entry(1, 2, _trace),
    "defineVariable": Entry(1, 2, _define_variable),
}
