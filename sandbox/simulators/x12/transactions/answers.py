"""What the rules of a transaction set come to."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sandbox.jsonio import Json
from sandbox.simulators.x12.edi.segments import Segment

Status: TypeAlias = Literal["answered", "rejected"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, ST and SE left out.

    `about` is what rows and checks know it by (member, case, claim); `errors` are its rejections in words. An answer
    is `rejected` where nothing in it could be answered.
    """

    kind: str
    version: str
    body: tuple[Segment, ...]
    about: dict[str, Json] = field(default_factory=dict)
    errors: tuple[Json, ...] = ()
    status: Status = "answered"


def status_of(found: Collection[Json]) -> Status:
    """Return the status of an answer that has something, or nothing, to tell."""
    return "answered" if found else "rejected"
