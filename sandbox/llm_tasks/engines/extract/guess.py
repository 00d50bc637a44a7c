"""What a text says of a field without a label: patterns of a kind, words beside a number or a date.

Everything found here is a guess, and reported as one. A field gets nothing rather than the value of
another: a date or number is only taken where its word stands beside it, or where there is but one.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract import values
from sandbox.llm_tasks.engines.extract.convert import convert, is_date
from sandbox.llm_tasks.engines.extract.labels import GAP
from sandbox.llm_tasks.engines.extract.words import content_words, plain_words, tokens_of
from sandbox.llm_tasks.output_format.grammar import Field

Guess = tuple[Json, str]
PATTERN_ORDER: Final = (
    "email", "url", "fax", "phone", "npi", "zip", "amount", "dose", "frequency", "route", "code", "time", "age",
    "pressure",
)  # fmt: skip
_SUMMARIES: Final = frozenset("summary abstract overview gist synopsis tldr".split())
_TITLES: Final = frozenset("title headline subject heading".split())
# A field of these kinds is never answered with a piece of a sentence.
_EXACT: Final = frozenset("id code date phone email fax npi zip amount name dob time age".split())
# Dates that may stand alone at the head of a page.
_OF_THE_PAGE: Final = frozenset("letter document report note fax written page".split())
_UNITS: Final = {
    "days": "days?", "day": "days?", "weeks": "weeks?", "months": "months?", "years": "years?", "hours": "hours?",
    "minutes": "min(?:ute)?s?", "kg": "kg", "lb": "lbs?", "lbs": "lbs?", "cm": "cm", "ml": "ml", "mg": "mg",
    "percent": "(?:%|percent)",
}  # fmt: skip
_NAME: Final = r"([A-Z][\w'\u2019-]+(?:[ ][A-Z]\.)?(?:[ ][A-Z][\w'\u2019-]+){1,2})"
_NAMES: Final = (
    re.compile(rf"\b(?:[Mm]y name is|[Tt]his is|I am|I'm) {_NAME}"),
    re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx)\.? {_NAME}"),
    re.compile(rf"\b[Pp]atient,? {_NAME}"),
)
_DOCTOR: Final = re.compile(r"\bDr\.? ((?:[A-Z]\.? )?[A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)?)")
_PERSONS: Final = frozenset("patient referring customer caller full client applicant".split())
_HOUSES: Final = {
    "insurance": re.compile(r"(?i)\b(?:insurance|health plan|blue (?:cross|shield)|medicare|medicaid|assurance)\b"),
    "practice": re.compile(
        r"(?i)\b(?:clinic|medicine|medical|hospital|health (?:center|system)|associates|practice|family|imaging|"
        r"laborator(?:y|ies)|orthop(?:a?)edics|pediatrics|surgery|gastroenterology|cardiology|dermatology)\b"
    ),
}
_AGE_AND_SEX: Final = re.compile(
    r"\b\d{1,3}[- ]?(?:years?[- ]old|yrs?|y/?o|y\.o\.|[Yy])[ ,/-]{1,3}(?:\w+ )?"
    r"(\b(?:[MF]|[Ff]emale|[Mm]ale|[Ww]oman|[Mm]an)\b)"
)
_CODE: Final = re.compile(r"(?<![\w-])(?!ICD|CPT|HL7)[A-Z]{1,4}-?\d[\w.-]*")
_TEXT_CHARS_MAX: Final = 20_000
_HEAD_LINES: Final = 4
_BESIDE_CHARS: Final = 60
_STEM_CHARS: Final = 4


class Guesser:
    """Guesses from one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._sentences: list[str] | None = None

    def sentences(self) -> list[str]:
        """Return the sentences of the text."""
        if self._sentences is None:
            flat = re.split(r"(?<=[.!?])\s+|\n+", self.text)
            self._sentences = [sentence.strip() for sentence in flat if sentence.strip()]
        return self._sentences

    def guess(self, wanted: Field, parents: Sequence[str]) -> Guess:
        """Return a value and what it comes from; the value is None where the text has none."""
        own = set(tokens_of(wanted.name))
        if wanted.options and wanted.type == "str":
            if "gender" in own and (match := _AGE_AND_SEX.search(self.text)) is not None:
                return values.match_option(match[1], wanted.options), "the word beside an age"
            return values.guess_option(self.text, wanted.options), "the words of the text"
        if wanted.type == "bool":
            said = values.mentions(self.text, plain_words(wanted.name))
            said = said if said is not None else values.mentions(self.text, content_words(wanted.name))
            return bool(said), "whether the text mentions it"
        if wanted.type in ("int", "number"):
            return self._number(wanted, own)
        if is_date(wanted):
            return self._date(wanted, [*own, *parents])
        found = self._pattern(own, parents) or self._name(own | set(parents)) or self._code_beside(own)
        if found is not None:
            return found
        if own & _TITLES:
            return next((line.strip("# ") for line in self.text.splitlines() if line.strip()), None), "the first line"
        if own & _SUMMARIES:
            return " ".join(self.sentences()[:2]) or None, "the first sentences"
        return (None if own & _EXACT else self._said_of(own)), "a sentence about it"

    # -- patterns --------------------------------------------------------------------------------

    def _pattern(self, own: set[str], parents: Sequence[str]) -> Guess | None:
        for kind in PATTERN_ORDER:
            if kind in own and (kind != "code" or "diagnosis" in own | set(parents)):
                text = self._near(own - {kind} | set(parents)) if kind == "phone" else self.text
                found = values.find_pattern(kind, text)
                if found is not None:
                    return found, f"the pattern of a {kind}"
        return None

    def _name(self, own: set[str]) -> Guess | None:
        if "name" not in own and "provider" not in own:
            return None
        rest = own - {"name"}
        if rest <= _PERSONS:
            match = next((m for pattern in _NAMES if (m := pattern.search(self.text)) is not None), None)
            return (match[1], "how a person is named") if match is not None else None
        if "provider" in rest and (match := _DOCTOR.search(self.text)) is not None:
            return f"Dr. {match[1]}", "how a doctor is named"
        head = [line.strip() for line in self.text[:2_000].splitlines() if line.strip()][:_HEAD_LINES]
        for house, pattern in _HOUSES.items():
            if house in rest:
                found = next((GAP.split(line)[0] for line in head if pattern.search(line) and ":" not in line), None)
                return (found, "the head of the page") if found is not None else None
        return None

    def _code_beside(self, own: set[str]) -> Guess | None:
        words = own - {"code"}
        if "code" not in own or not words:
            return None
        for word in words:
            beside = re.search(
                rf"(?i)\b{re.escape(word)}\w*[ ](?:code[ ])?[#:]?[ ]?([A-Z]{{0,4}}-?\d[\w-]*)", self.text
            )
            if beside is not None:
                return beside[1], "a code beside its word"
        for sentence in self.sentences()[:200]:
            if any(_has_stem(word, sentence) for word in words) and (match := _CODE.search(sentence)) is not None:
                return match[0].rstrip(".-"), "a code beside its word"
        return None

    # -- numbers and dates -----------------------------------------------------------------------

    def _number(self, wanted: Field, own: set[str]) -> Guess:
        if "age" in own and (found := values.find_pattern("age", self.text)) is not None:
            return convert(found, wanted), "the pattern of an age"
        if "amount" in own and (found := self._amount(own - {"amount"})) is not None:
            return convert(found, wanted), "the pattern of an amount"
        unit = _UNITS.get(re.split(r"[^a-z]+", wanted.name.lower())[-1])
        if unit is not None:
            return self._counted(wanted, own, unit), "a number with its unit"
        return self._number_near(own, wanted), "a number beside its word"

    def _amount(self, about: set[str]) -> str | None:
        """Return the amount beside a word, or the only one of the text."""
        for sentence in self.sentences()[:500] if about else ():
            if any(_has_stem(word, sentence) for word in about):
                found = values.find_pattern("amount", sentence)
                if found is not None:
                    return found
        every = values.PATTERNS["amount"].findall(self.text[:_TEXT_CHARS_MAX])
        return every[0] if every and (not about or len(every) == 1) else None

    def _counted(self, wanted: Field, own: set[str], unit: str) -> Json:
        pattern = re.compile(rf"(?<![\w.,])(\d[\d,]{{0,10}}(?:\.\d{{1,4}})?)[ -]?{unit}(?!\w)", re.IGNORECASE)
        for sentence in self.sentences()[:500]:
            match = pattern.search(sentence)
            if match is not None and any(_has_stem(word, sentence) for word in own):
                return convert(match[1], wanted)
        every = pattern.findall(self.text[:_TEXT_CHARS_MAX])
        return convert(every[0], wanted) if len(every) == 1 else None

    def _number_near(self, own: set[str], wanted: Field) -> Json:
        for word in sorted(own, key=len, reverse=True):
            after = rf"\b{re.escape(word)}\w*\D{{0,20}}?([$€£]?-?\d[\d,]{{0,20}}(?:\.\d{{1,9}})?)"
            pattern = rf"{after}|(?<![\d,.])(-?\d[\d,]{{0,20}}(?:\.\d{{1,9}})?)\s{{1,3}}{re.escape(word)}"
            for match in re.finditer(pattern, self.text, re.IGNORECASE):
                value = convert(match[1] or match[2], wanted)
                if value is not None:
                    return value
        numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", self.text[:2000])
        return convert(numbers[0], wanted) if len(numbers) == 1 else None

    def _date(self, wanted: Field, words: Sequence[str]) -> Guess:
        text = self.text[:_TEXT_CHARS_MAX]
        about = [word for word in words if word not in ("date", "time", "patient", "name")]
        for word in about:
            found = next(self._dates_beside(word, text), None)
            if found is not None:
                return values.write_date(found, wanted.description or ""), "a date beside its word"
        if not set(about) - _OF_THE_PAGE:
            alone = next(
                (d for line in text.splitlines() if (d := values.find_date(line)) and d[1] == line.strip()), None
            )
            found = alone or values.find_date(text)
            return values.write_date(found, wanted.description or "") if found else None, "a date in the text"
        first = values.find_date(text)
        if first is None or "dob" in about or values.find_date(text.split(first[1], 1)[1]) is not None:
            return None, ""
        return values.write_date(first, wanted.description or ""), "the only date of the text"

    def _dates_beside(self, word: str, text: str) -> Iterator[tuple[date, str]]:
        for sentence in re.split(r"(?<=[.!?;])\s+(?=[A-Z])|\n+", text):
            for match in re.finditer(r"[A-Za-z]{3,}", sentence[:2_000]):
                if _is_stem(word, match[0]):
                    found = values.find_date(sentence[match.end() : match.end() + _BESIDE_CHARS])
                    if found is not None:
                        yield found

    # -- sentences -------------------------------------------------------------------------------

    def _near(self, own: set[str]) -> str:
        """Return the text from the first sentence that has one of the words, or all of it."""
        sentences = self.sentences()
        for i, sentence in enumerate(sentences):
            if own & set(tokens_of(sentence[:200])):
                return " ".join(sentences[i:])
        return self.text

    def _said_of(self, own: set[str]) -> str | None:
        words = {word for word in own if len(word) > 3}
        for sentence in self.sentences()[:200]:
            match = re.search(r"\b(?:is|are|was|were)\s+(.{1,120}?)(?:[.,;]|$)", sentence)
            if match is not None and words and words <= set(tokens_of(sentence[: match.start()])):
                return match[1].strip()
        return None


def _is_stem(word: str, other: str) -> bool:
    """Whether two words are of one family: admission and admitted, discharge and discharged.

    >>> _is_stem("admission", "Admitted"), _is_stem("dob", "born"), _is_stem("due", "during")
    (True, True, False)
    """
    plain = other.lower()
    if word in tokens_of(plain):
        return True
    if (
        min(len(word), len(plain)) >= 3
        and abs(len(word) - len(plain)) <= 1
        and plain[: len(word)] == word[: len(plain)]
    ):
        return True
    return len(word) > _STEM_CHARS and len(plain) > _STEM_CHARS and word[:_STEM_CHARS] == plain[:_STEM_CHARS]


def _has_stem(word: str, sentence: str) -> bool:
    return any(_is_stem(word, other) for other in re.findall(r"[A-Za-z]{3,}", sentence[:500]))
