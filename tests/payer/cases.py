"""Driving a case along the table of its life cycle: every transition's own example is how it is taken."""

from collections import deque

from sandbox.payer import cases, decisions, disputes
from sandbox.payer.attachments import Upload
from sandbox.payer.case_rows import find
from sandbox.payer.decisions import PayerDecision
from sandbox.payer.lifecycle import life_cycle
from sandbox.playground.events import Response

FILE = Upload("notes.pdf", "application/pdf", b"%PDF")
CONFIG = {
    "draft_days": 14,
    "appeals": {"within_days": 180},
    "offers": ["edit", "withdraw", "resubmit", "appeal", "external_review", "peer_to_peer"],
    # Slots are offered by the payer's decision, not by themselves.
    "peer_to_peer": {"offer_delay_seconds": 8_000_000, "turns": ["Why?", "Is there a deficit?", "Since when?"]},
}
FIELDS = {
    "patient_member_id": "W1",
    "procedure_code": "72148",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
    "clinical_answers": {"weeks": 8, "deficit": False},
    "units": 12,
}
PROVIDERS = {
    "update": lambda tx, name, given: cases.update(tx, name, given, ()),
    "submit": lambda tx, name, given: cases.submit(tx, name),
    "attach": lambda tx, name, given: cases.attach(tx, name, [FILE]),
    "withdraw": lambda tx, name, given: cases.withdraw(tx, name, **given),
    "resubmit": lambda tx, name, given: cases.resubmit(tx, name, given),
    "appeal": lambda tx, name, given: disputes.appeal(tx, name, **given),
    "external_review": lambda tx, name, given: disputes.request_external_review(tx, name, **given),
    "request_peer_to_peer": lambda tx, name, given: disputes.request_peer_to_peer(tx, name, **given),
    "choose_slot": lambda tx, name, given: disputes.choose_slot(tx, name, **given),
    "speak": lambda tx, name, given: disputes.speak(tx, name, **given),
    "cancel_peer_to_peer": lambda tx, name, given: disputes.cancel_peer_to_peer(tx, name),
}


def do(world, act):
    """Run something in one interaction of the portal's sandbox; return what it returns."""
    found = []
    world.playground.interact(
        "portal_request",
        lambda tx: (found.append(act(tx)), Response.of_json({}))[1],
        sandbox=world.playground.sandboxes[0],
    )
    return found[0]


def made(world, fields=FIELDS):
    """Return the request id of a new draft."""
    return do(world, lambda tx: cases.create(tx, fields, [], is_draft=True))["request_id"]


def row_of(world, name):
    """Return a case after everything has happened that is due."""
    return do(world, lambda tx: find(tx, name))


def take(world, name, transition):
    """Take a transition by its example; return the case's row."""
    given = dict(transition.example["in"])
    if transition.by == "clock":
        world.clock.advance(given["seconds"])
    elif transition.by == "payer":
        decision = PayerDecision.model_validate({"decision": transition.on, **given})
        do(world, lambda tx: decisions.decide(tx, name, decision))
    else:
        if transition.name == "hand_in":  # something must have been added since
            do(world, lambda tx: cases.attach(tx, name, [FILE]))
        do(world, lambda tx: PROVIDERS[transition.on](tx, name, given))
    return row_of(world, name)


def way_to(state):
    """Return the transitions that lead from a draft to a state, as few as there may be; the clock is left alone."""
    ways = {"draft": ()}
    queue = deque(["draft"])
    table = life_cycle().transitions
    while queue:
        at = queue.popleft()
        for transition in table:
            is_way = transition.by != "clock" or transition.name == "call_begins"
            if transition.source == at and transition.to not in ways and is_way:
                ways[transition.to] = (*ways[at], transition)
                queue.append(transition.to)
    return ways.get(state)
