"""Strings of a state in pieces: what is written, ids that a server minted, and times.

Two strings are alike when their written pieces are the same, their ids correspond, and their times mean the same:
the same instant, or each one a time of its own run (`now`, as somebody noted it while at work).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from sandbox.jsonio import Json
from sandbox.scoring.dates import Period, parse_period

Kind: TypeAlias = Literal["text", "id", "time"]

_ULID: Final = r"(?:[a-z][a-z0-9]*_)?(?<![0-9A-Za-z])[0-9A-HJKMNP-TV-Z]{26}(?![0-9A-Za-z])"
_TIMES: Final = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?<!\d)\d{8}(?:\d{4}(?:\d\d(?:\.\d+)?)?(?:[+-]\d{4})?)?(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a string."""

    kind: Kind
    text: str


@lru_cache(maxsize=8)
def _pattern(minted: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?P<id>{'|'.join((_ULID, *minted))})|(?P<time>{_TIMES})", re.ASCII)


def tokens_of(text: str, minted: tuple[str, ...]) -> list[Token]:
    """Split a string; `minted` are patterns of ids beside those of 26 characters, with a prefix or without.

    >>> [token.kind for token in tokens_of("Patient/01M8177H7TEJZN350G62CWN6NF seen 2026-04-23", ())]
    ['text', 'id', 'text', 'time']
    """
    found: list[Token] = []
    end = 0
    for match in _pattern(minted).finditer(text):
        if match.start() > end:
            found.append(Token("text", text[end : match.start()]))
        found.append(Token("id" if match["id"] is not None else "time", match.group()))
        end = match.end()
    if end < len(text):
        found.append(Token("text", text[end:]))
    return found


def ids_in(value: Json, minted: tuple[str, ...]) -> set[str]:
    """Return every minted id in the strings of a value, keys included."""
    if isinstance(value, str):
        return {token.text for token in tokens_of(value, minted) if token.kind == "id"}
    if isinstance(value, dict):
        return ids_in([*value, *value.values()], minted)
    if isinstance(value, list | tuple):
        return set().union(*(ids_in(item, minted) for item in value))
    return set()


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a run took, on its playground's clock."""

    begin: datetime
    end: datetime

    def holds(self, text: str) -> bool:
        """Whether a time, as precise as it is written, is one of this run; without a zone it is taken for UTC."""
        period = parse_period(text)
        return period is not None and _start(period) <= self.end and _end(period) > self.begin


def same_time(one: str, other: str, first: Span, second: Span) -> bool:
    """Whether two times mean the same: one of each run, or one moment (of one precision)."""
    if one == other:
        return True
    a, b = parse_period(one), parse_period(other)
    if a is None or b is None:
        return False
    if a.end - a.start == b.end - b.start and (a.offset is None) == (b.offset is None) and _start(a) == _start(b):
        return True
    return first.holds(one) and second.holds(other)


def _start(period: Period) -> datetime:
    return _in_utc(period.start, period)


def _end(period: Period) -> datetime:
    return _in_utc(period.end, period)


def _in_utc(wall: datetime, period: Period) -> datetime:
    try:
        return (wall - period.offset if period.offset is not None else wall).replace(tzinfo=UTC)
    except OverflowError:
        return wall.replace(tzinfo=UTC)
