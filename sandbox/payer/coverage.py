"""Which plan covers a member on a day: one rule for requests, for eligibility, and for who decides.

A coverage is a row of `portal/coverages`; a member without one has the coverage that the member's own row says. Must
not know what is asked for.
"""

from datetime import date
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import identifiers
from sandbox.playground.playground import Interaction

COVERAGES: Final = "portal/coverages"


def coverages_of(tx: Interaction, member: Json) -> list[Json]:
    """Return all coverages of a member, whether or not in force, those of other payers among them."""
    number = member["member_id"]
    rows = (row for _, row in tx.branch.items(COVERAGES))
    return [row for row in rows if identifiers.is_same("member_id", row["member_id"], number)] or [_plain(member)]


def _plain(member: Json) -> Json:
    """Return the coverage that a row of `portal.yaml` says."""
    return {
        "coverage_id": None,
        "member_id": member["member_id"],
        "plan": member["plan"],
        "kind": "medical",
        "order": "primary",
        "payer": None,
        "group_number": member["group_number"],
        "relationship": "self",
        "subscriber_id": None,
        **member["coverage"],
    }


def plans_on(tx: Interaction, member: Json, day: date) -> list[str]:
    """Return the plans that cover a member on a day; without any, the plan of the member's own row."""
    return [row["plan"] for row in coverages_of(tx, member) if is_in_force(row, day)] or [member["plan"]]


def problem_on(tx: Interaction, member: Json, day: date) -> str | None:
    """Say why a member is not covered on a day, or return None. Of several reasons that of the newest coverage is told.

    Whose coverage it is does not matter: a portal may serve the members of many payers.
    """
    rows = coverages_of(tx, member)
    if any(is_in_force(row, day) for row in rows):
        return None
    return coverage_problem(max(rows, key=lambda row: str(row["start"])), day)


def is_in_days(row: Json, day: date) -> bool:
    """Tell whether a day is within a row's `start` and `end`.

    >>> is_in_days({"start": "2026-01-01", "end": None}, date(2026, 4, 23))
    True
    """
    end = row["end"]
    return date.fromisoformat(row["start"]) <= day and (end is None or day <= date.fromisoformat(end))


def is_in_force(coverage: Json, day: date) -> bool:
    """Tell whether a coverage is active on a day."""
    return coverage["status"] == "active" and is_in_days(coverage, day)


def coverage_problem(coverage: Json, day: date) -> str | None:
    """Say why there is no coverage on a day, or return None.

    >>> coverage_problem({"status": "active", "start": "2024-01-01", "end": "2025-12-31"}, date(2026, 1, 1))
    'coverage ended on 2025-12-31'
    """
    if coverage["status"] != "active":
        return "coverage is inactive"
    if day < date.fromisoformat(coverage["start"]):
        return f"coverage begins on {coverage['start']}"
    if coverage["end"] is not None and day > date.fromisoformat(coverage["end"]):
        return f"coverage ended on {coverage['end']}"
    return None
