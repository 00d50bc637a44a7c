"""Drafts that are written page by page, for every skin: beginning one, changing it, going on or finishing for now.

What stops a step is what would stop the request; that is the payer's to say.
"""

from typing import Final

from sandbox.jsonio import Json
from sandbox.keys import signed_token, signed_token_id
from sandbox.payer import cases
from sandbox.payer.case_rows import find_by_id
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Response
from sandbox.simulators.portal.web.case.amend import case_of
from sandbox.simulators.portal.web.case.questions import open_problems
from sandbox.simulators.portal.web.pages import Visit, draft_at, request_at, secret_of
from sandbox.simulators.portal.web.shell import see_other

# The button that sent a form: `next`, or `later` where it is finished for now.
GO: Final = "go"
# The id of the draft to be stands in the form, signed: sent twice, it begins one draft.
BEGIN: Final = "begin"


def new_begin(visit: Visit) -> str:
    """Return what a form that begins a draft holds in its field `begin`."""
    return signed_token(BEGIN, visit.tx.new_id("req"), secret_of(visit.tx))


def begun(visit: Visit, fields: dict[str, Json]) -> Json:
    """Return the draft that a form begins with these fields, or has begun already; raises `Invalid`."""
    request_id = signed_token_id(BEGIN, visit.form.text(BEGIN) or new_begin(visit), secret_of(visit.tx))
    if request_id is None:
        raise invalid({"": ["Open the page of a new request again, and choose the member there."]})
    return find_by_id(visit.tx, request_id) or cases.begin(visit.tx, fields, request_id)


def draft_or_none(visit: Visit) -> Json | None:
    """Return the case that the address names, None where it names none; raises `NotFound`."""
    return case_of(visit) if "id" in visit.params else None


def past(visit: Visit, row: Json) -> Response:
    """Send on who comes back to a step of a request that is no draft any more."""
    visit.wrote(row)
    done = "" if row["status"] == "draft" else "?done=already"  # a draft may have expired
    return see_other(visit.request, f"{request_at(row)}{done}")


def change(visit: Visit, row: Json, fields: dict[str, Json]) -> Json:
    """Change what is new in a draft; what stands there already is no change. Raises `Refused`, `Invalid`."""
    new = {
        name: value for name, value in fields.items() if value != row[name] and not (value is None and not row[name])
    }
    return cases.update(visit.tx, row["request_id"], new, ()) if new or row["status"] != "draft" else row


def stop_at(visit: Visit, row: Json, name: str) -> None:
    """Raise `Invalid` for what the payer would not take in this field, however the rest is."""
    problems = open_problems(visit.tx, row, name)
    if problems and row[name]:
        raise invalid(problems)


def is_later(visit: Visit) -> bool:
    """Tell whether a form was sent to be gone on with another time."""
    return visit.form.text(GO) == "later"


def onward(visit: Visit, row: Json, step: str) -> Response:
    """Go on to a step; or finish for now, which at some portals sends the request."""
    if not is_later(visit):
        visit.wrote(row)
        return see_other(visit.request, draft_at(row, step))
    if visit.config.saving_submits:
        row = visit.wrote(cases.submit(visit.tx, row["request_id"]))
        return see_other(visit.request, f"{request_at(row)}/confirmation")
    visit.wrote(row)
    return see_other(visit.request, f"{visit.skin.home}?said=saved")


def later_label(visit: Visit) -> str:
    """Return what the button for finishing for now says."""
    return "Save request" if visit.config.saving_submits else "Save and finish later"
