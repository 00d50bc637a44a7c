"""005010X279A1, Health Care Eligibility Benefit Inquiry: the 270 that comes in."""

from typing import Final

from sandbox.simulators.x12.guides.grammar import Guide, Loop, Part, Use

_ADDRESS: Final = (Use("N3"), Use("N4"))
_PERSON: Final = (
    Use("REF", most=9, needed=(2,)),
    *_ADDRESS,
    Use("PRV"),
    Use("DMG", dates=(1,), codes={3: "F M U"}),
    Use("INS"),
    Use("HI", codes={1: "ABK BK ABF BF"}),
    Use("DTP", most=2, codes={1: "102 291", 2: "D8 RD8"}, dates=(2,)),
)


def _inquiry(loop: str, *, is_needed: bool) -> Part:
    return Loop(
        loop,
        (
            Use("EQ"),
            Use("AMT", most=2, codes={1: "R PB"}),
            Use("III"),
            Use("REF", codes={1: "9F G1"}, needed=(2,)),
            Use("DTP", codes={1: "291", 2: "D8 RD8"}, dates=(2,)),
        ),
        is_needed=is_needed,
        most=99,
    )


_DEPENDENT: Final = Loop(
    "2000D",
    (
        Use("HL", when={3: "23"}, codes={4: "0"}),
        Use("TRN", most=2, codes={1: "1"}, needed=(3,)),
        Loop("2100D", (Use("NM1", when={1: "03"}, codes={2: "1"}), *_PERSON), is_needed=True, most=1),
        _inquiry("2110D", is_needed=True),
    ),
)
_SUBSCRIBER: Final = Loop(
    "2000C",
    (
        Use("HL", when={3: "22"}, codes={4: "0 1"}, needed=(4,)),
        Use("TRN", most=2, codes={1: "1"}, needed=(3,)),
        Loop("2100C", (Use("NM1", when={1: "IL"}, codes={2: "1 2"}), *_PERSON), is_needed=True, most=1),
        _inquiry("2110C", is_needed=False),
        _DEPENDENT,
    ),
    is_needed=True,
)
_RECEIVER: Final = Loop(
    "2000B",
    (
        Use("HL", when={3: "21"}, codes={4: "1"}, needed=(4,)),
        Loop(
            "2100B",
            (
                Use("NM1", when={1: "1P 2B 36 80 FA GP P5 PR"}, codes={2: "1 2"}, needed=(8, 9)),
                Use("REF", most=9, needed=(2,)),
                *_ADDRESS,
                Use("PRV"),
            ),
            is_needed=True,
            most=1,
        ),
        _SUBSCRIBER,
    ),
    is_needed=True,
)
_SOURCE: Final = Loop(
    "2000A",
    (
        Use("HL", when={3: "20"}, codes={4: "1"}, needed=(4,)),
        Loop(
            "2100A",
            (Use("NM1", when={1: "2B 36 GP P5 PR"}, codes={2: "1 2"}, needed=(8, 9)),),
            is_needed=True,
            most=1,
        ),
        _RECEIVER,
    ),
    is_needed=True,
)
VERSION: Final = "005010X279A1"
INQUIRY: Final = Guide(
    VERSION,
    "270",
    "HS",
    "271",
    "HB",
    Loop(
        "ST",
        (
            Use("ST"),
            Use("BHT", is_needed=True, codes={1: "0022", 2: "01 13 36"}, needed=(4, 5)),
            _SOURCE,
            Use("SE", is_needed=True),
        ),
    ),
)
