"""The credentials of one run tried on another over every door: nothing is shown, nothing is done."""

import json
import urllib.parse
from dataclasses import replace

import pytest

from sandbox.testing.server import SandboxServer
from tests.contract.one_case.test_one_case import ASKED
from tests.doors import Doors, enter
from tests.portal_site import PlainBrowser

FORM = "application/x-www-form-urlencoded"


def token_of(doors: Doors) -> str:
    held = doors.portal.held
    form = {"grant_type": "client_credentials", "client_id": held["client_id"], "client_secret": held["client_secret"]}
    answer = PlainBrowser().send("POST", held["token_url"], urllib.parse.urlencode(form).encode(), Content_Type=FORM)
    assert answer.status == 200
    return str(json.loads(answer.body)["access_token"])


@pytest.fixture
def two(server: SandboxServer) -> tuple[Doors, Doors]:
    mine, theirs = enter(server), enter(server)
    theirs.portal.rest("POST", "prior-auths", ASKED)
    return mine, theirs


def test_a_run_token_opens_no_door_of_another_run(two: tuple[Doors, Doors]) -> None:
    mine, theirs = two
    stranger = replace(theirs, portal=replace(theirs.portal, token=mine.portal.token))
    for method, path, body, kind in (
        ("GET", "portal/prior-auths", None, "application/json"),
        ("POST", "portal/prior-auths", ASKED, "application/json"),
        ("GET", "portal/fhir/ClaimResponse?patient.identifier=M1001", None, "application/json"),
        ("POST", "portal/fhir/Claim/$submit", {"resourceType": "Bundle"}, "application/fhir+json"),
        ("POST", "clearinghouse/transactions", "ISA*00*", "application/edi-x12"),
        ("GET", "portal/web/home", None, "text/html"),
    ):
        status, text = stranger.send(method, path, body, kind)
        assert status in (401, 404) and "M1001" not in text, (path, status, text)
    assert len(theirs.portal.requests()) == 1


def test_a_cookie_opens_no_page_and_no_rest_of_another_run(two: tuple[Doors, Doors]) -> None:
    mine, theirs = two
    for url in (f"{theirs.portal.url}home", f"{theirs.portal.url}requests", f"{theirs.root}/portal/prior-auths"):
        answer = mine.browser.send("GET", url)
        assert answer.status == 401 and "M1001" not in answer.text, url
    sent = mine.browser.post(f"{theirs.portal.url}new", {"patient_member_id": "M1001"})
    assert sent.status == 401
    assert len(theirs.portal.requests()) == 1


def test_a_log_in_opens_no_other_run(two: tuple[Doors, Doors]) -> None:
    mine, theirs = two
    entered = PlainBrowser().log_in(replace(mine.portal, held={**mine.portal.held, "portal_url": theirs.portal.url}))
    assert entered.status == 401


def test_a_client_of_the_payers_fhir_api_opens_nothing_else(two: tuple[Doors, Doors]) -> None:
    mine, theirs = two
    own = token_of(mine)
    bearer = {"Authorization": f"Bearer {own}"}
    assert PlainBrowser().send("GET", f"{mine.portal.held['fhir_url']}/ClaimResponse", **bearer).status == 200
    for url in (
        f"{theirs.portal.held['fhir_url']}/ClaimResponse",
        f"{mine.root}/portal/prior-auths",
        f"{mine.portal.url}home",
        f"{mine.root}/clearinghouse/transactions",
        f"{mine.root}/fhir/Patient",
    ):
        assert PlainBrowser().send("GET", url, **bearer).status in (401, 403, 404), url
    form = {
        "grant_type": "client_credentials",
        "client_id": mine.portal.held["client_id"],
        "client_secret": mine.portal.held["client_secret"],
    }
    data = urllib.parse.urlencode(form).encode()
    assert PlainBrowser().send("POST", theirs.portal.held["token_url"], data, Content_Type=FORM).status == 401
