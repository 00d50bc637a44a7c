"""What the pages do is what the REST does: one draft, one life cycle, the payer's own refusals."""

import pytest

from tests.portal_site import NPI, UNKNOWN_TO_PAYER, PlainBrowser, running_portal, start_portal, write_request


@pytest.fixture
def case(portal, browser):
    """A function that sends a request and returns its address and its row."""

    def send(code="97110", **more):
        browser.fill(write_request(browser, portal, code, **more), {})
        row = portal.requests()[0]
        return f"{portal.url}requests/{row['request_id']}", row

    return send


def test_the_draft_of_a_page_is_the_draft_of_the_rest(portal, browser):
    review = write_request(browser, portal)
    [draft] = portal.rest("GET", "prior-auths?status=draft")["data"]
    assert (draft["patient_member_id"], draft["provider_npi"], draft["procedure_code"]) == ("M1001", NPI, "97110")
    portal.rest("PATCH", f"prior-auths/{draft['request_id']}", {"notes": "Written by a program."})
    assert "Written by a program." in browser.get(review.url).seen
    sent = portal.rest("POST", f"prior-auths/{draft['request_id']}/submit")
    shown = browser.get(f"{portal.url}requests/{draft['request_id']}")
    assert sent["auth_number"] in shown.seen and sent["tracking_number"] in shown.seen and "6" in shown.seen


def test_the_tracking_number_is_no_authorization_number(portal, browser, case):
    url, row = case("72148")
    confirmed = browser.get(f"{url}/confirmation")
    assert row["auth_number"] is None and row["tracking_number"] in confirmed.seen
    assert "The tracking number is not an authorization number" in confirmed.seen
    found = browser.get(f"{portal.url}status?tracking_number={row['tracking_number']}")
    assert "Pended" in found.seen
    assert "No authorization on file." in browser.get(f"{portal.url}status?tracking_number=TN0").seen
    asked = browser.get(f"{portal.url}status?member_id=M1001&birth_date=1970-01-01")
    assert row["tracking_number"] in asked.seen
    public = PlainBrowser().get(f"{portal.url}public-status?member_id=M1001&birth_date=1970-01-01")
    assert row["tracking_number"] in public.seen and "Reyes" not in public.seen


def test_need_more_information_is_answered(portal, browser, case):
    url, _ = case("72148")
    page = browser.get(f"{url}/information")
    assert "Physical therapy notes" in page.seen and "Due by 2026-05-07" in page.seen
    as_it_was = {"clinical_answers.red_flags": "none", "clinical_answers.weeks": "8", "clinical_answers.deficit": "no"}
    kept = {**as_it_was, "notes": "Six weeks of therapy.", "units": ""}
    nothing = browser.fill(page, kept)
    assert nothing.status == 422 and "Nothing was added since the payer asked" in nothing.seen
    wrong = browser.fill(page, {**kept, "clinical_answers.weeks": "many"})
    assert wrong.status == 422 and "Must be a number" in wrong.seen and 'value="many"' in wrong.text
    file = ("files", "pt.pdf", "application/pdf", b"%PDF-1.4 notes")
    done = [browser.fill(page, {**kept, "clinical_answers.deficit": "yes"}, files=[file]) for _ in range(2)]
    assert [d.url for d in done] == [f"{url}?done=answered"] * 2
    row = portal.requests()[0]
    assert row["state"] == "approved" and row["clinical_answers"]["deficit"] is True
    assert [a["filename"] for a in row["attachments"]] == ["pt.pdf"] and row["auth_number"] in done[0].seen
    assert "2026-04-23 to 2026-06-21" in done[0].seen


def test_files_uploaded_first_are_handed_in_later(portal, browser, case):
    url, _ = case("72148")
    upload = browser.get(f"{url}/attachments")
    assert browser.fill(upload, {}).status == 422
    attached = browser.fill(upload, {}, files=[("files", "pt.txt", "text/plain", b"notes")])
    assert "The files are attached." in attached.seen and portal.requests()[0]["state"] == "pended"
    page = browser.get(f"{url}/information")
    as_it_was = {"clinical_answers.red_flags": "none", "clinical_answers.weeks": "8", "clinical_answers.deficit": "no"}
    done = browser.fill(page, as_it_was)
    assert done.url.endswith("?done=answered") and portal.requests()[0]["state"] == "approved"


def test_questions_branch_and_stop(portal, browser):
    review = write_request(browser, portal, "72148")
    url = review.url.replace("/review", "/questions")
    page = browser.get(url)
    assert "Weeks of conservative therapy?" in page.seen and "primary tumor" not in page.seen
    other = browser.fill(page, {"clinical_answers.red_flags": "cancer", "clinical_answers.weeks": "8", "go": "next"})
    assert "Is there a progressive" in other.seen and other.status == 422  # the radio buttons were left out
    given = {"clinical_answers.red_flags": "cancer", "clinical_answers.weeks": "8", "clinical_answers.deficit": "no"}
    other = browser.fill(page, {**given, "go": "next"})
    assert other.status == 200 and other.url == url and "primary tumor" in other.seen and "Weeks of" not in other.seen
    [draft] = portal.rest("GET", "prior-auths?status=draft")["data"]
    assert draft["clinical_answers"] == {"red_flags": "cancer", "deficit": False}
    missing = browser.fill(other, {"clinical_answers.red_flags": "cancer", "clinical_answers.deficit": "no"})
    assert missing.status == 422 and "Required to submit: Where is the primary tumor?" in missing.seen
    assert 'href="#clinical_answers.cancer_site"' in missing.text
    back = browser.fill(other, {"clinical_answers.red_flags": "none", "clinical_answers.deficit": "no"})
    stopped = browser.fill(
        back,
        {"clinical_answers.red_flags": "none", "clinical_answers.deficit": "no", "clinical_answers.weeks": "0"},
    )
    assert stopped.status == 422 and "Therapy comes first." in stopped.seen
    going = browser.fill(
        back,
        {"clinical_answers.red_flags": "none", "clinical_answers.deficit": "no", "clinical_answers.weeks": "0.5"},
    )
    assert going.url.endswith("/records")


def test_another_exam_drops_the_answers(portal, browser):
    review = write_request(browser, portal, "72148")
    exam = browser.get(review.url.replace("/review", "/exam"))
    assert 'value="72148"' in exam.text and 'value="M54.16"' in exam.text
    asked = browser.fill(exam, {"procedure_code": "73721", "diagnosis_codes": "m2551, S83.2", "units": "2"})
    assert "asks nothing about this procedure" in asked.seen
    [draft] = portal.rest("GET", "prior-auths?status=draft")["data"]
    assert (draft["clinical_answers"], draft["units"], draft["diagnosis_codes"]) == ({}, 2, ["M25.51", "S83.2"])


def test_each_step_says_what_is_wrong(portal, browser):
    assert "No member is like that" in browser.get(f"{portal.url}new?name=nobody").seen
    page = browser.get(f"{portal.url}new?name=reyes")
    again = browser.fill(page, {})
    # The look-up is still there, and the link in what is wrong leads to a field of the page.
    assert "Choose a member." in again.seen and 'href="#patient_member_id"' in again.text
    assert 'value="reyes"' in again.text and 'value="M1001"' in again.text and 'id="patient_member_id"' in again.text
    assert "Choose a member." in browser.post(f"{portal.url}new?birth_date=x", {"csrf": page.hidden("csrf")}).seen
    inactive = browser.get(f"{portal.url}new?member_id=M3001")
    assert "(coverage is inactive)" in inactive.seen
    refused = browser.fill(inactive, {"patient_member_id": "M3001"})
    assert refused.status == 422 and "Member M3001 cannot be served" in refused.seen
    assert portal.rest("GET", "prior-auths?status=draft")["data"] == []
    unknown = browser.fill(page, {"patient_member_id": "M9"})
    assert 'There is no member "M9".' in unknown.seen and "GET portal" not in unknown.seen
    provider = browser.fill(page, {"patient_member_id": "M1001"})
    looked_up = browser.get(f"{provider.url}?npi={NPI}")
    again = browser.fill(looked_up, {"go": "next"})
    assert "Choose the ordering provider." in again.seen and again.text.count('name="provider_npi"') == 1
    assert "is not credentialed" in browser.fill(provider, {"provider_npi": UNKNOWN_TO_PAYER}).seen
    assert "is not an NPI" in browser.fill(provider, {"provider_npi": "12"}).seen
    exam = browser.fill(provider, {"provider_npi": NPI})
    empty = browser.fill(exam, {"procedure_code": "", "diagnosis_codes": "", "units": "x"})
    assert empty.status == 422 and "Must be a whole number" in empty.seen
    wrong = browser.fill(exam, {"procedure_code": "7", "diagnosis_codes": "M54.16 x M54.16", "units": "0"})
    assert "units" in wrong.seen.lower() and wrong.status == 422
    wrong = browser.fill(exam, {"procedure_code": "7", "diagnosis_codes": "M54.16 x M54.16", "units": ""})
    for told in ('"7" is not a CPT', '"x" is not an ICD-10-CM code', "M54.16 is given twice"):
        assert told in wrong.seen, told
    assert 'value="M54.16 x M54.16"' in wrong.text and 'aria-describedby="diagnosis_codes-hint' in wrong.text
    too_many = browser.fill(exam, {"procedure_code": "97110", "diagnosis_codes": " ".join(["M54.16"] * 13)})
    assert too_many.status == 422
    notes = browser.get(exam.url.replace("/exam", "/records"))
    assert browser.fill(notes, {"notes": "x" * 10_001}).status == 422


def test_a_request_that_is_another_payers(portal, browser):
    page = browser.get(f"{portal.url}new?member_id=M2001")
    exam = browser.fill(browser.fill(page, {"patient_member_id": "M2001"}), {"provider_npi": NPI})
    stopped = browser.fill(exam, {"procedure_code": "70551", "diagnosis_codes": "G43.909"})
    assert stopped.status == 422 and "Send it to Northlight Imaging." in stopped.seen
    checked = browser.get(f"{portal.url}requirements?procedure_code=70551&patient_member_id=M2001")
    assert "Northlight Imaging" in checked.seen
    assert "No authorization is required" in browser.get(f"{portal.url}requirements?procedure_code=71046").seen


def test_what_is_missing_links_to_its_step(portal, browser):
    page = browser.fill(browser.get(f"{portal.url}new?member_id=M1001"), {"patient_member_id": "M1001"})
    review = browser.get(page.url.replace("/provider", "/review"))
    assert "Not ready to be sent" in review.seen and "/provider" in review.text and "/exam" in review.text
    refused = browser.fill(review, {})
    assert refused.status == 422 and not portal.requests()


def test_saving_is_not_sending(portal, browser):
    page = browser.fill(browser.get(f"{portal.url}new?member_id=M1001"), {"patient_member_id": "M1001"})
    assert "Saving does not send the request" in page.seen
    home = browser.fill(page, {"provider_npi": NPI, "go": "later"})
    assert home.url.endswith("home?said=saved") and "not sent to the payer yet" in home.seen
    assert not portal.requests()
    draft = portal.rest("GET", "prior-auths?status=draft")["data"][0]
    on = browser.get(f"{portal.url}requests/{draft['request_id']}/continue")
    assert on.url.endswith("/exam")


def test_a_portal_where_saving_sends_and_one_that_refuses_duplicates():
    with running_portal(saving_submits=True, duplicates="refuse", offers=["withdraw"]) as server:
        portal, browser = start_portal(server), PlainBrowser()
        browser.log_in(portal)
        review = write_request(browser, portal)
        assert not portal.requests()  # going on is not saving
        records = browser.get(review.url.replace("/review", "/records"))
        assert "At this payer saving a request sends it." in records.seen and "Save request" in records.seen
        sent = browser.fill(records, {"notes": "n", "go": "later"})
        assert sent.url.endswith("/confirmation") and len(portal.requests()) == 1
        again = browser.fill(write_request(browser, portal), {})
        first = portal.requests()[0]["request_id"]
        assert again.status == 409 and first in again.seen and "It was not sent again" in again.seen
        assert len(portal.requests()) == 1
        refused = browser.get(f"{portal.url}requests/{first}/appeal")
        assert refused.status == 409 and "Withdraw" in refused.seen


def test_edit_and_withdraw_before_a_decision(portal, browser, case):
    url, _ = case("72141")
    page = browser.get(f"{url}/edit")
    assert browser.fill(page, {"notes": "Six weeks of therapy.", "units": ""}).status == 422
    done = browser.fill(page, {"notes": "Nine weeks.", "units": "3"})
    assert "The changes are saved." in done.seen and portal.requests()[0]["units"] == 3
    withdraw = browser.get(f"{url}/withdraw")
    assert browser.fill(withdraw, {"reason": "x" * 501}).status == 422
    gone = browser.fill(withdraw, {"reason": "Wrong side."})
    assert "Withdrawn" in gone.seen and "Wrong side." in gone.seen
    assert browser.get(f"{url}/edit").status == 409
    again = browser.fill(browser.get(f"{url}/resubmit"), {"notes": "Right side.", "provider_npi": NPI})
    assert again.url.endswith("?done=resubmitted") and portal.requests()[0]["state"] == "resubmitted"


def test_an_appeal_and_an_external_review(portal, browser, case):
    url, _ = case("73721")
    shown = browser.get(url)
    assert "MN-12" in shown.seen and "Can be appealed until 2026-10-20" in shown.seen
    page = browser.get(f"{url}/appeal")
    assert "Required: say why the decision is wrong." in browser.fill(page, {"rationale": "  "}).seen
    assert browser.fill(page, {"rationale": "x" * 10_001}).status == 422
    file = ("files", "letter.txt", "text/plain", b"Dear payer")
    filed = browser.fill(page, {"rationale": "It hurts."}, files=[file])
    assert "The appeal is filed." in filed.seen and "Upheld" in filed.seen
    review = browser.fill(browser.get(f"{url}/external-review"), {"rationale": "Look again."})
    assert "The external review is requested." in review.seen
    row = portal.requests()[0]
    assert row["state"] == "external_review_overturned" and row["auth_number"] in review.seen


def test_a_peer_to_peer_call(portal, browser, case):
    url, _ = case("73721")
    page = browser.get(f"{url}/peer-to-peer")
    offered = browser.fill(page, {"contact": "Dr. Rivera", "phone": "555-0100"})
    assert "2026-04-23 10:00 UTC to 2026-04-23 10:30 UTC" in offered.seen
    assert "Choose a slot." in browser.post(f"{url}/peer-to-peer", _slot(offered, "")).seen
    assert browser.post(f"{url}/peer-to-peer", _slot(offered, "9")).status == 422
    chosen = browser.post(f"{url}/peer-to-peer", _slot(offered, "1"))
    assert "The call begins at 2026-04-23 10:00 UTC" in chosen.seen
    portal.advance(3601)
    call = browser.get(f"{url}/peer-to-peer")
    assert "Why is this necessary?" in call.seen
    assert "Write what you say." in browser.post(call.url, _say(call, " ")).seen
    first = _say(call, "The knee locked.")
    for _ in range(2):  # sent twice, it is said once
        said = browser.post(call.url, first)
    assert said.seen.count("The knee locked.") == 1 and "What was tried?" in said.seen
    over = browser.post(call.url, _say(said, "Six weeks of therapy."))
    assert "Overturned" in over.seen and portal.requests()[0]["state"] == "peer_to_peer_overturned"


def test_a_call_that_is_called_off(portal, browser, case):
    url, _ = case("73721")
    offered = browser.fill(browser.get(f"{url}/peer-to-peer"), {})
    form = {"csrf": offered.hidden("csrf"), "do": "cancel", "seen": offered.hidden("seen")}
    assert browser.post(f"{url}/peer-to-peer", {**form, "do": "nonsense"}).status == 422
    assert browser.post(f"{url}/peer-to-peer", form).url == url
    assert portal.requests()[0]["state"] == "denied"


def _slot(page, number):
    return {"csrf": page.hidden("csrf"), "seen": page.hidden("seen"), "do": "slot", "slot": number}


def _say(page, text):
    return {"csrf": page.hidden("csrf"), "turn": page.hidden("turn"), "do": "say", "text": text}


def test_lists_are_paged(portal, browser):
    for _ in range(21):
        portal.rest("POST", "prior-auths", {"draft": True, "patient_member_id": "M1001", "notes": "x"})
    first = browser.get(f"{portal.url}requests?patient_member_id=m1001")
    older = first.text.partition("cursor=")[2].partition('"')[0]
    second = browser.get(f"{portal.url}requests?patient_member_id=m1001&cursor={older}")
    assert first.text.count("<tr>") == 21 and second.text.count("<tr>") == 2
    assert "All requests and drafts" in browser.get(f"{portal.url}home").seen


def test_a_draft_that_expired():
    with running_portal(draft_days=1) as server:
        portal, browser = start_portal(server), PlainBrowser()
        browser.log_in(portal)
        review = write_request(browser, portal)
        portal.advance(86_401)
        gone = browser.get(review.url)
        assert "Expired" in gone.seen and "was sent before" not in gone.seen
        assert browser.fill(review, {}).status == 409 and "There are no drafts" in browser.get(f"{portal.url}home").seen


def test_many_requests(portal, browser):
    body = {"patient_member_id": "M1001", "procedure_code": "97110", "diagnosis_codes": ["M54.16"], "provider_npi": NPI}
    for _ in range(101):
        portal.rest("POST", "prior-auths", body)
    page = browser.get(f"{portal.url}status?member_id=M1001&birth_date=1970-01-01")
    assert page.text.count("<tr>") == 101 and "The latest 100 of 101 are shown" in page.seen
    assert browser.get(f"{portal.url}home").text.count("<tr>") == 21


async def test_strict_servers_have_the_pages_too(serve, kit, disk):
    async with serve(is_strict=True) as live:
        run = await live.started()
        held = next(s for s in run.value["sandboxes"] if s["type"] == "Payer")["credentials"]
        assert held["portal_url"].endswith("/portal/web/") and held["api_url"].endswith("/portal")
        page = await live.call("GET", held["portal_url"].removeprefix(live.url))
        assert page.status == 200 and b"Log in" in page.body


def test_the_day_of_service_is_asked_for_shown_and_kept(portal, browser):
    page = browser.get(f"{portal.url}new?member_id=M1001")
    page = browser.fill(page, {"patient_member_id": "M1001", "go": "next"})
    page = browser.fill(page, {"provider_npi": NPI, "go": "next"})
    exam = {"procedure_code": "97110", "diagnosis_codes": "M54.16", "go": "next"}
    refused = browser.fill(page, {**exam, "service_date": "2026-02-30"})
    assert refused.status == 422 and "Must be a date" in refused.seen
    page = browser.fill(page, {**exam, "service_date": "2026-05-04"})
    page = browser.fill(page, {"go": "next"})
    review = browser.fill(page, {"notes": "", "go": "next"})
    assert "Day of service 2026-05-04" in review.seen
    browser.fill(review, {})
    (row,) = portal.requests()
    assert row["service_date"] == "2026-05-04"
