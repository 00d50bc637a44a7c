"""Insurance that somebody had before: one rule for chart and payer, so that both know of the same old cards."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sandbox.definitions.mess import Mess

RULE: Final = "former-coverage"
SHARE: Final = 0.5
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FormerCoverage:
    """A membership that ended, with its first and last day."""

    member_id: str
    start: date
    end: date


def former_coverages(mess: Mess, member_id: str, start: date) -> tuple[FormerCoverage, FormerCoverage] | None:
    """Return the two memberships before one that began on a day, the older first; None for who had none.

    >>> older, newer = former_coverages(Mess(2, 0, frozenset()), "LHP558210094", date(2024, 1, 1))
    >>> f"{older.start} to {older.end}, {newer.start} to {newer.end}", older.member_id
    ('2020-01-01 to 2021-12-31, 2022-01-01 to 2023-12-31', 'LHP141505942')
    """
    if mess.draw(RULE, member_id) >= SHARE or start.year < 1904:
        return None
    newest, oldest = (start.replace(year=start.year - years, day=min(start.day, 28)) for years in (2, 4))
    return (
        FormerCoverage(mess.renumber(member_id, "former"), oldest, newest - _DAY),
        FormerCoverage(mess.renumber(member_id, "lapsed"), newest, start - _DAY),
    )
