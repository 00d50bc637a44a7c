"""Wires: the ways into simulated systems that are no HTTP, and what they ask of the server that opens them.

A simulator knows a protocol, the server knows runs and playgrounds: whoever connects names a sandbox, and what it does
there is an interaction like any other. Must not know any protocol.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox.jsonio import Json
from sandbox.playground.calls import Asked, Outcome
from sandbox.playground.playground import Interaction, Sandbox


class WireError(OSError):
    """A wire cannot be opened; the message says why and what to do."""


class Guest(Protocol):
    """Who was let in to one sandbox, for as long as its task run is started."""

    sandbox: Sandbox
    base_url: str
    """The path of the surface root over HTTP, `/v1/task-runs/{id}`."""

    @property
    def is_welcome(self) -> bool:
        """Whether the sandbox still takes calls."""
        ...

    def look(self) -> Interaction:
        """Return an interaction to read with, outside of any event. Raises `Conflict` when the task run is over."""
        ...

    async def settle(self) -> None:
        """Let happen what is due by the playground's clock, for a look to see."""
        ...

    def attempt(self, asked: Asked) -> Outcome | None:
        """Do what is asked if it can be done at once; its commit is still to be awaited. Raises `Conflict`."""
        ...

    async def interact(self, asked: Asked, *, is_long: bool = False) -> Outcome:
        """Do what is asked and return when it is stored. Raises `Conflict` when the task run is over."""
        ...


class Gate(Protocol):
    """Finds who is meant by what a caller says."""

    def find(self, surface: str, is_meant: Callable[[Sandbox], bool]) -> Guest | None:
        """Return the guest of the one sandbox, of a started task run, that is meant; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """Where a wire is opened: the address, the port asked for (0 for a free one, None for the usual one where that is
    free), and the data directory."""

    host: str
    port: int | None
    directory: Path


class Wire(Protocol):
    """An open wire."""

    port: int

    def credentials(self, sandbox: Sandbox, host: str) -> dict[str, Json]:
        """Return what a client needs to connect to a sandbox here; `host` is the name it knows the server by."""
        ...

    async def close(self) -> None:
        """End every connection, and what each has begun."""
        ...
