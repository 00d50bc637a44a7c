"""What assertions have in common: field expectations, counts, phrases.

Each check has its own model on top of `Assertion`; unknown keys are errors.
"""

from typing import Any, Final, Self

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

    value: float
    tolerance: float = Field(ge=0)


class FieldExpectation(StrictModel):
    """What one path must hold: exactly one of the alternatives (min and max may go together)."""

    path: str = Field(min_length=1)
    expected: Any = None
    one_of: list[Any] | None = None
    matches: str | None = None
    exists: bool | None = None
    min: float | str | None = None
    max: float | str | None = None
    approx: Approximation | None = None
    contains: Any = None

    @property
    def mode(self) -> str:
        """Which alternative was given: `expected`, `one_of`, …, or `range` for min and max."""
        given = self.model_fields_set - {"path"}
        if given & {"min", "max"}:
            return "range"
        return next(iter(given))

    @model_validator(mode="after")
    def _one_alternative(self) -> Self:
        given = self.model_fields_set - {"path"}
        if not given:
            raise ValueError("give `expected` or one of one_of, matches, exists, min, max, approx, contains")
        if len(given) > 1 and given != {"min", "max"}:
            raise ValueError(f"give one expectation, not {', '.join(sorted(given))}")
        if self.matches is not None:
            problem = find_problem(self.matches)
            if problem is not None:
                raise ValueError(f"matches is not a regular expression: {problem}")
        return self


class CountRange(StrictModel):
    """How many there must be."""

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)


class Assertion(StrictModel):
    """The part every assertion shares. `assert` selects the check."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    check: str = Field(alias="assert")
