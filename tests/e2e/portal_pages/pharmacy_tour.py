"""Every page of the pharmacy skin, and of eligibility, claims and appeals: how to get there, and what it shows."""

from typing import Any

from tests.e2e.portal_pages.conftest import Tour
from tests.pharmacy_site import write_medication
from tests.portal_site import PlainBrowser, Portal

# Pages that look as those of the other skin do, but for the colour: their pictures need not be kept.
LIKE_RADMD = frozenset(
    f"pharmacy-{name}"
    for name in "patient prescriber records requests confirmation waiting overturned information resubmit appeal "
    "withdraw".split()
)


def make_pharmacy_tour(portal: Portal) -> Tour:
    """Make cases in every state that these pages show, and name the pages."""
    browser = PlainBrowser()
    browser.log_in(portal)

    def sent(code: str, member_id: str = "M1001") -> str:
        browser.fill(write_medication(browser, portal, code, member_id), {})
        return f"requests/{portal.requests()[0]['request_id']}"

    def act(path: str, fields: dict[str, Any], **more: Any) -> str:
        return browser.fill(browser.get(portal.url + path), fields, **more).url.removeprefix(portal.url)

    waiting, denied = sent("J0139"), sent("58406-0445-04")
    sent("J2326")
    overturned = sent("58406-0445-04", "M1002")
    act(f"{overturned}/appeal", {"rationale": "The patient failed adalimumab."})
    note = ("files", "authorization.txt", "text/plain", b"On file since March.")
    appeal = act("claims/CLM-7/appeal", {"rationale": "The authorization was given in March."}, files=[note])
    draft = write_medication(browser, portal, "J0139").url.removeprefix(portal.url).removesuffix("review")
    begun = act("new?member_id=M1002", {"patient_member_id": "M1002"})
    pages = {
        "pharmacy-home": "home",
        "pharmacy-key": "key",
        "pharmacy-patient": "new?name=reyes",
        "pharmacy-drug": f"{draft}drug?drug=adalimumab",
        "pharmacy-diagnosis": f"{draft}diagnosis",
        "pharmacy-prescriber": f"{draft}provider",
        "pharmacy-questions": f"{draft}questions",
        "pharmacy-records": f"{draft}records",
        "pharmacy-review": f"{draft}review",
        "pharmacy-confirmation": f"{waiting}/confirmation",
        "pharmacy-requests": "requests",
        "pharmacy-waiting": waiting,
        "pharmacy-denied": denied,
        "pharmacy-overturned": overturned,
        "pharmacy-information": f"{waiting}/information",
        "pharmacy-resubmit": f"{denied}/resubmit",
        "pharmacy-appeal": f"{denied}/appeal",
        "pharmacy-withdraw": f"{waiting}/withdraw",
        "pharmacy-formulary": "formulary?drug=metho",
        "eligibility": "eligibility?name=reyes",
        "eligibility-nobody": "eligibility?name=nobody",
        "eligibility-member": "eligibility/M1001",
        "eligibility-before": "eligibility/M1001?date=2023-01-01",
        "claims": "claims",
        "claims-none": "claims?status=pended",
        "claim": "claims/CLM-7",
        "claim-closed": "claims/CLM~2F8~20late",
        "appeals": "appeals",
        "appeal-filed": appeal.partition("?")[0],
        "claim-appeal": "claims/CLM-6/appeal",
        "claim-refused": "claims/CLM-9/appeal",
    }
    wrong = {
        "claim-appeal-wrong": ("claims/CLM-6/appeal", "File the appeal"),
        "pharmacy-key-wrong": ("key", "Open"),
        "pharmacy-drug-wrong": (f"{begun}?drug=adalimumab", "Save and continue"),
    }
    return Tour(portal, pages, wrong)
