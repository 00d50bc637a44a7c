"""How well a label, with its value and place, fits a field. Pure."""

from collections.abc import Sequence
from typing import Final

from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.extract import values
from sandbox.llm_tasks.engines.extract.convert import head_words
from sandbox.llm_tasks.engines.extract.words import has_like, is_written_like, similarity
from sandbox.llm_tasks.output_format.grammar import Field

ENOUGH: Final = 0.45
SURE: Final = 0.7
# "Clinician: Laura Bennett" for the name of a clinician, "Due: 2026-05-02" for a due date.
_KIND_LEFT_OUT: Final = 0.9
_KIND_LEFT_OUT_AND_MORE: Final = 0.5
# "Has the child had a serious reaction to a vaccine?" for a serious reaction.
_ALL_AND_MORE: Final = 0.5
_SAME_LETTERS: Final = 0.95
_SLIPS_FROM: Final = 0.88
_SLIPS: Final = 0.6
_ID_CHARS_MAX: Final = 40


def likeness(
    wanted: Field,
    label: str,
    value: Json,
    words: Sequence[str],
    *,
    section: Sequence[str] = (),
    parents: Sequence[str] = (),
) -> float:
    """Return how well a label with its value fits a field, 0 to 1; `words` are the label's tokens.

    >>> likeness(Field("due_date", "str"), "Due", "2026-05-02", ["due"])
    0.9
    >>> likeness(Field("patient_name", "str"), "Patient", "01/02/1970", ["patient"]) < ENOUGH
    True
    """
    own = head_words(wanted)
    score = similarity(own, words, section=section, parents=parents)
    around = (*own[:-1], *parents)
    if around and words and all(has_like(word, around) for word in words) and _suits(own[-1], value):
        said = [*words, *section]
        is_whole = all(has_like(word, said) for word in own[:-1])
        score = max(score, _KIND_LEFT_OUT if is_whole else _KIND_LEFT_OUT_AND_MORE)
    if len(own) > 1 and all(has_like(word, words) for word in own):
        score = max(score, _ALL_AND_MORE)
    alike = is_written_like(wanted.name, label)
    if alike >= _SLIPS_FROM:
        score = max(score, _SAME_LETTERS if alike == 1 else _SLIPS)
    return score


def _suits(kind: str, value: Json) -> bool:
    """Whether a value is of the kind that a field's name ends with and its label leaves out."""
    text = value if isinstance(value, str) else str(value)
    is_day = values.find_date(text[:40]) is not None
    match kind:
        case "name":
            return text[:1].isalpha() and not is_day
        case "date":
            return is_day
        case "type":
            return text[:1].isalpha() and len(text) <= _ID_CHARS_MAX and not is_day
        case "id":
            return not is_day and len(text) <= _ID_CHARS_MAX and any(char.isdigit() for char in text)
        case "code":
            return values.find_pattern("code", text) is not None
        case "amount":
            return values.find_number(text) is not None
        case "phone" | "email" | "npi" | "fax":
            return values.find_pattern("phone" if kind == "fax" else kind, text) is not None
    return False
