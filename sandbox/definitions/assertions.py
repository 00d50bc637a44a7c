"""What assertions have in common: field expectations, counts, phrases.

Each check has its own model on top of `Assertion`; unknown keys are errors.
"""

from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from sandbox.regexes import find_problem

UNSET: Any = object()
REFUSED: Final = "refused"


def refusal(message: str) -> PydanticCustomError:
    """Return the error for what makes a definition wrong as a whole; any other leaves an assertion unsupported."""
    return PydanticCustomError(REFUSED, "{message}", {"message": message})


class StrictModel(BaseModel):
    """A model that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Approximation(StrictModel):
    """A number that may be off by `tolerance` either way."""

    value: int | float
    tolerance: int | float = Field(ge=0)


MODIFIERS: Final = frozenset({"path", "type", "in_any_order"})


class FieldExpectation(StrictModel):
    """What one path must hold: exactly one of the alternatives (min and max may go together).

    An empty path is the whole value. `type: strict` keeps numbers and text apart; `in_any_order` lets the order of
    every list in the expected value be any.
    """

    path: str
    type: Literal["strict"] | None = None
    in_any_order: bool = False
    expected: Any = None
    one_of: list[Any] | None = None
    matches: str | None = None
    exists: bool | None = None
    min: int | float | str | None = None
    max: int | float | str | None = None
    approx: Approximation | None = None
    contains: Any = None

    @property
    def mode(self) -> str:
        """Which alternative was given: `expected`, `one_of`, …, or `range` for min and max."""
        given = self.model_fields_set - MODIFIERS
        if given & {"min", "max"}:
            return "range"
        return next(iter(given))

    @property
    def is_strict(self) -> bool:
        """Whether numbers and text are kept apart."""
        return self.type is not None

    @model_validator(mode="after")
    def _one_alternative(self) -> Self:
        given = self.model_fields_set - MODIFIERS
        if not given:
            raise ValueError("give `expected` or one of one_of, matches, exists, min, max, approx, contains")
        if len(given) > 1 and given != {"min", "max"}:
            raise ValueError(f"give one expectation, not {', '.join(sorted(given))}")
        if self.is_strict and given == {"exists"}:
            raise ValueError("type goes with a value to compare, not with exists")
        if self.in_any_order and not given & {"expected", "one_of"}:
            raise ValueError("in_any_order goes with expected or one_of")
        wanted = [self.expected] if "expected" in given else self.one_of or []
        if self.in_any_order and not any(map(_holds_list, wanted)):
            raise ValueError("in_any_order speaks of lists, and none is expected")
        if self.matches is not None:
            problem = find_problem(self.matches)
            if problem is not None:
                raise ValueError(f"matches is not a regular expression: {problem}")
        return self


def _holds_list(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_list, value.values()))
    return isinstance(value, list)


class CountRange(StrictModel):
    """How many there must be."""

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)


class Assertion(StrictModel):
    """The part every assertion shares. `assert` selects the check."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    check: str = Field(alias="assert")
