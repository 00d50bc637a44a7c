"""What is asked of a playground, what came of it, and what is being done beside the event loop."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from sandbox.errors import SandboxError
from sandbox.playground.branch import Branch, Overlay
from sandbox.playground.events import Actor, Event, Request, Response
from sandbox.playground.interaction import Interaction, Sandbox
from sandbox.playground.recording import Commit

Handler: TypeAlias = Callable[[Interaction], Response]
ErrorRenderer: TypeAlias = Callable[[SandboxError], Response]


@dataclass(slots=True)
class Asked:
    """One interaction, whoever does it. `may_look`: it may turn out to be a view of the organization's."""

    event_type: str
    handler: Handler
    sandbox: Sandbox | None = None
    request: Request | None = None
    on_error: ErrorRenderer | None = None
    is_stranger: bool = False
    actor: Actor = "agent"
    may_look: bool = False


@dataclass(slots=True)
class Outcome:
    """The result of an interaction, a value: the response, its event, and the commit to await first."""

    response: Response
    event: Event
    committed: Commit


@dataclass(frozen=True, slots=True)
class Present:
    """A playground after an event: its state, the event's number, how many of all were the organization's, and the time
    on its own clock; None while that is not set."""

    overlay: Overlay
    seq: int
    asides: int
    at: datetime | None


@dataclass(slots=True)
class Aside:
    """An interaction beside the loop: the state before it, and the events that wait for its end."""

    before: Branch
    seq: int
    asides: int
    last_at: datetime | None
    was_torn_down: bool
    events: list[tuple[Event, Callable[[], None]]] = field(default_factory=list)
    _loop_thread: int = field(default_factory=threading.get_ident)

    @property
    def is_here(self) -> bool:
        """Whether this is the thread it is done on."""
        return threading.get_ident() != self._loop_thread
