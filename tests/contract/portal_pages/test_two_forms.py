"""Two forms of one moment: the same one sent twice is taken once, another one is never taken for it."""

import pytest

from tests.portal_site import write_request

FILE = ("files", "pt.pdf", "application/pdf", b"%PDF-1.4 notes")
OTHER_FILE = ("files", "pt.pdf", "application/pdf", b"%PDF-1.4 other")
ANSWERS = {"clinical_answers.red_flags": "none", "clinical_answers.weeks": "8", "clinical_answers.deficit": "yes"}


@pytest.fixture
def form(portal, browser):
    """A function that sends a request and opens one of its pages."""

    def open_page(code, path):
        browser.fill(write_request(browser, portal, code), {})
        return browser.get(f"{portal.url}requests/{portal.requests()[0]['request_id']}/{path}")

    return open_page


@pytest.mark.parametrize(
    ("code", "path", "one", "other"),
    [
        ("97110", "withdraw", {"reason": "Wrong side."}, {"reason": "Wrong person."}),
        ("97110", "withdraw", {"reason": "Wrong side."}, {"reason": ""}),
        ("73721", "appeal", {"rationale": "It hurts."}, {"rationale": "A locked knee."}),
        ("73721", "resubmit", {"notes": "Left."}, {"notes": "Right."}),
        ("73721", "peer-to-peer", {"contact": "Dr. A"}, {"contact": "Dr. B"}),
        ("73721", "peer-to-peer", {"contact": "Dr. A"}, {"contact": "Dr. A", "phone": "555-0100"}),
        ("72148", "information", {**ANSWERS, "notes": "Eight weeks."}, {**ANSWERS, "notes": "Nine weeks."}),
        ("72148", "information", {**ANSWERS}, {**ANSWERS, "clinical_answers.weeks": "9"}),
    ],
)
def test_another_form_is_not_taken_for_the_first(portal, browser, form, code, path, one, other):
    page = form(code, path)
    first = [browser.fill(page, one, follow=False) for _ in range(2)]
    assert [answer.status for answer in first] == [303, 303]
    before = portal.requests(), portal.rest("GET", "appeals")["data"]
    second = browser.fill(page, other)
    assert second.status == 409 and "Not possible now" in second.seen, second.seen
    assert (portal.requests(), portal.rest("GET", "appeals")["data"]) == before


@pytest.mark.parametrize("path", ["appeal", "information"])
def test_the_same_words_with_another_file_are_another_form(portal, browser, form, path):
    page = form("73721" if path == "appeal" else "72148", path)
    words = {"rationale": "It hurts."} if path == "appeal" else ANSWERS
    first = [browser.fill(page, words, files=[FILE], follow=False) for _ in range(2)]
    assert [answer.status for answer in first] == [303, 303]
    assert browser.fill(page, words, files=[OTHER_FILE]).status == 409
    assert len(portal.requests()[0]["attachments"]) == 1


def test_an_edit_sent_twice_is_one_and_a_stale_one_writes_nothing(portal, browser, form):
    page = form("72141", "edit")
    for _ in range(2):
        assert "The changes are saved." in browser.fill(page, {"notes": "Eight weeks.", "units": ""}).seen
    stale = browser.fill(page, {"notes": "Nine weeks.", "units": "2"})
    assert stale.status == 409 and 'role="alert"' in stale.text
    assert "Somebody changed this request after this page was opened (clinical notes)" in stale.seen
    assert "It now says: Eight weeks." in stale.seen and "Nine weeks.</textarea>" in stale.text
    [row] = portal.requests()
    assert (row["notes"], row["units"]) == ("Eight weeks.", None)
    # Seen and sent again, it is what is meant.
    assert "The changes are saved." in browser.fill(stale, {"notes": "Nine weeks.", "units": "2"}).seen
    [row] = portal.requests()
    assert (row["notes"], row["units"]) == ("Nine weeks.", 2)
    assert [line["action"] for line in row["history"]][-3:] == ["submitted", "updated", "updated"]


def test_an_edit_is_stale_whatever_door_the_other_came_by(portal, browser, form):
    page = form("72141", "edit")
    name = portal.requests()[0]["request_id"]
    portal.rest("PATCH", f"prior-auths/{name}", {"units": 4})
    stale = browser.fill(page, {"notes": "Nine weeks.", "units": ""}, files=[FILE])
    assert stale.status == 409 and "It now says: 4." in stale.seen and "Choose the files again." in stale.seen
    [row] = portal.requests()
    assert (row["notes"], row["units"], row["attachments"]) == ("Six weeks of therapy.", 4, [])


def test_a_file_that_somebody_added_makes_no_edit_stale(portal, browser, form):
    page = form("72141", "edit")
    name = portal.requests()[0]["request_id"]
    files = browser.get(f"{portal.url}requests/{name}/attachments")
    browser.fill(files, {}, files=[FILE])
    assert "The changes are saved." in browser.fill(page, {"notes": "Nine weeks.", "units": ""}).seen


def test_a_file_of_the_same_name_and_size_is_another_file(portal, browser, form):
    page = form("72141", "attachments")
    for file in (FILE, FILE, OTHER_FILE, FILE):
        assert "The files are attached." in browser.fill(page, {}, files=[file]).seen
    digests = [item["sha256"] for item in portal.requests()[0]["attachments"]]
    assert len(digests) == len(set(digests)) == 2


def test_a_call_that_was_called_off_can_be_asked_for_again(portal, browser, form):
    page = form("73721", "peer-to-peer")
    offered = browser.fill(page, {"contact": "Dr. A"})
    for _ in range(2):
        off = {"csrf": offered.hidden("csrf"), "seen": offered.hidden("seen"), "do": "cancel"}
        assert browser.post(offered.url, off).url.endswith(portal.requests()[0]["request_id"])
    assert browser.fill(page, {"contact": "Dr. A"}).status == 200
    assert portal.requests()[0]["state"] == "peer_to_peer_offered"


def test_an_appeal_after_its_day_says_in_words_what_is_possible(portal, browser, form):
    page = form("73721", "appeal")
    portal.advance(180 * 86_400 - 60)
    late = browser.get(page.url)
    portal.advance(61)
    told = browser.fill(late, {"rationale": "It hurts."})
    assert told.status == 409 and "only sending it again, corrected, a peer-to-peer call is possible" in told.seen
    assert "request_peer_to_peer" not in told.seen
