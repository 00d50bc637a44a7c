"""Sending to somebody else what was meant for one patient: in references, numbers, names, and addresses of requests.

Who there is, the simulators tell (`Simulator.people`). Somebody else is a person of the same systems who is not met in
the recorded run, if there is one, and who has something of the same kind wherever the run changes what exists.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.rehearsal.mutation.script import Script, Step
from sandbox.simulators.base import Simulator
from sandbox.simulators.fhir.leaves import person_of
from sandbox.simulators.leaves import Form, Person, Sent


@dataclass(frozen=True, slots=True)
class Known:
    """A person as all systems together know them, and which systems those are."""

    person: Person
    surfaces: frozenset[str]


def find_people(simulators: Iterable[Simulator], branch: Branch) -> list[Known]:
    """Return everybody, each once: who has a number in common is one person."""
    found: list[Known] = []
    for simulator in simulators:
        for person in simulator.people(branch):
            place = next((i for i, known in enumerate(found) if set(known.person.numbers) & set(person.numbers)), None)
            if place is None:
                found.append(Known(person, frozenset({simulator.surface})))
            else:
                known = found[place]
                numbers = tuple(dict.fromkeys((*known.person.numbers, *person.numbers)))
                found[place] = Known(replace(known.person, numbers=numbers), known.surfaces | {simulator.surface})
    return found


def registered(script: Script) -> list[Person]:
    """Return the people whom a run gave a chart: they are in nobody's seed."""
    found = []
    for step in script.steps:
        body = step.sent.body
        if step.is_write and isinstance(body, dict) and body.get("resourceType") == "Patient":
            keys = [key for collection, key in step.writes if collection == "fhir/Patient"]
            if step.sent.method == "POST" and keys:
                found.append(person_of(body, f"Patient/{keys[0]}", []))
    return found


def met_in(value: Json, people: Iterable[Known]) -> list[Known]:
    """Return who is named in a value by a mark that is nobody else's."""
    text = jsonio.dump(value).decode()
    return [known for known in people if any(_names(text, mark) for mark in known.person.marks)]


def _names(text: str, mark: str) -> bool:
    return mark in text and re.search(rf"(?<![\w-]){re.escape(mark)}(?![\w-])", text) is not None


def choose_others(
    script: Script, steps: Sequence[Step], people: Sequence[Known], branch: Branch, forms: dict[str, Form]
) -> dict[Person, Person]:
    """Return somebody else for everybody whom these calls are about, no one twice, as far as there are people."""
    sent = [[s.sent.path, s.sent.query, s.sent.body] for s in steps]
    owners = {forms[s.surface].owner(s.sent, branch) for s in steps if s.surface in forms} - {None}
    named = [*met_in(sent, people), *(known for known in people if not owners.isdisjoint(known.person.marks))]
    about = list(dict.fromkeys([*named, *(Known(person, frozenset({"fhir"})) for person in registered(script))]))
    answered = {k.person for k in met_in([s.answered for s in script.steps], people)}
    chosen: dict[Person, Person] = {}
    for known in about:
        one = known.person
        taken = {k.person for k in about} | set(chosen.values())

        def rank(candidate: Known, known: Known = known) -> tuple[int, int, int]:
            other = candidate.person
            unmatched = sum(
                forms[s.surface].retargeted(s.sent, branch, known.person, other).path == s.sent.path
                for s in steps
                if s.surface in forms and (s.sent.method != "POST" or forms[s.surface].owner(s.sent, branch))
            )
            return len(known.surfaces - candidate.surfaces), unmatched, int(other in answered)

        candidates = [k for k in people if k.person not in taken and (one.reference is None or k.person.reference)]
        if candidates:
            chosen[one] = min(candidates, key=rank).person
    return chosen


def moved(sent: Sent, others: dict[Person, Person], branch: Branch, form: Form) -> Sent:
    """Return a request sent to somebody else; the same request where it is about none of them."""
    about = {one: other for one, other in others.items() if any(_names(_all(sent), mark) for mark in one.marks)}
    if not about:
        named = [one for one in others if form.retargeted(sent, branch, one, others[one]) != sent]
        about = {one: others[one] for one in named}
    for one, other in about.items():
        sent = form.retargeted(sent, branch, one, other)
        sent = replace(
            sent,
            path=moved_text(sent.path, one, other),
            query=None if sent.query is None else moved_text(sent.query, one, other),
            body=moved_value(sent.body, one, other),
        )
    return sent


def _all(sent: Sent) -> str:
    return jsonio.dump([sent.path, sent.query, sent.body]).decode()


def moved_value(value: Json, one: Person, other: Person) -> Json:
    """Return JSON with one person's marks, name, birth date and phones as the other's."""
    if isinstance(value, str):
        return moved_text(value, one, other)
    if isinstance(value, list):
        return [moved_value(item, one, other) for item in value]
    if isinstance(value, dict):
        return {key: moved_value(item, one, other) for key, item in value.items()}
    return value


def moved_text(text: str, one: Person, other: Person) -> str:
    """Return a text about the other person.

    >>> chen = Person("Patient/chen", ("RC-1",), "Chen", "Maria", "1984-03-12")
    >>> okafor = Person("Patient/okafor", ("RC-2",), "Okafor", "Robert", "1957-11-30")
    >>> moved_text("PID|1||RC-1||CHEN^MARIA||19840312", chen, okafor)
    'PID|1||RC-2||OKAFOR^ROBERT||19571130'
    """
    pairs = [*_numbers(one, other)]
    if one.reference and other.reference:
        pairs.append((one.reference, other.reference))
    if one.birth_date and other.birth_date:
        pairs.append((one.birth_date, other.birth_date))
        pairs.append((one.birth_date.replace("-", ""), other.birth_date.replace("-", "")))
    pairs += [(a, b) for a, b in zip(one.phones, other.phones, strict=False)]
    if one.family and one.given:
        for form in ("{0}^{1}", "{1} {0}", "{0}, {1}"):
            pairs.append((form.format(one.family, one.given), form.format(other.family, other.given)))
        if text.casefold() in (one.family.casefold(), one.given.casefold()):
            pairs += [(one.family, other.family), (one.given, other.given)]
    for old, new in pairs:
        pattern = rf"(?<![\w-]){re.escape(old)}(?![\w-])"
        text = re.sub(pattern, lambda found, new=new: new.upper() if found[0].isupper() else new, text, flags=re.I)  # type: ignore[misc]
    return text


def _numbers(one: Person, other: Person) -> list[tuple[str, str]]:
    """Pair the numbers of two people: those written alike, then what is left in its order."""
    left = list(other.numbers)
    pairs = []
    for number in one.numbers:
        alike = next((n for n in left if _shape(n) == _shape(number)), left[0] if left else None)
        if alike is not None:
            left.remove(alike)
            pairs.append((number, alike))
    return pairs


def _shape(number: str) -> str:
    return re.sub(r"\d", "9", number)
