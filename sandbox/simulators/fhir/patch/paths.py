"""Finding places in a resource by FHIRPath (R4, FHIRPath Patch): a place, unlike a value, can be written to.

A path is any FHIRPath whose items are elements of the resource; the engine's nodes know where they stand.
"""

from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid
from sandbox.fhirpath import Context, Node, compile_expression, compile_owner, root_of
from sandbox.fhirpath.nodes import Item
from sandbox.jsonio import Json
from sandbox.r4.validation.structures import Element, Structure, is_structure, structure

# What the paths of one patch may visit between them; it is worked out while other playgrounds wait.
WORK_LIMIT: Final = 250_000


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


def places(resource: Json, path: str, context: Context) -> list[Place]:
    """Return every place a path names; raises `Invalid` when it cannot be read, or names what is no element here.

    A primitive with extensions only has no value, but a place.
    """
    root = root_of(resource)
    found = compile_expression(path, root.type).evaluate(root, context)
    return [_place(item, root, path) for item in found]


def _place(item: Item, root: Node, path: str) -> Place:
    if not isinstance(item, Node):
        raise bad_path(path, "gives a value, not an element of the resource")
    outermost = item
    while outermost.parent is not None:
        outermost = outermost.parent
    if outermost is not root:
        raise bad_path(path, "leads out of the resource")
    shape = structure(item.type) if isinstance(item.value, dict) and is_structure(item.type) else None
    if item.parent is None:
        return Place(item.value, shape)
    element = structure(item.parent.type).elements.get(item.key) if is_structure(item.parent.type) else None
    if element is None:  # only where a lenient server has stored what R4 does not know
        raise bad_path(path, "leads through what is no element of R4; use a JSON Patch")
    return Place(item.value, shape, item.parent.value, item.key, item.index, element)


def list_of(resource: Json, path: str, context: Context) -> tuple[list[list[Json]], Element]:
    """Return the array that a path names as a whole, for `insert` and `move`, and its element.

    For primitives with ids or extensions the array of these follows, of the same length.
    """
    root = root_of(resource)
    expression, name = compile_owner(path, root.type)
    owners = [_place(item, root, path) for item in expression.evaluate(root, context)]
    if len(owners) != 1:
        raise bad_path(path, f"should have one parent element and has {len(owners)}")
    owner = owners[0]
    element = owner.shape.elements.get(name) if owner.shape is not None else None
    if element is None:
        raise bad_path(path, "names no element that exists")
    if not element.is_list:
        raise bad_path(path, "names an element that does not repeat")
    return aligned(owner.value, name), element


def aligned(holder: Json, name: str) -> list[list[Json]]:
    """Return a list element's array, made if it is missing, and beside it that of its ids and extensions.

    >>> aligned({"_given": [{"id": "a"}]}, "given")
    [[None], [{'id': 'a'}]]
    """
    beside = holder.get("_" + name)
    if not isinstance(beside, list):
        return [holder.setdefault(name, [])]
    return [holder.setdefault(name, [None] * len(beside)), beside]
