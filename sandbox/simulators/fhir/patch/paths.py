"""Finding places in a resource by the FHIRPath subset that FHIRPath Patch needs (R4, FHIRPath Patch).

Understood: `Patient.name[0].given`, `.where(…)` with any FHIRPath inside, `.first()`, `.last()`,
`.single()`, `.ofType(X)`, `.extension('url')`. A place, unlike a value, can be written to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.simulators.fhir import fhirpath
from sandbox.simulators.fhir.validation.structures import Element, Kind, Structure, structure

_INDEX_DIGITS: Final = 10
_STEP: Final = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_]*|`[^`]+`)(\()?|\[(\d+)\]|\s+")


@dataclass(slots=True)
class Place:
    """A place that holds a value: `holder[key]` of the element `name`; `index` is set inside an array.

    The root has no holder. `shape` is the structure of the value, None for primitives.
    """

    value: Json
    shape: Structure | None
    holder: Json = None
    key: str = ""
    index: int | None = None
    element: Element | None = None


def bad_path(path: str, why: str) -> Invalid:
    """Return the error for a path; `why` completes "the path … "."""
    return Invalid(f'The path "{path}" {why}.', issue_type="invalid")


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """Yield `(kind, text)`: a name, an index, or a function with its argument (`where:use='home'`)."""
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise bad_path(path, f'cannot be read at "{path[position:]}"')
        position = found.end()
        if found[3] is not None:
            yield "index", found[3]
        elif found[1] is not None and found[2]:
            end = _closing(path, position)
            yield found[1], path[position:end].strip()
            position = end + 1
        elif found[1] is not None:
            yield "name", found[1].strip("`")


def _closing(path: str, position: int) -> int:
    depth, quote = 1, ""
    while position < len(path):
        char = path[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "'\"`":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    raise bad_path(path, "has a bracket that is never closed")


def children(place: Place, name: str) -> list[Place]:
    """Return the places of an element below a place; a choice is found by its stem (`value`)."""
    value, shape = place.value, place.shape
    if not isinstance(value, dict) or shape is None:
        return []
    elements = [e for e in shape.elements.values() if name in (e.name, e.stem)]
    if not elements:
        raise Invalid(f'There is no element "{name}" in {shape.name}.', issue_type="invalid")
    found = []
    for element in elements:
        siblings = value.get("_" + element.name) if element.kind is Kind.PRIMITIVE else None
        if element.name not in value and siblings is None:
            continue
        # A primitive with extensions only has no value, but a place.
        item = value.get(element.name, [None] * len(siblings) if isinstance(siblings, list) else None)
        inner = _shape_of(element)
        if isinstance(item, list):
            for index, child in enumerate(item):
                own = _resource_shape(child) if element.kind is Kind.RESOURCE else inner
                found.append(Place(child, own, value, element.name, index, element))
        else:
            own = _resource_shape(item) if element.kind is Kind.RESOURCE else inner
            found.append(Place(item, own, value, element.name, None, element))
    return found


def _shape_of(element: Element) -> Structure | None:
    return structure(element.type_name) if element.kind is Kind.COMPLEX else None


def _resource_shape(value: Json) -> Structure:
    return structure(value["resourceType"])


def places(resource: Json, path: str) -> list[Place]:
    """Return every place a path names; raises `Invalid` when it cannot be read."""
    found = [Place(resource, structure(resource["resourceType"]))]
    is_first = True
    for kind, text in _steps(path):
        if kind == "name":
            if not (is_first and text in (resource["resourceType"], "Resource", "DomainResource")):
                found = [child for place in found for child in children(place, text)]
        elif kind == "index":
            place = int(text) if len(text) < _INDEX_DIGITS else len(found)
            found = found[place : place + 1]
        elif kind == "where":
            found = [p for p in found if p.value is not None and _holds(path, text, p.value)]
        elif kind in ("first", "last"):
            found = (found[:1] if kind == "first" else found[-1:]) if not text else []
        elif kind == "single":
            if len(found) > 1:
                raise bad_path(path, f"should name one element and names {len(found)}")
        elif kind == "ofType":
            found = [
                p for p in found if p.element is not None and p.element.type_name in (text, text.partition(".")[2])
            ]
        elif kind == "extension":
            url = text.strip("'\"")
            found = [c for p in found for c in children(p, "extension") if c.value.get("url") == url]
        else:
            raise bad_path(path, f'uses "{kind}(…)", which is not supported in a patch')
        is_first = False
    return found


def _holds(path: str, criteria: str, value: Json) -> bool:
    try:
        return fhirpath.values(criteria, value) == [True]
    except Invalid as error:
        raise bad_path(path, f"has a where({criteria}) that cannot be evaluated: {error.message}") from None


def lists_of(resource: Json, path: str) -> list[list[Json]]:
    """Return the array that a path names as a whole, for `insert` and `move`.

    For primitives with ids or extensions the array of these follows, of the same length.
    """
    parent, _, name = path.rpartition(".")
    if not parent:
        raise bad_path(path, "must name an element of the resource")
    owners = places(resource, parent)
    if len(owners) != 1:
        raise bad_path(path, f"should have one parent element and has {len(owners)}")
    owner = owners[0]
    element = owner.shape.elements.get(name) if owner.shape is not None else None
    if element is None:
        raise bad_path(path, "names no element that exists")
    if not element.is_list:
        raise bad_path(path, "names an element that does not repeat")
    return aligned(owner.value, name)


def aligned(holder: Json, name: str) -> list[list[Json]]:
    """Return a list element's array, made if it is missing, and beside it that of its ids and extensions.

    >>> aligned({"_given": [{"id": "a"}]}, "given")
    [[None], [{'id': 'a'}]]
    """
    beside = holder.get("_" + name)
    if not isinstance(beside, list):
        return [holder.setdefault(name, [])]
    return [holder.setdefault(name, [None] * len(beside)), beside]
