"""What is known of operands before there is a resource: which types can be compared and calculated with each other."""

from typing import Final

from sandbox.fhirpath.context import Types
from sandbox.fhirpath.errors import SemanticProblem
from sandbox.r4.model import STRING_TYPES

_FAMILIES: Final = {
    "boolean": "Boolean", "integer": "number", "positiveInt": "number", "unsignedInt": "number", "decimal": "number",
    "date": "date", "dateTime": "date", "instant": "date", "time": "time",
    "System.Boolean": "Boolean", "System.Integer": "number", "System.Long": "number", "System.Decimal": "number",
    "System.Date": "date", "System.DateTime": "date", "System.Time": "time", "System.String": "String",
    "System.Quantity": "Quantity",
    "Quantity": "Quantity", "SimpleQuantity": "Quantity", "Age": "Quantity", "Duration": "Quantity",
    "Count": "Quantity", "Distance": "Quantity", "MoneyQuantity": "Quantity",
}  # fmt: skip


def family(type_name: str) -> str | None:
    """Return the kind of value that a type stands for in comparisons: what is of different kinds is never equal."""
    if type_name in STRING_TYPES:
        return "String"
    return _FAMILIES.get(type_name, type_name)


def check_arithmetic(types: list[Types], operator: str, position: int) -> None:
    """Refuse to move a date by what is no duration; raises `SemanticProblem`."""
    left, right = (({family(t) for t in known} if known else None) for known in types)
    if left is None or right is None:
        return
    if left <= {"date", "time"} and right and "Quantity" not in right:
        raise SemanticProblem(f'to move a date, "{operator}" takes a duration, such as 7 days', position)


def result_types(left: Types) -> Types:
    """Return the types of what arithmetic gives, where that is known: a date stays a date."""
    if left and all(family(t) in ("date", "time") for t in left):
        return left
    return None
