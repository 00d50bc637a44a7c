"""The answer a task wants: its form, and how an agent is told where it goes.

A task wants one when its definition says so (`task_item.answer`, the form in the author's words) or
when one of its criteria reads the output; the form then follows from the paths that are read, and
never says which value is expected there.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.paths import Segment, parse_path
from sandbox.scoring.checks.agent_output import AGENT_OUTPUT
from sandbox.scoring.parsing import leaves_of

ANSWER: Final = "answer"
FIELD: Final = "output"
_TEXT_FORM: Final = "text"
_VALUE_FORM: Final = "any JSON value"


def announce(
    task_item: Mapping[str, Any] | None, assertions: Iterable[Mapping[str, Any]], complete_url: str
) -> dict[str, Any] | None:
    """Return the task item as an agent gets it: with `answer` where the task wants one.

    `answer` is `{field, url, form, instruction}`: the member of the body that `POST url` takes.
    """
    form = form_of(task_item, assertions)
    if form is None:
        return dict(task_item) if task_item is not None else None
    told = (
        f"This task wants an answer. When the work is done, send it as `{FIELD}` in the body of POST {complete_url}: "
        f'{{"{FIELD}": …}}, in the form that `form` shows.'
    )
    return {**(task_item or {}), ANSWER: {"field": FIELD, "url": complete_url, "form": form, "instruction": told}}


def form_of(task_item: Mapping[str, Any] | None, assertions: Iterable[Mapping[str, Any]]) -> Json:
    """Return the form of the answer, as declared or as criteria read it; None when none is wanted.

    >>> form_of(None, [{"assert": "agent-output", "fields": [{"path": "filed.*"}, {"path": "who.name"}]}])
    {'filed': ['any JSON value'], 'who': {'name': 'any JSON value'}}
    >>> form_of({"answer": {"date": "YYYY-MM-DD"}}, [])
    {'date': 'YYYY-MM-DD'}
    >>> form_of({}, [{"assert": "state-unchanged"}]) is None
    True
    """
    declared = (task_item or {}).get(ANSWER)
    if declared is not None:
        return declared
    leaves = [leaf for assertion in assertions for _, leaf in leaves_of(assertion)]
    reading = [leaf for leaf in leaves if isinstance(leaf, Mapping) and leaf.get("assert") == AGENT_OUTPUT.name]
    if not reading:
        return None
    form: Json = None
    for assertion in reading:
        for expectation in assertion.get("fields") or ():
            form = _grown(form, _segments(expectation.get("path")))
    return form if form is not None else _TEXT_FORM


def _segments(path: object) -> tuple[Segment, ...]:
    try:
        return parse_path(path) if isinstance(path, str) and path else ()
    except Invalid:  # such an assertion is unsupported, and says so when it is scored
        return ()


def _grown(form: Json, segments: tuple[Segment, ...]) -> Json:
    """Return the form with a place at the end of a path."""
    if not segments:
        return _VALUE_FORM if form is None else form
    first, rest = segments[0], segments[1:]
    if first.is_any or first.name.isdecimal():
        inner = form[0] if isinstance(form, list) and form else None
        return [_grown(inner, rest)]
    members = form if isinstance(form, dict) else {}
    return {**members, first.name: _grown(members.get(first.name), rest)}
