"""The work that one request may ask for: counted where it is done, bounded in one place.

Counts of entries and results say little of what they cost: a nested selection, a patch that doubles, a batch of
searches. So whatever is done again and again spends units here, a unit being about a microsecond: documents looked at,
JSON read and written, elements validated, values compared, patch operations, characters matched. A `Budget` holds the
units of one interaction; past its limit `spend` raises `TooCostly`, and all of the interaction is undone.

A budget on trial is a small one: what fits in is done on the event loop at once. What does not raises `Outgrown`, is
undone likewise and begun again beside the loop with the full budget. Nothing but `Playground` needs to know of either.

Who spends does not need to be given the budget: it belongs to the context (PEP 567) the work is done in. Outside of an
interaction (loading, scoring) nothing is bounded.
"""

from contextvars import ContextVar, Token
from typing import Final

from sandbox import limits
from sandbox.errors import TooCostly, Unavailable

TRIAL_UNITS: Final = 4_000
UNBOUNDED: Final = 1 << 62
_HELD_CHARS: Final = limits.REQUEST_BODY_BYTES


class Outgrown(BaseException):
    """What was tried on the event loop takes longer than others may wait; begin it again beside the loop.

    No `Exception`, so that nobody who handles errors of a part takes it for one.
    """


class Budget:
    """The units of work, and the bytes of an answer, that an interaction has left."""

    __slots__ = ("_is_stopped", "_is_trial", "_to_hold", "answer_bytes", "held", "left")

    def __init__(self, units: int = limits.WORK_UNITS, *, is_trial: bool = False) -> None:
        self.left = units
        self.answer_bytes = 3 * limits.ANSWER_BYTES  # a batch's search counts where it is made, answered and embedded
        self.held: list[object] = []
        self._to_hold = _HELD_CHARS if units < UNBOUNDED else -1
        self._is_trial = is_trial
        self._is_stopped = False

    @property
    def is_spent(self) -> bool:
        """Whether more was asked for than there is; then nothing of the interaction may stay."""
        return self.left < 0 or self.answer_bytes < 0

    @property
    def is_beside(self) -> bool:
        """Whether this is work beside the loop, or may be: what holds the interpreter long is to be done in parts."""
        return not self._is_trial and self._to_hold >= 0

    def spend(self, units: int) -> None:
        """Count work. Raises `TooCostly`, `Outgrown`, or `Unavailable` when the server is stopping."""
        self.left -= units
        if self.left < 0:
            self.refuse()

    def spend_bytes(self, count: int) -> None:
        """Count bytes of the answer. Raises `TooCostly`."""
        self.answer_bytes -= count
        if self.answer_bytes < 0:
            raise too_long()

    def expect(self, units: int) -> None:
        """Leave the loop if as much is to come; it is no work of this request's alone and not charged to it."""
        if self._is_trial and units > self.left:
            raise Outgrown

    def hold(self, pieces: list[object], chars: int) -> None:
        """Keep hold of the parts of something large until `let_go`, if that much is still kept.

        What is let go of whole holds the interpreter until all of it is gone.
        """
        if chars <= self._to_hold:
            self._to_hold -= chars
            self.held += pieces

    def let_go(self) -> None:
        """Let go of what is held, one by one, so that others may go on in between."""
        while self.held:
            self.held.pop()

    def stop(self) -> None:
        """Let the next `spend` be the last, from whatever thread: the server is stopping."""
        self._is_stopped = True
        self.left = -1

    def refuse(self) -> None:
        """Raise what ends the work."""
        if self._is_stopped:
            raise Unavailable("The server is stopping; nothing of this was done.", headers={"Retry-After": "5"})
        if self._is_trial:
            raise Outgrown
        raise TooCostly(
            "This asks for more work than one request may; nothing of it was done. Ask for less at a time: fewer "
            "entries, a narrower search, a simpler expression."
        )


def too_long() -> TooCostly:
    """Return the refusal of an answer past its limit."""
    return TooCostly(
        f"The answer is longer than {limits.ANSWER_BYTES:,} bytes; nothing of it was done. Ask for less at a time: a "
        "smaller page, fewer entries."
    )


_unbounded: Final = Budget(UNBOUNDED)
_unbounded.answer_bytes = UNBOUNDED
_current: ContextVar[Budget] = ContextVar("budget", default=_unbounded)


def current() -> Budget:
    """Return the budget of what is being done; one without a bound outside of an interaction."""
    return _current.get()


def spend(units: int) -> None:
    """Count work against whatever is being done; raises as `Budget.spend` does.

    >>> with bounded(Budget(10)):
    ...     spend(11)
    Traceback (most recent call last):
    ...
    sandbox.errors.TooCostly: This asks for more work than one request may; nothing of it was done. Ask for less at a \
time: fewer entries, a narrower search, a simpler expression.
    """
    budget = _current.get()
    budget.left -= units
    if budget.left < 0 and budget is not _unbounded:
        budget.refuse()


class bounded:  # noqa: N801  # reads as the function it stands for; every interaction passes here, a generator is dearer
    """Do what is inside the block on a budget."""

    __slots__ = ("_budget", "_token")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._token: Token[Budget] | None = None

    def __enter__(self) -> Budget:
        self._token = _current.set(self._budget)
        return self._budget

    def __exit__(self, *error: object) -> None:
        assert self._token is not None
        _current.reset(self._token)


def unbounded() -> bounded:
    """Charge what is inside the block to nobody: what all playgrounds share and is bounded by a dataset's size."""
    return bounded(_unbounded)
