"""Compile the FHIRPath of R4's search parameters to typed JSON paths, for the build script.

R4's expressions use a small part of FHIRPath: dotted paths, unions, `as`, `ofType`, `where(x='y')`,
`where(resolve() is T)`, an index. With the structure definitions at hand each of them becomes a
list of paths through the JSON (`valueQuantity`, not `value`), each with the type of what it ends in.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

_STEP: Final = re.compile(
    r"""\s*(?:
        (?P<name>[A-Za-z_]\w*)
      | \.as\((?P<as>\w+)\)
      | \.ofType\((?P<oftype>\w+)\)
      | \.where\(resolve\(\)\ is\ (?P<target>\w+)\)
      | \.where\((?P<key>\w+)\s*=\s*'(?P<value>[^']*)'\)
      | \.extension\('(?P<extension>[^']*)'\)
      | \[(?P<index>\d+)\]
      | \.(?P<child>[A-Za-z_]\w*)
    )""",
    re.VERBOSE,
)

# Which element types a search parameter of each type can read (R4 search, 3.1.1.4).
READABLE: Final = {
    "token": set(
        "CodeableConcept Coding code Identifier ContactPoint boolean id string uri canonical oid uuid".split()
    ),
    "string": set("string HumanName Address markdown code uri url id".split()),
    "date": set("date dateTime instant Period Timing".split()),
    "number": set("decimal integer positiveInt unsignedInt Range".split()),
    "quantity": set(
        "Quantity Age Distance Duration Count Money MoneyQuantity SimpleQuantity Range SampledData".split()
    ),
    "reference": set("Reference canonical uri url oid uuid Resource".split()),
    "uri": set("uri url canonical oid uuid".split()),
}


class CannotCompile(Exception):
    """An expression outside the part of FHIRPath that R4's search parameters use."""


@dataclass(frozen=True)
class Element:
    """One element of a structure definition."""

    name: str
    types: tuple[str, ...]
    is_choice: bool
    is_summary: bool
    is_mandatory: bool
    value_set: str | None
    content: str | None


@dataclass(frozen=True)
class Walk:
    """A path under way: the JSON steps so far, and the type (or backbone path) it stands on."""

    steps: tuple[str, ...]
    type: str
    element: Element | None = None
    target: str | None = None


@dataclass
class Structures:
    """The elements of all resources and data types, by the path of their parent."""

    children: dict[str, dict[str, Element]] = field(default_factory=dict)

    def add(self, definition: dict[str, Any]) -> None:
        """Read the snapshot of one structure definition."""
        for raw in definition["snapshot"]["element"]:
            parent, _, name = raw["path"].rpartition(".")
            if not parent:
                continue
            codes = tuple(_type_code(raw["path"], t) for t in raw.get("type", ()))
            binding = raw.get("binding", {})
            is_required = binding.get("strength") == "required"
            element = Element(
                name.removesuffix("[x]"),
                codes,
                name.endswith("[x]"),
                bool(raw.get("isSummary")),
                raw.get("min", 0) > 0,
                binding.get("valueSet", "").partition("|")[0] if is_required else None,
                raw["contentReference"].lstrip("#") if "contentReference" in raw else None,
            )
            self.children.setdefault(parent, {})[element.name] = element

    def child(self, walk: Walk, name: str) -> list[Walk]:
        """Step into a child; a choice gives one walk per type."""
        element = self.children.get(walk.type, {}).get(name)
        if element is None:
            raise CannotCompile(f"{walk.type} has no element {name}")
        if element.content:
            return [Walk((*walk.steps, name), element.content, element)]
        if element.is_choice:
            return [Walk((*walk.steps, name + t[0].upper() + t[1:]), t, element) for t in element.types]
        kind = element.types[0]
        own_path = f"{walk.type}.{name}"
        return [Walk((*walk.steps, name), own_path if own_path in self.children else kind, element)]


def _type_code(path: str, raw: dict[str, Any]) -> str:
    code = str(raw["code"])
    if path == "Resource.id":
        return "id"  # declared as a string, but "matches on _id are always case sensitive"
    if code.startswith("http://hl7.org/fhirpath/System."):
        for extension in raw.get("extension", ()):
            if extension["url"].endswith("structuredefinition-fhir-type"):
                return str(extension["valueUrl"])
        return "string"
    return code


def split_union(expression: str) -> list[str]:
    """Split at the bars outside brackets.

    >>> split_union("(A.b as C) | A.d")
    ['(A.b as C)', 'A.d']
    """
    return [part.strip() for part in expression.split("|") if part.strip()]


def compile_term(structures: Structures, term: str, start: Walk) -> list[Walk]:
    """Compile one term of a union, from `start` on; raises `CannotCompile`."""
    cast = re.fullmatch(r"\((?P<inner>.+?) as (?P<type>\w+)\)(?P<rest>.*)", term)
    if cast:
        term = f"{cast['inner']}.as({cast['type']}){cast['rest']}"
    walks, position, is_first = [start], 0, True
    while position < len(term):
        match = _STEP.match(term, position)
        if match is None:
            raise CannotCompile(f"{term!r} at {term[position:]!r}")
        position = match.end()
        walks = _apply(structures, walks, match, is_first)
        is_first = False
    return walks


def _apply(structures: Structures, walks: list[Walk], match: "re.Match[str]", is_first: bool) -> list[Walk]:
    name = match["name"] or match["child"]
    if name is not None:
        if is_first and name == walks[0].type:
            return walks
        return [child for walk in walks for child in structures.child(walk, name)]
    kind = match["as"] or match["oftype"]
    if kind is not None:
        kept = [w for w in walks if w.type.lower() == kind.lower()]
        if not kept:
            raise CannotCompile(f"no element of type {kind}")
        return kept
    if match["target"] is not None:
        return [replace(w, target=match["target"]) for w in walks]
    if match["key"] is not None:
        return [replace(w, steps=(*w.steps[:-1], f"{w.steps[-1]}[{match['key']}={match['value']}]")) for w in walks]
    if match["index"] is not None:
        return [replace(w, steps=(*w.steps[:-1], f"{w.steps[-1]}[{match['index']}]")) for w in walks]
    raise CannotCompile(f"extension {match['extension']!r}")
