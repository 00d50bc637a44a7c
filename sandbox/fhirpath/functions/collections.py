"""Existence, subsetting and combining (FHIRPath 2.0, Existence; Subsetting; Combining; Boolean logic)."""

from collections.abc import Callable
from typing import Final

from sandbox.fhirpath import comparing
from sandbox.fhirpath.code import BOOLEAN, INTEGER, StepCode
from sandbox.fhirpath.context import Apply, Env
from sandbox.fhirpath.functions.call import Call, Entry, of_value, plain, test
from sandbox.fhirpath.nodes import Item, system_of
from sandbox.fhirpath.operators import truth
from sandbox.fhirpath.types import kind_of


def _booleans(call: Call) -> Callable[[list[Item]], list[bool]]:
    def read(focus: list[Item]) -> list[bool]:
        out = []
        for item in focus:
            value = system_of(item)
            if not isinstance(value, bool):
                raise call.problem(f"is called on Booleans, and met {kind_of(item)}")
            out.append(value)
        return out

    return read


def _quantifier(decide: Callable[[list[bool]], bool]) -> Entry:
    def make(call: Call) -> Apply:
        read = _booleans(call)
        return lambda env, focus: [decide(read(focus))]

    return of_value(0, 0, make, BOOLEAN)


def _keys(env: Env, items: list[Item]) -> set[object]:
    return {comparing.key_of(item, env.context) for item in items}


def _subset(call: Call) -> Apply:
    other = call.argument(0)
    return lambda env, focus: [_keys(env, focus) <= _keys(env, other(env))]


def _superset(call: Call) -> Apply:
    other = call.argument(0)
    return lambda env, focus: [_keys(env, focus) >= _keys(env, other(env))]


def _is_distinct(env: Env, focus: list[Item]) -> bool:
    return len(_keys(env, focus)) == len(focus)


def _not(call: Call) -> Apply:
    position = call.step.position

    def negate(env: Env, focus: list[Item]) -> list[Item]:
        value = truth(focus, "not()", position)
        return [] if value is None else [not value]

    return negate


def _single(call: Call) -> StepCode:
    def single(env: Env, focus: list[Item]) -> list[Item]:
        call.one(focus)
        return focus

    return StepCode(single, call.types)


def _count_argument(call: Call) -> Callable[[Env], int | None]:
    run = call.argument(0)
    return lambda env: call.single(run, env, int, "a whole number")


def _skip(call: Call) -> StepCode:
    number = _count_argument(call)

    def skip(env: Env, focus: list[Item]) -> list[Item]:
        count = number(env)
        return [] if count is None else focus[max(0, count) :]

    return StepCode(skip, call.types)


def _take(call: Call) -> StepCode:
    number = _count_argument(call)

    def take(env: Env, focus: list[Item]) -> list[Item]:
        count = number(env)
        return [] if count is None else focus[: max(0, count)]

    return StepCode(take, call.types)


def _merged(call: Call) -> StepCode:
    other = call.compiler.scoped(call.step.arguments[0])
    run = other.run
    types = None if call.types is None or other.types is None else call.types | other.types
    if call.step.name == "union":
        return StepCode(lambda env, focus: comparing.distinct(focus + run(env), env.context), types)
    return StepCode(lambda env, focus: focus + run(env), types)


def _intersect(call: Call) -> StepCode:
    other = call.argument(0)

    def intersect(env: Env, focus: list[Item]) -> list[Item]:
        kept = _keys(env, other(env))
        return [i for i in comparing.distinct(focus, env.context) if comparing.key_of(i, env.context) in kept]

    return StepCode(intersect, call.types)


def _exclude(call: Call) -> StepCode:
    other = call.argument(0)

    def exclude(env: Env, focus: list[Item]) -> list[Item]:
        left_out = _keys(env, other(env))
        return [item for item in focus if comparing.key_of(item, env.context) not in left_out]

    return StepCode(exclude, call.types)


def _coalesce(call: Call) -> Apply:
    runs = [call.argument(place) for place in range(call.count)]

    def coalesce(env: Env, focus: list[Item]) -> list[Item]:
        for run in runs:
            found = run(env)
            if found:
                return found
        return []

    return coalesce


ENTRIES: Final[dict[str, Entry]] = {
    "empty": test(lambda env, focus: not focus),
    "count": plain(lambda env, focus: [len(focus)], INTEGER),
    "not": of_value(0, 0, _not, BOOLEAN),
    "allTrue": _quantifier(all),
    "anyTrue": _quantifier(any),
    "allFalse": _quantifier(lambda values: not any(values)),
    "anyFalse": _quantifier(lambda values: not all(values)),
    "subsetOf": of_value(1, 1, _subset, BOOLEAN),
    "supersetOf": of_value(1, 1, _superset, BOOLEAN),
    "distinct": plain(lambda env, focus: comparing.distinct(focus, env.context), same=True),
    "isDistinct": test(_is_distinct),
    "single": Entry(0, 0, _single),
    "first": plain(lambda env, focus: focus[:1], same=True),
    "last": plain(lambda env, focus: focus[-1:], same=True),
    "tail": plain(lambda env, focus: focus[1:], same=True),
    "skip": Entry(1, 1, _skip),
    "take": Entry(1, 1, _take),
    "union": Entry(1, 1, _merged),
    "combine": Entry(1, 2, _merged),
    "intersect": Entry(1, 1, _intersect),
    "exclude": Entry(1, 1, _exclude),
    "coalesce": of_value(1, 99, _coalesce),
}
