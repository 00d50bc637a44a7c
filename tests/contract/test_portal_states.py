"""Changing a prior authorization: every call in every state, over HTTP, and the table in the docs that says so."""

import base64
import re
from pathlib import Path

import pytest

from sandbox.payer.config import DEFAULT_OFFERS
from sandbox.payer.lifecycle import life_cycle

CALLS = ("update", "submit", "attach")
# By what the payer answered, and what that is in the life cycle.
STATES = {
    "draft": "draft",
    "pending": "submitted",
    "need_more_info": "pended",
    "approved": "approved",
    "denied": "denied",
}
DOCS = Path(__file__).parents[2] / "docs" / "surfaces" / "portal.md"
FILE = {"filename": "notes.pdf", "content_base64": base64.b64encode(b"%PDF").decode()}
# A rule per state: the procedure decides what becomes of a request.
PROCEDURES = {"pending": "72141", "need_more_info": "72148", "approved": "72149", "denied": "72158"}
CALLED = {
    "update": ("PATCH", "", {"notes": "More."}),
    "submit": ("POST", "/submit", None),
    "attach": ("POST", "/attachments", FILE),
}


def written(state, call):
    """The answer's status and the state after it, written out apart from the table that the portal follows."""
    table = {
        ("draft", "update"): (200, "draft"),
        ("draft", "submit"): (200, "need_more_info"),
        ("draft", "attach"): (201, "draft"),
        ("pending", "attach"): (201, "pending"),
        ("need_more_info", "update"): (200, "approved"),
        ("need_more_info", "submit"): (200, "approved"),
        ("need_more_info", "attach"): (201, "need_more_info"),
    }
    return table.get((state, call), (409, state))


def state_of(row):
    return "draft" if row["status"] == "draft" else row["determination"]["status"]


@pytest.fixture
async def run(serve, disk, kit):
    rules = [
        {
            "procedure_code": code,
            "status": state,
            **({"after_more_info": {"status": "approved"}} if "more" in state else {}),
        }
        for state, code in PROCEDURES.items()
    ]
    simulator = {"type": "Payer", "name": "Payer", "dataset": "small", "config": {"determinations": rules}}
    environment = {"name": "Payer", "clock": "2026-04-23T09:00:00Z", "simulators": [simulator]}
    disk.benchmark(kit.benchmark("payer", environment=environment, tasks=[kit.task("a")]))
    async with serve() as live:
        yield await live.started("payer")


async def made(run, kit, state):
    body = {**kit.prior_auth, "draft": state == "draft", "procedure_code": PROCEDURES.get(state, "72148")}
    answer = await run.call("POST", "portal/prior-auths", json=body)
    assert (answer.status, state_of(answer.json)) == (201, state), answer
    return f"portal/prior-auths/{answer.json['request_id']}", answer.json


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("state", STATES)
async def test_every_call_in_every_state(run, kit, state, call):
    path, row = await made(run, kit, state)
    if (state, call) == ("need_more_info", "submit"):  # something must have been added since
        row = (await run.call("POST", f"{path}/attachments", json=FILE)).json
    before = run.state_hash()
    method, below, body = CALLED[call]
    answer = await run.call(method, path + below, json=body)
    status, after = written(state, call)
    assert answer.status == status, answer
    now = (await run.call("GET", path)).json
    assert state_of(now) == after
    if status == 409:
        assert run.state_hash() == before and now == row
        message = answer.error["message"]
        name = row["auth_number"]
        assert f"{name} is {state}" in message
        # It says what can be done instead.
        assert ("/attachments" in message) == (state == "pending")
        assert ("new request" in message) == (state != "pending")
    else:
        assert now == answer.json


def test_the_table_holds_these_transitions_and_no_others():
    found = {
        (state, call)
        for state, finer in STATES.items()
        for call in CALLS
        if call in life_cycle().calls_in(finer, DEFAULT_OFFERS)
    }
    assert found == {(state, call) for state in STATES for call in CALLS if written(state, call)[0] != 409}


@pytest.mark.parametrize("body", [{}, {"notes": None}, {"attachments": [FILE]}, {"procedure_code": "73721"}])
@pytest.mark.parametrize("state", ["pending", "approved", "denied"])
async def test_what_cannot_be_changed_now_is_a_conflict_whatever_is_sent(run, kit, state, body):
    path, _ = await made(run, kit, state)
    before = run.state_hash()
    assert (await run.call("PATCH", path, json=body)).status == 409
    assert run.state_hash() == before


async def test_only_what_was_asked_for_answers_need_more_info(run, kit):
    path, _ = await made(run, kit, "need_more_info")
    refused = await run.call("PATCH", path, json={"notes": "x", "procedure_code": "73721"})
    assert refused.status == 409
    assert "procedure_code" in refused.error["message"]
    assert "clinical_answers, notes, attachments" in refused.error["message"]
    assert (await run.call("POST", f"{path}/submit")).status == 409  # nothing was added since
    assert (await run.call("PATCH", path, json={})).status == 400


def test_the_docs_show_the_table():
    rows = re.findall(r"(?m)^\| `?(draft|pending|need_more_info|approved|denied)`? \| (.*) \|$", DOCS.read_text())
    shown = {state: cells.split(" | ") for state, cells in rows}
    assert list(shown) == list(STATES)
    for state, cells in shown.items():
        for call, cell in zip(CALLS, cells, strict=True):
            is_taken = call in life_cycle().calls_in(STATES[state], DEFAULT_OFFERS)
            found = life_cycle().find(STATES[state], call) if is_taken else None
            assert (found is None) == cell.startswith("409"), (state, call)
            for field in found.fields if found is not None and (state, call) == ("need_more_info", "update") else ():
                assert field in cell
