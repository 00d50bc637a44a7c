"""What expressions walk over: elements of a resource, each with its FHIR type and its place."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from sandbox.fhirpath.values import (
    Quantity,
    Temporal,
    json_decimal,
    parse_date,
    parse_date_time,
    parse_time,
)
from sandbox.jsonio import ExactFloat, Json
from sandbox.r4.model import STRING_TYPES, Child, is_a, members

UCUM: Final = "http://unitsofmeasure.org"
CALENDAR_SYSTEM: Final = "http://hl7.org/fhirpath/CodeSystem/calendar-units"


class Node:
    """An element: its JSON value, its R4 type, and where it stands.

    `extension` is the object beside a primitive (`_birthDate`), None without one; `value` is None for a primitive
    that has nothing else. `parent`, `key` and `index` say where it is held; the root of a resource has no parent.
    """

    __slots__ = ("extension", "index", "key", "parent", "type", "value")

    def __init__(
        self,
        value: Json,
        type_name: str,
        extension: Json = None,
        parent: "Node | None" = None,
        key: str = "",
        index: int | None = None,
    ) -> None:
        self.value = value
        self.type = type_name
        self.extension = extension
        self.parent = parent
        self.key = key
        self.index = index

    def __repr__(self) -> str:
        """Show type and value."""
        return f"Node({self.type}: {self.value!r})"


Item: TypeAlias = Any  # Node | bool | int | Decimal | str | Temporal | Quantity


def root_of(resource: Json) -> Node:
    """Return the node of a whole resource."""
    return Node(resource, str(resource.get("resourceType", "")) if isinstance(resource, dict) else "")


def step_into(node: Node, name: str, out: list[Item]) -> None:
    """Append the children of a node that have a name; a choice is found by its stem."""
    if node.value.__class__ is dict:
        append_children(node, members(node.type).get(name, ()), out)
    elif node.extension.__class__ is dict and name in ("id", "extension"):
        # What stands beside a primitive: its id and its extensions.
        beside = Node(node.extension, "Element", None, node.parent, node.key, node.index)
        append_children(beside, members("Element")[name], out)


def append_children(node: Node, known: tuple[Child, ...], out: list[Item]) -> None:
    """Append the children of a node, whose value is an object, that these rows of the model describe."""
    value = node.value
    for child in known:
        key = child.key
        item = value.get(key)
        beside = value.get(child.beside) if child.is_primitive else None
        if item is None and beside is None:
            continue
        if child.is_resource:
            _append_resources(node, key, item, out)
        elif beside is not None:
            _append_pairs(node, child, item, beside, out)
        elif item.__class__ is list:
            kind = child.type
            for index, one in enumerate(item):
                if one is not None:
                    out.append(Node(one, kind, None, node, key, index))
        else:
            out.append(Node(item, child.type, None, node, key))


def _append_resources(node: Node, key: str, item: Json, out: list[Item]) -> None:
    is_list = item.__class__ is list
    for index, one in enumerate(item if is_list else [item]):
        if one.__class__ is dict:
            out.append(Node(one, str(one.get("resourceType", "")), None, node, key, index if is_list else None))


def _append_pairs(node: Node, child: Child, item: Json, beside: Json, out: list[Item]) -> None:
    """Append primitives with what stands beside them; either list may be the longer one."""
    if item.__class__ is not list and beside.__class__ is not list:
        out.append(Node(item, child.type, beside, node, child.key))
        return
    ours, extras = (side if side.__class__ is list else [] for side in (item, beside))
    for index, (one, extra) in enumerate(zip_longest(ours, extras)):
        if one is not None or extra is not None:
            out.append(Node(one, child.type, extra, node, child.key, index))


def children_of(node: Node) -> list[Item]:
    """Return all children, in the order of the model."""
    out: list[Item] = []
    value = node.value
    if value.__class__ is dict:
        for known in members(node.type).values():
            append_children(node, known, out)
    elif node.extension.__class__ is dict:
        for name in ("id", "extension"):
            step_into(node, name, out)
    return out


def _number(value: Json) -> Decimal | None:
    if value.__class__ is ExactFloat:
        return json_decimal(value.text)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json_decimal(repr(value))
    return None


def _integer(value: Json) -> Item:
    if value.__class__ is int:
        return value
    number = _number(value)
    return int(number) if number is not None and number == number.to_integral_value() else number


def _text(value: Json) -> str | None:
    return value if value.__class__ is str else None


def _date(value: Json) -> Temporal | None:
    return parse_date(value) if value.__class__ is str else None


def _date_time(value: Json) -> Temporal | None:
    return parse_date_time(value) if value.__class__ is str else None


def _time(value: Json) -> Temporal | None:
    return parse_time(value) if value.__class__ is str else None


def _boolean(value: Json) -> bool | None:
    return value if value.__class__ is bool else None


_SYSTEM: Final[Mapping[str, Callable[[Json], Item]]] = {
    "boolean": _boolean,
    "integer": _integer,
    "positiveInt": _integer,
    "unsignedInt": _integer,
    "decimal": _number,
    "date": _date,
    "dateTime": _date_time,
    "instant": _date_time,
    "time": _time,
    **dict.fromkeys(STRING_TYPES, _text),
}


def is_primitive(node: Node) -> bool:
    """Whether the node's type is a primitive one."""
    return node.type in _SYSTEM


def system_of(item: Item) -> Item:
    """Return an item as the System value it stands for, or itself (R4, FHIRPath, "Using FHIR types in expressions").

    A primitive without a value stays a node: it equals nothing.
    """
    if item.__class__ is not Node:
        return item
    convert = _SYSTEM.get(item.type)
    if convert is not None:
        value = convert(item.value)
        return item if value is None else value
    if item.value.__class__ is dict and is_a(item.type, "Quantity"):
        return _quantity(item) or item
    return item


def _quantity(node: Node) -> Quantity | None:
    value = node.value
    number = _number(value.get("value"))
    if number is None or "comparator" in value:
        return None
    system, code = value.get("system"), value.get("code")
    if system == UCUM and isinstance(code, str):
        return Quantity(number, code, is_element=True)
    if system == CALENDAR_SYSTEM and isinstance(code, str):
        return Quantity(number, code, is_calendar=True)
    if system is None and code is None and "unit" not in value:
        return Quantity(number, "1", is_element=True)
    return None
