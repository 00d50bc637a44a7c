"""The radiology skin: from the member to the confirmation in six steps, and what follows a request."""

from typing import Final

from sandbox.simulators.portal.web.case.pages import COMMON_PAGES
from sandbox.simulators.portal.web.pages import Page, Skin
from sandbox.simulators.portal.web.radmd import frame, home, wizard

SKIN: Final = Skin(
    name="radmd",
    pages=(Page("home", home.show_home), *wizard.PAGES, *COMMON_PAGES),
    menu=(
        ("home", "Home"),
        ("new", "New request"),
        ("requests", "Requests"),
        ("status", "Status"),
        ("requirements", "Is it needed?"),
    ),
    tagline="Imaging authorizations",
    steps=frame.STEPS,
)
