"""The skins that a payer's portal may have, by the name in its configuration; here new pages are plugged in."""

from dataclasses import replace
from typing import Final

from sandbox.simulators.portal.web import covermymeds, eligibility, radmd
from sandbox.simulators.portal.web.pages import Skin


def _with_eligibility(skin: Skin) -> Skin:
    return replace(skin, pages=(*skin.pages, *eligibility.PAGES), menu=(*skin.menu, *eligibility.MENU))


SKINS: Final = {skin.name: _with_eligibility(skin) for skin in (radmd.SKIN, covermymeds.SKIN)}


def skin_of(name: str) -> Skin:
    """Return the skin of a portal.

    >>> skin_of("radmd").name
    'radmd'
    """
    return SKINS[name]
