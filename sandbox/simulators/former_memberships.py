"""A payer's members made messy: memberships that ended stand beside the one in force.

They are those that the charts have as old cards (`former_coverage.py`). Whoever looks a member up by name finds them,
too; the member's number finds one. Nothing is taken from a row: an authorization is decided by what stands in it.
"""

from datetime import date
from typing import Final

from sandbox.definitions.mess import Mess
from sandbox.jsonio import Json
from sandbox.payer.identifiers import normal
from sandbox.playground.branch import Document, Seed, SeedCollection
from sandbox.simulators.former_coverage import former_coverages

LEVEL: Final = 2
_MEMBERS: Final = "portal/patients"


def make_messy(seed: Seed, mess: Mess) -> Seed:
    """Return the seed with the members' former memberships, from level 2 on."""
    members = seed.collections.get(_MEMBERS)
    if mess.level < LEVEL or not members:
        return seed
    rows: dict[str, Document] = {}
    taken = {normal(key) for key in members}
    for key, document in members.items():
        for row in former_memberships(document.value, mess):
            if normal(row["member_id"]) not in taken:
                taken.add(normal(row["member_id"]))
                rows[row["member_id"]] = Document(row)
        rows[key] = document
    return Seed({**seed.collections, _MEMBERS: SeedCollection(rows)})


def former_memberships(member: Json, mess: Mess) -> list[Json]:
    """Return the rows of the memberships that a member had before the one in force.

    >>> ana = {"member_id": "LHP558210094", "coverage": {"status": "active", "start": "2024-01-01", "end": None}}
    >>> [row["coverage"]["end"] for row in former_memberships(ana, Mess(2, 0, frozenset()))]
    ['2021-12-31', '2023-12-31']
    """
    coverage = member["coverage"]
    if coverage["status"] != "active" or coverage["end"] is not None:
        return []
    return [
        {
            **member,
            "member_id": former.member_id,
            "coverage": {"status": "inactive", "start": str(former.start), "end": str(former.end)},
        }
        for former in former_coverages(mess, member["member_id"], date.fromisoformat(coverage["start"])) or ()
    ]
