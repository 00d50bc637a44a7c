"""Opening a request by its key, with the last name and birth date of its member. What matches is the payer's rule."""

from typing import Final

from sandbox.payer import lookup
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.pages import Visit, request_at
from sandbox.simulators.portal.web.shell import render, see_other

LABELS: Final = {"key": "Key", "last_name": "Patient's last name", "birth_date": "Patient's birth date"}
NOT_FOUND: Final = "No request has this key for a patient with this last name and birth date."


def show_key(visit: Visit) -> Response:
    """`GET key`."""
    visit.filters()
    return render(visit, "covermymeds/key.html", labels=LABELS)


def send_key(visit: Visit) -> Response:
    """`POST key`: on to the request, or to where its draft is gone on with. Whatever of the three is wrong, the answer
    is the same.
    """
    visit.form.check(LABELS)
    given = {name: visit.form.text(name) for name in LABELS}
    missing = {name: ["Enter it."] for name, value in given.items() if not value}
    if missing:
        raise invalid(missing)
    row = lookup.find_by_key(visit.tx, given["key"], given["last_name"], given["birth_date"])
    if row is None:
        raise invalid({"key": [NOT_FOUND]})
    at = request_at(row)
    return see_other(visit.request, f"{at}/continue" if row["state"] == "draft" else at)
