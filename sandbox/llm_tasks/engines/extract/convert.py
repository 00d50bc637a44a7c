"""From a found value to a field's type: text, number, yes or no, option, date. Pure."""

import math
import re
from typing import Any, Final

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract import values
from sandbox.llm_tasks.engines.extract.words import content_words, tokens_of
from sandbox.llm_tasks.output_format import Field

# A head word that says how the value is written rather than what it is.
_FORM_WORDS: Final = frozenset({"description", "value", "summary", "string", "full"})


def head_words(wanted: Field) -> list[str]:
    """Return the words of a field's name that say what it is, its head last."""
    words = list(tokens_of(wanted.name)) if wanted.type != "bool" else list(content_words(wanted.name))
    kept = [word for word in words if word not in _FORM_WORDS]
    return kept or words


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


def _clean_text(text: str, wanted: Field) -> str | None:
    plain = re.sub(r"\s*\n\s*", " ", text).strip().strip('"')
    if not plain or re.fullmatch(r"(?i)[-_.?]+|n/?a|not (?:given|stated|provided|available)|blank|unknown", plain):
        return None
    words = set(tokens_of(wanted.name))
    if is_date(wanted):
        found = values.find_date(plain)
        return values.write_date(found, wanted.description or "") if found is not None else plain
    if "code" in words and (code := values.find_pattern("code", plain)) is not None:
        return code
    if "description" in words and words & {"diagnosis"}:
        stripped = values.PATTERNS["code"].sub("", plain, count=1).strip(" -\u2013:,()")
        return stripped or plain
    for kind in ("email", "phone", "npi"):
        if kind in words and (known := values.find_pattern(kind, plain)) is not None:
            return known
    return plain
