"""The dates of requests that a playground begins with, or that a scenario brings: each comes, by the clock alone."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.testing.server import SandboxServer
from tests.portal_site import NPI, PORTAL, PlainBrowser, Portal, running_portal, start_portal

CREATED = "2026-01-05T09:00:00Z"


def case(name: str, answered: str, **more: Any) -> dict[str, Any]:
    decided = {"status": answered, "decided_at": None if answered == "pending" else "2026-01-06T09:00:00Z"}
    return {
        "request_id": name,
        "tracking_number": f"TN-{name}",
        "patient_member_id": "M1001",
        "procedure_code": "97110",
        "diagnosis_codes": ["M54.16"],
        "provider_npi": NPI,
        "created_at": CREATED,
        "submitted_at": CREATED,
        "determination": decided,
        **more,
    }


# The clock starts at 2026-04-23T09:00:00Z.
AUTHS = [
    case("pend", "need_more_info", wanted={"documents": ["Notes"], "due_at": "2026-04-25T12:00:00Z"}),
    case("pend_past", "need_more_info", wanted={"documents": ["Notes"], "due_at": "2026-04-20T12:00:00Z"}),
    case("good", "approved", authorization={"valid_from": "2026-01-06", "valid_to": "2026-04-26"}),
    case("good_past", "approved", authorization={"valid_from": "2026-01-06", "valid_to": "2026-03-31"}),
    case(
        "numbered",
        "approved",
        authorization={"valid_from": "2026-04-01", "number_due_at": "2026-04-24T10:00:00Z"},
    ),
    case("refused", "denied", denial={"code": "MN-12", "appeal_until": "2026-04-28T09:00:00Z"}),
    case("refused_past", "denied", denial={"code": "MN-12", "appeal_until": "2026-04-01T09:00:00Z"}),
    # Not answered, and then not appealed: both had happened.
    case(
        "long_ago",
        "need_more_info",
        wanted={"due_at": "2025-06-01T12:00:00Z"},
        determination={"status": "need_more_info", "decided_at": "2025-05-01T09:00:00Z"},
    ),
    case("open", "pending"),
]
DRAFTS = [
    {"request_id": "old", "status": "draft", "patient_member_id": "M1001", "created_at": "2026-04-01T09:00:00Z"},
    {"request_id": "young", "status": "draft", "patient_member_id": "M1001", "created_at": "2026-04-20T09:00:00Z"},
]


def next_of(portal: Portal) -> None:
    portal._call("POST", f"{portal.held['api_url'].rpartition('/')[0]}/clock/advance", {"to": "next"})


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_portal(seed={**PORTAL, "prior_auths": [*AUTHS, *DRAFTS]}, draft_days=14) as made:
        yield made


@pytest.fixture
def portal(server: SandboxServer) -> Portal:
    return start_portal(server)


def read(portal: Portal, name: str) -> Any:
    return portal.rest("GET", f"prior-auths/{name}")


def test_what_is_past_had_happened_at_its_time(portal: Portal) -> None:
    denied = read(portal, "pend_past")
    assert denied["state"] == "denied" and denied["determination"]["decided_at"] == "2026-04-20T12:00:00.000Z"
    assert denied["denial"]["appeal_until"] == "2026-10-17T12:00:00.000Z" and denied["wanted"] is None
    assert [line["at"] for line in denied["history"]] == ["2026-04-20T12:00:00.000Z"]

    expired = read(portal, "good_past")
    assert expired["state"] == "expired" and expired["history"][-1]["at"] == "2026-04-01T00:00:00.000Z"
    assert expired["determination"]["status"] == "approved"

    closed = read(portal, "refused_past")
    assert closed["state"] == "denied" and closed["denial"]["closed_at"] == "2026-04-01T09:00:00.000Z"
    assert "appeal" not in portal.rest("GET", "prior-auths/refused_past/actions")["actions"]
    browser = PlainBrowser()
    browser.log_in(portal)
    assert '/appeal"' not in browser.get(f"{portal.url}requests/refused_past").text
    assert '/appeal"' in browser.get(f"{portal.url}requests/refused").text

    both = read(portal, "long_ago")
    assert [line["action"] for line in both["history"]] == ["determined", "appeal_window_closed"]
    assert both["denial"]["closed_at"] == both["denial"]["appeal_until"] == "2025-11-28T12:00:00.000Z"
    assert read(portal, "old")["state"] == "expired" and read(portal, "young")["state"] == "draft"
    assert read(portal, "open") == {**read(portal, "open"), "history": [], "state": "submitted"}
    [first, *_] = portal.events()
    assert first.type == "clock_advanced"


def test_the_clock_reaches_each_of_the_others_in_turn(portal: Portal) -> None:
    def states() -> dict[str, Any]:
        rows = {name: read(portal, name) for name in ("pend", "good", "numbered", "refused", "young")}
        return {
            **{name: row["state"] for name, row in rows.items()},
            "numbered": rows["numbered"]["auth_number"] is not None,
            "refused": rows["refused"]["denial"]["closed_at"],
        }

    was = {"numbered": False, "pend": "pended", "good": "approved", "refused": None, "young": "draft"}
    assert states() == was
    for name, then in (
        ("numbered", True),
        ("pend", "denied"),
        ("good", "expired"),
        ("refused", "2026-04-28T09:00:00.000Z"),
        ("young", "expired"),
    ):
        next_of(portal)
        was[name] = then
        assert states() == was, name
    assert read(portal, "pend")["determination"]["decided_at"] == "2026-04-25T12:00:00.000Z"


def test_what_is_done_first_takes_the_dates_place(portal: Portal) -> None:
    portal.rest("PATCH", "prior-auths/pend", {"notes": "Here they are."})
    portal.rest("POST", "prior-auths/refused/appeal", {"rationale": "The notes show it."})
    portal.rest("POST", "prior-auths/good/withdraw")
    portal.advance(10 * 86_400)
    assert {name: read(portal, name)["state"] for name in ("pend", "refused", "good")} == {
        "pend": "submitted",
        "refused": "appealed",
        "good": "withdrawn",
    }
