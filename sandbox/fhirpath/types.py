"""Types of items and type specifiers (FHIRPath 2.0, Types and Reflection; R4, FHIRPath)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sandbox.fhirpath.errors import SemanticProblem
from sandbox.fhirpath.nodes import Item, Node
from sandbox.fhirpath.values import Long, Quantity, Temporal
from sandbox.r4.model import PRIMITIVES, data_types, is_a, is_type, resource_types
from sandbox.suggest import did_you_mean

SYSTEM_TYPES: Final = frozenset("Any Boolean String Integer Long Decimal Date DateTime Time Quantity".split())


def type_of(item: Item) -> tuple[str, str]:
    """Return an item's type as namespace and name.

    >>> type_of(True), type_of(Decimal("1.0"))
    (('System', 'Boolean'), ('System', 'Decimal'))
    """
    if isinstance(item, Node):
        return "FHIR", item.type
    if isinstance(item, bool):
        return "System", "Boolean"
    if isinstance(item, Long):
        return "System", "Long"
    if isinstance(item, int):
        return "System", "Integer"
    if isinstance(item, Decimal):
        return "System", "Decimal"
    if isinstance(item, str):
        return "System", "String"
    if isinstance(item, Temporal):
        return "System", item.kind
    if isinstance(item, Quantity):
        return "System", "Quantity"
    raise TypeError(f"{item!r} is no item of a collection")


def kind_of(item: Item) -> str:
    """Return how an error names an item's type."""
    namespace, name = type_of(item)
    return name if namespace == "FHIR" else f"System.{name}"


@dataclass(frozen=True, slots=True)
class TypeSpecifier:
    """A type that `is`, `as` or `ofType` names. An unqualified name may be FHIR's or the System's."""

    namespace: str | None
    name: str

    def covers(self, item: Item) -> bool:
        """Whether the item is of this type or of one that specializes it (`is`)."""
        namespace, name = type_of(item)
        if namespace == "FHIR":
            return self.namespace != "System" and is_a(name, self.name)
        return self.namespace != "FHIR" and (name == self.name or self.name == "Any")

    def selects(self, item: Item) -> bool:
        """Whether `as` and `ofType` keep the item: primitives by their very type, as HL7's test cases have it."""
        namespace, name = type_of(item)
        if namespace == "FHIR" and name in PRIMITIVES:
            return self.namespace != "System" and name == self.name
        return self.covers(item)

    def may_select(self, type_name: str) -> bool:
        """Whether `as` and `ofType` can keep something of what is declared with this type."""
        if type_name.startswith("System."):
            return self.namespace != "FHIR" and type_name[7:] == self.name
        if type_name in PRIMITIVES:
            return self.namespace != "System" and type_name == self.name
        return self.namespace != "System" and (is_a(type_name, self.name) or is_a(self.name, type_name))


def specifier(written: str, position: int) -> TypeSpecifier:
    """Read a type specifier; raises `SemanticProblem` for a type that does not exist."""
    namespace: str | None
    namespace, _, name = written.rpartition(".")
    namespace = namespace or None
    is_system = name in SYSTEM_TYPES and namespace in (None, "System")
    if is_system or (is_type(name) and namespace in (None, "FHIR")):
        return TypeSpecifier(namespace, name)
    if namespace == "System" and is_type(name):
        return TypeSpecifier(namespace, name)  # nothing is of it: no System type has a name of FHIR's
    if namespace not in (None, "System", "FHIR") and is_type(written):
        return TypeSpecifier("FHIR", written)
    near = did_you_mean(name, [*SYSTEM_TYPES, *PRIMITIVES, *data_types(), *resource_types()])
    raise SemanticProblem(f'there is no type "{written}" in FHIR R4 or FHIRPath{near}', position)
