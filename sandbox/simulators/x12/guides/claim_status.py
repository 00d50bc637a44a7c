"""005010X212, Health Care Claim Status Request: the 276 that comes in."""

from typing import Final

from sandbox.simulators.x12.guides.grammar import Guide, Loop, Part, Use


def _claim(loop: str, services: str, *, is_needed: bool) -> Part:
    return Loop(
        loop,
        (
            Use("TRN", codes={1: "1"}),
            Use("REF", when={1: "1K"}, needed=(2,)),
            Use("REF", when={1: "BLT"}, needed=(2,)),
            Use("REF", when={1: "LU"}, needed=(2,)),
            Use("REF", when={1: "6P"}, needed=(2,)),
            Use("REF", when={1: "EJ"}, needed=(2,)),
            Use("REF", when={1: "XZ"}, needed=(2,)),
            Use("REF", when={1: "D9"}, needed=(2,)),
            Use("AMT", codes={1: "T3"}),
            Use("DTP", codes={1: "472", 2: "D8 RD8"}, dates=(2,)),
            Loop(
                services,
                (
                    Use("SVC", codes={1: "AD ER HC HP IV N4 NU WK"}),
                    Use("REF", when={1: "FJ"}, needed=(2,)),
                    Use("DTP", is_needed=True, codes={1: "472", 2: "D8 RD8"}, dates=(2,)),
                ),
            ),
        ),
        is_needed=is_needed,
    )


_DEPENDENT: Final = Loop(
    "2000E",
    (
        Use("HL", when={3: "23"}),
        Use("DMG", is_needed=True, codes={3: "F M U"}, needed=(1, 2), dates=(1,)),
        Loop("2100E", (Use("NM1", when={1: "QC"}, codes={2: "1"}, needed=(3,)),), is_needed=True, most=1),
        _claim("2200E", "2210E", is_needed=True),
    ),
)
_SUBSCRIBER: Final = Loop(
    "2000D",
    (
        Use("HL", when={3: "22"}, codes={4: "0 1"}, needed=(4,)),
        Use("DMG", codes={3: "F M U"}, needed=(1, 2), dates=(1,)),
        Loop("2100D", (Use("NM1", when={1: "IL"}, codes={2: "1 2"}, needed=(3, 8, 9)),), is_needed=True, most=1),
        _claim("2200D", "2210D", is_needed=False),
        _DEPENDENT,
    ),
    is_needed=True,
)
_PROVIDER: Final = Loop(
    "2000C",
    (
        Use("HL", when={3: "19"}, codes={4: "1"}, needed=(4,)),
        Loop("2100C", (Use("NM1", when={1: "1P"}, codes={2: "1 2"}, needed=(8, 9)),), is_needed=True, most=2),
        _SUBSCRIBER,
    ),
    is_needed=True,
)
_RECEIVER: Final = Loop(
    "2000B",
    (
        Use("HL", when={3: "21"}, codes={4: "1"}, needed=(4,)),
        Loop("2100B", (Use("NM1", when={1: "41"}, codes={2: "1 2"}, needed=(8, 9)),), is_needed=True, most=1),
        _PROVIDER,
    ),
    is_needed=True,
)
_PAYER: Final = Loop(
    "2000A",
    (
        Use("HL", when={3: "20"}, codes={4: "1"}, needed=(4,)),
        Loop("2100A", (Use("NM1", when={1: "PR"}, codes={2: "2"}, needed=(3, 8, 9)),), is_needed=True, most=1),
        _RECEIVER,
    ),
    is_needed=True,
)
VERSION: Final = "005010X212"
REQUEST: Final = Guide(
    VERSION,
    "276",
    "HR",
    "277",
    "HN",
    Loop(
        "ST",
        (
            Use("ST"),
            Use("BHT", is_needed=True, codes={1: "0010", 2: "13"}, needed=(3, 4, 5)),
            _PAYER,
            Use("SE", is_needed=True),
        ),
    ),
)
