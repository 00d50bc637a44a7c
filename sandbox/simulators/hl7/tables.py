"""What HL7 requires, version by version, compiled from hl7apy's own tables.

hl7apy's structure tables are plain data (`hl7apy.v2_5.MESSAGES`, `SEGMENTS`, `TABLES`); walking
them costs microseconds where its parser takes 40 ms a message. Each version's module is imported
on first use (25-45 ms, see `warm_up`) and what is compiled from it is constant.

A field or component is known by the number in its name (`XTN_12`), not by its place in the tables:
those of 2.6 to 2.8.2 leave out what the version withdrew, and XTN's first component in 2.6. Which
requirements no receiver can insist on is `policy.py`'s to say.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from sandbox.simulators.hl7.datatypes import TESTS
from sandbox.simulators.hl7.policy import ORDER_DETAILS, Leniency, field_leniency

VERSIONS: Final = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
"""The versions hl7apy has tables for, oldest first."""

ENFORCED_TABLES: Final[Mapping[tuple[str, int], str]] = {
    ("MSA", 1): "HL70008",
    ("OBR", 25): "HL70123",
    ("OBX", 2): "HL70125",
    ("OBX", 11): "HL70085",
    ("ORC", 1): "HL70119",
    ("TXA", 17): "HL70271",
}
"""HL7-defined tables without which a receiver cannot act on the segment."""

_QUANTITIES: Final = frozenset({"CQ", "MO", "CP", "SN"})
"""Composite types whose NM components are amounts. Elsewhere senders put text into NM components
(the local number of XTN, the check digit of CX) and receivers read it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place in a field whose value must be of a primitive type."""

    component: int
    subcomponent: int
    datatype: str


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What one field must fulfil. `codes` is the HL7 table's content where it is enforced.

    `is_required` is what the tables say, `leniency` why it may be empty all the same.
    `plain_test` is the test of a field without components, where its type has one.
    """

    position: int
    name: str
    is_required: bool
    leniency: Leniency | None
    is_first_component_required: bool
    leaves: tuple[Leaf, ...]
    table: str | None
    codes: frozenset[str]
    plain_test: Callable[[str], bool] | None


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """The fields of a segment that have anything to fulfil, in order; `required` are the positions
    the tables require."""

    name: str
    fields: tuple[FieldRule, ...]
    required: frozenset[int]


@dataclass(frozen=True, slots=True)
class Node:
    """A segment, group or choice of a message structure. `names` are all segments at any depth."""

    name: str
    is_required: bool
    repeats: bool
    is_choice: bool
    children: tuple["Node", ...]
    names: frozenset[str]

    @property
    def is_segment(self) -> bool:
        """Whether it is a segment, not a group."""
        return not self.children


def warm_up(versions: Iterable[str] = ("2.5", "2.5.1")) -> None:
    """Import the tables of these versions now, so that no request has to wait for them."""
    for version in versions:
        for name in ("MSH", "PID", "OBR", "OBX"):
            segment_rule(version, name)
        structure(version, "ADT_A01")
        structure(version, "ORU_R01")


def _module(version: str) -> Any:
    return import_module(f"hl7apy.v{version.replace('.', '_')}")


@lru_cache(maxsize=1024)
def structure(version: str, name: str) -> Node | None:
    """Return a message structure (`ADT_A01`) of a version, None if the version has none of that name."""
    found = _module(version).MESSAGES.get(name)
    return None if found is None else _node(version, name, found, (1, 1), "GRP")


def _node(version: str, name: str, reference: Sequence[Any], cardinality: tuple[int, int], kind: str) -> Node:
    is_required, repeats = cardinality[0] > 0, cardinality[1] != 1
    if kind == "SEG":
        return Node(name, is_required, repeats, False, (), frozenset({name}))
    children = tuple(_node(version, *child) for child in reference[1])
    is_choice = reference[0] == "choice"
    if name.endswith("_ORDER_DETAIL") and children[0].name == ORDER_DETAILS[0]:
        children = (_order_detail(version), *(child for child in children if child.name not in ORDER_DETAILS))
    elif is_choice and children[0].name == ORDER_DETAILS[0]:
        return _order_detail(version)
    return Node(name, is_required, repeats, is_choice, children, _names(children))


def _order_detail(version: str) -> Node:
    """Build the choice that an order's detail is, of all kinds that the version has."""
    names = (name for name in ORDER_DETAILS if segment_rule(version, name))
    kinds = tuple(Node(name, True, False, False, (), frozenset({name})) for name in names)
    return Node("ORDER_DETAIL", True, False, True, kinds, _names(kinds))


def _names(children: tuple[Node, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(child.names for child in children))


@lru_cache(maxsize=8192)
def segment_rule(version: str, name: str) -> SegmentRule | None:
    """Return what a segment's fields must fulfil, None for a segment the version does not know."""
    found = _module(version).SEGMENTS.get(name)
    # Some are named and not described (QRD in 2.7, ANYHL7SEGMENT).
    if found is None or len(found) < 2 or found[0] == "choice":
        return None
    # ORO in 2.1 is the bare tuple of its fields.
    children = found[1] if found[0] == "sequence" else found
    rules = tuple(_field_rule(version, name, position, child) for position, child in _numbered(children))
    return SegmentRule(
        name,
        tuple(rule for rule in rules if rule.is_required or rule.leaves or rule.codes),
        frozenset(rule.position for rule in rules if rule.is_required),
    )


def _numbered(children: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield fields or components with their HL7 numbers, which their names end in."""
    for child in children:
        yield int(child[0].rpartition("_")[2]), child


def _field_rule(version: str, segment: str, position: int, child: Any) -> FieldRule:
    field, reference, cardinality = child[:3]
    table = ENFORCED_TABLES.get((segment, position))
    name = str(reference[3] or field)
    is_required = cardinality[0] > 0
    leniency = field_leniency(segment, position, name) if is_required else None
    is_composite = reference[0] == "sequence" and reference[1] is not None
    leaves = tuple(_leaves(reference))
    is_plain = len(leaves) == 1 and (leaves[0].component, leaves[0].subcomponent) == (1, 1)
    return FieldRule(
        position,
        name.replace("_", " ").lower(),
        is_required,
        leniency,
        is_required
        and leniency is None
        and is_composite
        and any(number == 1 and part[2][0] > 0 for number, part in _numbered(reference[1])),
        leaves,
        table,
        table_codes(version, table) if table else frozenset(),
        TESTS[leaves[0].datatype] if is_plain else None,
    )


def _leaves(reference: Sequence[Any]) -> Iterator[Leaf]:
    kind, children, datatype = reference[:3]
    # A few entries (TQ1-1 in 2.7) call a primitive type a sequence of nothing.
    if kind == "leaf" or children is None:
        if datatype in TESTS:
            yield Leaf(1, 1, datatype)
        return
    if datatype == "TS":
        yield Leaf(1, 1, "DTM")
        return
    for component, child in _numbered(children):
        inner_kind, inner_children, inner_type = child[1][:3]
        if inner_kind == "leaf" or inner_children is None:
            if _is_checked_inside(inner_type, datatype):
                yield Leaf(component, 1, inner_type)
        elif inner_type == "TS":
            yield Leaf(component, 1, "DTM")
        else:
            for subcomponent, grandchild in _numbered(inner_children):
                if grandchild[1][0] == "leaf" and _is_checked_inside(grandchild[1][2], inner_type):
                    yield Leaf(component, subcomponent, grandchild[1][2])


def _is_checked_inside(datatype: str | None, parent: str | None) -> bool:
    return datatype in ("DT", "TM", "DTM") or (datatype == "NM" and parent in _QUANTITIES)


@lru_cache(maxsize=256)
def table_codes(version: str, table: str) -> frozenset[str]:
    """Return the codes of an HL7 table (`HL70085`).

    A version whose tables hl7apy does not have (2.1 to 2.3, some in 2.4) uses the next one's.
    OBX-2 may name any data type of the version as well.
    """
    for candidate in VERSIONS[VERSIONS.index(version) :]:
        found = getattr(_module(candidate), "TABLES", {}).get(table)
        if found is not None:
            codes = frozenset(map(str, found[1]))
            break
    else:
        codes = frozenset()
    if table == "HL70125":
        module = _module(version)
        codes |= frozenset(module.DATATYPES_STRUCTS) | frozenset(module.get_base_datatypes())
        codes |= table_codes("2.5", table) if version != "2.5" else frozenset()
    return codes


def tables_of(version: str) -> Any:
    """Return the module of a version's own tables: `SEGMENTS`, `MESSAGES`, `TABLES`."""
    return _module(version)
