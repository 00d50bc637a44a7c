"""Text to typed values: dates, numbers, booleans, options, and the patterns of well-known identifiers.

Pure. Each function returns None where the text has no such value.
"""

import math
import re
from collections.abc import Sequence
from datetime import date
from typing import Final

_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH: Final = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES: Final = (
    re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<![\d/])(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d{2})(?![\d/])"),
    re.compile(r"(?<![\d.])(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})(?![\d.])"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})-(?P<d>\d{1,2})-(?P<y>\d{4})(?!\d)"),
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?{_MONTH}[ ,-]+(?P<y>\d{{4}})(?!\d)", re.IGNORECASE
    ),
    re.compile(rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})(?!\d)", re.IGNORECASE),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)(?!\d)"),
)
_NUMBER: Final = re.compile(r"(?<![\w.])[-+(]?[$€£¥]?[ ]?[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_YES: Final = frozenset("yes y true t 1 on x checked positive present agreed accepted required".split())
_NO: Final = frozenset("no n false f 0 off none unchecked negative absent denied never nil".split())
_NEGATION: Final = re.compile(
    r"(?:\b(?:no|not|never|without|denies|denied|non|isn|doesn|wasn|don|didn)\b|n't)", re.IGNORECASE
)

PATTERNS: Final = {
    "email": re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"),
    "time": re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AaPp]\.?[Mm]\b\.?)?"),
    "age": re.compile(r"(?i)(?<!\d)(\d{1,3})[- ]?(?:years?|yrs?)?(?:[- ]old|[ ]?(?:yo|y/o|y\.o\.|(?-i:[MF])))(?!\w)"),
    "pressure": re.compile(r"(?<!\d)\d{2,3}/\d{2,3}(?![\d/])"),
    "url": re.compile(r"https?://[^\s<>\"')]+"),
    "phone": re.compile(r"(?<![\d-])(?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"),
    "fax": re.compile(r"(?i:fax)\D{0,12}((?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?!\d)"),
    "npi": re.compile(r"(?i:npi)\D{0,12}(\d{10})(?!\d)"),
    "code": re.compile(r"\b[A-TV-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?\b"),
    "zip": re.compile(r"(?<![\d-])\d{5}(?:-\d{4})?(?![\d-])"),
    "amount": re.compile(r"[$€£]\s?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{2})?"),
    "dose": re.compile(
        r"\b\d+(?:[.,]\d+)?(?:/\d+)?\s?(?:%|(?:mg|mcg|µg|g|ml|mL|units?|IU|mEq|puffs?|tablets?|capsules?)\b)"
    ),
    "frequency": re.compile(
        r"(?i)\b(?:(?:once|twice|one|two|three|four|\d)(?: times)?(?: a| per| each)? ?(?:daily|day|week|weekly|month)"
        r"|every (?:\d+|other|four|six|eight|twelve) ?(?:hours?|days?|weeks?)?|every (?:morning|evening|night|day)"
        r"|daily|nightly|weekly|monthly|at bedtime|as needed|b\.?i\.?d\.?|t\.?i\.?d\.?|q\.?i\.?d\.?|q\d+h|qhs|prn|qd)"
        r"(?: as needed| at bedtime| with meals)?(?!\w)"
    ),
    "route": re.compile(
        r"(?i)\b(?:by mouth|orally|oral|po|iv|im|intravenous|subcutaneous|topical|inhaled|sublingual)\b"
    ),
}  # fmt: skip

_OPTION_WORDS: Final = {
    "urgent": "urgent stat asap emergent emergency immediately expedite expedited critical".split(),
    "emergency": "emergency emergent stat immediately".split(),
    "stat": "stat immediately".split(),
    "asap": "asap urgent".split(),
    "routine": "routine elective standard non-urgent nonurgent regular".split(),
    "male": "male m man boy gentleman mr he his".split(),
    "female": "female f woman girl lady mrs ms she her".split(),
    "yes": "yes y true".split(),
    "no": "no n false".split(),
    "high": "high urgent severe critical elevated".split(),
    "medium": "medium moderate normal".split(),
    "low": "low mild minor".split(),
    "positive": "positive good great excellent happy love loved amazing wonderful fantastic pleased satisfied perfect "
    "best recommend thank thanks helpful enjoyed delighted".split(),
    "negative": "negative bad terrible awful poor unhappy hate hated broken exploded worst disappointed disappointing "
    "useless refund angry complaint defective rude slow failed never".split(),
    "approved": "approved authorized granted accepted".split(),
    "denied": "denied rejected refused declined".split(),
    "pending": "pending awaiting review".split(),
    "active": "active current".split(),
    "inactive": "inactive ended stopped discontinued expired".split(),
}
_FALLBACKS: Final = ("none", "unknown", "other", "n/a", "not stated", "unspecified", "not specified", "neutral", "na")


def find_date(text: str) -> tuple[date, str] | None:
    """Return the first date of a text and how it was written; month before day where both could be.

    >>> find_date("born March 5, 1979")[0].isoformat(), find_date("13/04/2026")[0].isoformat()
    ('1979-03-05', '2026-04-13')
    """
    best: tuple[int, date, str] | None = None
    for pattern in _DATES:
        for match in pattern.finditer(text):
            found = _to_date(match)
            if found is not None and (best is None or match.start() < best[0]):
                best = (match.start(), found, match[0])
                break
    return (best[1], best[2]) if best is not None else None


def _to_date(match: re.Match[str]) -> date | None:
    parts = match.groupdict()
    year, day = int(parts["y"]), int(parts["d"])
    month = _MONTHS.index(parts["month"].lower()) + 1 if parts.get("month") else int(parts["m"])
    if year < 100:
        year += 1900 if year > 40 else 2000
    if month > 12 >= day:
        month, day = day, month
    try:
        return date(year, month, day)
    except ValueError:
        return None


def write_date(found: tuple[date, str], description: str) -> str:
    """Write a date as the field's description wants it: ISO, MM/DD/YYYY, DD/MM/YYYY, else as it was.

    >>> write_date((date(1979, 3, 5), "5 March 1979"), "ISO date (YYYY-MM-DD)")
    '1979-03-05'
    """
    wanted = description.upper()
    moment = found[0]
    if "ISO" in wanted or "YYYY-MM-DD" in wanted or "8601" in wanted:
        return moment.isoformat()
    for form, pattern in (("MM/DD/YYYY", "%m/%d/%Y"), ("DD/MM/YYYY", "%d/%m/%Y"), ("DD.MM.YYYY", "%d.%m.%Y")):
        if form in wanted:
            return moment.strftime(pattern)
    if "YYYYMMDD" in wanted:
        return moment.strftime("%Y%m%d")
    return found[1]


def find_number(text: str) -> float | None:
    """Return the first number: thousands, currency signs and accounting's parentheses understood; a date is none.

    >>> find_number("Total: $1,234.50"), find_number("(42)"), find_number("none"), find_number("2026-05-02")
    (1234.5, -42.0, None, None)
    """
    match = _NUMBER.search(text)
    if match is None:
        return None
    day = find_date(text[:40])
    if day is not None and not day[1].isdigit() and text.strip().startswith(day[1]):
        return None
    digits = re.sub(r"[^\d.-]", "", match[0])
    value = float(digits) if digits.strip("-.") else 0.0
    if not math.isfinite(value):
        return None
    return -value if match[0].startswith("(") and text[match.end() : match.end() + 1] == ")" else value


def as_int(value: float | None) -> int | None:
    """Return a number without a fraction, None for one that has a fraction or is beyond all bounds.

    >>> as_int(3.0), as_int(3.5), as_int(math.inf)
    (3, None, None)
    """
    return int(value) if value is not None and math.isfinite(value) and value == int(value) else None


def find_bool(text: str) -> bool | None:
    """Read yes or no, in the words and signs of forms.

    >>> find_bool("Yes, see below"), find_bool("[x]"), find_bool("not required"), find_bool("maybe")
    (True, True, False, None)
    """
    plain = text.strip().lower()
    if re.match(r"\[\s*[xX✓]\s*\]|[✓☑☒]", plain):
        return True
    if re.match(r"\[\s*\]|☐", plain):
        return False
    words = re.findall(r"[a-z0-9']+", plain)
    if not words:
        return None
    if words[0] in _NO or words[0] in ("not", "non"):
        return False
    return True if words[0] in _YES else None


_BOX: Final = re.compile(r"\[\s*([xX✓✔]?)\s*\]|([☐□])|([☑☒✓✔■])|\(\s*([xX]?)\s*\)")


def ticked(text: str) -> list[str] | None:
    """Return what stands beside the boxes that are ticked, None for a text without boxes or with one alone.

    >>> ticked("[ ] Single  [x] Married  [ ] Divorced"), ticked("Yes ☐  No ☑"), ticked("[x]"), ticked("Yes")
    (['Married'], ['No'], None, None)
    """
    boxes = list(_BOX.finditer(text[:2_000]))
    if not boxes:
        return None
    is_before = not text[: boxes[0].start()].strip()
    found = []
    for i, box in enumerate(boxes):
        end = boxes[i + 1].start() if i + 1 < len(boxes) else len(text)
        start = boxes[i - 1].end() if i else 0
        label = (text[box.end() : end] if is_before else text[start : box.start()]).strip(" ,;/|\t")
        if not label and len(boxes) == 1:
            return None
        if box[1] or box[3] or box[4]:
            found.append(label)
    return found


def mentions(text: str, words: Sequence[str]) -> bool | None:
    """Whether a text says a thing: True, False where it is negated, None where it is not mentioned.

    >>> mentions("Needs review today", ["review"]), mentions("no review needed", ["review"]), mentions("x", ["review"])
    (True, False, None)
    """
    if not words:
        return None
    found = None
    plain = text.lower()
    if not all(word.lower() in plain for word in words):
        return None
    for match in re.finditer(r"\b" + re.escape(words[-1]), text, re.IGNORECASE):
        before = text[max(0, match.start() - 60) : match.start()]
        clause = re.split(r"[.;:!?\n]", before)[-1]
        if not _NEGATION.search(clause):
            return True
        found = False
    return found


def _spaced(option: str) -> str:
    """Write an option as a text would: `discharge_summary` is "discharge summary"."""
    return re.sub(r"[_\s]+", " ", option.casefold()).strip()


def match_option(value: str, options: Sequence[str]) -> str | None:
    """Return the option that a label's value means: written so, contained in it, or by a word for it.

    >>> match_option("F", ["male", "female"]), match_option("STAT - today", ["routine", "urgent"])
    ('female', 'urgent')
    """
    plain = value.strip().casefold()
    for option in options:
        if option.casefold() == plain:
            return option
    written = _spaced(plain)
    contained = [o for o in options if re.search(rf"(?<!\w){re.escape(_spaced(o))}(?!\w)", written)]
    if contained:
        return max(contained, key=len)
    words = set(re.findall(r"[a-z0-9-]+", plain))
    scored = [(len(words & set(_OPTION_WORDS.get(option.casefold(), ()))), option) for option in options]
    best = max(scored, key=lambda found: found[0], default=(0, ""))
    if best[0]:
        return best[1]
    starting = [o for o in options if len(plain) >= 3 and o.casefold().startswith(plain)]
    return starting[0] if len(starting) == 1 else None


def guess_option(text: str, options: Sequence[str]) -> str | None:
    """Return the option a whole text speaks of most, else the one that stands for none of them.

    >>> guess_option("My toaster exploded. Terrible!", ["positive", "negative", "neutral"])
    'negative'
    """
    plain = text.casefold()
    best: tuple[int, str] | None = None
    for option in options:
        words = [_spaced(option), *_OPTION_WORDS.get(option.casefold(), ())]
        words = [w for w in dict.fromkeys(words) if len(w) > 2]
        count = 0
        for word in words:
            for match in re.finditer(rf"(?<![\w-]){re.escape(word)}(?!\w)", plain):
                clause = re.split(r"[.;:!?\n]", plain[max(0, match.start() - 40) : match.start()])[-1]
                count += 0 if _NEGATION.search(clause) else (2 if word == _spaced(option) else 1)
        if count and (best is None or count > best[0]):
            best = (count, option)
    if best is not None:
        return best[1]
    return next((o for o in options if o.casefold() in _FALLBACKS), None)


def find_pattern(kind: str, text: str) -> str | None:
    """Return the first value of a known kind: email, url, phone, fax, npi, code, zip, amount, dose, …

    >>> find_pattern("phone", "call (330) 555-0101 now")
    '(330) 555-0101'
    """
    pattern = PATTERNS.get(kind)
    match = pattern.search(text) if pattern is not None else None
    return (match[match.lastindex or 0]) if match is not None else None


def split_items(text: str) -> list[str]:
    """Split an enumeration.

    >>> split_items("aspirin, ibuprofen and latex"), split_items("none")
    (['aspirin', 'ibuprofen', 'latex'], [])
    >>> split_items("1) GERD (K21.9)  2) Pain, abdominal (R10.9)")
    ['GERD (K21.9)', 'Pain, abdominal (R10.9)']
    """
    if re.fullmatch(r"(?i)\W*(none\b.*|nil|n/?a|no known.*|nka|nkda|-)?\W*", text.strip()):
        return []
    if len(re.findall(r"(?:^|\s)\(?\d{1,2}[.)]\s", text)) > 1:
        separator = r"(?:^|[\s,;]+)\(?\d{1,2}[.)]\s+"
    else:
        separator = r"\s*(?:\n|;)\s*" if re.search(r"[\n;]", text) else r"\s*,\s*(?:and\s+)?|\s+and\s+"
    return [item.strip(" .-*•") for item in re.split(separator, text) if item.strip(" .-*•")]


def split_name(name: str) -> tuple[str, str]:
    """Return the given and the family name.

    >>> split_name("WHITFIELD, HAROLD J"), split_name("Ana Maria Reyes")
    (('HAROLD J', 'WHITFIELD'), ('Ana Maria', 'Reyes'))
    """
    plain = re.sub(r"(?i)^(?:mr|mrs|ms|miss|dr)\.?\s+", "", name.strip())
    if "," in plain:
        family, _, given = plain.partition(",")
        return given.strip(), family.strip()
    given, _, family = plain.rpartition(" ")
    return (given.strip(), family.strip()) if given else (family.strip(), "")


_ADDRESS_CHARS_MAX: Final = 200  # a longer text is none, and takes the longer the longer it is
_ADDRESS: Final = re.compile(
    r"^(?P<street>[^,\n]+)[,\n]\s*(?P<city>[^,\n]+?),?\s+(?P<state>[A-Z]{2})\.?,?\s+(?P<zip>\d{5}(?:-\d{4})?)"
)


def split_address(address: str) -> dict[str, str]:
    """Return street, city, state and zip of an address of the United States; empty for another.

    >>> split_address("18 Alder Street, Akron, OH 44301")["city"]
    'Akron'
    """
    plain = address.strip()
    match = _ADDRESS.match(plain) if len(plain) <= _ADDRESS_CHARS_MAX else None
    return match.groupdict() if match is not None else {}
