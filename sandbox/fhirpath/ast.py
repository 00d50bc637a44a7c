"""The tree of an expression, as the parser makes it. Positions are 0-based offsets in the text."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A value; `None` is the empty collection `{}`."""

    value: Any
    position: int


@dataclass(frozen=True, slots=True)
class Special:
    """A special variable, such as `$this`; `name` is without the dollar."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class External:
    """A variable: `%resource`, `%`vs-name``."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Member:
    """A child by name."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function call. `descending` holds, for `sort`, which arguments are marked so."""

    name: str
    arguments: tuple["Node", ...]
    position: int
    descending: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """`[…]`."""

    index: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Path:
    """A start and the steps from it: `start.step.step[0]`. Without a start the steps begin at the focus."""

    start: "Node | None"
    steps: tuple["Step", ...]
    position: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`+` or `-` before a term."""

    operator: str
    operand: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two or more operands, left to right; only chains of one operator have more than two."""

    operator: str
    operands: tuple["Node", ...]
    position: int


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`is` or `as` with a type specifier: `Quantity`, `FHIR.Patient`."""

    operator: str
    operand: "Node"
    type_name: str
    position: int


Step: TypeAlias = Member | Function | Index | Special
Node: TypeAlias = Literal | Special | External | Path | Unary | Binary | TypeTest


@dataclass(slots=True)
class Facts:
    """What the parser saw on its way."""

    functions: set[str] = field(default_factory=set)
