"""Equality, equivalence and order (FHIRPath 2.0, Equality, Comparison): true, false, or None for "unknown"."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sandbox.fhirpath import units
from sandbox.fhirpath.context import Context
from sandbox.fhirpath.errors import EvaluationProblem
from sandbox.fhirpath.nodes import Item, Node, step_into, system_of
from sandbox.fhirpath.types import kind_of
from sandbox.fhirpath.values import Quantity, Temporal, equivalent_numbers
from sandbox.jsonio import Json
from sandbox.r4.model import members

_NUMBERS: Final = (int, Decimal)


def _is_number(value: Item) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def equal_collections(left: list[Item], right: list[Item], context: Context) -> bool | None:
    """Apply `=` to two collections."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    result: bool | None = True
    for one, other in zip(left, right, strict=True):
        found = equal(one, other, context)
        if found is False:
            return False
        if found is None:
            result = None
    return result


def equal(left: Item, right: Item, context: Context) -> bool | None:
    """Apply `=` to two items."""
    context.spend(1)
    one, other = system_of(left), system_of(right)
    if isinstance(one, Node) or isinstance(other, Node):
        if not (isinstance(one, Node) and isinstance(other, Node)):
            # A primitive with extensions only has no value to compare.
            node = one if isinstance(one, Node) else other
            return None if node.value is None else False
        return _equal_nodes(one, other, context)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    if isinstance(one, Temporal) or isinstance(other, Temporal):
        if not (isinstance(one, Temporal) and isinstance(other, Temporal)):
            return False
        if (one.kind == "Time") != (other.kind == "Time"):
            return False
        order = order_of_times(one, other)
        return None if order is None else order == 0
    context.spend(5)
    order = units.compare(_as_quantity(one), _as_quantity(other))
    return None if order is None else order == 0


def _as_quantity(value: Item) -> Quantity:
    return value if isinstance(value, Quantity) else Quantity(Decimal(value), "1")


def _equal_nodes(left: Node, right: Node, context: Context) -> bool | None:
    if left is right:
        return True
    if left.value is None or right.value is None:
        return None
    if not (isinstance(left.value, dict) and isinstance(right.value, dict)):
        return bool(left.value == right.value)
    result: bool | None = True
    for name in members(left.type).keys() | members(right.type).keys():
        ours: list[Item] = []
        theirs: list[Item] = []
        step_into(left, name, ours)
        step_into(right, name, theirs)
        if not ours and not theirs:
            continue
        if len(ours) != len(theirs):
            return False
        found = equal_collections(ours, theirs, context)
        if found is False:
            return False
        if found is None:
            result = None
    return result


def order_of_times(left: Temporal, right: Temporal) -> int | None:
    """Compare component by component; None where their precisions or zones leave it open.

    >>> from sandbox.fhirpath.values import parse_date
    >>> [order_of_times(parse_date("2026"), parse_date(other)) for other in ("2027-01", "2026-01")]
    [-1, None]
    """
    if left.zone is not None and right.zone is not None and left.zone != right.zone:
        left, right = _in_utc(left), _in_utc(right)
    elif (left.zone is None) != (right.zone is None) and len(left.fields) > 3 and len(right.fields) > 3:
        return _order_without_zone(left, right)
    for one, other in zip(left.fields, right.fields, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(left.fields) == len(right.fields) else None


_EAST: Final = 14 * 60
_WEST: Final = -12 * 60


def _order_without_zone(left: Temporal, right: Temporal) -> int | None:
    """One of two has no zone: the answer stands only if it is the same in every zone there is."""
    found = set()
    for zone in (_EAST, _WEST):
        one = Temporal(left.kind, left.fields, zone) if left.zone is None else left
        other = Temporal(right.kind, right.fields, zone) if right.zone is None else right
        found.add(order_of_times(one, other))
    return found.pop() if len(found) == 1 else None


def _in_utc(value: Temporal) -> Temporal:
    if not value.zone or len(value.fields) < 4:
        return value
    year, month, day, hour, *rest = value.fields
    minute = rest[0] if rest else 0
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC)
        moment -= timedelta(minutes=value.zone)
    except OverflowError:
        return value
    fields: tuple[int | Decimal, ...] = (moment.year, moment.month, moment.day, moment.hour, moment.minute, *rest[1:])
    return Temporal(value.kind, fields[: len(value.fields)], 0)


def order(left: Item, right: Item) -> int | None:
    """Return -1, 0 or 1, None for unknown; raises `EvaluationProblem` for types that have no order together."""
    one, other = system_of(left), system_of(right)
    if isinstance(one, str) and isinstance(other, str):
        return (one > other) - (one < other)
    if _is_number(one) and _is_number(other):
        return int(one > other) - int(one < other)
    if isinstance(one, Temporal) and isinstance(other, Temporal) and (one.kind == "Time") == (other.kind == "Time"):
        return order_of_times(one, other)
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        both = (one, other)
        if all(isinstance(v, Quantity) or _is_number(v) for v in both):
            return units.compare(_as_quantity(one), _as_quantity(other))
    if (isinstance(one, Node) and _has_no_order(one)) or (isinstance(other, Node) and _has_no_order(other)):
        return None
    raise EvaluationProblem(f"{kind_of(left)} and {kind_of(right)} cannot be compared")


def _has_no_order(node: Node) -> bool:
    """Whether it is an element that could be compared if it had a value, or a unit."""
    return node.value is None or node.type in ("Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity")


def equivalent_collections(left: list[Item], right: list[Item], context: Context) -> bool:
    """Apply `~` to two collections, whatever their order."""
    if len(left) != len(right):
        return False
    open_items = list(right)
    for one in left:
        for place, other in enumerate(open_items):
            if equivalent(one, other, context):
                del open_items[place]
                break
        else:
            return False
    return True


def equivalent(left: Item, right: Item, context: Context) -> bool:
    """Apply `~` to two items."""
    context.spend(5)
    one, other = system_of(left), system_of(right)
    if isinstance(one, Node) or isinstance(other, Node):
        if not (isinstance(one, Node) and isinstance(other, Node)):
            return False
        return _equivalent_nodes(one, other, context)
    if isinstance(one, str) and isinstance(other, str):
        return _folded(one) == _folded(other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if _is_number(one) and _is_number(other):
        return equivalent_numbers(Decimal(one), Decimal(other))
    if isinstance(one, Temporal) and isinstance(other, Temporal):
        return equal(one, other, context) is True
    if all(isinstance(v, Quantity) or _is_number(v) for v in (one, other)):
        return units.equivalent(_as_quantity(one), _as_quantity(other)) is True
    return False


def _equivalent_nodes(left: Node, right: Node, context: Context) -> bool:
    if left is right:
        return True
    if not (isinstance(left.value, dict) and isinstance(right.value, dict)):
        return left.value is not None and bool(left.value == right.value)
    names = members(left.type).keys() | members(right.type).keys()
    for name in names:
        # R4, FHIRPath: equivalence of elements leaves their ids out.
        if name == "id":
            continue
        ours: list[Item] = []
        theirs: list[Item] = []
        step_into(left, name, ours)
        step_into(right, name, theirs)
        if not equivalent_collections(ours, theirs, context):
            return False
    return True


def _folded(text: str) -> str:
    return "".join(" " if c.isspace() else c for c in text).casefold()


def key_of(item: Item, context: Context) -> Any:
    """Return a hashable key that two items share just when they are equal by `=`."""
    context.spend(3)
    value = system_of(item)
    if isinstance(value, bool):
        return ("b", value)
    if isinstance(value, str):
        return ("s", value)
    if _is_number(value):
        return ("n", Fraction(value), ())
    if isinstance(value, Temporal):
        shifted = _in_utc(value)
        is_zoned = value.zone is not None and len(value.fields) > 3
        return ("t", value.kind == "Time", is_zoned, shifted.fields)
    if isinstance(value, Quantity):
        found = units.base(value)
        return ("n", *found) if found is not None else ("u", value.value, value.unit)
    return (
        "c",
        value.type if value.value is None else "",
        _frozen(value.value, context),
        id(value) if value.value is None else 0,
    )


def _frozen(value: Json, context: Context) -> Any:
    context.spend(1)
    if isinstance(value, dict):
        return frozenset((key, _frozen(inner, context)) for key, inner in value.items())
    if isinstance(value, list):
        return tuple(_frozen(inner, context) for inner in value)
    if isinstance(value, float):
        return ("n", Decimal(getattr(value, "text", None) or repr(value)))
    return (type(value).__name__ if isinstance(value, bool) else "", value) if value is not None else None


def distinct(items: list[Item], context: Context) -> list[Item]:
    """Return the items without those equal to an earlier one."""
    seen = set()
    out = []
    for item in items:
        key = key_of(item, context)
        if key not in seen:
            seen.add(key)
            out.append(item)
    return out
