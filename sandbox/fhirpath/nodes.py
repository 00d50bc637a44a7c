"""What expressions walk over: elements of a resource, each with its FHIR type and its place."""

from collections.abc import Callable, Mapping
from decimal import Decimal
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
from sandbox.r4.model import STRING_TYPES, is_a, members

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
    value = node.value
    if value.__class__ is not dict:
        extension = node.extension
        if extension.__class__ is dict and name in ("id", "extension"):
            _append(Node(extension, "Element", None, node.parent, node.key, node.index), name, members("Element"), out)
        return
    _append(node, name, members(node.type), out)


def _append(node: Node, name: str, known: Mapping[str, tuple[Any, ...]], out: list[Item]) -> None:
    value = node.value
    for child in known.get(name, ()):
        key = child.key
        item = value.get(key)
        beside = value.get(child.beside) if child.is_primitive else None
        if item is None and beside is None:
            continue
        kind = child.type
        if item.__class__ is list:
            for index, one in enumerate(item):
                extra = beside[index] if beside.__class__ is list and index < len(beside) else None
                if one is None and extra is None:
                    continue
                if child.is_resource:
                    kind = str(one.get("resourceType", "")) if one.__class__ is dict else ""
                out.append(Node(one, kind, extra, node, key, index))
            if beside.__class__ is list and len(beside) > len(item):
                out.extend(
                    Node(None, kind, extra, node, key, index)
                    for index, extra in enumerate(beside)
                    if index >= len(item) and extra is not None
                )
        elif item is None and beside.__class__ is list:
            out.extend(Node(None, kind, extra, node, key, i) for i, extra in enumerate(beside) if extra is not None)
        else:
            if child.is_resource:
                kind = str(item.get("resourceType", "")) if item.__class__ is dict else ""
            out.append(Node(item, kind, beside, node, key))


def children_of(node: Node) -> list[Item]:
    """Return all children, in the order of the model."""
    out: list[Item] = []
    value = node.value
    if value.__class__ is dict:
        for name in members(node.type):
            _append(node, name, members(node.type), out)
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
