"""Who is logged in, and how the session ends. Must not know the rules of sessions."""

from sandbox.playground.events import Response
from sandbox.simulators.portal.web.pages import Visit
from sandbox.simulators.portal.web.shell import render


def show_account(visit: Visit) -> Response:
    """`GET account`."""
    visit.filters()
    return render(visit, "account.html", idle_s=visit.config.sessions.idle_seconds)
