"""Reading an assertion: which check it is for, its model, the entity's values put in; or why no check accepts it.

An assertion names its check, or holds others: `any_of` a list of them, `not` one (extensions).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import ValidationError

from sandbox import jsonio
from sandbox.definitions.assertions import REFUSED, Assertion
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.scoring.judge import Expectations
from sandbox.scoring.placeholders import bind_entity, find_misplaced
from sandbox.simulators.base import Check
from sandbox.suggest import did_you_mean
from sandbox.wire.field_errors import known_keys

ANY_OF: Final = "any_of"
NOT: Final = "not"
_PROBLEMS_NAMED_MAX: Final = 3
_ALTERNATIVES_MIN: Final = 2
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class UnsupportedAssertion:
    """Why no check accepts an assertion. `is_refused` says that a definition with it is not loaded at all."""

    reason: str
    is_refused: bool = False

    @property
    def details(self) -> str:
        """The sentence that a criterion run shows."""
        return f"unsupported assertion: {self.reason}"


def parse_assertion(
    checks: Mapping[str, Check], assertion: Json, entity: Json = None
) -> Assertion | UnsupportedAssertion:
    """Read an assertion with its check's model, the entity's values put in first, and the entity at hand."""
    if not isinstance(assertion, Mapping):
        return UnsupportedAssertion("an assertion is an object with `assert` and the fields of that check")
    try:
        jsonio.dump(dict(assertion))
    except TypeError as error:  # a number of more than 64 bits, a key that is not text
        return UnsupportedAssertion(f"it cannot be written as JSON ({error}); put such a value in quotes")
    name = assertion.get("assert")
    if not isinstance(name, str):
        return UnsupportedAssertion("`assert` is missing; it names the check")
    check = checks.get(name)
    if check is None:
        return UnsupportedAssertion(f'no check is called "{name}"{did_you_mean(name, checks)}')
    misplaced = find_misplaced(assertion)
    if misplaced is not None:
        return UnsupportedAssertion(misplaced)
    try:
        model = check.model.model_validate(bind_entity(dict(assertion), entity), context={"entity": entity})
    except Invalid as error:
        return UnsupportedAssertion(error.message)
    except ValidationError as error:
        is_refused = any(problem["type"] == REFUSED for problem in error.errors())
        return UnsupportedAssertion(_describe_validation(name, check.model, error), is_refused)
    problem = Expectations.of(model).describe_problem(check)
    return model if problem is None else UnsupportedAssertion(f"{name}: {problem}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One assertion, read by its check."""

    check: Check
    assertion: Assertion


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Alternatives, one of which is enough."""

    alternatives: tuple["Proposition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    denied: "Proposition"


Proposition: TypeAlias = Asked | AnyOf | Not


def parse_proposition(
    checks: Mapping[str, Check], assertion: Json, entity: Json = None
) -> Proposition | UnsupportedAssertion:
    """Read an assertion, alternatives and denials included; what is unsupported anywhere in it is so as a whole."""
    name = combination_of(assertion)
    if name is None:
        model = parse_assertion(checks, assertion, entity)
        return model if isinstance(model, UnsupportedAssertion) else Asked(checks[model.check], model)
    if len(assertion) > 1:
        others = ", ".join(str(key) for key in assertion if key != name)
        return UnsupportedAssertion(f"`{name}` stands alone; there is also {others}")
    if name == NOT:
        denied = parse_proposition(checks, assertion[NOT], entity)
        return denied if isinstance(denied, UnsupportedAssertion) else Not(denied)
    if not isinstance(assertion[ANY_OF], list) or len(assertion[ANY_OF]) < _ALTERNATIVES_MIN:
        return UnsupportedAssertion("any_of is a list of at least two assertions")
    alternatives = []
    for row in assertion[ANY_OF]:
        read = parse_proposition(checks, row, entity)
        if isinstance(read, UnsupportedAssertion):
            return read
        alternatives.append(read)
    return AnyOf(tuple(alternatives))


def combination_of(assertion: Json) -> str | None:
    """Return `any_of` or `not` where an assertion is one of them, None where it names a check."""
    if not isinstance(assertion, Mapping) or "assert" in assertion:
        return None
    return next((name for name in (ANY_OF, NOT) if name in assertion), None)


def leaves_of(assertion: Json, at: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Yield every assertion that names a check, with the keys that lead to it.

    >>> list(leaves_of({"any_of": [{"assert": "a"}, {"not": {"assert": "b"}}]}))
    [(('any_of', 0), {'assert': 'a'}), (('any_of', 1, 'not'), {'assert': 'b'})]
    """
    name = combination_of(assertion)
    if name is None:
        yield at, assertion
    elif name == NOT:
        yield from leaves_of(assertion[NOT], (*at, NOT))
    else:
        for index, row in enumerate(assertion[ANY_OF] if isinstance(assertion[ANY_OF], list) else ()):
            yield from leaves_of(row, (*at, ANY_OF, index))


def asked_in(proposition: Proposition) -> Iterator[Asked]:
    """Yield every assertion of a proposition."""
    match proposition:
        case AnyOf():
            for alternative in proposition.alternatives:
                yield from asked_in(alternative)
        case Not():
            yield from asked_in(proposition.denied)
        case Asked():
            yield proposition


def _describe_validation(name: str, model: type[Assertion], error: ValidationError) -> str:
    texts = []
    for problem in error.errors()[:_PROBLEMS_NAMED_MAX]:
        where = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = known_keys(model, tuple(problem["loc"])[:-1])
            what += did_you_mean(str(problem["loc"][-1]), known)
        texts.append(f"{where}: {what}" if where else what)
    return f"{name}: {'; '.join(texts)}"
