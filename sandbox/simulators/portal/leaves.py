"""The people whom a payer knows: the portal's members; and whose claim or request a path names.

The values of its requests are plain JSON's.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.simulators.leaves import Form, Leaf, Person, Sent

_INSTANCE: Final = re.compile(r"portal/(prior-auths|claims)/([^/?]+)")
# Where what a path names is kept: the collections, the field with its member, the names it goes by.
_PLACES: Final = {
    "claims": (("portal/claims",), "member_id", ("claim_number",)),
    "prior-auths": (
        ("portal/prior_auth_requests", "portal/drafts"),
        "patient_member_id",
        ("request_id", "auth_number", "tracking_number"),
    ),
}


class PortalForm(Form):
    """Bodies of plain JSON; a path may name what is one member's."""

    def leaves(self, sent: Sent) -> Iterator[Leaf]:
        """Yield the values of a body; how a file is called is its sender's choice."""
        for leaf in super().leaves(sent):
            yield replace(leaf, is_free=True) if leaf.path[-1:] == ("filename",) else leaf

    def owner(self, sent: Sent, branch: Branch) -> str | None:
        """Return the number of the member whose claim or request is addressed."""
        found = _addressed(sent, branch)
        return None if found is None else str(found[1]) or None

    def retargeted(self, sent: Sent, branch: Branch, one: Person, other: Person) -> Sent:
        """Return the call at the other member's claim or request: one of the same status where there is one."""
        found = _INSTANCE.match(sent.path)
        addressed = _addressed(sent, branch)
        if found is None or addressed is None or addressed[1] not in one.numbers:
            return sent
        kind = found[1]
        theirs = [row for row in _rows(kind, branch) if row[_PLACES[kind][1]] in other.numbers]
        if not theirs:
            return sent
        row = min(theirs, key=lambda row: row["status"] != addressed[0]["status"])
        return replace(sent, path=f"portal/{kind}/{row[_PLACES[kind][2][0]]}{sent.path[found.end() :]}")


def _addressed(sent: Sent, branch: Branch) -> tuple[Json, Json] | None:
    """Return the row that a path names, and its member."""
    found = _INSTANCE.match(sent.path)
    if found is None:
        return None
    _, field, names = _PLACES[found[1]]
    rows = (row for row in _rows(found[1], branch) if found[2] in [row[name] for name in names])
    return next(((row, row[field]) for row in rows), None)


def _rows(kind: str, branch: Branch) -> Iterator[Json]:
    return (row for collection in _PLACES[kind][0] for _, row in branch.items(collection))


def people(branch: Branch) -> Iterator[Person]:
    """Yield every member."""
    for key, row in branch.items("portal/patients"):
        number = str(row.get("member_id") or key)
        phone = row.get("phone")
        yield Person(
            None,
            (number,),
            row.get("last_name") or "",
            row.get("first_name") or "",
            row.get("birth_date") or "",
            (phone,) if phone else (),
        )
