"""The clinical questions as a form: which are asked, how an answer is read, what is still open.

Which questions there are, which follow from which answer and what an answer must be are the payer's rules; an answer
that is not of its question's type is handed on as it is, to be refused there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.payer.validation import asked_questions, check_complete, questions_of
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.web.forms import Form, Problems
from sandbox.simulators.portal.web.pages import Visit

PREFIX: Final = "clinical_answers"
SHOWN: Final = "shown"
YES_NO: Final = (("yes", "Yes"), ("no", "No"))
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a form shows it: `name` is its field's, `value` what stands in it."""

    id: str
    name: str
    text: str
    type: str
    options: tuple[tuple[str, str], ...]
    required: bool
    value: str


def asked_of(visit: Visit, row: Json) -> list[Asked]:
    """Return the questions that are asked of a case, given the answers so far: those in the form, else the stored."""
    questions = questions_of(visit.tx, row) or {}
    answers = row["clinical_answers"]
    if visit.form.is_sent:
        answers = {**answers, **read_answers(visit.form, questions)}
    asked = asked_questions(questions, {name: value for name, value in answers.items() if value is not None})
    return [
        _asked(question, visit.value(f"{PREFIX}.{name}", written(answers.get(name))))
        for name, question in questions.items()
        if name in asked
    ]


def _asked(question: Json, value: str) -> Asked:
    options: Sequence[tuple[str, str]] = ()
    if question["type"] == "boolean":
        options = YES_NO
    elif question["type"] == "choice":
        options = [(text, text) for text in question["options"]]
    name = f"{PREFIX}.{question['id']}"
    required = question["required"]
    return Asked(question["id"], name, question["text"], question["type"], tuple(options), required, value)


def written(answer: Json) -> str:
    """Return an answer as it stands in its field.

    >>> written(True), written(8), written(7.5), written(None), written("none")
    ('yes', '8', '7.5', '', 'none')
    """
    if answer is None:
        return ""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, float) and answer.is_integer():
        return str(int(answer))
    return str(answer)


def read_answers(form: Form, questions: Mapping[str, Json]) -> dict[str, Json]:
    """Return the answers that a form has, None for an empty field; a field that the form has not is left out."""
    found: dict[str, Json] = {}
    for name, question in questions.items():
        field = f"{PREFIX}.{name}"
        if field in form.values:
            found[name] = read_answer(question["type"], form.text(field))
        elif name in form.text(SHOWN).split(","):
            found[name] = None  # none of the radio buttons was chosen
    return found


def read_answer(kind: str, text: str) -> Json:
    """Return what was written in the field of a question of a type; what does not fit is handed on as text.

    >>> read_answer("boolean", "yes"), read_answer("number", "8"), read_answer("number", "2.5")
    (True, 8, 2.5)
    >>> read_answer("number", "many")
    'many'
    >>> read_answer("text", "")
    """
    if not text:
        return None
    if kind == "boolean" and text in ("yes", "no"):
        return text == "yes"
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def changes(row: Json, questions: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
    """Return what a form changes of a case's answers: what is new or cleared, and what is not asked any more.

    >>> flags = {"id": "flags", "when": []}
    >>> site = {"id": "site", "when": [{"question": "flags", "one_of": ["cancer"]}]}
    >>> row = {"clinical_answers": {"flags": "cancer", "site": "lung"}}
    >>> changes(row, {"flags": flags, "site": site}, {"flags": "none"})
    {'flags': 'none', 'site': None}
    """
    stored = row["clinical_answers"]
    merged = {name: value for name, value in {**stored, **given}.items() if value is not None}
    asked = asked_questions(questions, merged)
    found = {
        name: value for name, value in given.items() if value != stored.get(name) and (name in asked or value is None)
    }
    found |= {name: None for name in stored if name in questions and name not in asked}
    return found


def open_problems(tx: Interaction, row: Json, *names: str) -> Problems:
    """Return why these fields of a case would not let it be sent, by the payer's own check."""
    try:
        check_complete(tx, row)
    except Invalid as error:
        found = error.details or {}
        return {name: list(told) for name, told in found.items() if name.partition(".")[0] in names}
    return {}


def field_names(questions: Mapping[str, Json] | None) -> list[str]:
    """Return the fields that a form of these questions may have."""
    return [SHOWN, *(f"{PREFIX}.{name}" for name in questions or {})]


def labels_of(asked: Sequence[Asked]) -> dict[str, str]:
    """Return what the fields of questions are called in a summary of problems."""
    return {item.name: item.text for item in asked}
