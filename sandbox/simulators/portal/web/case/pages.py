"""The table of the pages that every skin has: those of a case, and of who is logged in."""

from typing import Final

from sandbox.simulators.portal.web.case import account, amend, disputes, requests
from sandbox.simulators.portal.web.login import log_out
from sandbox.simulators.portal.web.pages import Page

_CASE: Final = "requests/{id}"
_APPEAL: Final = disputes.disputing(
    "appeal",
    "appealed",
    "appealed",
    "Appeal",
    "Say why the decision is wrong. The payer reviews it again with what you write and attach.",
)
_REVIEW: Final = disputes.disputing(
    "external_review",
    "external_review_requested",
    "reviewed",
    "External review",
    "Ask for a decision by a reviewer who is independent of the payer.",
)
COMMON_PAGES: Final[tuple[Page, ...]] = (
    Page("account", account.show_account),
    Page("logout", account.show_account, log_out),
    Page("requests", requests.show_list),
    Page("status", requests.show_status),
    Page("requirements", requests.show_requirements),
    Page(_CASE, requests.show_request),
    Page(f"{_CASE}/continue", requests.show_continue),
    Page(f"{_CASE}/confirmation", requests.show_confirmation),
    Page(f"{_CASE}/edit", amend.show_edit, amend.send_edit),
    Page(f"{_CASE}/information", amend.show_information, amend.send_information),
    Page(f"{_CASE}/resubmit", amend.show_resubmit, amend.send_resubmit),
    Page(f"{_CASE}/attachments", amend.show_attachments, amend.send_attachments),
    Page(f"{_CASE}/attachments/{{aid}}", requests.show_attachment),
    Page(f"{_CASE}/withdraw", disputes.show_withdraw, disputes.send_withdraw),
    Page(f"{_CASE}/appeal", *_APPEAL),
    Page(f"{_CASE}/external-review", *_REVIEW),
    Page(f"{_CASE}/peer-to-peer", disputes.show_call, disputes.send_call),
)
