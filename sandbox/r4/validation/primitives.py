"""The JSON form of R4's primitive types (R4, Data Types).

Each check takes a JSON value and returns None, or the issue code and what is wrong. Knows nothing
of where the value stands.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.r4.validation.narrative import check_xhtml
from sandbox.wire.base64_text import is_base64

Problem: TypeAlias = tuple[str, str]
Check: TypeAlias = Callable[[Json], Problem | None]

STRING_CHARS: Final = 1024 * 1024

_DATE: Final = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)
_ZONE: Final = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_CLOCK: Final = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_DATETIME: Final = re.compile(
    rf"(\d{{4}})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T{_CLOCK}{_ZONE})?)?)?", re.ASCII
)
_INSTANT: Final = re.compile(rf"(\d{{4}})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T{_CLOCK}{_ZONE}", re.ASCII)
_TIME: Final = re.compile(_CLOCK, re.ASCII)
_CODE: Final = re.compile(r"[^\s\x00-\x1f]+(?: [^\s\x00-\x1f]+)*", re.ASCII).fullmatch
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_NO_SPACE: Final = re.compile(r"\S+", re.ASCII).fullmatch
_OID: Final = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII).fullmatch
_UUID: Final = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]").search


def shown(value: Json) -> str:
    """Return a value as a message quotes it, cut to a readable length.

    >>> shown("x" * 100)[-3:]
    'x…"'
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:60]}…"'
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return str(getattr(value, "text", value))


def _not_a(kind: str, value: Json, json_type: str) -> Problem:
    if value is None:
        return "structure", "null is not allowed here; leave the element out."
    return "structure", f"{shown(value)} is not a JSON {json_type}, as the type {kind} needs."


def _text(kind: str, value: Json) -> Problem | None:
    if type(value) is not str:
        return _not_a(kind, value, "string")
    if not value:
        return "value", "The value is an empty string; leave the element out."
    if _CONTROL(value):
        return "value", "The string holds a control character."
    if len(value) > STRING_CHARS:
        return "value", f"The string is longer than {STRING_CHARS} characters."
    return None


def check_string(value: Json) -> Problem | None:
    """Check a `string`.

    >>> check_string("")[0]
    'value'
    """
    if type(value) is str and value and len(value) <= STRING_CHARS and not _CONTROL(value):
        return None
    return _text("string", value)


def check_markdown(value: Json) -> Problem | None:
    """Check a `markdown`."""
    return _text("markdown", value)


def _patterned(kind: str, match: Callable[[str], object], hint: str) -> Check:
    def check(value: Json) -> Problem | None:
        if type(value) is str and match(value):
            return None
        return _text(kind, value) or ("value", f"{shown(value)} is not a valid {kind}: {hint}")

    return check


def is_calendar_day(year: str, month: str | None, day: str | None) -> bool:
    """Whether the day exists; a month or day may be left out.

    >>> is_calendar_day("2023", "02", "29")
    False
    """
    if year == "0000":
        return False
    if day is None or month is None or day < "29":
        return True
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _dated(kind: str, pattern: re.Pattern[str], hint: str) -> Check:
    fullmatch = pattern.fullmatch

    def check(value: Json) -> Problem | None:
        if type(value) is not str:
            return _not_a(kind, value, "string")
        found = fullmatch(value)
        if found is None:
            return _text(kind, value) or ("value", f"{shown(value)} is not a valid {kind}: {hint}")
        if not is_calendar_day(found[1], found[2], found[3]):
            return "value", f"{shown(value)} is not a valid {kind}: there is no such day."
        return None

    return check


def check_boolean(value: Json) -> Problem | None:
    """Check a `boolean`."""
    return None if type(value) is bool else _not_a("boolean", value, "true or false")


def check_decimal(value: Json) -> Problem | None:
    """Check a `decimal`.

    >>> check_decimal("4.1")[0]
    'structure'
    """
    if isinstance(value, int | float) and type(value) is not bool:
        return None
    return _not_a("decimal", value, "number")


def _integer(kind: str, low: int, hint: str) -> Check:
    def check(value: Json) -> Problem | None:
        if type(value) is not int:
            if isinstance(value, float):
                return "value", f"{shown(value)} is not a valid {kind}: it must be a whole number of at most 32 bits."
            return _not_a(kind, value, "number")
        if low <= value <= 2147483647:
            return None
        return "value", f"{value} is not a valid {kind}: {hint}"

    return check


def check_base64(value: Json) -> Problem | None:
    """Check a `base64Binary`.

    >>> check_base64("Zm9v"), check_base64("Zm9")[0]
    (None, 'value')
    """
    if type(value) is not str or not value:
        return _text("base64Binary", value)
    if not value.isspace() and is_base64(value):
        return None
    return "value", f"{shown(value)} is not valid base64."


CHECKS: Final[dict[str, Check]] = {
    "base64Binary": check_base64,
    "boolean": check_boolean,
    "canonical": _patterned("canonical", _NO_SPACE, "a URI holds no white space."),
    "code": _patterned("code", _CODE, "no space at the ends, single spaces inside."),
    "date": _dated("date", _DATE, "write YYYY, YYYY-MM or YYYY-MM-DD."),
    "dateTime": _dated(
        "dateTime", _DATETIME, "write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone (Z or +hh:mm)."
    ),
    "decimal": check_decimal,
    "id": _patterned("id", _ID, "1 to 64 of A-Z, a-z, 0-9, '-' and '.'."),
    "instant": _dated("instant", _INSTANT, "write YYYY-MM-DDThh:mm:ss.sss with a zone (Z or +hh:mm)."),
    "integer": _integer("integer", -2147483648, "it must fit 32 bits."),
    "markdown": check_markdown,
    "oid": _patterned("oid", _OID, "write urn:oid: and numbers joined by dots."),
    "positiveInt": _integer("positiveInt", 1, "it must be 1 to 2147483647."),
    "string": check_string,
    "time": _patterned("time", _TIME.fullmatch, "write hh:mm:ss, without a zone."),
    "unsignedInt": _integer("unsignedInt", 0, "it must be 0 to 2147483647."),
    "uri": _patterned("uri", _NO_SPACE, "a URI holds no white space."),
    "url": _patterned("url", _NO_SPACE, "a URL holds no white space."),
    "uuid": _patterned("uuid", _UUID, "write urn:uuid: and a lower-case UUID."),
    "xhtml": check_xhtml,
}


def coded(value_set: str, codes: frozenset[str]) -> Check:
    """Return the check of a `code` (or string, uri) with a required binding to these codes."""
    plain = CHECKS["code"]

    def check(value: Json) -> Problem | None:
        if type(value) is str and value in codes:
            return None
        problem = plain(value)
        if problem is not None:
            return problem
        known = sorted(codes)
        offer = ", ".join(known) if len(known) <= 20 else ", ".join(known[:20]) + f", … ({len(known)} codes)"
        return "code-invalid", f"{shown(value)} is not a code of {value_set} (required): use one of {offer}."

    return check


CURRENCY: Final = _patterned("currency", re.compile("[A-Z]{3}").fullmatch, "use the three letters of ISO 4217.")
MIME_TYPE: Final = _patterned(
    "MIME type",
    re.compile(r"[A-Za-z0-9!#$&^_.+-]+(?:/[A-Za-z0-9!#$&^_.+*-]+)?(?: *;[^\x00-\x1f\x7f]*)?").fullmatch,
    "write type/subtype.",
)
