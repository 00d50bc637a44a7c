"""The tables compiled from hl7apy, and the walk through a message structure."""

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.hl7.delimiters import DEFAULT_DELIMITERS
from sandbox.simulators.hl7.fields import check_segment
from sandbox.simulators.hl7.message import Segment
from sandbox.simulators.hl7.policy import EVENT_SEGMENTS, FIELDS, SEGMENTS
from sandbox.simulators.hl7.structure import place
from sandbox.simulators.hl7.tables import (
    ENFORCED_TABLES,
    VERSIONS,
    Node,
    segment_rule,
    structure,
    table_codes,
    warm_up,
)
from sandbox.simulators.hl7.trigger_events import EVENTS, find_structure, is_known_event


def nodes(root: Node) -> list[Node]:
    return [root, *(inner for child in root.children for inner in nodes(child))]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_of_the_table_has_a_structure_or_is_of_another_version(version: str) -> None:
    found = [
        (code, event) for code, events in EVENTS.items() for event in events if find_structure(version, code, event)
    ]
    assert ("ADT", "A01") in found
    assert ("ORU", "R01") in found
    if version not in ("2.1", "2.2"):
        assert ("SIU", "S12") in found
    missing = {f"{code}^{event}" for code, events in EVENTS.items() for event in events} - {"^".join(p) for p in found}
    if version in ("2.8", "2.8.1", "2.8.2"):
        assert missing == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_segment_of_every_structure_compiles(version: str) -> None:
    for code, events in EVENTS.items():
        for event in events:
            found = find_structure(version, code, event)
            if found is None:
                continue
            structure_version, root = found
            for name in root.names:
                rule = segment_rule(version, name) or segment_rule(structure_version, name)
                assert rule is not None or name in ("Hxx", "ED", "ANYHL7SEGMENT"), (version, root.name, name)


def test_leniencies_are_needed() -> None:
    """A leniency for something no table requires would be dead weight."""
    kinds = [(c, e, f[1]) for v in VERSIONS for c, es in EVENTS.items() for e in es if (f := find_structure(v, c, e))]
    required = {node.name for _, _, root in kinds for node in nodes(root) if node.is_segment and node.is_required}
    assert set(SEGMENTS) <= required
    for kind, segments in EVENT_SEGMENTS.items():
        roots = [root for code, event, root in kinds if f"{code}^{event}" == kind]
        assert all(any(n.name == s and n.is_required for r in roots for n in nodes(r)) for s in segments), kind
    for segment, position in FIELDS:
        rules = [rule for version in VERSIONS if (rule := segment_rule(version, segment))]
        assert any(position in rule.required for rule in rules), (segment, position)


def tables(version: str) -> Any:
    return import_module(f"hl7apy.v{version.replace('.', '_')}")


def described(version: str) -> list[tuple[str, Any]]:
    """The segments a version's tables describe, each with its fields."""
    found = tables(version).SEGMENTS.items()
    shown = [(name, value) for name, value in found if name != "ANYHL7SEGMENT" and len(value) > 1]
    return [(name, value[1] if value[0] == "sequence" else value) for name, value in shown]


def number(name: str) -> int:
    return int(name.rpartition("_")[2])


def test_hl7apy_leaves_numbers_out() -> None:
    """Why nothing is counted: these tables have gaps. A new release of hl7apy may have closed one."""
    gaps = {
        (version, name)
        for version in VERSIONS
        for name, children in [*described(version), *tables(version).DATATYPES_STRUCTS.items()]
        if [number(child[0]) for child in children] != list(range(1, len(children) + 1))
    }
    later = "DG1 ERR EVN FT1 GOL IN1 INV OBR PID PV1 RXA RXD RXG SCH"
    assert gaps == {
        *(("2.6", name) for name in "DG1 FT1 PR1 XTN".split()),
        *(("2.7", name) for name in "PR1 PV1 SCH".split()),
        *((version, name) for version in ("2.8", "2.8.1", "2.8.2") for name in later.split()),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_is_judged_by_its_number(version: str) -> None:
    """Each field and component of every table, filled alone: its type is tested there and nowhere else."""
    for name, children in described(version):
        rule = segment_rule(version, name)
        assert rule is not None
        assert rule.required == {number(child[0]) for child in children if child[2][0] > 0}
        if name in ("MSH", "OBX"):
            continue
        for child in children:
            position = number(child[0])
            for component, datatype in components(child[1]):
                value = "^" * (component - 1) + "x"
                segment = Segment(name, "", (name, *[""] * (position - 1), value))
                faults = check_segment(segment, 1, rule, DEFAULT_DELIMITERS).faults
                found = [fault.location for fault in faults if fault.code == "102"]
                place = f"{name}^1^{position}"
                is_first = component == 1
                is_tested = datatype in ("DT", "TM", "DTM", "TS") or (is_first and datatype in ("NM", "SI"))
                expected = [place if is_first else f"{place}^1^{component}"] if is_tested else []
                if datatype != "NM":
                    assert found == expected, (version, child[0], component, datatype)


def components(reference: Any) -> list[tuple[int, str]]:
    """The components of a field with their numbers and types; the field itself where it has none."""
    kind, children, datatype = reference[:3]
    if kind == "leaf" or children is None or datatype == "TS":
        return [(1, datatype)]
    return [(number(child[0]), first_primitive(child[1])) for child in children]


def first_primitive(reference: Any) -> str:
    """The type a value without subcomponents is of."""
    kind, children, datatype = reference[:3]
    if kind == "leaf" or children is None or datatype == "TS":
        return str(datatype)
    return str(children[0][1][2]) if number(children[0][0]) == 1 else ""


@pytest.mark.parametrize("version", VERSIONS)
def test_enforced_tables_have_codes(version: str) -> None:
    for table in ENFORCED_TABLES.values():
        assert len(table_codes(version, table)) > 3, (version, table)
    assert {"NM", "ST", "TX", "CE", "FT"} <= table_codes(version, "HL70125")


def test_unknown_names() -> None:
    assert structure("2.5", "ADT_A99") is None
    assert segment_rule("2.5", "ZZZ") is None
    assert not is_known_event("XXX", "A01")


@given(
    st.sampled_from(["ADT_A01", "ADT_A39", "ORU_R01", "ORM_O01", "SIU_S12", "MDM_T02", "DFT_P03", "VXU_V04"]), st.data()
)
def test_the_walk_loses_nothing_and_never_fails(name: str, data: st.DataObject) -> None:
    root = structure("2.5", name)
    assert root is not None
    known = sorted(root.names)
    names = data.draw(st.lists(st.sampled_from([*known, "ZZZ", "QRD"]), max_size=40))
    placement = place(names, root)
    assert set(placement.unknown) == {i for i, n in enumerate(names) if n not in root.names}
    assert not set(placement.unknown) & set(placement.out_of_order)
    assert [m.segment for m in place(names, root).missing] == [m.segment for m in placement.missing]
    assert all(m.segment in root.names for m in placement.missing)


@given(
    st.sampled_from(["ADT_A01", "ADT_A39", "ORU_R01", "ORM_O01", "SIU_S12", "MDM_T02", "DFT_P03", "VXU_V04"]), st.data()
)
def test_a_message_generated_from_the_structure_has_its_place(name: str, data: st.DataObject) -> None:
    """Whatever the grammar can produce is placed in order, with nothing missing."""
    root = structure("2.5", name)
    assert root is not None
    names = generate(root, data)
    placement = place(names, root)
    assert placement.missing == ()
    assert placement.out_of_order == ()
    assert placement.unknown == ()


def generate(node: Node, data: st.DataObject) -> list[str]:
    """Draw a message without the optional groups that begin with an optional segment: which of two
    such groups a segment opens cannot be told from the segment."""
    if node.is_segment:
        return [node.name]
    if node.is_choice:
        return generate(data.draw(st.sampled_from(node.children)), data)
    names: list[str] = []
    for child in node.children:
        is_ambiguous = not child.is_segment and not child.is_choice and not child.children[0].is_required
        low = 1 if child.is_required else 0
        high = low if is_ambiguous else max(low, 3 if child.repeats else 1)
        for _ in range(data.draw(st.integers(low, high))):
            names += generate(child, data)
    return names


@given(st.sampled_from(["ADT_A01", "ADT_A39", "ORU_R01", "ORM_O01", "SIU_S12", "MDM_T02", "VXU_V04"]), st.data())
def test_taking_a_required_segment_away_is_noticed(name: str, data: st.DataObject) -> None:
    root = structure("2.5", name)
    assert root is not None
    required = [child.name for child in root.children if child.is_segment and child.is_required and child.name != "EVN"]
    names = generate(root, data)
    victim = data.draw(st.sampled_from(required))
    rest = [n for n in names if n != victim]
    assert victim in {item.segment for item in place(rest, root).missing}


def test_warm_up_imports_and_loading_does_not() -> None:
    """hl7apy is imported when it is needed: `sandbox --help` must not wait for it."""
    script = (
        "import sys; import sandbox.simulators.hl7 as hl7; before = 'hl7apy' in sys.modules; "
        "hl7.warm_up(['2.5']); print(before, 'hl7apy.v2_5' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    warm_up(["2.3"])
