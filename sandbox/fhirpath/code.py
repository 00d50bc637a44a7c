"""What compiling gives: a closure, and the types that its items can have."""

from dataclasses import dataclass
from typing import Final

from sandbox.fhirpath.context import Apply, Evaluate, Types

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
