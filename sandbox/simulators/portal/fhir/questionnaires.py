"""The payer's clinical questions of a procedure as a Questionnaire, the same in meaning as `portal/requirements`.

`when` becomes `enableWhen`: conditions that must all hold beside one another, and each that one of several answers
meets as a group around the question, since `enableBehavior` is of one kind. An answer with which the payer takes no
request (`stop`) is told by a display item that shows with it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.portal.fhir.terms import QUESTIONNAIRE_PROFILE

_TYPES: Final[Mapping[str, str]] = {
    "boolean": "boolean",
    "number": "decimal",
    "choice": "choice",
    "date": "date",
    "text": "text",
}
_ANSWERS: Final[Mapping[str, str]] = {"boolean": "answerBoolean", "number": "answerDecimal", "date": "answerDate"}


def questionnaire(base: str, row: Json) -> Json:
    """Return a row of `portal/questions` as a Questionnaire; `base` is the URL of this API."""
    code = row["procedure_code"]
    kinds = {question["id"]: question["type"] for question in row["questions"]}
    items = [item for question in row["questions"] for item in _items(question, kinds)]
    described = {} if row["description"] is None else {"description": row["description"]}
    return {
        "resourceType": "Questionnaire",
        "id": code,
        "meta": {"profile": [QUESTIONNAIRE_PROFILE]},
        "url": f"{base}/Questionnaire/{code}",
        "version": "1",
        "name": f"Questions{''.join(c for c in code if c.isalnum())}",
        "title": f"Questions for {code}",
        "status": "active",
        "subjectType": ["Patient"],
        **described,
        **({"item": items} if items else {}),
    }


def _items(question: Json, kinds: Mapping[str, str]) -> Iterator[Json]:
    """Yield the item of a question, within the groups that its conditions need, and what is told if it stops."""
    conditions = question.get("when") or []
    own: list[Json] = []
    groups: list[list[Json]] = []
    is_any = len(conditions) == 1 and conditions[0].get("one_of") is not None
    for condition in conditions:
        terms = list(_terms(condition["question"], condition, kinds))
        if condition.get("one_of") is not None and not is_any and len(terms) > 1:
            groups.append(terms)
        else:
            own += terms
    item: dict[str, Json] = {
        "linkId": question["id"],
        "text": question["text"],
        "type": _TYPES[question["type"]],
        "required": question["required"],
    }
    item |= _enabled(own, is_any=is_any)
    if question["options"]:
        item["answerOption"] = [{"valueString": option} for option in question["options"]]
    for number, terms in enumerate(groups, 1):
        item = {
            "linkId": f"{question['id']}/when-{number}",
            "type": "group",
            **_enabled(terms, is_any=True),
            "item": [item],
        }
    yield item
    stop = question.get("stop")
    if stop is not None:
        told = stop["message"] + (f" It is decided by {stop['payer']}." if stop["payer"] else "")
        terms = list(_terms(question["id"], stop, kinds))
        is_one_of = stop.get("one_of") is not None
        yield {
            "linkId": f"{question['id']}/stop",
            "text": told,
            "type": "display",
            **_enabled(terms, is_any=is_one_of),
        }


def _enabled(terms: list[Json], *, is_any: bool) -> dict[str, Json]:
    if not terms:
        return {}
    found: dict[str, Json] = {"enableWhen": terms}
    if len(terms) > 1:
        found["enableBehavior"] = "any" if is_any else "all"
    return found


def _terms(name: str, answered: Json, kinds: Mapping[str, str]) -> Iterator[Json]:
    """Yield what an answer must be, a term for each value or bound."""
    key = _ANSWERS.get(kinds[name], "answerString")
    values = answered.get("one_of")
    if values is None and answered.get("equals") is not None:
        values = [answered["equals"]]
    for value in values or ():
        yield {"question": name, "operator": "=", key: value}
    for bound, operator in (("min", ">="), ("max", "<=")):
        if answered.get(bound) is not None:
            yield {"question": name, "operator": operator, key: answered[bound]}
