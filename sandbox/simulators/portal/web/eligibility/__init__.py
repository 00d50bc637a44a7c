"""Pages that both skins link to: members and what they are covered for, claims, appeals."""

from typing import Final

from sandbox.simulators.portal.web.eligibility import appeals, claims, members
from sandbox.simulators.portal.web.pages import Page

PAGES: Final[tuple[Page, ...]] = (
    Page("eligibility", members.show_search),
    Page("eligibility/{member_id}", members.show_member),
    Page("claims", claims.show_list),
    Page("claims/{claim_number}", claims.show_claim),
    Page("claims/{claim_number}/appeal", claims.show_appeal, claims.send_appeal),
    Page("appeals", appeals.show_list),
    Page("appeals/{appeal_id}", appeals.show_appeal),
    Page("appeals/{appeal_id}/attachments/{aid}", appeals.show_attachment),
)
MENU: Final[tuple[tuple[str, str], ...]] = (
    ("eligibility", "Eligibility"),
    ("claims", "Claims"),
    ("appeals", "Appeals"),
)
