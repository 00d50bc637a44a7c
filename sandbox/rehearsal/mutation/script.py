"""A recorded run as a script: the calls of an agent, as they were sent and answered, and what it said at the end.

Only what the agent did itself belongs to it, reading included, since a task may ask what was read before what was
written. That is what it called over HTTP, what it sent by MLLP, and how it answered what was delivered to it there.
Calls whose body the record does not hold (a log-in) are left out: a script is played with the run token.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import jsonio
from sandbox.client.models import Event
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.events import REDACTED, SCENARIO_METHOD
from sandbox.scoring.states.changes import is_bookkeeping
from sandbox.simulators.leaves import Sent

LLM_TASKS = "llm-tasks"
_MESSAGE_TYPES = frozenset({"hl7_outbound", "fax_sent", "message_sent"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_DELIVERY = "hl7_delivery"
MLLP = "mllp"
ANSWER = "ANSWER"
"""The method of a step that is an answer to a delivery; its path ends with the message's control id, and its body is
the acknowledgment, None where there was none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call, with its answer as recorded. `writes` are the documents it changed, `(collection, key)`, bookkeeping
    left out; `via` is `mllp` for what went over that wire."""

    sent: Sent
    event_type: str
    status: int
    answered: Json
    headers: Mapping[str, str]
    writes: tuple[tuple[str, str], ...] = ()
    via: str = "http"

    @property
    def surface(self) -> str:
        """The surface that was called."""
        return self.sent.path.partition("/")[0]

    @property
    def is_write(self) -> bool:
        """Whether it changed something that counts, at its sender's wish."""
        return bool(self.writes) and self.sent.method not in _READING

    @property
    def is_answer(self) -> bool:
        """Whether it answers what was delivered."""
        return self.sent.method == ANSWER

    @property
    def is_message(self) -> bool:
        """Whether it tells somebody something."""
        body = self.sent.body
        kind = body.get("resourceType") if isinstance(body, dict) else None
        return self.event_type in _MESSAGE_TYPES or kind in ("Communication", "CommunicationRequest")

    @property
    def subject(self) -> str:
        """What it is about, for people: `POST ServiceRequest`, `PUT fhir/Slot/x`.

        Resources and messages are named by their type.
        """
        body = self.sent.body
        if isinstance(body, dict) and "resourceType" in body and self.sent.method == "POST":
            return f"POST {body['resourceType']}"
        return f"{self.sent.method} {self.sent.path}"


@dataclass(frozen=True, slots=True)
class Script:
    """All calls of a task run in their order, its output, and the ids that the run itself had."""

    key: str
    steps: tuple[Step, ...]
    output: Json
    own_ids: tuple[str, ...] = ()

    @property
    def writes(self) -> list[int]:
        """The places of the calls that write."""
        return [place for place, step in enumerate(self.steps) if step.is_write]


def read_script(
    key: str,
    events: Iterable[Event],
    output: Json,
    own_ids: tuple[str, ...] = (),
    bookkeeping: frozenset[str] = frozenset(),
) -> Script:
    """Read a task run's events, oldest first; `bookkeeping` are the collections that simulators declare as such.

    Raises `Invalid` for a call by another wire than HTTP and MLLP.
    """
    steps = []
    for event in events:
        request: Mapping[str, Any] = event.request or {}
        if event.type == _DELIVERY and event.via == MLLP:
            steps.append(_answer_of(event, bookkeeping))
            continue
        if event.actor != "agent" or event.is_view or not request or request["method"] == SCENARIO_METHOD:
            continue
        via = event.via or "http"
        if via not in ("http", "browser", MLLP):
            raise Invalid(f"{key}: call {event.seq} came by {via}; only HTTP and MLLP can be played again.")
        if REDACTED in jsonio.dump([request.get("body"), request.get("path")]).decode():
            continue
        response = event.response or {}
        sent = Sent(
            request["method"], request["path"], request.get("query"), request.get("headers") or {}, request.get("body")
        )
        status, headers = int(response.get("status", 0)), response.get("headers") or {}
        steps.append(Step(sent, event.type, status, response.get("body"), headers, _writes_of(event, bookkeeping), via))
    return Script(key, tuple(steps), output, own_ids)


def _answer_of(event: Event, bookkeeping: frozenset[str]) -> Step:
    """Read an attempt at a delivery as what the agent did: it answered, or it did not."""
    told: Any = (event.response or {}).get("body") or {}
    sent = Sent(ANSWER, f"hl7/inbox/{told['control_id']}", None, {}, told["ack"])
    return Step(sent, event.type, int((event.response or {})["status"]), None, {}, _writes_of(event, bookkeeping), MLLP)


def _writes_of(event: Event, bookkeeping: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple((c["collection"], c["key"]) for c in event.changes if not is_bookkeeping(c["collection"], bookkeeping))
