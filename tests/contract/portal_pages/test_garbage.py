"""Whatever is sent to whatever page, the answer is a page that says so, and nothing breaks."""

import pytest

from sandbox.simulators.portal.web.skins import SKINS
from tests.portal_site import write_request

VALUES = ["", "x", "é\u202e\x00", "-1", "0", "9" * 40, "1e400", "nan", "M1001", "req_1", "a" * 20_000, "[]", "\r\n"]
FIELDS = (
    "go do seen slot turn text phone contact reason rationale notes units procedure_code diagnosis_codes provider_npi "
    "patient_member_id begin shown clinical_answers.red_flags clinical_answers.weeks clinical_answers.deficit "
    "clinical_answers.last_visit clinical_answers.nothing files csrf"
).split()


@pytest.fixture
def places(portal, browser):
    """Ids of a draft, of a request that waits and of one that is denied."""
    found = []
    for code in ("72148", "73721"):
        browser.fill(write_request(browser, portal, code), {})
        found.append(portal.requests()[0]["request_id"])
    draft = write_request(browser, portal, "72148").url.split("/")[-2]
    return [draft, *found]


@pytest.mark.parametrize("skin", SKINS)
def test_no_page_breaks(portal, browser, places, skin):
    token = browser.get(f"{portal.url}home").hidden("csrf")
    paths = sorted({page.path for page in SKINS[skin].pages} - {"logout"})
    urls = [portal.url + path.replace("{id}", place).replace("{aid}", "att_1") for path in paths for place in places]
    for number, url in enumerate(dict.fromkeys(urls)):
        assert browser.get(url).status < 500, url
        for step, value in enumerate(VALUES):
            name = FIELDS[(number * 7 + step) % len(FIELDS)]
            sent = browser.post(url, {"csrf": token, name: value}, follow=False)
            assert sent.status < 500 and (sent.status == 303 or b"<h1>" in sent.body), (url, name, value, sent.seen)
        file = ("files", "a.txt", "text/plain", b"\xff\x00")
        sent = browser.post(url, {"csrf": token, "seen": "x", "rationale": "\x00"}, files=[file], follow=False)
        assert sent.status < 500, (url, sent.seen)
