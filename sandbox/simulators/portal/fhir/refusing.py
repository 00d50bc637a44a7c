"""Why a request is not taken: reasons in X12's codes, as PAS tells them in `ClaimResponse.error`.

What is wrong with the Bundle itself is not told here but in an OperationOutcome, with a status of its own.
"""

from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer.people import Rejection
from sandbox.simulators.portal.fhir.sent import CLAIM_AT
from sandbox.simulators.portal.fhir.terms import (
    ERROR_ELEMENT,
    ERROR_PATH,
    FOLLOW_UP,
    X12_FOLLOW_UP,
    X12_REJECTION,
    concept,
)

# The calls of the life cycle, as they are made here.
CALLS: Final = {
    "update": "Claim/$submit of an update (Claim.related)",
    "submit": "$submit-attachment",
    "attach": "$submit-attachment",
    "withdraw": "a certificationType of 3",
    "resubmit": "a certificationType of N",
    "appeal": "a certificationType of 1 or 2",
}
# Where a level of the 278 stands: its loop, and the element of the Claim.
_LEVELS: Final = {
    "requester": ("2010B", "provider"),
    "member": ("2010C", "patient"),
    "event": ("2000E", None),
    "service": ("2000F", "item"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A reason and where it lies; `index` is that of the item, None where it is none's."""

    level: str
    rejection: Rejection
    index: int | None = None

    def to_json(self) -> Json:
        """Write it as an element of `ClaimResponse.error`."""
        loop, element = _LEVELS[self.level]
        where = CLAIM_AT
        if element == "item":
            where = f"{where}.item[{self.index or 0}]"
        elif element is not None:
            where = f"{where}.{element}"
        return {
            "extension": [
                {
                    "url": FOLLOW_UP,
                    "valueCodeableConcept": concept(X12_FOLLOW_UP, self.rejection.follow_up),
                },
                {"url": ERROR_ELEMENT, "valueString": loop},
                {"url": ERROR_PATH, "valueString": where},
            ],
            "code": concept(X12_REJECTION, self.rejection.reason, self.rejection.said),
        }


class Rejected(Exception):
    """A request that the payer does not take; nothing of it stays."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.rejection.said)
        self.told = told


def reject(level: str, rejection: Rejection) -> Rejected:
    """Return the exception for one reason."""
    return Rejected(Told(level, rejection))
