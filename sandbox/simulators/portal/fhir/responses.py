"""A QuestionnaireResponse as clinical answers: by question, in the types that the payer's questions have."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox import work
from sandbox.jsonio import Json
from sandbox.simulators.portal.fhir.terms import parts, text

_VALUES: Final = (
    "valueBoolean",
    "valueDecimal",
    "valueInteger",
    "valueDate",
    "valueDateTime",
    "valueString",
    "valueUri",
)
_ITEM: Final = 5  # units of work: an item is looked at for its answers, and for what is within it


@dataclass(frozen=True, slots=True)
class Answers:
    """What a response answers, read once however many items of a Claim it is for. `meant` is the procedure code of the
    payer's Questionnaire that it names, None where it names none or another's."""

    meant: str | None
    by_question: dict[str, Json]


def read_answers(response: Json) -> Answers:
    """Return the answers of a response, and whose questions they are to."""
    return Answers(questionnaire_of(response), answers_of(response))


def questionnaire_of(response: Json) -> str | None:
    """Return the procedure code of the payer's Questionnaire that a response names, None where it names another's.

    >>> questionnaire_of({"questionnaire": "http://payer.test/portal/fhir/Questionnaire/72148|1"})
    '72148'
    >>> questionnaire_of({"questionnaire": "http://other.test/forms/back-pain"}) is None
    True
    """
    name = text(response, "questionnaire").partition("|")[0]
    _, found, code = name.rpartition("/portal/fhir/Questionnaire/")
    return code if found and code else None


def answers_of(response: Json) -> dict[str, Json]:
    """Return the answers of a response by the `linkId` of their questions; several of one question are a list.

    >>> answers_of({"item": [{"linkId": "g", "item": [{"linkId": "weeks", "answer": [{"valueDecimal": 8}]}]}]})
    {'weeks': 8}
    """
    found: dict[str, Json] = {}
    budget = work.current()
    for item in _items(response):
        budget.spend(_ITEM)
        values = [value for row in parts(item, "answer") if (value := _value(row)) is not None]
        if values and text(item, "linkId"):
            found[text(item, "linkId")] = values[0] if len(values) == 1 else values
    return found


def _items(holder: Json) -> Iterator[Json]:
    """Yield the items of a response, those within items and within answers, too."""
    waiting = [holder]
    while waiting:
        one = waiting.pop()
        for item in parts(one, "item"):
            yield item
            waiting += [item, *parts(item, "answer")]


def _value(answer: Json) -> Json:
    for name in _VALUES:
        value = answer.get(name)
        if isinstance(value, str | bool | int | float):
            return value
    coding = answer.get("valueCoding")
    if isinstance(coding, dict):
        return text(coding, "code") or text(coding, "display") or None
    quantity = answer.get("valueQuantity")
    value = quantity.get("value") if isinstance(quantity, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
