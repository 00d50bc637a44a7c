"""Pages that both skins link to: members, benefits, claims and their appeals."""

from typing import Final

from sandbox.simulators.portal.web.pages import Page

PAGES: Final[tuple[Page, ...]] = ()
MENU: Final[tuple[tuple[str, str], ...]] = ()
