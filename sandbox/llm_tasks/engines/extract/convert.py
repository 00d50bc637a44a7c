"""From a found value to a field's type: text, number, yes or no, option, date. Pure."""

import math
import re
from functools import lru_cache
from typing import Any, Final

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract import values
from sandbox.llm_tasks.engines.extract.words import content_words, tokens_of
from sandbox.llm_tasks.output_format.grammar import Field

# A head word that says how the value is written rather than what it is.
_FORM_WORDS: Final = frozenset({"description", "value", "summary", "string", "full"})
# What a number is counted or measured in: "page_count", "weight_kg".
_MEASURES: Final = frozenset(
    "quantity id kg lb lbs g mg ml cm mm inch bpm mmhg percent pct usd eur c f day week month year hour minute".split()
) | {"date"}


@lru_cache(maxsize=4096)
def head_words(wanted: Field) -> tuple[str, ...]:
    """Return the words of a field's name that say what it is, its head last."""
    words = list(tokens_of(wanted.name)) if wanted.type != "bool" else list(content_words(wanted.name))
    form = _FORM_WORDS | _MEASURES if wanted.type in ("int", "number") else _FORM_WORDS
    kept = [word for word in words if word not in form]
    return tuple(kept or words)


@lru_cache(maxsize=4096)
def is_date(wanted: Field) -> bool:
    """Whether a field holds a date, by its name or description."""
    words = set(tokens_of(wanted.name))
    text = (wanted.description or "").lower()
    return (
        bool(words & {"date", "dob"})
        or wanted.name.lower().endswith(("_at", "_on"))
        or bool(re.search(r"\bdate\b|yyyy", text))
    )


def convert(value: Json, wanted: Field) -> Json:
    """Turn a found value into the field's type; None where it cannot be."""
    if wanted.type in ("list", "object"):
        return None
    if isinstance(value, bool | int | float) and not isinstance(value, str):
        return _convert_scalar(value, wanted)
    text = value if isinstance(value, str) else str(value)
    if (boxes := values.ticked(text)) is not None:
        text = ", ".join(boxes)
    if wanted.type == "bool":
        said = values.find_bool(text)
        return said if said is not None else values.mentions(text, content_words(wanted.name))
    if wanted.type == "number":
        return _tidy(values.find_number(text))
    if wanted.type == "int":
        return values.as_int(values.find_number(text))
    if wanted.options:
        return values.match_option(text, wanted.options)
    return _clean_text(text, wanted)


def _convert_scalar(value: Any, wanted: Field) -> Json:
    if wanted.type == "bool":
        return value if isinstance(value, bool) else bool(value)
    if wanted.type == "str":
        text = jsonio.dump(value).decode()
        return values.match_option(text, wanted.options) if wanted.options else text
    if isinstance(value, bool):
        return None
    return values.as_int(float(value)) if wanted.type == "int" else _tidy(float(value))


def _tidy(value: float | None) -> int | float | None:
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value


def is_clean(value: Json, wanted: Field) -> bool:
    """Whether a converted value is surely of its kind: a date field may hold text that is no date.

    >>> is_clean("07/O4/1966", Field("dob", "str")), is_clean("1966-07-04", Field("dob", "str"))
    (False, True)
    """
    if wanted.type != "str" or not isinstance(value, str) or wanted.options:
        return True
    if is_date(wanted):
        return values.find_date(value) is not None
    return "phone" not in tokens_of(wanted.name) or values.find_pattern("phone", value) is not None


# White space is taken from its beginning and given back never: else a long run of it is gone through again and again.
_NAME_ENDS: Final = re.compile(r"(?<!\s)\s*+[<(\[]|,\s*+(?=\d)|(?:,|(?<!\s))\s++(?=\(?\d{3}\)?[ .-]\d{3})")


def _clean_text(text: str, wanted: Field) -> str | None:
    plain = re.sub(r"\s*\n\s*", " ", text).strip().strip('"')
    if not plain or re.fullmatch(r"(?i)[-_.?]+|n/?a|not (?:given|stated|provided|available)|blank|unknown", plain):
        return None
    words = tokens_of(wanted.name)
    if is_date(wanted):
        found = values.find_date(plain)
        return values.write_date(found, wanted.description or "") if found is not None else plain
    if "code" in words:
        return _code(plain, wanted)
    if "description" in words and "diagnosis" in words:
        stripped = values.PATTERNS["code"].sub("", plain, count=1).strip(" -\u2013:,()")
        return stripped or plain
    for kind in ("email", "phone", "npi", "pressure"):
        if kind in words and (known := values.find_pattern(kind, plain)) is not None:
            return known
    if words[-1:] == ("name",):
        return _NAME_ENDS.split(plain, maxsplit=1)[0] or plain
    return plain


def _code(plain: str, wanted: Field) -> str:
    """Take the code out of "R00.2 Palpitations" and "72148 - MRI lumbar spine"."""
    found = values.find_pattern("code", plain) if "cpt" not in wanted.name.lower() else None
    first = re.match(r"[A-Z]{0,3}-?\d[\w.-]*(?=$|[\s,;:)])", plain)
    return found or (first[0] if first else plain)
