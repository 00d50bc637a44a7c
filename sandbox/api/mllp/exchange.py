"""One delivery on the network: connect, send one message, wait for its answer.

Every attempt has a connection of its own: some listeners close after each message, some answer all earlier ones again.
What comes on it beside the answer is ignored: answers to other messages, and answers that are repeated.
"""

import asyncio
import socket
from collections.abc import Collection
from contextlib import suppress

from sandbox import outbound
from sandbox.simulators.hl7.deliveries import Job, Outcome, is_accept, is_answer_to
from sandbox.simulators.hl7.mllp.framing import Framed, Frames, frame

_READ_BYTES = 64 * 1024


async def deliver(job: Job, allowed: Collection[str]) -> Outcome:
    """Make an attempt; what goes wrong is its outcome. `allowed` are the hosts besides loopback."""
    writer: asyncio.StreamWriter | None = None
    found = _Found(job)
    try:
        async with asyncio.timeout(job.timeout_s):
            reader, writer = await _connect(job.host.strip("[]"), job.port, allowed)
            writer.write(frame(job.body))
            await writer.drain()
            if not job.is_answered:
                return Outcome()
            await found.read(reader)
        return found.outcome("The connection was closed without an answer.")
    except TimeoutError:
        what = "not reached" if writer is None else "no answer"
        return found.outcome(f"The listener at {job.host}:{job.port} gave {what} within {job.timeout_s:g} seconds.")
    except _ElsewhereError:
        return found.outcome(outbound.refusal("The listener", job.host))
    except OSError as error:
        # The system's own text names the address in ways that differ between systems.
        reason = "refused the connection" if isinstance(error, ConnectionRefusedError) else "closed the connection"
        if writer is None and not isinstance(error, ConnectionRefusedError):
            reason = "cannot be reached"
        return found.outcome(f"The listener at {job.host}:{job.port} {reason}.")
    finally:
        if writer is not None:
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()


class _ElsewhereError(Exception):
    """A name leads where nothing may connect to."""


async def _connect(host: str, port: int, allowed: Collection[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first of a host's addresses that takes it, of those that may be connected to. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    kept = [address for address in addresses if outbound.is_address_allowed(host, address, allowed)]
    if not kept:
        raise _ElsewhereError
    for address in kept[:-1]:
        with suppress(OSError):
            return await asyncio.open_connection(address, port)
    return await asyncio.open_connection(kept[-1], port)


class _Found:
    """What came back for a job so far."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._frames = Frames()
        self._others = 0
        self.ack: bytes | None = None

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Read until the answer is there, or the connection ends."""
        while True:
            data = await reader.read(_READ_BYTES)
            framed = self._frames.feed(data) if data else [self._frames.idle()]
            if any(one is not None and self._take(one) for one in framed) or not data:
                return

    def _take(self, framed: Framed) -> bool:
        """Take an answer; return whether it is the last one to wait for."""
        if framed.problem is not None or not is_answer_to(framed.content, self._job.control_id):
            self._others += 1
            return False
        self.ack = framed.content
        return not (self._job.is_answered_twice and is_accept(framed.content))

    def outcome(self, error: str) -> Outcome:
        """Return what is known; the error only where there is no answer."""
        notes = (f"{self._others} other answers on the connection were ignored.",) if self._others else ()
        return Outcome(self.ack, None if self.ack is not None else error, notes)
