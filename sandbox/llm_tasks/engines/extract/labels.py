"""Labels and their values in a line of text, and those that stand in the middle of a sentence. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from sandbox.llm_tasks.engines.extract.words import KNOWN_LABEL

GAP: Final = re.compile(r"\t+|[ ]{2,}")
_LABEL: Final = re.compile(
    r"^(?P<label>[^\W\d_](?:[\w.,'/()&#-]|[ ](?![ ])){0,60}?)[ ]?"
    r"(?P<mark>[._]{2,}[ ]*:|:(?=\s|$)|=|\.{4,}|[ ][-\u2013\u2014][ ])[ \t]*(?P<value>.*)$"
)
# "Invoice # 10442", "NPI 1457398261", "DOB 01/02/1970".
_NUMBERED: Final = re.compile(
    r"^(?P<label>(?:[A-Za-z][A-Za-z/]{0,20}[ ]){0,3}?(?:[A-Za-z]{0,20}[ ]?#|No\.?|Number|ID|DOB|D\.O\.B\.|MRN|NPI|Rx))"
    r"[ ]{0,2}(?P<value>(?=\S{0,12}\d)[A-Z0-9(].{0,200})$"
)
# "Do you smoke? [ ] Yes [x] No"
_ASKED: Final = re.compile(r"^(?P<label>[A-Z][^?:]{2,80})\?[ ]*(?P<value>(?:[\[☐☑☒✓]|(?i:yes|no)\b).{0,200})$")
_LABEL_WORDS_MAX: Final = 7
_DASH_WORDS_MAX: Final = 4
_INNER_WORDS_MAX: Final = 4
_LABELS_PER_LINE_MAX: Final = 100
_VALUE_CHARS_MAX: Final = 2_000
# A line is looked at several times on its way; only short ones are worth the memory.
_CACHED_CHARS_MAX: Final = 200
_INLINE: Final = re.compile(r"(?:[;|,][ ]*)(?=[A-Za-z][A-Za-z0-9 .'/()&#_-]{0,40}?:(?:\s|$))")
_SPOKEN: Final = re.compile(
    r"(?<![\w.])(?P<label>(?i:d\.o\.b\.|dob|date of birth|birth date|born|mrn|npi|ssn|"
    r"(?:member|policy|claim|account|case|referral|invoice|order|group|record) (?:id|number|no\.?)|"
    r"(?:phone|cell|fax|telephone)(?: number)?|callback number|"
    r"blood pressure|heart rate|temperature|respiratory rate|weight|height|bmi|pulse)|"
    r"BP|HR|RR|SpO2|O2 sat|Temp|Wt|Ht)"
    r"(?:[ ](?:is|was|of|at|on))?[ :#]{1,2}"
    r"(?P<value>\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}|\+?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|\d{2,3}/\d{2,3}"
    r"|\d{1,3}(?:\.\d{1,2})?(?=[ ]?(?:%|kg|lbs?|bpm|cm|in|[CF]\b|mmHg|/min|[,.;)\s]|$))"
    r"|(?:(?:\d{1,2} )?[A-Z][a-z]{2,8} \d{1,2}(?:st|nd|rd|th)?,? )?\d{4}\b|[A-Z]{0,5}-?\d[\w-]{3,30})"
)

Pair = tuple[str, str]


def split_labels(line: str) -> list[Pair]:
    """Return the labels of a line with their values; empty for a line of prose.

    >>> split_labels("Sex: F; Phone: 330-555-0101")
    [('Sex', 'F'), ('Phone', '330-555-0101')]
    >>> split_labels("Invoice # 10442      Date: 2026-04-02")
    [('Invoice #', '10442'), ('Date', '2026-04-02')]
    >>> split_labels("See http://x.example at 10:30 today.")
    []
    """
    return list(_split_short(line) if len(line) <= _CACHED_CHARS_MAX else _split(line))


@lru_cache(maxsize=2048)
def _split_short(line: str) -> tuple[Pair, ...]:
    return tuple(_split(line))


def _split(line: str) -> list[Pair]:
    found: list[Pair] = []
    for segment in GAP.split(line.strip()):
        pairs = _labels_of(segment)
        if pairs:
            found += pairs
        elif found and segment:
            found[-1] = (found[-1][0], f"{found[-1][1]} {segment}".strip())
        if len(found) >= _LABELS_PER_LINE_MAX:
            break
    return found


def _labels_of(line: str) -> list[Pair]:
    if (asked := _ASKED.match(line)) is not None:
        return [(asked["label"].strip(), asked["value"].strip())]
    found: list[Pair] = []
    while len(found) < _LABELS_PER_LINE_MAX:
        match = _LABEL.match(line)
        if match is None or not _is_label(match):
            numbered = _NUMBERED.match(line)
            if numbered is not None:
                found.append((numbered["label"].strip(), _of_number(numbered["value"])))
            break
        label, rest = match["label"].strip(" .-"), match["value"].strip()
        cut = _next_label(rest)
        value = rest if cut is None else rest[:cut].rstrip(" \t;,|")
        found.append((label, value))
        found += _inner(value)
        if cut is None:
            break
        line = rest[cut:].lstrip(" \t;,|")
    return found


def _of_number(value: str) -> str:
    """Return a number's own part of what follows it: the first word where a sentence goes on."""
    first, _, rest = value.partition(" ")
    return (first if rest[:1].islower() else value).rstrip(" \t;,|)")


def _inner(value: str) -> list[Pair]:
    """Return the label that a value begins with: "RE: Claim number: 17"."""
    match = _LABEL.match(value[:200])
    if match is None or ":" not in match["mark"] or len(match["label"].split()) > _INNER_WORDS_MAX:
        return []
    return [(match["label"].strip(" .-"), match["value"].strip())] if match["value"] else []


def _is_label(match: re.Match[str]) -> bool:
    label, mark = match["label"], match["mark"]
    words = len(label.split())
    if mark.strip() in ("-", "\u2013", "\u2014"):
        return words <= _DASH_WORDS_MAX and bool(match["value"]) and not re.search(r"[.\d]", label)
    return words <= _LABEL_WORDS_MAX and not label.endswith(",")


def _next_label(text: str) -> int | None:
    """Return where the next label of the line begins: after a separator, or a label that is well known."""
    wide = _INLINE.search(text, 0, _VALUE_CHARS_MAX)
    known = KNOWN_LABEL.search(text, 0, _VALUE_CHARS_MAX)
    starts = [match.start() for match in (wide, known) if match is not None and match.start() > 0]
    return min(starts, default=None)


def spoken(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield well-known labels in the middle of a text with their values and where they stand.

    >>> [pair[:2] for pair in spoken("Mr. Ellis (DOB 03/14/1959, MRN 00482913), BP 142/88")]
    [('DOB', '03/14/1959'), ('MRN', '00482913'), ('BP', '142/88')]
    """
    for match in _SPOKEN.finditer(text):
        yield match["label"], match["value"], match.start()
