"""Bodies that come again: stored once by their SHA-256, and named from then on.

An agent reads the same resource over and over, and an answer is most of what an event holds. The first time a body is
stored within its event, as most never come again; the second time by itself.
"""

import hashlib
from collections.abc import Callable

from sandbox import limits
from sandbox.limits import MIB

Place = Callable[[bytes], tuple[str | None, bool]]

_LEAST_BYTES = 256  # what is shorter than this costs less within the event than by name
_KEPT = 4096
_KEPT_BYTES = 16 * MIB


def place_new(body: bytes) -> tuple[str | None, bool]:
    """Return the name of a body that is too long to stand in an event, and that it is still to be stored."""
    if len(body) <= limits.INLINE_BODY_BYTES:
        return None, False
    return hashlib.sha256(body).hexdigest(), True


class Bodies:
    """What was recorded of late; a body is looked up by its content."""

    def __init__(self) -> None:
        self._shas: dict[bytes, str | None] = {}
        self._bytes = 0

    def place(self, body: bytes) -> tuple[str | None, bool]:
        """Return the name of a body that is stored by itself, and whether that is still to be done."""
        size = len(body)
        if size < _LEAST_BYTES or size > limits.INLINE_BODY_BYTES:
            return place_new(body)
        try:
            sha = self._shas[body]
        except KeyError:
            self._keep(body)
            return None, False
        if sha is not None:
            return sha, False
        self._shas[body] = sha = hashlib.sha256(body).hexdigest()
        return sha, True

    def _keep(self, body: bytes) -> None:
        self._shas[body] = None
        self._bytes += len(body)
        while len(self._shas) > _KEPT or self._bytes > _KEPT_BYTES:
            oldest = next(iter(self._shas))
            del self._shas[oldest]
            self._bytes -= len(oldest)

    def forget(self) -> None:
        """Forget everything: what was named may not have been stored."""
        self._shas.clear()
        self._bytes = 0
