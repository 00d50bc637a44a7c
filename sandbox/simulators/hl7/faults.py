"""What can be wrong with a message, in HL7's own terms (table 0357, message error condition codes)."""

from dataclasses import dataclass
from typing import Final

SEGMENT_SEQUENCE: Final = "100"
REQUIRED_FIELD: Final = "101"
DATA_TYPE: Final = "102"
TABLE_VALUE: Final = "103"
UNSUPPORTED_TYPE: Final = "200"
UNSUPPORTED_EVENT: Final = "201"
UNSUPPORTED_PROCESSING_ID: Final = "202"
UNSUPPORTED_VERSION: Final = "203"
APPLICATION_ERROR: Final = "207"

CONDITIONS: Final = {
    SEGMENT_SEQUENCE: "Segment sequence error",
    REQUIRED_FIELD: "Required field missing",
    DATA_TYPE: "Data type error",
    TABLE_VALUE: "Table value not found",
    UNSUPPORTED_TYPE: "Unsupported message type",
    UNSUPPORTED_EVENT: "Unsupported event code",
    UNSUPPORTED_PROCESSING_ID: "Unsupported processing id",
    UNSUPPORTED_VERSION: "Unsupported version id",
    APPLICATION_ERROR: "Application internal error",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One error: where, its code in table 0357, and a sentence for people.

    `location` has the parts of the data type ERL: segment, its occurrence, field, repetition,
    component, subcomponent; as many as are known, empty for none. `severity` is of table 0516: an error
    (E), or a warning (W), which is no reason to refuse the message.
    """

    location: str
    code: str
    message: str
    severity: str = "E"

    @property
    def place(self) -> tuple[str, ...]:
        """The parts of the location.

        >>> Fault("PID^1^5", "101", "").place
        ('PID', '1', '5')
        """
        return tuple(self.location.split("^")) if self.location else ()
