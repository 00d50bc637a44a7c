"""Bodies on their way: small ones in memory, large ones in a file that has no name, and a bound on them all.

A body is of use only when all of it is there. Until then it may lie where it costs least; and so many clients may be
sending at once that all of it together has a limit, past which the next one is asked to come again.
"""

import asyncio
import os
from errno import ENOSPC
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Final

from aiohttp import web

from sandbox import limits
from sandbox.errors import InsufficientStorage, Unavailable
from sandbox.record.reserve import LOW_BYTES, free_bytes

RETRY_AFTER_S: Final = 5


class Unfinished:
    """How many bytes of unfinished bodies there are, of all clients; `directory` is where large ones lie."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.count = 0

    def take(self, count: int) -> None:
        """Make room for so many more. Raises `Unavailable`."""
        if self.count + count > limits.UNFINISHED_BYTES:
            raise Unavailable(
                "Too many bodies are on their way to this server at once; come again.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        self.count += count

    def give(self, count: int) -> None:
        """Give room back."""
        self.count -= count


UNFINISHED = web.AppKey("unfinished", Unfinished)


class Incoming:
    """One body that is being read; leaving the block gives back what it took."""

    def __init__(self, unfinished: Unfinished) -> None:
        self._unfinished = unfinished
        self._parts: list[bytes] = []
        self._in_memory = 0
        self._taken = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    def drop(self) -> None:
        """Forget what came."""
        self._unfinished.give(self._taken)
        self._taken = self._in_memory = 0
        self._parts.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    async def add(self, part: bytes) -> None:
        """Keep a part. Raises `Unavailable`, and `InsufficientStorage` where the disk is full."""
        self._unfinished.take(len(part))
        self._taken += len(part)
        self._parts.append(part)
        self._in_memory += len(part)
        if self._in_memory > limits.BODY_BYTES_IN_MEMORY:
            await self._store()

    async def _store(self) -> None:
        content = b"".join(self._parts)
        self._parts.clear()
        self._in_memory = 0
        try:
            await asyncio.to_thread(self._write, content)
        except OSError as error:
            raise InsufficientStorage(f"The body cannot be kept while it comes: {error.strerror}.") from None

    def _write(self, content: bytes) -> None:
        if free_bytes(self._unfinished.directory) < LOW_BYTES + len(content):
            raise OSError(ENOSPC, os.strerror(ENOSPC))  # the last room is for what others record
        if self._file is None:  # without a buffer: what is left in one by a full disk would fail once more when closed
            self._file = TemporaryFile(dir=self._unfinished.directory, buffering=0)  # noqa: SIM115  closed by `drop`
        left = memoryview(content)
        while left:
            left = left[self._file.write(left) :]

    async def whole(self) -> bytes:
        """Return the body. Raises `InsufficientStorage`."""
        if self._file is None:
            return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        await self._store()
        return await asyncio.to_thread(_read, self._file)


def _read(file: IO[bytes]) -> bytes:
    descriptor = file.fileno()
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)  # one call, which lets others go on meanwhile
