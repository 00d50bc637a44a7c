"""The status of a request for who has not logged in, where the payer tells it. The rules are the payer's."""

from typing import Final

from sandbox.errors import Forbidden, Invalid, SandboxError
from sandbox.limits import PAGE_LIMIT_MAX
from sandbox.payer import lookup
from sandbox.payer.config import payer_config
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.case_routes import NOTHING_ON_FILE
from sandbox.simulators.portal.web.forms import said
from sandbox.simulators.portal.web.shell import name_of, render_open

FIELDS = ("tracking_number", "member_id", "birth_date", "procedure_code")
LABELS = {
    "tracking_number": "Tracking or authorization number",
    "member_id": "Member id",
    "birth_date": "Birth date",
    "procedure_code": "Procedure code",
}


# What a page of a status says beside what it found; of more requests than `most` the latest are shown.
AROUND: Final = {"nothing": NOTHING_ON_FILE, "most": PAGE_LIMIT_MAX}


def show_status(tx: Interaction, request: Request) -> Response:
    """`GET portal/web/public-status`."""
    if not payer_config(tx).status_without_login:
        raise Forbidden("This payer tells a status only to who has logged in.")
    given, rows, problems = find_status(tx, request.query)
    shown = {"given": given, "rows": rows, "labels": LABELS, "problems": problems, **AROUND}
    return render_open(
        request, "public_status.html", portal=name_of(tx.sandbox), status=422 if problems else 200, **shown
    )


def find_status(
    tx: Interaction, query: tuple[tuple[str, str], ...]
) -> tuple[dict[str, str], list[object] | None, dict[str, list[str]]]:
    """Return what was asked for, what is on file (None where nothing was), and what is wrong with what was asked."""
    given: dict[str, str] = {}
    problems: dict[str, list[str]] = {}
    for name, value in query:
        if name not in FIELDS:
            problems[name[:100]] = ["There is no such field here."]
        elif value.strip():
            given[name] = value.strip()
    if problems or not given:
        return given, None, problems
    try:
        rows = sorted(lookup.list_status(tx, given), key=lambda pair: pair[0], reverse=True)
    except Invalid as error:
        return given, None, said(error.details or {"": [error.message]})
    except SandboxError as error:
        return given, None, {"": [error.message]}
    return given, [row for _, row in rows], {}
