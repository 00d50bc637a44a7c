"""What values mean to R4 search, and how they are searched: one plain function for each data type and question."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import Any

CONTACT_SYSTEMS = {"phone", "fax", "email", "pager", "url", "sms", "other"}
UCUM = "http://unitsofmeasure.org"
CURRENCIES = "urn:iso:std:iso:4217"
BEGINNING, END = datetime.min, datetime.max


def escaped(text: str) -> str:
    return re.sub(r"([\\,|$])", r"\\\1", text)


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


# -- token -------------------------------------------------------------------------------------------


def is_contact(value: Any) -> bool:
    return isinstance(value, dict) and value.get("system") in CONTACT_SYSTEMS


def codes_of(value: Any) -> list[tuple[str | None, str | None]]:
    if isinstance(value, bool):
        return [(None, "true" if value else "false")]
    if not isinstance(value, dict):
        return [(None, str(value))]
    if "coding" in value or not value.keys() & {"system", "code", "value"}:
        return [(c.get("system"), c.get("code")) for c in value.get("coding", ())]
    if is_contact(value):
        return [(None, value.get("value"))]
    return [(value.get("system"), value.get("code", value.get("value")))]


def token_queries(value: Any) -> list[str]:
    found = []
    for system, code in codes_of(value):
        if code is not None:
            found.append(escaped(code))
            if system is not None:
                found.append(f"{escaped(system)}|{escaped(code)}")
            elif isinstance(value, dict) and not is_contact(value):
                found.append(f"|{escaped(code)}")
        elif system is not None:
            found.append(f"{escaped(system)}|")
    return found


def has_token(query: str, value: Any) -> bool:
    parts = [unescaped(part) for part in re.split(r"(?<!\\)\|", query)]
    if is_contact(value):
        return len(parts) == 1 and loose(parts[0], value) == loose(value.get("value", ""), value)
    for system, code in codes_of(value):
        if len(parts) == 1:
            if code == parts[0]:
                return True
        elif (system or "") == parts[0] and parts[1] in ("", code):
            return True
    return False


def loose(text: str, contact: Any) -> str:
    text = text.casefold()
    return re.sub(r"[\s().+-]", "", text) if contact["system"] in ("phone", "fax", "pager", "sms") else text


# -- string ------------------------------------------------------------------------------------------


def strings_of(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [str(value)]
    names = (
        "text",
        "family",
        "given",
        "prefix",
        "suffix",
        "line",
        "city",
        "district",
        "state",
        "postalCode",
        "country",
    )
    found: list[str] = []
    for name in names:
        part = value.get(name, [])
        found += part if isinstance(part, list) else [part]
    return [part for part in found if part]


def later_parts(value: Any, is_family: bool) -> list[str]:
    """The parts of a family name after the first, each with what follows it."""
    text = value.get("family", "") if isinstance(value, dict) else value if is_family else ""
    return [text[i + 1 :] for i, c in enumerate(text) if c in " -"]


def plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in letters if not unicodedata.combining(c) and unicodedata.category(c)[0] not in "PS")
    return " ".join(kept.split())


# -- reference ---------------------------------------------------------------------------------------

LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?")


def text_of(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("reference", "")) if "resourceType" not in value else ""
    return str(value)


def reference_queries(value: Any) -> list[str]:
    text = text_of(value)
    if not text or text.startswith("#"):
        return []
    local = LOCAL.fullmatch(text)
    if local is not None:
        found = [text, f"{local[1]}/{local[2]}", local[2]]
        return list(dict.fromkeys(found))
    if not isinstance(value, dict) and "|" in text:
        return [escaped(text.partition("|")[0]), text]
    return [escaped(text)]


def type_by_id(query: str, value: Any) -> str | None:
    """The type of the resource that a reference leads to, when its id alone is what is asked for."""
    here = LOCAL.fullmatch(text_of(value))
    return here[1] if here is not None and here[2] == query else None


def refers(query: str, value: Any) -> bool:
    text, wanted = text_of(value), unescaped(query)
    if not text:
        return False
    here, there = LOCAL.fullmatch(text), LOCAL.fullmatch(wanted)
    if there is not None:
        return here is not None and here.groups()[:2] == there.groups()[:2] and there[3] in (None, here[3])
    if here is not None:
        return here[2] == wanted
    return wanted == text or (not isinstance(value, dict) and "|" not in wanted and text.partition("|")[0] == wanted)


# -- date --------------------------------------------------------------------------------------------

Span = tuple[datetime, datetime]
DATE = re.compile(r"\d{4}(-|$)")  # a choice of date and string may hold "daily"


def span(text: str) -> Span:
    """The first moment of a date or time, and the first one after it."""
    if "T" in text:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        digits = len(found[1]) if (found := re.search(r"\.(\d+)", text)) else 0
        return moment, moment + timedelta(seconds=1) / 10**digits
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 3:
        return datetime(*parts), datetime(*parts) + timedelta(days=1)
    if len(parts) == 2:
        return datetime(*parts, 1), datetime(parts[0] + parts[1] // 12, parts[1] % 12 + 1, 1)
    return datetime(parts[0], 1, 1), datetime(parts[0] + 1, 1, 1)


def spans(value: Any) -> list[Span]:
    if not isinstance(value, dict):
        return [span(str(value))] if DATE.match(str(value)) else []
    if value.keys() & {"event", "repeat", "code"}:
        bounds = value.get("repeat", {}).get("boundsPeriod")
        return [span(e) for e in value.get("event", ())] + (spans(bounds) if bounds else [])
    if not value.keys() & {"start", "end"}:
        return []
    start, end = value.get("start"), value.get("end")
    return [(span(start)[0] if start else BEGINNING, span(end)[1] if end else END)]


def date_queries(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [str(value)] if DATE.match(str(value)) else []
    if value.keys() & {"event", "repeat", "code"}:
        bounds = value.get("repeat", {}).get("boundsPeriod")
        return list(value.get("event", ())) + (date_queries(bounds) if bounds else [])
    start, end = value.get("start"), value.get("end")
    return ([f"ge{start}"] if start else []) + ([f"le{end}"] if end else [])


def compare(query: str, target: Span) -> bool:
    prefix, text = (query[:2], query[2:]) if query[:1].isalpha() else ("eq", query)
    low, high = span(text)
    within = low <= target[0] and target[1] <= high
    return within or (prefix == "ge" and target[1] > high) or (prefix == "le" and target[0] < low)


# -- number and quantity -----------------------------------------------------------------------------


def about(text: str) -> tuple[Decimal, Decimal]:
    """The range that the digits of a number leave open."""
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal(5).scaleb(exponent - 1)
    return number - half, number + half


def decimal(value: Any) -> Decimal:
    return Decimal(getattr(value, "text", str(value)))


def written(value: Any) -> str:
    return str(getattr(value, "text", value))


def range_queries(value: Any) -> list[str]:
    if "low" in value and "value" in value["low"]:
        return [f"ge{written(value['low']['value'])}"]
    return []


def cut(query: str) -> tuple[str, list[str]]:
    prefix, rest = (query[:2], query[2:]) if query[:1].isalpha() else ("eq", query)
    return prefix, [unescaped(part) for part in re.split(r"(?<!\\)\|", rest)]


def compare_number(prefix: str, text: str, low: Decimal | None, high: Decimal | None, is_open: bool = False) -> bool:
    """Compare with a number (low = high) or a range; None is without end."""
    number = Decimal(text)
    match prefix:
        case "eq":
            least, most = about(text)
            return low is not None and high is not None and least <= low and high < most
        case "ge":
            return high is None or high > number or (high == number and not is_open)
        case "lt":
            return low is None or low < number
        case "gt":
            return high is None or high > number
        case "le":
            return low is None or low < number or (low == number and not is_open)
    raise AssertionError(prefix)


def ends_of(value: Any) -> tuple[Decimal | None, Decimal | None, bool]:
    if not isinstance(value, dict):
        return decimal(value), decimal(value), False
    if "origin" in value:
        points = [decimal(value["origin"]["value"]) + decimal(value.get("factor", 1)) * p for p in points_of(value)]
        return min(points), max(points), False
    if value.keys() & {"low", "high"}:
        low, high = value.get("low", {}).get("value"), value.get("high", {}).get("value")
        return (None if low is None else decimal(low)), (None if high is None else decimal(high)), False
    number = decimal(value["value"])
    match value.get("comparator"):
        case "<" | "<=" as c:
            return None, number, c == "<"
        case ">" | ">=" as c:
            return number, None, c == ">"
    return number, number, False


def points_of(sampled: Any) -> list[Decimal]:
    """The points of SampledData; E is none, L and U are the limits."""
    limits = {"L": sampled.get("lowerLimit"), "U": sampled.get("upperLimit")}
    found = [limits.get(text, text) for text in sampled.get("data", "").split() if text != "E"]
    return [decimal(point) for point in found if point is not None]


def has_number(query: str, value: Any) -> bool:
    prefix, [text] = cut(query)
    return compare_number(prefix, text, *ends_of(value))


def units_of(value: Any) -> Any:
    """The dict that holds the unit: a Range's low or high end, or the Quantity itself."""
    return value.get("low") or value.get("high") or value


def quantity_queries(value: Any) -> list[str]:
    if not isinstance(value, dict) or "origin" in value:
        return []
    if "low" in value or "high" in value:
        numbers = range_queries(value)
    elif "value" in value:
        prefix = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}.get(value.get("comparator", ""), "")
        numbers = [prefix + written(value["value"])]
    else:
        return []
    unit = units_of(value)
    if "currency" in unit:
        return numbers + [f"{n}|{CURRENCIES}|{unit['currency']}" for n in numbers]
    found = list(numbers)
    if unit.get("code"):
        found += [f"{n}||{escaped(unit['code'])}" for n in numbers]
        if unit.get("system"):
            found += [f"{n}|{escaped(unit['system'])}|{escaped(unit['code'])}" for n in numbers]
    elif unit.get("unit"):
        found += [f"{n}||{escaped(unit['unit'])}" for n in numbers]
    return found


def ratio_of(code: Any, wanted: str) -> Decimal | None:
    """What a number without dimension is in another such unit: `{score}` is 1, `%` a hundredth; None for others."""
    worth = [Decimal("0.01") if c == "%" else Decimal(1) if re.fullmatch(r"1|\{.*\}", str(c)) else None
             for c in (code, wanted)]  # fmt: skip
    return None if worth[0] is None or worth[1] is None else worth[0] / worth[1]


def has_quantity(query: str, value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() & {"value", "low", "high", "origin"}:
        return False
    prefix, [text, *unit] = cut(query)
    held = value.get("origin") or units_of(value)
    if unit:
        system, code = unit
        if "currency" in held:
            if (system, code) != (CURRENCIES, held["currency"]) and (system or code != held["currency"]):
                return False
        elif system:
            ratio = ratio_of(held.get("code"), code) if {system, held.get("system")} == {UCUM} else None
            if ratio is not None:
                low, high, is_open = ends_of(value)
                scaled = [None if end is None else end * ratio for end in (low, high)]
                return compare_number(prefix, text, scaled[0], scaled[1], is_open)
            if (held.get("system"), held.get("code")) != (system, code):
                return False
        elif code not in (held.get("code"), held.get("unit")):
            return False
    return compare_number(prefix, text, *ends_of(value))


# -- special -----------------------------------------------------------------------------------------


def is_near(query: str, value: Any) -> bool:
    latitude, longitude, distance, _ = query.split("|")
    a, b = (float(latitude), float(longitude)), (float(value["latitude"]), float(value["longitude"]))
    half = (
        sin(radians(b[0] - a[0]) / 2) ** 2
        + cos(radians(a[0])) * cos(radians(b[0])) * sin(radians(b[1] - a[1]) / 2) ** 2
    )
    return 2 * 6371 * asin(sqrt(half)) <= float(distance)
