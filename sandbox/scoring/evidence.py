"""Evidence and the sentence that goes with it: what a criterion run shows of what it found.

Everything here is bounded, so that one large document cannot swell a run's record. Knows the
documented evidence shapes; it decides nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.playground.branch import Document
from sandbox.scoring.compare import FieldResult

VALUE_BYTES_MAX: Final = 4096
LABELS_MAX: Final = 100
WHOLE: Final = "the whole value"
_SHOWN_CHARS_MAX: Final = 80
_NAMED_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class PhraseResult:
    """What became of one phrase; `turn` is the label of the subject it was found in."""

    phrase: str
    is_forbidden: bool
    found: bool
    turn: str | None
    ratio: float

    @property
    def passed(self) -> bool:
        """Whether a wanted phrase was found, or a forbidden one was not."""
        return self.found != self.is_forbidden


@dataclass(frozen=True, slots=True)
class CountResult:
    """How many things were found, and how many of them satisfy every field and phrase."""

    min: int | None
    max: int | None
    found: int
    satisfying: int

    @property
    def passed(self) -> bool:
        """Whether enough satisfy the expectations, and not too many were found at all."""
        return (self.min is None or self.satisfying >= self.min) and (self.max is None or self.found <= self.max)


def field_evidence(result: FieldResult, passed: bool | None = None) -> Json:
    """Return `{path, expected, actual, passed}`."""
    return {
        "path": result.path,
        "expected": bounded(result.expected),
        "actual": bounded(result.actual),
        "passed": result.passed if passed is None else passed,
    }


def phrase_evidence(result: PhraseResult, passed: bool) -> Json:
    """Return `{phrase, found, turn, ratio, forbidden, passed}`."""
    return {
        "phrase": result.phrase,
        "found": result.found,
        "turn": result.turn,
        "ratio": round(result.ratio, 1),
        "forbidden": result.is_forbidden,
        "passed": passed,
    }


def count_evidence(result: CountResult) -> Json:
    """Return `{min, max, found, satisfying, passed}`."""
    return {
        "min": result.min,
        "max": result.max,
        "found": result.found,
        "satisfying": result.satisfying,
        "passed": result.passed,
    }


def bounded(value: Json, limit: int = VALUE_BYTES_MAX) -> Json:
    """Return the value, or its beginning and its size when its JSON is longer than `limit` bytes.

    >>> bounded("short")
    'short'
    >>> bounded("x" * 9, limit=8)
    {'truncated': True, 'bytes': 11, 'preview': '"xxxxxxx'}
    """
    if isinstance(value, bytes):
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    text = jsonio.dump(value)
    if len(text) <= limit:
        return value
    return {"truncated": True, "bytes": len(text), "preview": text[:limit].decode(errors="ignore")}


def document_evidence(document: Document | None) -> Json:
    """Return what is shown of a document before or after a change; None where there was none."""
    return None if document is None else bounded(document.value)


def quote(value: Json) -> str:
    """Write a value for a sentence, shortened.

    >>> (quote("booked"), quote(None), quote(5), quote("x" * 100)[-5:])
    ('"booked"', 'nothing', '5', 'xxx…"')
    """
    if value is None:
        return "nothing"
    text = jsonio.dump(value).decode()
    if len(text) <= _SHOWN_CHARS_MAX:
        return text
    end = text[-1] if text[-1] in '"]}' else ""
    return f"{text[: _SHOWN_CHARS_MAX - 2]}…{end}"


def enumerate_some(items: Sequence[str], named: int = _NAMED_MAX) -> str:
    """Name the first few and count the rest.

    >>> enumerate_some(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    head = ", ".join(items[:named])
    return f"{head} and {len(items) - named} more" if len(items) > named else head


def describe_field(result: FieldResult) -> str:
    """Say what was expected of a field and what was found.

    >>> describe_field(FieldResult("status", "expected", "booked", "pending", False))
    'status expected "booked", found "pending"'
    """
    rule = f" ({result.rule})" if result.rule else ""
    return f"{result.path or WHOLE} {_expectation_text(result)}{rule}, found {quote(result.actual)}"


def describe_phrase(result: PhraseResult) -> str:
    """Say whether a phrase was missing or should not have been there."""
    if result.is_forbidden:
        return f"{quote(result.phrase)} is not allowed, but is in {result.turn}"
    return f"{quote(result.phrase)} is missing"


def describe_count(result: CountResult) -> str:
    """Say how many were wanted.

    >>> describe_count(CountResult(1, 2, 3, 3))
    'expected at least 1 and at most 2, found 3'
    """
    bounds = [f"at least {result.min}"] if result.min is not None else []
    bounds += [f"at most {result.max}"] if result.max is not None else []
    fit = "" if result.found == result.satisfying else f" of which {result.satisfying} satisfy the expectations"
    return f"expected {' and '.join(bounds)}, found {result.found}{fit}"


def _expectation_text(result: FieldResult) -> str:
    expected = result.expected
    match result.mode:
        case "expected":
            return f"expected {quote(expected)}"
        case "one_of":
            return f"expected one of {enumerate_some([quote(item) for item in expected['one_of']], 6)}"
        case "matches":
            return f"expected to match {quote(expected['matches'])}"
        case "exists":
            return "expected to exist" if expected["exists"] else "expected to be missing"
        case "range":
            words = {"min": "at least", "max": "at most"}
            return "expected " + " and ".join(f"{words[name]} {quote(bound)}" for name, bound in expected.items())
        case "approx":
            value, tolerance = expected["approx"]["value"], expected["approx"]["tolerance"]
            return f"expected {quote(value)} ± {quote(tolerance)}"
        case _:
            return f"expected to contain {quote(expected['contains'])}"
