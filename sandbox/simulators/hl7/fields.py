"""Whether the fields of one segment hold what its rule demands: presence, data types, codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.simulators.hl7.datatypes import EXAMPLES, TESTS, lost_offset
from sandbox.simulators.hl7.delimiters import Delimiters, first, split
from sandbox.simulators.hl7.faults import DATA_TYPE, REQUIRED_FIELD, TABLE_VALUE, Fault
from sandbox.simulators.hl7.message import Segment
from sandbox.simulators.hl7.tables import FieldRule, Leaf, SegmentRule

_NULL: Final = '""'
_OBSERVATION_LEAVES: Final = {
    "NM": (Leaf(1, 1, "NM"),),
    "SI": (Leaf(1, 1, "SI"),),
    "DT": (Leaf(1, 1, "DT"),),
    "TM": (Leaf(1, 1, "TM"),),
    "TS": (Leaf(1, 1, "DTM"),),
    "DTM": (Leaf(1, 1, "DTM"),),
    "SN": (Leaf(2, 1, "NM"), Leaf(4, 1, "NM")),
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a segment, and the fields that are empty, required and not insisted on."""

    faults: tuple[Fault, ...]
    left_out: tuple[FieldRule, ...]


def check_segment(segment: Segment, occurrence: int, rule: SegmentRule, delimiters: Delimiters) -> Findings:
    """Look at a segment's fields; `occurrence` counts segments of that name from 1."""
    found: list[Fault] = []
    left_out = []
    fields = segment.fields
    shift = 1 if segment.name == "MSH" else 0
    count = len(fields)
    for field in rule.fields:
        index = field.position - shift
        value = fields[index] if index < count else ""
        if not value or value.isspace() or (field.is_required and _is_empty(value, delimiters)):
            if field.is_required and _is_insisted_on(segment, field, delimiters):
                found.append(_missing(segment, occurrence, field))
            elif field.leniency is not None and field.leniency.is_noted:
                left_out.append(field)
        elif not _is_plainly_right(field, value):
            found.extend(_field_faults(segment, occurrence, field, value, delimiters))
    if segment.name == "OBX":
        found.extend(_observation_faults(segment, occurrence, rule, delimiters))
    return Findings(tuple(found), tuple(left_out))


def _is_empty(value: str, delimiters: Delimiters) -> bool:
    return not value.strip(delimiters.repetition + delimiters.component + delimiters.subcomponent + " ")


def _is_insisted_on(segment: Segment, field: FieldRule, delimiters: Delimiters) -> bool:
    if field.leniency is None:
        return True
    instead = field.leniency.instead
    return bool(instead) and all(_is_empty(segment.raw(position), delimiters) for position in instead)


def _is_plainly_right(field: FieldRule, value: str) -> bool:
    """Whether the value as a whole satisfies the rule, as most do; if not, it has to be taken apart."""
    if field.codes:
        return value in field.codes
    if field.plain_test is not None:
        return field.plain_test(value)
    return value == _NULL


def _field_faults(
    segment: Segment, occurrence: int, field: FieldRule, value: str, delimiters: Delimiters
) -> Iterator[Fault]:
    place = f"{segment.name}^{occurrence}^{field.position}"
    if field.is_first_component_required and not first(first(value, delimiters.repetition), delimiters.component):
        label = f"{segment.name}-{field.position}.1"
        yield Fault(f"{place}^1^1", REQUIRED_FIELD, f"{label}, the first component of the {field.name}, is required.")
    label = f"{segment.name}-{field.position} ({field.name})"
    if value == _NULL:
        return
    if field.leaves:
        yield from _type_faults(place, label, field.leaves, value, delimiters)
    if field.codes:
        code = first(first(value, delimiters.repetition), delimiters.component).strip()
        is_local = segment.name == "OBX" and code.startswith("Z")
        if code and code != _NULL and code not in field.codes and not is_local:
            table = f"{(field.table or '').removeprefix('HL7')}"
            yield Fault(place, TABLE_VALUE, f"{label} is {code!r}, which is not a code of HL7 table {table}.")


def _type_faults(
    place: str, label: str, leaves: tuple[Leaf, ...], value: str, delimiters: Delimiters
) -> Iterator[Fault]:
    for number, repetition in enumerate(split(value, delimiters.repetition), 1):
        components = split(repetition, delimiters.component)
        for leaf in leaves:
            if leaf.component > len(components):
                break
            parts = split(components[leaf.component - 1], delimiters.subcomponent)
            found = parts[leaf.subcomponent - 1].strip() if leaf.subcomponent <= len(parts) else ""
            if not found or found == _NULL or TESTS[leaf.datatype](found):
                continue
            is_whole = number == 1 and leaf.component == 1 and leaf.subcomponent == 1
            exact = place if is_whole else f"{place}^{number}^{leaf.component}"
            if leaf.subcomponent > 1:
                exact += f"^{leaf.subcomponent}"
            told = f"{label} must hold {EXAMPLES[leaf.datatype]}, but holds {found[:40]!r}."
            if leaf.datatype == "DTM" and (offset := lost_offset(found)):
                told += f" It lacks a sign before the offset {offset} (-{offset} or +{offset})."
            yield Fault(exact, DATA_TYPE, told)


def _observation_faults(
    segment: Segment, occurrence: int, rule: SegmentRule, delimiters: Delimiters
) -> Iterator[Fault]:
    value = segment.raw(5)
    if not value.strip() or value == _NULL:
        return
    datatype = segment.raw(2).strip()
    place = f"OBX^{occurrence}"
    if not datatype:
        if 2 in rule.required and segment.raw(11).strip() != "X":
            yield Fault(f"{place}^2", REQUIRED_FIELD, "OBX-2 (value type) is required, because OBX-5 holds a value.")
        return
    leaves = _OBSERVATION_LEAVES.get(datatype)
    if leaves is not None and not (len(leaves) == 1 and TESTS[leaves[0].datatype](value)):
        label = f"OBX-5 (observation value, of type {datatype} as OBX-2 says)"
        yield from _type_faults(f"{place}^5", label, leaves, value, delimiters)


def _missing(segment: Segment, occurrence: int, field: FieldRule) -> Fault:
    place = f"{segment.name}^{occurrence}^{field.position}"
    return Fault(place, REQUIRED_FIELD, f"{segment.name}-{field.position} ({field.name}) is required, but empty.")
