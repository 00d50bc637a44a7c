"""What HL7 paths and correlation keys may name, by the tables of every version: the vocabulary of `hl7-structural`.

A message's version is not known before it is sent, so a path is right when some version has it.
Fields and components are known by the number in their name, since the tables of 2.6 and later leave
out what was withdrawn. Local segments (Z..) may hold anything.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from sandbox.errors import Invalid
from sandbox.simulators.hl7.paths import Path, Place, parse_path
from sandbox.simulators.hl7.tables import VERSIONS, tables_of
from sandbox.simulators.hl7.trigger_events import EVENTS
from sandbox.simulators.vocabulary import TEXT, PathType
from sandbox.suggest import did_you_mean

Components: TypeAlias = Mapping[int, int | None]
"""How many subcomponents each component of a field has; None for any number."""

# The tables have a stand-in for any segment among the segments, with a longer name.
_LETTERS: Final = 3
# Those that are imported at start come first, so that what is right is found without another.
_ORDER: Final = ("2.5.1", "2.5", *(v for v in reversed(VERSIONS) if v not in ("2.5", "2.5.1")))


def path_type(path: str) -> PathType:
    """Return what lies at a path, which is always text.

    Raises `Invalid` for a segment, field, component or subcomponent that no version has.

    >>> path_type("PID.5.1").kind
    'text'
    >>> path_type("PDI.5")
    Traceback (most recent call last):
    ...
    sandbox.errors.Invalid: PDI.5: no version of HL7 has a segment PDI; did you mean "PID"?
    """
    parsed = parse_path(path)
    if parsed.segment.startswith("Z") or any(_has(version, parsed) for version in _ORDER):
        return TEXT
    raise Invalid(f"{path}: {_describe(parsed)}")


def _has(version: str, path: Path) -> bool:
    fields = fields_of(version, path.segment)
    return fields is not None and all(_holds(fields, place) for place in (path.where, path.place) if place is not None)


def _holds(fields: Mapping[int, Components | None], place: Place) -> bool:
    if place.field not in fields:
        return False
    components = fields[place.field]
    if components is None or place.component == 0:
        return True
    if place.component not in components:
        return False
    inner = components[place.component]
    return inner is None or place.subcomponent <= inner


def _describe(path: Path) -> str:
    """Say what of a path that no version has is at fault."""
    versions = [fields for v in VERSIONS if (fields := fields_of(v, path.segment)) is not None]
    if not versions:
        names = frozenset(name for version in VERSIONS for name in tables_of(version).SEGMENTS if len(name) == _LETTERS)
        return f"no version of HL7 has a segment {path.segment}{did_you_mean(path.segment, names)}"
    for place in (path.where, path.place):
        if place is None or any(_holds(fields, place) for fields in versions):
            continue
        name = f"{path.segment}-{place.field}"
        last = max(max(fields) for fields in versions)
        if all(place.field not in fields for fields in versions):
            return f"no version of HL7 has a field {name}; the last is {path.segment}-{last}"
        known = [fields[place.field] for fields in versions if place.field in fields]
        components = max(max(found) for found in known if found)
        if all(place.component not in found for found in known if found):
            return f"no version of HL7 has a component {name}.{place.component}; the last is {name}.{components}"
        return f"no version of HL7 has a subcomponent {name}.{place.component}.{place.subcomponent}"
    return "no single version of HL7 has all of it"


def find_type_problem(message_type: str) -> str | None:
    """Return what is wrong with a `message_type` (`ORU^R01`, `ORU`), None when HL7 has it.

    >>> find_type_problem("SIU^S12") is None, find_type_problem("SUI^S12")
    (True, 'no version of HL7 has a message type SUI; did you mean "SIU"?')
    """
    code, _, rest = message_type.partition("^")
    event = rest.partition("^")[0]
    if code.startswith("Z") or event.startswith("Z"):
        return None
    if code == "ACK" or (code in EVENTS and (not event or event in EVENTS[code])):
        return None
    known = message_types()
    if code not in known:
        return f"no version of HL7 has a message type {code}{did_you_mean(code, known)}"
    if event and known[code] and event not in known[code]:
        return f"{code} has no trigger event {event}{did_you_mean(event, known[code])}"
    return None


def find_event_problem(event: str) -> str | None:
    """Return what is wrong with a `trigger_event`, None when some message type has it."""
    if event.startswith("Z") or any(event in events for events in EVENTS.values()):
        return None
    events = frozenset().union(*message_types().values())
    return None if event in events else f"no message type has a trigger event {event}{did_you_mean(event, events)}"


@cache
def message_types() -> Mapping[str, frozenset[str]]:
    """Return the trigger events of every message type, of all versions."""
    found: dict[str, set[str]] = {"ACK": set(), **{code: set(events) for code, events in EVENTS.items()}}
    for version in VERSIONS:
        for name in tables_of(version).MESSAGES:
            code, _, event = name.partition("_")
            found.setdefault(code, set()).update({event} if event else ())
    return {code: frozenset(events) for code, events in found.items()}


@cache
def fields_of(version: str, segment: str) -> Mapping[int, Components | None] | None:
    """Return the components of each field of a segment, None for a field that may hold any; None for a segment
    that the version does not have."""
    found = tables_of(version).SEGMENTS.get(segment)
    if found is None or len(found) < 2:  # the latter is a segment that the version withdrew
        return None
    # ORO in 2.1 is the bare tuple of its fields.
    children = found[1] if found[0] == "sequence" else found
    return {_number(child[0], place): _components(child[1]) for place, child in enumerate(children, 1)}


def _components(reference: Sequence[Any]) -> Components | None:
    kind, children, datatype = reference[:3]
    if datatype in ("varies", "TS") or datatype is None:
        return None
    if kind == "leaf" or children is None:
        return {1: 1}
    # XTN's first component is missing in the tables of 2.6, and means what it always did.
    return {1: None, **{_number(c[0], place): _subcomponents(c[1]) for place, c in enumerate(children, 1)}}


def _subcomponents(reference: Sequence[Any]) -> int | None:
    kind, children, datatype = reference[:3]
    if datatype in ("varies", "TS") or datatype is None:
        return None
    if kind == "leaf" or children is None:
        return 1
    return max(_number(child[0], place) for place, child in enumerate(children, 1))


def _number(name: str, place: int) -> int:
    """Return the number in a name (`XPN_3`); a few names have none, and stand where they belong."""
    number = name.rpartition("_")[2]
    return int(number) if number.isdecimal() else place
