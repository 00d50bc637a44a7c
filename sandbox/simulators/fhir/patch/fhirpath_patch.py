"""FHIRPath Patch (R4, FHIRPath Patch): `add`, `insert`, `delete`, `replace`, `move` in a Parameters resource.

Operations apply in order to a copy; the caller removes what they left empty and validates the result as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox import jsonio, limits
from sandbox.errors import Invalid, TooLarge
from sandbox.fhirpath import Context
from sandbox.jsonio import Json
from sandbox.r4.issues import refusal
from sandbox.r4.validation import validate
from sandbox.r4.validation.structures import Element, Kind, Structure, structure
from sandbox.simulators.fhir.patch.paths import Place, aligned, bad_path, list_of, places

_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("path", "name", "value"),
    "insert": ("path", "value", "index"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}


@dataclass(slots=True)
class Operation:
    """One operation; `value` is the parameter part as it came (with `value[x]`, `resource` or `part`)."""

    kind: str
    path: str = ""
    name: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


def apply(resource: Json, parameters: Json, context: Context, *, is_checked: bool = False) -> Json:
    """Apply a FHIRPath Patch and return the patched copy; raises `Invalid` naming the operation, `TooCostly`.

    All its paths are evaluated in one context. `is_checked` says that the Parameters are known to be valid.
    """
    issues = [] if is_checked else validate(parameters)
    if issues:
        raise refusal(issues)
    rows = parameters.get("parameter", ())
    if len(rows) > limits.PATCH_OPERATIONS:
        raise TooLarge(f"The FHIRPath Patch has {len(rows)} operations; the limit is {limits.PATCH_OPERATIONS}.")
    result = jsonio.copied(resource)
    for index, row in enumerate(rows):
        at = f"Parameters.parameter[{index}]"
        try:
            _apply_one(result, _operation(row), context)
        except Invalid as error:
            raise Invalid(f"Operation {index}: {error.message}", issue_type="invalid", expression=at) from None
    return result


def _operation(row: Mapping[str, Any]) -> Operation:
    if row.get("name") != "operation":
        raise Invalid(f'the parameter is named "{row.get("name")}"; a patch holds operations only.')
    parts = {part["name"]: part for part in row.get("part", ())}
    kind = str(_plain(parts.get("type", {})))
    if kind not in _NEEDS:
        raise Invalid(f'the type "{kind}" is not add, insert, delete, replace or move.')
    for name in _NEEDS[kind]:
        if name not in parts:
            raise Invalid(f"{kind} needs the part {name}.")
    numbers = {}
    for name in ("index", "source", "destination"):
        if name in parts:
            number = _plain(parts[name])
            if type(number) is not int or number < 0:
                raise Invalid(f"{name} must be a whole number of 0 or more.")
            numbers[name] = number
    name, path = _plain(parts.get("name", {})), _plain(parts["path"])
    return Operation(kind, str(path), str(name), parts.get("value", {}), numbers)


def _plain(part: Mapping[str, Any]) -> Json:
    return next((item for key, item in part.items() if key.startswith("value")), None)


def _apply_one(resource: Json, operation: Operation, context: Context) -> None:
    if operation.kind == "add":
        _add(resource, operation, context)
    elif operation.kind == "insert":
        _insert(resource, operation, context)
    elif operation.kind == "move":
        _move(resource, operation, context)
    else:
        found = places(resource, operation.path, context)
        if len(found) > 1:
            raise bad_path(operation.path, f"names {len(found)} elements; {operation.kind} needs one")
        if found and found[0].element is None:
            raise bad_path(operation.path, f"names the whole resource; {operation.kind} needs an element of it")
        if operation.kind == "delete":
            if found:
                _remove(found[0])
        elif not found:
            raise bad_path(operation.path, "names nothing that could be replaced")
        else:
            _replace(found[0], operation)


def _add(resource: Json, operation: Operation, context: Context) -> None:
    owners = places(resource, operation.path, context)
    if len(owners) != 1:
        raise bad_path(operation.path, f"names {len(owners)} elements; add needs one")
    owner = owners[0]
    if owner.shape is None:
        raise bad_path(operation.path, "names a primitive, which has no elements")
    element = _element(owner.shape, operation)
    value = _value(operation.value, element)
    if element.is_list:
        for held, item in zip(aligned(owner.value, element.name), (value, None), strict=False):
            held.append(item)
        return
    if element.name in owner.value or "_" + element.name in owner.value:
        raise Invalid(f"{element.name} is there already; use replace.")
    owner.value[element.name] = value


def _element(shape: Structure, operation: Operation) -> Element:
    """Return the element that an added value becomes; a choice is spelled by the value's type."""
    name = operation.name
    element = shape.elements.get(name)
    if element is not None:
        return element
    spelled = next((key for key in operation.value if key.startswith("value")), "value")
    element = shape.elements.get(name + spelled.removeprefix("value"))
    if element is None or element.stem != name:
        raise Invalid(f'there is no element "{name}" for this value in {shape.name}.')
    return element


def _value(part: Mapping[str, Any], element: Element) -> Json:
    if "resource" in part:
        return jsonio.copied(part["resource"])
    if "part" in part:
        if element.kind is Kind.PRIMITIVE:
            raise Invalid(f"{element.name} is a {element.type_name}; give its value as value[x], not as parts.")
        return _object(part["part"], structure(element.type_name))
    value = _plain(part)
    if value is None:
        raise Invalid("the part value holds no value.")
    return jsonio.copied(value)


def _object(parts: list[Mapping[str, Any]], shape: Structure) -> Json:
    """Build an object of a type that value[x] does not know (a backbone element) from its parts."""
    result: dict[str, Json] = {}
    for part in parts:
        name = part["name"]
        element = _element(shape, Operation("add", name=name, value=part))
        value = _value(part, element)
        if element.is_list:
            result.setdefault(element.name, []).append(value)
        else:
            result[element.name] = value
    return result


def _insert(resource: Json, operation: Operation, context: Context) -> None:
    lists, element = list_of(resource, operation.path, context)
    index = operation.numbers["index"]
    if index > len(lists[0]):
        raise Invalid(f"index {index} is past the end: the list has {len(lists[0])} items.")
    for held, item in zip(lists, (_value(operation.value, element), None), strict=False):
        held.insert(index, item)


def _move(resource: Json, operation: Operation, context: Context) -> None:
    lists, _ = list_of(resource, operation.path, context)
    source, destination = operation.numbers["source"], operation.numbers["destination"]
    size = len(lists[0])
    if source >= size or destination >= size:
        raise Invalid(f"source {source} or destination {destination} is past the end: the list has {size} items.")
    for held in lists:
        held.insert(destination, held.pop(source))


def _remove(place: Place) -> None:
    sibling = "_" + place.key
    if place.index is None:
        place.holder.pop(place.key, None)
        place.holder.pop(sibling, None)
        return
    for key in (place.key, sibling):
        held = place.holder.get(key)
        if isinstance(held, list) and place.index < len(held):
            del held[place.index]


def _replace(place: Place, operation: Operation) -> None:
    element = place.element
    if element is None:
        raise bad_path(operation.path, "names the whole resource")
    if place.index is not None:
        lists = aligned(place.holder, place.key) if element.kind is Kind.PRIMITIVE else [place.holder[place.key]]
        for held, item in zip(lists, (_value(operation.value, element), None), strict=False):
            held[place.index] = item
        return
    value = _value(operation.value, element)
    key = place.key
    if element.stem is not None:
        spelled = next((k for k in operation.value if k.startswith("value")), None)
        key = element.stem + spelled.removeprefix("value") if spelled else key
    if key == place.key:
        place.holder[key] = value
        place.holder.pop("_" + key, None)
        return
    _remove(place)
    place.holder[key] = value
