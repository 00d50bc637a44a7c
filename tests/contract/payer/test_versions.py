"""Two who change one request over REST: with `If-Match` the later of them is told, and nothing is lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.testing.server import SandboxServer
from tests.portal_site import Answer, PlainBrowser, Portal, running_portal, start_portal

FIELDS = {
    "patient_member_id": "M1001",
    "procedure_code": "72141",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
}


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_portal() as made:
        yield made


@pytest.fixture
def portal(server: SandboxServer) -> Portal:
    return start_portal(server)


def call(portal: Portal, method: str, path: str, body: Any = None, tag: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {portal.token}", "Content_Type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    return PlainBrowser().send(
        method, f"{portal.held['api_url']}/{path}", sent, **headers, **({"If_Match": tag} if tag else {})
    )


def test_the_later_change_with_a_stale_tag_is_refused(portal: Portal) -> None:
    made = call(portal, "POST", "prior-auths", FIELDS)
    path, tag = f"prior-auths/{json.loads(made.body)['request_id']}", made.headers["ETag"]
    assert tag == call(portal, "GET", path).headers["ETag"] == call(portal, "HEAD", path).headers["ETag"]

    first = call(portal, "PATCH", path, {"notes": "Eight weeks."}, tag)
    assert first.status == 200 and first.headers["ETag"] not in ("", tag)
    late = call(portal, "PATCH", path, {"notes": "Nine weeks."}, tag)
    error = json.loads(late.body)["error"]
    assert (late.status, error["code"]) == (412, "PRECONDITION_FAILED") and first.headers["ETag"] in error["message"]
    assert json.loads(call(portal, "GET", path).body)["notes"] == "Eight weeks."

    for wrong in ("x", 'W/"x"', f"W/{first.headers['ETag']}", '"'):
        assert call(portal, "POST", f"{path}/withdraw", None, wrong).status == 412
    assert call(portal, "PATCH", path, {"notes": "Nine weeks."}, f'"x", {first.headers["ETag"]}').status == 200
    assert call(portal, "PATCH", path, {"notes": "Ten weeks."}, "*").status == 200
    assert call(portal, "PATCH", path, {"notes": "Eleven weeks."}).status == 200  # who does not ask is not asked
    assert call(portal, "PATCH", "prior-auths/nobody", {"notes": "x"}, tag).status == 404


def test_a_draft_and_the_request_it_becomes_have_tags_of_their_own(portal: Portal) -> None:
    draft = call(portal, "POST", "prior-auths", {**FIELDS, "draft": True})
    path = f"prior-auths/{json.loads(draft.body)['request_id']}"
    sent = call(portal, "POST", f"{path}/submit", None, draft.headers["ETag"])
    assert sent.status == 200
    assert call(portal, "POST", f"{path}/withdraw", None, draft.headers["ETag"]).status == 412
    withdrawn = call(portal, "POST", f"{path}/withdraw", None, sent.headers["ETag"])
    assert withdrawn.status == 200 and withdrawn.headers["ETag"] == call(portal, "GET", path).headers["ETag"]
