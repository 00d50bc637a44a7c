"""A new request in six steps: member, ordering provider, exam, clinical questions, notes and records, review.

Each step is a change of the draft that the payer holds, so that every way to the payer sees the same draft; a step can
be come back to until the request is sent. Must hold no rule: what stops a step is what would stop the request.
"""

from typing import Final

from sandbox.simulators.portal.web.pages import Page
from sandbox.simulators.portal.web.radmd import what, who

_DRAFT: Final = "drafts/{id}"
PAGES: Final[tuple[Page, ...]] = (
    Page("new", who.show_member, who.send_member),
    Page(f"{_DRAFT}/member", who.show_member, who.send_member),
    Page(f"{_DRAFT}/provider", who.show_provider, who.send_provider),
    Page(f"{_DRAFT}/exam", what.show_exam, what.send_exam),
    Page(f"{_DRAFT}/questions", what.show_questions, what.send_questions),
    Page(f"{_DRAFT}/records", what.show_records, what.send_records),
    Page(f"{_DRAFT}/review", what.show_review, what.send_review),
)
