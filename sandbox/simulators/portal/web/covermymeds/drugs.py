"""Drugs of the formulary as pages show them: what the plan says of each, and under which code it is requested."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.payer import codes, lookup
from sandbox.payer.formulary import codes_of, find_drug
from sandbox.payer.validation import requirements
from sandbox.playground.events import Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.shell import render

FOUND_MAX: Final = 50
LABELS: Final = {"drug": "Drug name, NDC or HCPCS code", "patient_member_id": "Member id"}


@dataclass(frozen=True, slots=True)
class Found:
    """A drug that was found: its code in a request (empty where it has none), its row of the formulary (None where the
    plan does not list it), and what a request for it would need.
    """

    code: str
    row: Json | None
    needed: Json | None

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.code} (not in the formulary)" if self.row is None else str(self.row["drug"])


def find_drugs(tx: Interaction, text: str, member_id: str | None) -> tuple[list[Found], int]:
    """Return what a search finds, and how many more there are. A code that the formulary does not list is found, too.

    Raises `Invalid` for a member whom nobody knows.
    """
    rows = [row for _, row in sorted(lookup.list_formulary(tx, {"drug": text}), key=lambda pair: pair[0])]
    found = [_found(tx, next(iter(codes_of(row)), ""), row, member_id) for row in rows[:FOUND_MAX]]
    code = codes.procedure_or_drug(text)
    if code is not None and find_drug(tx, code) is None:
        found.append(_found(tx, code, None, member_id))
    return found, max(0, len(rows) - FOUND_MAX)


def _found(tx: Interaction, code: str, row: Json | None, member_id: str | None) -> Found:
    return Found(code, row, requirements(tx, code, member_id) if code else None)


def as_data(found: Sequence[Found]) -> Json:
    """Return the drugs of the formulary that were found, as the REST lists them."""
    return {"data": [item.row for item in found if item.row is not None]}


def show_formulary(visit: Visit) -> Response:
    """`GET formulary`: drugs by name or code, without a request."""
    given: dict[str, str] = {}
    found: list[Found] | None = None
    left_out = 0
    try:
        given = visit.filters(*LABELS)
        if "drug" in given:
            found, left_out = find_drugs(visit.tx, given["drug"], given.get("patient_member_id"))
        elif given:
            visit.refuse({"drug": ["Enter a name or a code."]})
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
        given = {name: value for name, value in visit.request.query if name in LABELS}
    visit.data = as_data(found or ())
    return render(visit, "covermymeds/formulary.html", given=given, found=found, left_out=left_out, labels=LABELS)
