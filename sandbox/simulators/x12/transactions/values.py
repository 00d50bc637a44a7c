"""Dates, amounts and codes as X12 writes them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import codes

GENDERS: Final = {"male": "M", "female": "F"}
TEXT_CHARS: Final = 264


def compact(day: str | date | None) -> str:
    """Return a date as CCYYMMDD; an instant loses its time.

    >>> compact("2026-04-23"), compact("2026-04-23T09:00:00.000Z"), compact(None)
    ('20260423', '20260423', '')
    """
    if day is None:
        return ""
    return str(day)[:10].replace("-", "")


def iso(day: str) -> str:
    """Return a CCYYMMDD date as ISO 8601 writes it.

    >>> iso("20260423"), iso("")
    ('2026-04-23', '')
    """
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 else day


def procedure_component(code: str) -> list[str]:
    """Return a procedure code with its qualifier (data element 235): `N4` and 11 digits for a National Drug Code.

    >>> procedure_component("j0139"), procedure_component("00074-0243-02")
    (['HC', 'J0139'], ['N4', '00074024302'])
    """
    drug = codes.ndc(code)
    return ["HC", code.upper()] if drug is None else ["N4", drug.replace("-", "")]


def procedure_of(text: str) -> str | None:
    """Return a code as the payer writes it, None for an empty one.

    >>> procedure_of("00074024302"), procedure_of("J0139"), procedure_of("nonsense"), procedure_of("")
    ('00074-0243-02', 'J0139', 'nonsense', None)
    """
    return codes.procedure_or_drug(text) or text or None


def first_day(value: str) -> str:
    """Return the first day of a D8 or RD8 value."""
    return value.partition("-")[0]


def last_day(value: str) -> str:
    """Return the last day of a D8 or RD8 value.

    >>> last_day("20260101-20260131"), last_day("20260101")
    ('20260131', '20260101')
    """
    return value.rpartition("-")[2]


def amount(value: Json) -> str:
    """Return an amount of money, or another number, without zeros that say nothing.

    >>> amount(25), amount("25.50"), amount(0.2), amount(None)
    ('25', '25.5', '0.2', '')
    """
    if value is None or value == "":
        return ""
    text = f"{Decimal(str(value)):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def stamp(now: datetime) -> tuple[str, str]:
    """Return the date and the time of a heading.

    >>> stamp(datetime(2026, 4, 23, 9, 5))
    ('20260423', '0905')
    """
    return now.strftime("%Y%m%d"), now.strftime("%H%M")


def pieces(text: str) -> list[str]:
    """Split a text into what MSG01 takes, between words where it can.

    >>> pieces("a " * 200)[0].count("a"), len(pieces("a " * 200)), pieces("")
    (132, 2, [])
    """
    rest, found = " ".join(text.split()), []
    while rest:
        cut = len(rest) if len(rest) <= TEXT_CHARS else (rest.rfind(" ", 1, TEXT_CHARS + 1))
        cut = TEXT_CHARS if cut <= 0 else cut
        found.append(rest[:cut])
        rest = rest[cut:].lstrip()
    return found
