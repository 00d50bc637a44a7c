"""Health Care Services Review, 278: 005010X217 (request for review) and 005010X215 (inquiry)."""

from typing import Final

from sandbox.simulators.x12.guides.grammar import Guide, Loop, Part, Use

_ADDRESS: Final = (Use("N3"), Use("N4"))
_DATES: Final = "439 484 ABC AAH 435 096 102 472 292 007 036"
_PERSON: Final = (
    Use("REF", most=9, needed=(2,)),
    *_ADDRESS,
    Use("DMG", codes={3: "F M U"}, dates=(1,)),
    Use("INS"),
)
_PROVIDER: Final = (
    Use("REF", most=8, needed=(2,)),
    *_ADDRESS,
    Use("PER", most=3),
    Use("PRV"),
)
_PROVIDERS: Final = "71 72 73 77 AAJ DD DK DN DQ FA G3 GI P3 QB QV SJ 1T 45 ND PW R3 FS L5"


def _service(*, is_inquiry: bool) -> Part:
    return Loop(
        "2000F",
        (
            Use("HL", when={3: "SS"}, codes={4: "0"}),
            Use("TRN", most=3, codes={1: "1 2"}),
            Use("UM", codes={1: "HS AR SC", 2: "1 2 3 4 I N R S"}),
            *([Use("HCR")] if is_inquiry else []),
            Use("REF", most=4, codes={1: "BB NT"}, needed=(2,)),
            Use("DTP", most=3, codes={1: _DATES, 2: "D8 RD8"}, dates=(2,)),
            Use("HI"),
            Use("SV1"),
            Use("SV2"),
            Use("SV3"),
            Use("TOO", most=32),
            Use("HSD"),
            Use("PWK", most=10),
            Use("MSG", most=10),
            Loop("2010F", (Use("NM1", when={1: _PROVIDERS}, codes={2: "1 2"}), *_PROVIDER), most=14),
        ),
    )


def _event(*, is_inquiry: bool) -> Part:
    return Loop(
        "2000E",
        (
            Use("HL", when={3: "EV"}, codes={4: "0 1"}, needed=(4,)),
            Use("TRN", most=3, codes={1: "1 2"}),
            Use("UM", is_needed=not is_inquiry, codes={1: "HS AR SC IN", 2: "1 2 3 4 I N R S"}),
            *([Use("HCR")] if is_inquiry else []),
            Use("REF", most=4, codes={1: "BB NT"}, needed=(2,)),
            Use("DTP", most=9, codes={1: _DATES, 2: "D8 RD8"}, dates=(2,)),
            Use("HI", codes={1: "ABK BK ABF BF ABJ BJ APR PR DR LOI"}),
            Use("HSD"),
            Use("CRC", most=16),
            Use("CL1"),
            Use("CR1"),
            Use("CR2"),
            Use("CR5"),
            Use("CR6"),
            Use("PWK", most=10),
            Use("MSG", most=10),
            Loop("2010E", (Use("NM1", when={1: _PROVIDERS}, codes={2: "1 2"}), *_PROVIDER), most=20),
            _service(is_inquiry=is_inquiry),
        ),
        is_needed=True,
    )


def _dependent(event: Part) -> Part:
    return Loop(
        "2000D",
        (
            Use("HL", when={3: "23"}, codes={4: "1"}, needed=(4,)),
            Loop("2010D", (Use("NM1", when={1: "QC"}, codes={2: "1"}), *_PERSON), is_needed=True, most=1),
            event,
        ),
    )


def _guide(version: str, purpose: str, *, is_inquiry: bool) -> Guide:
    event = _event(is_inquiry=is_inquiry)
    # The event hangs on the dependent where there is one, else on the subscriber; that there is one is told by
    # the rules, for either.
    under_subscriber = Loop(event.id, event.parts) if isinstance(event, Loop) else event
    subscriber = Loop(
        "2000C",
        (
            Use("HL", when={3: "22"}, codes={4: "1"}, needed=(4,)),
            Loop("2010C", (Use("NM1", when={1: "IL"}, codes={2: "1"}), *_PERSON), is_needed=True, most=1),
            under_subscriber,
            _dependent(event),
        ),
        is_needed=True,
    )
    requester = Loop(
        "2000B",
        (
            Use("HL", when={3: "21"}, codes={4: "1"}, needed=(4,)),
            Loop(
                "2010B",
                (Use("NM1", when={1: "1P FA"}, codes={2: "1 2"}, needed=(8, 9)), *_PROVIDER),
                is_needed=True,
                most=1,
            ),
            subscriber,
        ),
        is_needed=True,
    )
    payer = Loop(
        "2000A",
        (
            Use("HL", when={3: "20"}, codes={4: "1"}, needed=(4,)),
            Loop(
                "2010A",
                (Use("NM1", when={1: "X3 2B 36 PR"}, codes={2: "1 2"}, needed=(8, 9)),),
                is_needed=True,
                most=1,
            ),
            requester,
        ),
        is_needed=True,
    )
    heading = Use("BHT", is_needed=True, codes={1: "0007", 2: purpose}, needed=(3, 4, 5))
    root = Loop("ST", (Use("ST"), heading, payer, Use("SE", is_needed=True)))
    return Guide(version, "278", "HI", "278", "HI", root)


REQUEST_VERSION: Final = "005010X217"
INQUIRY_VERSION: Final = "005010X215"
REQUEST: Final = _guide(REQUEST_VERSION, "01 13 36", is_inquiry=False)
INQUIRY: Final = _guide(INQUIRY_VERSION, "28", is_inquiry=True)
