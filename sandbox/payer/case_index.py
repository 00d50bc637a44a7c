"""What is asked of all cases again and again, kept beside the branch: whose a name is, what was asked for whom.

It is derived from the two collections of cases alone, and catches up with what was touched since it was last asked.
"""

from typing import Final, TypeAlias, TypeVar

from sandbox.jsonio import Json
from sandbox.payer.identifiers import normal, normal_of
from sandbox.playground.branch import Branch

REQUESTS: Final = "portal/prior_auth_requests"
DRAFTS: Final = "portal/drafts"
NAMES: Final = ("request_id", "auth_number", "tracking_number")
_CACHE: Final = "portal/cases"

K = TypeVar("K")
V = TypeVar("V")
Place: TypeAlias = tuple[str, str]
"""A collection and a key in it."""


class CaseIndex:
    """The cases of one branch by their names, and the submitted ones by member and procedure; names are normal ones."""

    __slots__ = ("_asked", "_kept", "_named", "_position")

    def __init__(self, branch: Branch) -> None:
        self._kept: dict[Place, tuple[list[str], tuple[str, str] | None]] = {}
        self._named: dict[str, dict[Place, None]] = {}
        self._asked: dict[tuple[str, str], dict[str, None]] = {}
        self._position = len(branch.log)
        for collection in (REQUESTS, DRAFTS):
            for key, row in branch.items(collection):
                self._keep((collection, key), row)

    def catch_up(self, branch: Branch) -> None:
        """Take in what was touched since."""
        if self._position == len(branch.log):
            return
        touched, self._position = branch.touched_since(self._position)
        for place in dict.fromkeys(touched):
            if place[0] in (REQUESTS, DRAFTS):
                self._keep(place, branch.get(*place))

    def named(self, name: str) -> Place | None:
        """Return where the case with a name is, submitted ones first; None where there is none."""
        return min(self._named.get(normal(name), ()), key=lambda place: (place[0] == DRAFTS, place[1]), default=None)

    def asked(self, member_id: str | None, procedure_code: str | None) -> list[str]:
        """Return the keys of the submitted cases of a member and a procedure, however the two are written."""
        return list(self._asked.get(_question(member_id or "", procedure_code or ""), ()))

    def _keep(self, place: Place, row: Json | None) -> None:
        names, question = self._kept.pop(place, ([], None))
        for name in names:
            _leave(self._named, name, place)
        if question is not None:
            _leave(self._asked, question, place[1])
        if row is None:
            return
        names = list(dict.fromkeys(normal(row[field]) for field in NAMES if row.get(field) is not None))
        for name in names:
            self._named.setdefault(name, {})[place] = None
        question = None
        if place[0] == REQUESTS:
            question = _question(row["patient_member_id"] or "", row["procedure_code"] or "")
            self._asked.setdefault(question, {})[place[1]] = None
        self._kept[place] = (names, question)


def _question(member_id: str, procedure_code: str) -> tuple[str, str]:
    return normal_of("patient_member_id", member_id), normal_of("procedure_code", procedure_code)


def _leave(found: dict[K, dict[V, None]], key: K, value: V) -> None:
    del found[key][value]
    if not found[key]:
        del found[key]


def index_of(branch: Branch) -> CaseIndex:
    """Return a branch's index, as of now."""
    index: CaseIndex | None = branch.caches.get(_CACHE)
    if index is None:
        index = branch.caches[_CACHE] = CaseIndex(branch)
    index.catch_up(branch)
    return index
