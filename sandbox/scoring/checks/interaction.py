"""`interaction` (extension): what the agent did, in the events of the task run: what it sent and was answered.

Only the agent's own events count: scenario steps, delayed effects and the clock do not.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

from pydantic import Field, field_validator

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation, StrictModel
from sandbox.errors import Invalid
from sandbox.globs import glob_matcher
from sandbox.jsonio import Json
from sandbox.paths import read_path
from sandbox.playground.events import EVENT_TYPES, METHODS, Event
from sandbox.scoring.event_inspection import find_match_problems, find_path_problem
from sandbox.scoring.matching import (
    compare_match,
    describe_match_problem,
    event_json,
    find_event_path_problem,
    is_agents,
    matches_event,
)
from sandbox.simulators.base import Candidate, Check, Condition, Selection, Subject, View
from sandbox.simulators.vocabulary import Finding, Surface, Surroundings
from sandbox.suggest import did_you_mean

EVENTS_SHOWN_MAX: Final = 50
StatusPattern: TypeAlias = int | str
Matcher = Callable[[Event], bool]


class InteractionMatcher(StrictModel):
    """Which events are meant; what is left out matches anything.

    `path` is a glob below the surface root (`fhir/Patient/*`, `portal/**`), without the query.
    `status` is a code, a class (`2xx`) or a list of these. `match` is what a scenario's `when` has: paths into what
    was sent and answered, each with a value or an expectation.
    """

    surface: str | None = None
    method: str | list[str] | None = None
    path: str | None = Field(default=None, min_length=1)
    status: StatusPattern | list[StatusPattern] | None = None
    type: str | None = None
    match: dict[str, Any] = Field(default_factory=dict)

    @field_validator("match")
    @classmethod
    def _readable_match(cls, match: dict[str, Any]) -> dict[str, Any]:
        problem = describe_match_problem(match)
        if problem is not None:
            raise ValueError(problem)
        return match

    @field_validator("status")
    @classmethod
    def _known_status(cls, status: StatusPattern | list[StatusPattern] | None) -> object:
        for item in _as_list(status):
            if not re.fullmatch(r"[1-5](\d\d|xx)", str(item)):
                raise ValueError(f'"{item}" is not a status; write 201 or 2xx')
        return status

    @field_validator("type")
    @classmethod
    def _known_type(cls, type: str | None) -> str | None:
        if type is not None and type not in EVENT_TYPES:
            raise ValueError(f'no event is of type "{type}"{did_you_mean(type, EVENT_TYPES)}')
        return type


class InteractionAssertion(Assertion, InteractionMatcher):
    """Events the agent must have caused, how many, before or after which others, and what must be in them.

    `nth` leaves one of those that match, counted from 1, or from the end with -1.
    """

    count: CountRange | None = None
    nth: int | None = None
    fields: list[FieldExpectation] = Field(default_factory=list)
    before: InteractionMatcher | None = None
    after: InteractionMatcher | None = None

    @field_validator("nth")
    @classmethod
    def _counts_from_one(cls, nth: int | None) -> int | None:
        if nth == 0:
            raise ValueError("nth counts from 1, or from the end with -1")
        return nth

    @field_validator("fields")
    @classmethod
    def _paths_of_events(cls, fields: list[FieldExpectation]) -> list[FieldExpectation]:
        for expectation in fields:
            problem = find_event_path_problem(expectation.path)
            if problem is not None:
                raise ValueError(f"{expectation.path or '(no path)'}: {problem}")
        return fields


def select_interactions(assertion: InteractionAssertion, view: View) -> Selection:
    """Select the matching events, in order.

    With `before`, those that precede the first event that matches it; with `after`, those that
    follow the first one. When there is no such event nothing is selected.
    Raises `Invalid` for a surface that the environment does not have.
    """
    events = sorted((event for event in view.events if is_agents(event)), key=lambda event: event.seq)
    found = list(filter(_matcher(assertion, view), events))
    if assertion.before is not None:
        first = _first_seq(assertion.before, events, view)
        found = [event for event in found if first is not None and event.seq < first]
    if assertion.after is not None:
        first = _first_seq(assertion.after, events, view)
        found = [event for event in found if first is not None and event.seq > first]
    if assertion.nth is not None:
        place = assertion.nth - 1 if assertion.nth > 0 else len(found) + assertion.nth
        found = found[place : place + 1] if place >= 0 else []
    read = lru_cache(maxsize=1)(lambda place: event_json(found[place]))  # one is looked at at a time; all are too much
    subjects = tuple(
        Subject(_label(event), values_at=partial(_values_at, read, place)) for place, event in enumerate(found)
    )
    evidence = {"matched_events": [_evidence(e) for e in found[:EVENTS_SHOWN_MAX]]}
    candidates = partial(_candidates, assertion, events, view)
    return Selection(_describe(assertion), subjects, evidence, kind="call of the agent", candidates=candidates)


def _values_at(read: Callable[[int], Json], place: int, path: str) -> list[Json]:
    """Read an event at a path; its bodies are parsed when they are asked for."""
    return read_path(read(place), path)


def _candidates(assertion: InteractionAssertion, events: Sequence[Event], view: View) -> Iterator[Candidate]:
    """Yield the agent's calls, the latest first, with each part of the matcher by itself."""
    parts = [
        (name, value, _matcher(InteractionMatcher.model_validate({name: value}), view))
        for name in InteractionMatcher.model_fields
        if name != "match" and (value := getattr(assertion, name)) is not None
    ]
    surfaces = {sandbox.id: sandbox.surface for sandbox in view.sandboxes}
    limits = [
        (name, wanted, _first_seq(wanted, events, view))
        for name, wanted in (("before", assertion.before), ("after", assertion.after))
        if wanted is not None
    ]
    for event in reversed(events):
        shown = {**_evidence(event), "surface": surfaces.get(event.sandbox_id or "")}
        conditions = [
            Condition(name, {"one_of": value}, shown[name], matches(event), "one_of")
            if isinstance(value, list)
            else Condition(name, value, shown[name], matches(event))
            for name, value, matches in parts
        ]
        conditions += [
            Condition(r.path, r.expected, r.actual, r.passed, r.mode) for r in compare_match(event, assertion.match)
        ]
        for name, wanted, seq in limits:
            is_right = seq is not None and (event.seq < seq if name == "before" else event.seq > seq)
            told = f"event {seq}" if seq is not None else None
            conditions.append(Condition(name, f"the first {_describe_matcher(wanted)}".rstrip(), told, is_right))
        yield Candidate(_label(event), tuple(conditions))


def inspect(assertion: InteractionAssertion, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield methods that are none, surfaces that the environment lacks, and paths that no request can have."""
    for keys, matcher in (((), assertion), (("before",), assertion.before), (("after",), assertion.after)):
        if matcher is not None:
            for key, message in _matcher_problems(matcher, surroundings.surfaces):
                yield (*keys, key), message
            for key, message in find_match_problems(matcher.match, surroundings.surfaces):
                yield (*keys, "match", key), message


def _matcher_problems(wanted: InteractionMatcher, surfaces: Mapping[str, Surface]) -> Iterator[tuple[str, str]]:
    for method in _as_list(wanted.method):
        if method.upper() not in METHODS:
            yield "method", f"{method} is no method{did_you_mean(method.upper(), METHODS)}"
    if wanted.surface is not None and wanted.surface not in surfaces:
        yield "surface", f'the environment has no surface "{wanted.surface}"{did_you_mean(wanted.surface, surfaces)}'
        return
    if wanted.path is None:
        return
    problem = find_path_problem(wanted.path, surfaces, wanted.surface)
    if problem is not None:
        yield "path", problem


def _first_seq(wanted: InteractionMatcher, events: Sequence[Event], view: View) -> int | None:
    matches = _matcher(wanted, view)
    return next((event.seq for event in events if matches(event)), None)


def _matcher(wanted: InteractionMatcher, view: View) -> Matcher:
    surfaces = {sandbox.id: sandbox.surface for sandbox in view.sandboxes}
    if wanted.surface is not None and wanted.surface not in surfaces.values():
        there_are = ", ".join(sorted(set(surfaces.values()))) or "none"
        raise Invalid(f'the environment has no surface "{wanted.surface}"; there are {there_are}')
    methods = {method.upper() for method in _as_list(wanted.method)}
    statuses = {str(status) for status in _as_list(wanted.status)}
    matches_path = glob_matcher([wanted.path.lstrip("/")]) if wanted.path is not None else None

    def matches(event: Event) -> bool:
        request = event.request
        if request is None or (wanted.type is not None and event.type != wanted.type):
            return False
        if wanted.surface is not None and surfaces.get(event.sandbox_id or "") != wanted.surface:
            return False
        if methods and request.method.upper() not in methods:
            return False
        if matches_path is not None and not matches_path(request.path.lstrip("/")):
            return False
        status = str(event.response.status) if event.response is not None else ""
        if statuses and not statuses & {status, f"{status[:1]}xx"}:
            return False
        return matches_event(event, wanted.match)

    return matches


def _label(event: Event) -> str:
    request = event.request
    return f"{request.method} {request.path} (event {event.seq})" if request is not None else f"event {event.seq}"


def _evidence(event: Event) -> Json:
    return {
        "id": event.id,
        "seq": event.seq,
        "type": event.type,
        "method": event.request.method if event.request else None,
        "path": event.request.path if event.request else None,
        "status": event.response.status if event.response else None,
    }


def _describe(assertion: InteractionAssertion) -> str:
    text = f"interaction {_describe_matcher(assertion)}".rstrip()
    if assertion.before is not None:
        text += f" before the first {_describe_matcher(assertion.before) or 'interaction'}"
    if assertion.after is not None:
        text += f" after the first {_describe_matcher(assertion.after) or 'interaction'}"
    return text


def _describe_matcher(wanted: InteractionMatcher) -> str:
    parts = [
        "|".join(method.upper() for method in _as_list(wanted.method)),
        wanted.path or "",
        f"on {wanted.surface}" if wanted.surface is not None else "",
        f"of type {wanted.type}" if wanted.type is not None else "",
        f"with status {'|'.join(map(str, _as_list(wanted.status)))}" if wanted.status is not None else "",
        f"with {', '.join(wanted.match)} as asked" if wanted.match else "",
    ]
    return " ".join(part for part in parts if part)


def _as_list(value: object) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


INTERACTION = Check(
    "interaction",
    InteractionAssertion,
    select_interactions,
    matched_key="matched_events",
    is_upstream=False,
    picks="best",
    inspect=inspect,
)
