"""Members: found by id, or by name and birth date; what they are covered for on a day, and how much of it is used.

The rules are the payer's, as the REST has them.
"""

from typing import Final

from sandbox.errors import Invalid
from sandbox.payer import lookup
from sandbox.playground.events import Response
from sandbox.simulators.portal.plan_routes import eligibility_of
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.shell import render

FINDING: Final = {"member_id": "Member id", "name": "Name", "birth_date": "Birth date"}
ASKING: Final = {"date": "Date of service", "service_type": "Service type"}
NOBODY: Final = "No member is on file like that."
FOUND_MAX: Final = 50


def show_search(visit: Visit) -> Response:
    """`GET eligibility`: find the member."""
    given: dict[str, str] = {}
    found = None
    try:
        given = visit.filters(*FINDING)
        if given:
            found = [row for _, row in sorted(lookup.list_patients(visit.tx, given), key=lambda pair: pair[0])]
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
        given = {name: value for name, value in visit.request.query if name in FINDING}
    visit.data = None if found is None else {"data": found[:FOUND_MAX]}
    return render(
        visit,
        "eligibility/search.html",
        given=given,
        found=None if found is None else found[:FOUND_MAX],
        left_out=max(0, len(found or ()) - FOUND_MAX),
        nobody=NOBODY,
        labels=FINDING,
    )


def show_member(visit: Visit) -> Response:
    """`GET eligibility/{member_id}`: coverages, benefits and accumulators on a day of service."""
    member_id = visit.params["member_id"]
    given: dict[str, str] = {}
    visit.back = ("eligibility", "Look the member up")
    whole = eligibility_of(visit.tx, {"member_id": member_id})
    try:
        given = visit.filters(*ASKING)
        on_day = {"member_id": member_id, **{name: value for name, value in given.items() if name == "date"}}
        whole = eligibility_of(visit.tx, on_day)
        found = eligibility_of(visit.tx, {**on_day, **given}) if "service_type" in given else whole
    except Invalid as error:
        visit.refuse(error.details or {"": [error.message]})
        given = {name: value for name, value in visit.request.query if name in ASKING}
        found = None
    kinds = {row["service_type"]: row["description"] or "" for row in whole["benefits"]}
    kinds = {given.get("service_type", ""): "", **kinds}
    kinds.pop("", None)
    types = [("", "All"), *((code, f"{code} {text}".strip()) for code, text in sorted(kinds.items()))]
    visit.data = found
    return render(
        visit, "eligibility/member.html", member=whole["member"], found=found, given=given, types=types, labels=ASKING
    )
