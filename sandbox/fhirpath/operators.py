"""What operators do when an expression runs: closures over those of their operands (FHIRPath 2.0, Operations)."""

from collections.abc import Callable
from typing import Final

from sandbox.fhirpath import arithmetic, comparing
from sandbox.fhirpath.context import Apply, Env, Evaluate
from sandbox.fhirpath.errors import EvaluationProblem
from sandbox.fhirpath.nodes import Item, system_of
from sandbox.fhirpath.types import kind_of


def walk(start: Evaluate | None, steps: tuple[Apply, ...]) -> Evaluate:
    """Follow the steps of a path from a start, or from the focus where there is none."""
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


def union_of(runs: list[Evaluate]) -> Evaluate:
    """`|`."""

    def union(env: Env) -> list[Item]:
        found: list[Item] = []
        for run in runs:
            found = found + run(env)
        return comparing.distinct(found, env.context)

    return union


def concatenation(runs: list[Evaluate], position: int) -> Evaluate:
    """`&`."""

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


def logic(runs: list[Evaluate], operator: str, position: int) -> Evaluate:
    """`and` and `or`, in three values."""
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


def two_valued(left: Evaluate, right: Evaluate, operator: str, position: int) -> Evaluate:
    """`xor` and `implies`, in three values."""

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


EQUALITIES: Final[dict[str, Callable[[Evaluate, Evaluate], Evaluate]]] = {
    "=": _equals,
    "!=": _differs,
    "~": _equivalent,
    "!~": _not_equivalent,
}
ORDERS: Final[dict[str, Callable[[int], bool]]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def order_of(left: Evaluate, right: Evaluate, operator: str, position: int) -> Evaluate:
    """`<`, `<=`, `>`, `>=`."""
    holds = ORDERS[operator]

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


def membership(one: Evaluate, many: Evaluate, operator: str, position: int) -> Evaluate:
    """`in` and `contains`."""

    def contains(env: Env) -> list[Item]:
        single = one(env)
        if not single:
            return []
        if len(single) > 1:
            raise EvaluationProblem(f'"{operator}" looks for one item, and there are {len(single)}', position)
        context = env.context
        return [any(comparing.equal(single[0], item, context) is True for item in many(env))]

    return contains


def calculation(left: Evaluate, right: Evaluate, operator: str, position: int) -> Evaluate:
    """`+ - * / div mod`."""

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


def sum_of(runs: list[Evaluate], position: int) -> Evaluate:
    """`+` of more than two."""

    def total(env: Env) -> list[Item]:
        found = runs[0](env)
        for run in runs[1:]:
            value = found
            found = calculation(lambda _env, value=value: value, run, "+", position)(env)  # type: ignore[misc]
        return found

    return total
