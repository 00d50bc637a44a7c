"""What a member is covered for, as EB says it (005010X279A1, loops 2110C and 2110D), from the payer's eligibility.

For each coverage in force a status, then what the plan pays of each type of service asked about, then the
accumulators. Service type 30 asks for all that is known.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import lookup
from sandbox.payer.codes import procedure_or_drug
from sandbox.payer.validation import requirements
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.edi.segments import Segment, make
from sandbox.simulators.x12.transactions.values import amount, compact, pieces

EVERYTHING: Final = "30"
_ACTIVE: Final = "1"
_INACTIVE: Final = "6"
_OTHER_PAYER: Final = "R"
_COPAY: Final = "B"
_COINSURANCE: Final = "A"
_NOT_COVERED: Final = "I"
_LIMIT: Final = "F"
_VISIT: Final = "27"
_YEAR: Final = "23"
_REMAINING: Final = "29"
_VISITS: Final = "VS"
_TYPES: Final = {"medical": "30", "pharmacy": "88", "dental": "35", "vision": "AL", "behavioral": "MH"}
_ACCUMULATORS: Final = {"deductible": "C", "out_of_pocket": "G"}
_SCOPES: Final = {"individual": "IND", "family": "FAM"}
# Who pays first, second, third (NM101 of loop 2120C).
_PLACES: Final = {"primary": "PRP", "secondary": "SEP", "tertiary": "TTP"}
_PLAN_CHARS: Final = 50


def segments_for(
    tx: Interaction, member: Json, types: Sequence[str], procedure: Sequence[str], day: date
) -> list[Segment]:
    """Return the EB segments, with those that belong to each, for one inquiry about a member on a day.

    `types` are service type codes, `procedure` the components of EQ02.
    """
    found = lookup.eligibility(tx, member["member_id"], day.isoformat())
    wanted = list(dict.fromkeys(types)) or [EVERYTHING]
    mine = [row for row in found["coverages"] if not row["of_other_payer"]]
    own = [row for row in mine if row["in_force"]]
    segments: list[Segment] = [] if own else [_ended(mine[0])]
    for coverage in own:
        segments += _status(tx, member, coverage, wanted, procedure)
        rows = [row for row in found["benefits"] if row["plan"] == coverage["plan"] and _is_asked(row, wanted)]
        for row in rows:
            segments += _benefit(row)
    for row in found["accumulators"] if own else ():
        if _is_asked(row, wanted):
            segments += _accumulator(row)
    for coverage in found["coverages"]:
        if coverage["in_force"] and coverage["of_other_payer"]:
            segments += _other_payer(coverage)
    known = {row["service_type"] for row in found["benefits"]}
    unknown = [one for one in wanted if one != EVERYTHING and own and one not in known]
    if unknown and found["benefits"]:
        last = max(place for place, one in enumerate(segments) if one.name == "EB")
        segments.insert(last + 1, make("MSG", f"Nothing is known of service type {', '.join(unknown)}"))
    return segments


def _is_asked(row: Json, wanted: Sequence[str]) -> bool:
    return EVERYTHING in wanted or row["service_type"] is None or row["service_type"] in wanted


def _ended(coverage: Json) -> Segment:
    return make("EB", _INACTIVE, None, [[_TYPES[coverage["kind"]]]], None, coverage["plan"][:_PLAN_CHARS])


def _status(
    tx: Interaction, member: Json, coverage: Json, wanted: Sequence[str], procedure: Sequence[str]
) -> Iterator[Segment]:
    types = wanted if coverage["kind"] == "medical" else [_TYPES[coverage["kind"]]]
    plan = coverage["plan"][:_PLAN_CHARS]
    yield make("EB", _ACTIVE, "IND", [[one] for one in types], None, plan)
    span = [compact(coverage["start"]), compact(coverage["end"])]
    if span[1]:
        yield make("DTP", "291", "RD8", "-".join(span))
    else:
        yield make("DTP", "346", "D8", span[0])
    code = procedure[1] if len(procedure) > 1 else ""
    if procedure_or_drug(code) is not None and coverage["kind"] == "medical":
        needed = requirements(tx, code, member["member_id"])["authorization_required"]
        answer = {True: "Y", False: "N", None: "U"}[needed]
        yield make("EB", _ACTIVE, "IND", None, None, plan, *[None] * 5, answer, None, list(procedure[:2]))


def _benefit(row: Json) -> Iterator[Segment]:
    types = [[row["service_type"]]]
    network = "Y" if row["network"] == "in" else "N"
    needed = "Y" if row["authorization_required"] else "N"
    lines = []
    if not row["covered"]:
        lines.append(make("EB", _NOT_COVERED, "IND", types, *[None] * 8, network))
    else:
        ends = (None, None, needed, network)
        if row["copay"] is not None:
            lines.append(make("EB", _COPAY, "IND", types, None, None, _VISIT, amount(row["copay"]), None, *ends))
        if row["coinsurance"] is not None:
            share = amount(Decimal(row["coinsurance"]) / 100)
            lines.append(make("EB", _COINSURANCE, "IND", types, None, None, None, None, share, *ends))
        if row["visits"] is not None:
            count = str(row["visits"])
            lines.append(
                make("EB", _LIMIT, "IND", types, None, None, _YEAR, None, None, _VISITS, count, needed, network)
            )
        if not lines:
            lines.append(make("EB", _ACTIVE, "IND", types, *[None] * 7, needed, network))
    yield from lines
    said = [row["description"] or "", "The deductible applies" if row["deductible_applies"] else ""]
    for text in said:
        yield from (make("MSG", piece) for piece in pieces(text)[:2])


def _accumulator(row: Json) -> Iterator[Segment]:
    types = [[row["service_type"] or EVERYTHING]]
    network = "Y" if row["network"] == "in" else "N"
    scope = _SCOPES[row["scope"]]
    for period, value in ((_YEAR, row["limit"]), (_REMAINING, row["remaining"])):
        if row["kind"] == "visits":
            count = amount(value)
            yield make("EB", _LIMIT, scope, types, None, None, period, None, None, _VISITS, count, None, network)
        else:
            code = _ACCUMULATORS[row["kind"]]
            yield make("EB", code, scope, types, None, None, period, amount(value), *[None] * 4, network)


def _other_payer(coverage: Json) -> Iterator[Segment]:
    plan = coverage["plan"][:_PLAN_CHARS]
    yield make("EB", _OTHER_PAYER, None, [[_TYPES[coverage["kind"]]]], None, plan)
    yield make("LS", "2120")
    yield make("NM1", _PLACES[coverage["order"]], "2", coverage["payer"][:60])
    yield make("LE", "2120")
