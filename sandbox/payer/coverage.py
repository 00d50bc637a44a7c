"""Which plan covers a member on a day, and whose it is: one rule for requests, for eligibility, and for who decides.

A coverage is a row of `portal/coverages`; a member without one of this payer's has the coverage that the member's own
row says. Must not know what is asked for.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import identifiers
from sandbox.payer.config import SURFACE
from sandbox.playground.playground import Interaction

COVERAGES: Final = "portal/coverages"


def coverages_of(tx: Interaction, member: Json) -> list[Json]:
    """Return all coverages of a member, whether or not in force, those of other payers among them.

    `of_other_payer` tells which these are.
    """
    number = member["member_id"]
    rows = [row for _, row in tx.branch.items(COVERAGES) if identifiers.is_same("member_id", row["member_id"], number)]
    payer = tx.sandbox_of(SURFACE)
    found = [
        {**row, "of_other_payer": is_of_other_payer(row, rows, member, None if payer is None else payer.name)}
        for row in rows
    ]
    if all(row["of_other_payer"] for row in found):
        found.insert(0, {**_plain(member), "of_other_payer": False})
    return found


def is_of_other_payer(coverage: Json, coverages: Sequence[Json], member: Json, payer: str | None) -> bool:
    """Tell whether one of a member's coverages is another payer's than the one that keeps these records.

    It is if it names a payer, and that is neither called as this one is nor named by the coverage with the plan of the
    member's own row: who reviews for several payers has members of each of them.

    >>> member = {"plan": "Choice"}
    >>> choice, select = {"plan": "Choice", "payer": "Tidewater"}, {"plan": "Select", "payer": "Harborline"}
    >>> [is_of_other_payer(one, [choice, select], member, "Northlight") for one in (choice, select)]
    [False, True]
    >>> is_of_other_payer(select, [select], member, "HARBORLINE"), is_of_other_payer({"payer": None}, [], member, None)
    (False, False)
    """
    if coverage["payer"] is None:
        return False
    named = [payer, *(row["payer"] for row in coverages if row["plan"] == member["plan"])]
    return identifiers.normal(coverage["payer"]) not in {identifiers.normal(one) for one in named if one is not None}


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
    """Return the plans that cover a member on a day, whosever; without any, the plan of the member's own row."""
    return [row["plan"] for row in coverages_of(tx, member) if is_in_force(row, day)] or [member["plan"]]


def problem_on(tx: Interaction, member: Json, day: date) -> str | None:
    """Say why this payer does not cover a member on a day, or return None.

    Of several reasons that of the newest coverage is told.
    """
    rows = [row for row in coverages_of(tx, member) if not row["of_other_payer"]]
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
