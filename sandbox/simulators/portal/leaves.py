"""The people whom a payer knows: the portal's members. The values of its requests are plain JSON's."""

from collections.abc import Iterator

from sandbox.playground.branch import Branch
from sandbox.simulators.leaves import Person


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
