"""What an evaluation is given and what it leaves behind; nothing of it is global."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sandbox import work
from sandbox.errors import TooCostly
from sandbox.fhirpath.errors import EvaluationProblem
from sandbox.fhirpath.nodes import Item, Node
from sandbox.jsonio import Json

WORK_LIMIT: Final = 500_000
_COST: Final = 4  # microseconds, and so units of the interaction's budget, that a visit takes

Resolve = Callable[[str], Json]
MemberOf = Callable[[str, str | None, str], bool | None]
IsHtml = Callable[[str], bool]
_NO_VARIABLES: Final[Mapping[str, Sequence[Item]]] = {}


def resolves_nothing(reference: str) -> Json:
    """The resolver of an evaluation that has no store."""
    return None


def knows_no_value_set(url: str, system: str | None, code: str) -> bool | None:
    """The value sets of an evaluation that has no store: it knows none."""
    return None


def is_never_html(text: str) -> bool:
    """The narrative rules of an evaluation that has none."""
    return False


class Context:
    """What one evaluation may see.

    `now` is the playground's clock, with a zone; without it `now()`, `today()` and `timeOfDay()` raise. `resolve`
    answers a reference with a resource or None; `member_of` says whether a value set (a canonical) holds a code, None
    for one it does not know; `is_html` whether a narrative keeps R4's rules. `variables` are collections by name,
    without the `%`. `traces` fills with what `trace()` was given. `work` counts what was visited, up to `limit`.
    """

    __slots__ = ("_budget", "is_html", "limit", "member_of", "now", "resolve", "traces", "variables", "work")

    def __init__(
        self,
        now: datetime | None = None,
        resolve: Resolve = resolves_nothing,
        member_of: MemberOf = knows_no_value_set,
        is_html: IsHtml = is_never_html,
        variables: Mapping[str, Sequence[Item]] = _NO_VARIABLES,
        limit: int = WORK_LIMIT,
    ) -> None:
        self.now = now
        self.resolve = resolve
        self.member_of = member_of
        self.is_html = is_html
        self.variables = variables
        self.limit = limit
        self.work = 0
        self._budget = work.current()
        self.traces: list[dict[str, Json]] = []

    def spend(self, units: int) -> None:
        """Count work, of the interaction too; raises `TooCostly` past either's limit."""
        self.work += units
        self._budget.spend(units * _COST)
        if self.work > self.limit:
            raise TooCostly(f"The FHIRPath visits more than {self.limit:,} elements; ask for less at a time.")

    def clock(self) -> datetime:
        """Return the time of the evaluation."""
        if self.now is None:
            raise EvaluationProblem("it asks for the time, and this evaluation has no clock")
        return self.now


class Env:
    """Where an evaluation stands: `$this` (a collection), `$index`, `$total` and the variables defined so far."""

    __slots__ = ("context", "index", "resource", "root", "start", "this", "total", "variables")

    def __init__(self, context: Context, this: list[Item], resource: Node | None, root: Node | None) -> None:
        self.context = context
        self.start = this
        self.this = this
        self.index = 0
        self.total: list[Item] = []
        self.resource = resource
        self.root = root
        self.variables: dict[str, list[Item]] = {}


Evaluate = Callable[[Env], list[Item]]
Apply = Callable[[Env, list[Item]], list[Item]]
Types = frozenset[str] | None
