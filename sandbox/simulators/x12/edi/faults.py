"""What is wrong with a transaction set, as a 999 says it (005010X231A1: IK3, CTX, IK4).

Codes are those of the acknowledgment's own elements; words are ours, for people who read JSON.
"""

from dataclasses import dataclass
from typing import Final

BAD_ELEMENTS: Final = "8"


@dataclass(frozen=True, slots=True)
class ElementFault:
    """One wrong element. `position` counts from 1 within the segment, `component` within a composite (0: none)."""

    code: str
    position: int
    value: str = ""
    component: int = 0
    repetition: int = 0
    reference: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SegmentFault:
    """One wrong or missing segment. `position` counts from ST, which is 1; `loop` is the loop's identifier."""

    code: str
    segment: str
    position: int
    loop: str = ""
    elements: tuple[ElementFault, ...] = ()
    text: str = ""

    def told(self) -> list[str]:
        """Return what is wrong in words, a sentence for each fault.

        >>> SegmentFault("3", "UM", 14, "2000E", text="is required and missing").told()
        ['UM in loop 2000E, before segment 14, is required and missing']
        """
        where = f"{self.segment}{f' in loop {self.loop}' if self.loop else ''}"
        place = f"before segment {self.position}" if self.code == "3" else f"segment {self.position}"
        if not self.elements:
            return [f"{where}, {place}, {self.text}"]
        return [
            f"{self.segment}{_place(e)}{f' in loop {self.loop}' if self.loop else ''}, {place}, {e.text}"
            for e in self.elements
        ]


def _place(fault: ElementFault) -> str:
    return f"{fault.position:02}" + (f"-{fault.component}" if fault.component else "")
