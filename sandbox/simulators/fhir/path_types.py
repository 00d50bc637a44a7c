"""What may lie at a path into a resource, as R4's structures say: the vocabulary of `fhir-resource-state`.

Dotted paths into the JSON (`participant.0.actor.display`), and the element names of FHIRPath expressions.
"""

from typing import Final

from sandbox.errors import Invalid
from sandbox.paths import Segment, parse_path
from sandbox.r4.model import resource_types
from sandbox.r4.validation.structures import Element, Kind, structure
from sandbox.simulators.fhir.search import parameters_of
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.values import split, unescape
from sandbox.simulators.vocabulary import ANY, PathType
from sandbox.simulators.vocabulary import Kind as ValueKind
from sandbox.suggest import did_you_mean

RESOURCE_TYPE: Final = "resourceType"
_NUMBERS: Final = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
_CODINGS: Final = frozenset({"CodeableConcept", "Coding"})


def path_type(resource_type: str, path: str) -> PathType:
    """Return what lies at a path into a resource.

    Raises `Invalid`, with the nearest name, for a path that no resource of the type can have.

    >>> path_type("Appointment", "participant.0.actor.display").kind
    'text'
    >>> path_type("Encounter", "perriod.end")
    Traceback (most recent call last):
    ...
    sandbox.errors.Invalid: perriod.end: Encounter has no "perriod"; did you mean "period"?
    """
    return _below(resource_type, parse_path(path), path, None)


def _below(type_name: str, segments: tuple[Segment, ...], path: str, codes: frozenset[str] | None) -> PathType:
    """Walk on inside a value of a type. `codes` are those a required binding of it allows."""
    if not segments:
        return PathType("object")
    first, rest = segments[0], segments[1:]
    if first.is_any:
        return ANY
    name = first.name
    if name == RESOURCE_TYPE and type_name in resource_types():
        return PathType("text", frozenset({type_name}))
    elements = structure(type_name).elements
    if name.startswith("_") and (element := elements.get(name[1:])) is not None and element.kind is Kind.PRIMITIVE:
        inner = _past_list(element, name, rest, path)
        return PathType("list") if inner is None else _below("Element", inner, path, None)
    element = elements.get(name)
    if element is None:
        raise Invalid(f'{path}: {type_name} has no "{name}"{_hint(type_name, name)}')
    inner = _past_list(element, name, rest, path)
    if inner is None:
        return PathType("list")
    bound = element.value_set.all_codes if element.value_set is not None else None
    if type_name in _CODINGS and name in ("coding", "code"):
        bound = codes
    if element.kind is Kind.RESOURCE:
        return ANY
    if element.kind is Kind.COMPLEX:
        return _below(element.type_name, inner, path, bound)
    if inner:
        raise Invalid(f"{path}: {name} is a {element.type_name}, which has nothing below it")
    return _primitive(element, bound)


def _past_list(element: Element, name: str, rest: tuple[Segment, ...], path: str) -> tuple[Segment, ...] | None:
    """Return what follows a list's own segment; None when the list itself is meant."""
    if not element.is_list:
        if rest and rest[0].name.isdecimal():
            raise Invalid(f"{path}: {name} is no list; leave out the {rest[0].name}")
        return rest
    if not rest:
        return None
    if not (rest[0].is_any or rest[0].name.isdecimal()):
        following = ".".join(segment.name for segment in rest)
        raise Invalid(f"{path}: {name} is a list; write {name}.0.{following} or {name}.*.{following}")
    return rest[1:]


def _primitive(element: Element, codes: frozenset[str] | None) -> PathType:
    kind: ValueKind = "text"
    if element.type_name == "boolean":
        kind = "boolean"
    elif element.type_name in _NUMBERS:
        kind = "number"
    check = element.check

    def find_problem(text: str) -> str | None:
        problem = check(text) if check is not None else None
        return None if problem is None else f'"{text}" is no {element.type_name}: {problem[1]}'

    return PathType(kind, codes if kind == "text" else None, find_problem if kind == "text" else None)


def _hint(type_name: str, name: str) -> str:
    elements = structure(type_name).elements
    chosen = sorted(element.name for element in elements.values() if element.stem == name)
    if chosen:
        return f"; it is written {', '.join(chosen)}"
    return did_you_mean(name, elements)


# -- search ------------------------------------------------------------------------------------------


def find_search_problems(resource_type: str, name: str, value: str) -> list[str]:
    """Return a message for each alternative of a parameter that no resource can hold: a code that a required
    binding does not have, a reference to a type that the element never refers to.

    >>> find_search_problems("Appointment", "status", "booked,bookd")
    ['"bookd" is none of the codes that status finds; did you mean "booked"?']
    """
    code, _, modifier = name.partition(":")
    parameter = parameters_of(resource_type).get(code)
    if parameter is None or "." in name or modifier not in ("", "not"):
        return []
    alternatives = [unescape(part) for part in split(value, ",")]
    if parameter.type == "reference" and parameter.targets:
        narrowed = {path.target for path in parameter.paths}
        targets = narrowed if None not in narrowed else set(parameter.targets)
        kinds = [part.rpartition("/")[0].rpartition("/")[2] for part in alternatives]
        wrong = [kind for kind in kinds if kind in resource_types() and kind not in targets]
        return [f"{code} never refers to a {kind}{did_you_mean(kind, map(str, targets))}" for kind in wrong]
    if parameter.type != "token":
        return []
    codes = [_bound_codes(resource_type, path) for path in parameter.paths]
    if not codes or None in codes:
        return []
    known = frozenset().union(*(found for found in codes if found is not None))
    tokens = [part.rpartition("|")[2] for part in alternatives]
    return [
        f'"{token}" is none of the codes that {code} finds{did_you_mean(token, known)}'
        for token in tokens
        if token and token not in known
    ]


def _bound_codes(resource_type: str, path: Path) -> frozenset[str] | None:
    """Return the codes that a required binding leaves to what a search path ends in, None without one."""
    type_name, element = resource_type, None
    for step in path.steps:
        element = structure(type_name).elements.get(step.key)
        if element is None:
            return None
        if element.kind is Kind.COMPLEX:
            type_name = element.type_name
    if element is None or element.value_set is None or element.type_name not in ("code", *_CODINGS):
        return None
    return element.value_set.all_codes
