"""Which message structure belongs to a message type and trigger event (HL7 tables 0076, 0003, 0354).

hl7apy has structures but not this table; without it `ADT^A04` would look like an unknown message
(it uses the structure ADT_A01).
"""

from typing import Final

from sandbox.simulators.hl7.tables import VERSIONS, Node, structure

STRICT_TYPES: Final = ("ADT", "ORU", "ORM", "SIU")
EXTENDED_TYPES: Final = (
    *STRICT_TYPES,
    *("MDM", "DFT", "VXU", "ACK"),
    *("OML", "OMG", "RDE", "RDS", "OUL", "BAR", "REF", "PPR"),
)


def _adt() -> dict[str, tuple[str, ...]]:
    groups = {
        ("ADT_A01",): "A01 A04 A08 A13",
        ("ADT_A02",): "A02",
        ("ADT_A03",): "A03",
        ("ADT_A05", "ADT_A01"): "A05 A14 A28 A31",
        ("ADT_A06",): "A06 A07",
        ("ADT_A09",): "A09 A10 A11",
        ("ADT_A12", "ADT_A09"): "A12",
        ("ADT_A15", "ADT_A09"): "A15",
        ("ADT_A16",): "A16",
        ("ADT_A17",): "A17",
        ("ADT_A18",): "A18",
        ("ADT_A20",): "A20",
        ("ADT_A21", "ADT_A02"): "A21 A22 A23 A25 A26 A27 A29 A32 A33",
        ("ADT_A24",): "A24",
        ("ADT_A30",): "A30 A34 A35 A36 A46 A47 A48 A49",
        ("ADT_A37", "ADT_A24"): "A37",
        ("ADT_A38",): "A38",
        ("ADT_A39",): "A39 A40 A41 A42",
        ("ADT_A43",): "A43",
        ("ADT_A44", "ADT_A43"): "A44",
        ("ADT_A45",): "A45",
        ("ADT_A50",): "A50 A51",
        ("ADT_A52",): "A52 A53",
        ("ADT_A54",): "A54 A55",
        ("ADT_A60",): "A60",
        ("ADT_A61",): "A61 A62",
    }
    return {event: structures for structures, events in groups.items() for event in events.split()}


def _sharing(structures: tuple[str, ...], events: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(events.split(), structures)


EVENTS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "ADT": _adt(),
    "ORU": {"R01": ("ORU_R01",), "R03": ("ORU_R03",), **_sharing(("ORU_R30",), "R30 R31 R32")},
    "ORM": {"O01": ("ORM_O01",)},
    "SIU": {
        **_sharing(("SIU_S12",), "S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26"),
        "S27": ("SIU_S27",),
    },
    "MDM": {**_sharing(("MDM_T01",), "T01 T03 T05 T07 T09 T11"), **_sharing(("MDM_T02",), "T02 T04 T06 T08 T10")},
    "DFT": {"P03": ("DFT_P03",), "P11": ("DFT_P11",)},
    "VXU": {"V04": ("VXU_V04",)},
    "OML": {event: (f"OML_{event}",) for event in ("O21", "O33", "O35", "O39")},
    "OMG": {"O19": ("OMG_O19",)},
    "RDE": {"O01": ("RDE_O01",), **_sharing(("RDE_O11",), "O11 O25")},
    "RDS": {"O01": ("RDS_O01",), "O13": ("RDS_O13",)},
    "OUL": {event: (f"OUL_{event}",) for event in ("R21", "R22", "R23", "R24")},
    "BAR": {event: (f"BAR_{event}",) for event in ("P01", "P02", "P05", "P06", "P10", "P12")},
    "REF": _sharing(("REF_I12",), "I12 I13 I14 I15"),
    "PPR": _sharing(("PPR_PC1",), "PC1 PC2 PC3"),
}
"""By message type and trigger event, the structures to look for, best first."""

DEFAULT_EVENTS: Final = {"ORU": "R01", "ORM": "O01"}
"""What a message of 2.1 or 2.2 means that names no trigger event."""


def find_structure(version: str, code: str, event: str) -> tuple[str, Node] | None:
    """Return the version whose structure applies, and the structure; None if there is none.

    A message type that a later version withdrew (ORM in 2.7) is read with the last structure it had.

    >>> find_structure("2.5", "ADT", "A04")[1].name
    'ADT_A01'
    >>> find_structure("2.8", "ORM", "O01")[0]
    '2.6'
    """
    names = ("ACK",) if code == "ACK" else (f"{code}_{event}", *EVENTS.get(code, {}).get(event, ()))
    for candidate in reversed(VERSIONS[: VERSIONS.index(version) + 1]):
        for name in names:
            found = structure(candidate, name)
            if found is not None:
                return candidate, found
    return None


def is_known_event(code: str, event: str) -> bool:
    """Whether HL7 defines the trigger event for the message type, in any version.

    >>> is_known_event("ADT", "A08"), is_known_event("ADT", "A99")
    (True, False)
    """
    return code == "ACK" or event in EVENTS.get(code, {})
