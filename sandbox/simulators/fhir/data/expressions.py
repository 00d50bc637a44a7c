"""Compile the FHIRPath of R4's search parameters to typed JSON paths, for the build script.

R4's expressions use a small part of FHIRPath: dotted paths, unions, `as`, `ofType`, `where(x='y')`,
`where(resolve() is T)`, an index. The engine's parser reads them; with the structure definitions at hand each
becomes a list of paths through the JSON (`valueQuantity`, not `value`), each with the type of what it ends in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sandbox.fhirpath import ast
from sandbox.fhirpath.parser import parse

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


def terms(expression: str) -> list[ast.Node]:
    """Parse an expression and split it at the bars outside brackets.

    >>> [type(term).__name__ for term in terms("(A.b as C) | A.d")]
    ['TypeTest', 'Path']
    """
    tree = parse(expression)
    return list(tree.operands) if isinstance(tree, ast.Binary) and tree.operator == "|" else [tree]


def head(term: ast.Node) -> str:
    """Return the name that a term begins with.

    >>> [head(term) for term in terms("(A.b as C).d | (A.d).where(x = 'y') | value")]
    ['A', 'A', 'value']
    """
    while not isinstance(term, ast.Path) or term.start is not None:
        inner = term.start if isinstance(term, ast.Path) else term.operand if isinstance(term, ast.TypeTest) else None
        if inner is None:
            raise CannotCompile(f"a term that begins with {term}")
        term = inner
    first = term.steps[0]
    if not isinstance(first, ast.Member):
        raise CannotCompile(f"a term that begins with {first}")
    return first.name


def compile_term(structures: Structures, term: ast.Node, start: Walk) -> list[Walk]:
    """Compile one term of a union, from `start` on; raises `CannotCompile`."""
    if isinstance(term, ast.TypeTest) and term.operator == "as":
        return _of_type(compile_term(structures, term.operand, start), term.type_name)
    if not isinstance(term, ast.Path):
        raise CannotCompile(f"{term}")
    steps = term.steps
    if term.start is not None:
        walks = compile_term(structures, term.start, start)
    else:
        walks = [start]
        first = steps[0]
        if isinstance(first, ast.Member) and first.name == start.type:
            steps = steps[1:]
    for step in steps:
        walks = _apply(structures, walks, step)
    return walks


def _apply(structures: Structures, walks: list[Walk], step: ast.Step) -> list[Walk]:
    if isinstance(step, ast.Member):
        return [child for walk in walks for child in structures.child(walk, step.name)]
    if isinstance(step, ast.Index) and isinstance(step.index, ast.Literal):
        return [_narrowed(walk, str(step.index.value)) for walk in walks]
    if isinstance(step, ast.Function) and len(step.arguments) == 1:
        [argument] = step.arguments
        if step.name in ("as", "ofType"):
            return _of_type(walks, _name(argument))
        if step.name == "where":
            return _where(walks, argument)
    raise CannotCompile(f"{step}")


def _of_type(walks: Sequence[Walk], kind: str) -> list[Walk]:
    kept = [w for w in walks if w.type.lower() == kind.lower()]
    if not kept:
        raise CannotCompile(f"no element of type {kind}")
    return kept


def _where(walks: list[Walk], criterion: ast.Node) -> list[Walk]:
    if isinstance(criterion, ast.TypeTest) and criterion.operator == "is" and _is_resolve(criterion.operand):
        return [replace(w, target=criterion.type_name) for w in walks]
    if isinstance(criterion, ast.Binary) and criterion.operator == "=":
        key, value = criterion.operands
        if isinstance(value, ast.Literal):
            return [_narrowed(walk, f"{_name(key)}={value.value}") for walk in walks]
    raise CannotCompile(f"where({criterion})")


def _is_resolve(node: ast.Node) -> bool:
    return (
        isinstance(node, ast.Path)
        and node.start is None
        and [getattr(s, "name", "") for s in node.steps] == ["resolve"]
    )


def _name(node: ast.Node) -> str:
    if isinstance(node, ast.Path) and node.start is None and len(node.steps) == 1:
        [step] = node.steps
        if isinstance(step, ast.Member):
            return step.name
    raise CannotCompile(f"{node} is not a name")


def _narrowed(walk: Walk, test: str) -> Walk:
    return replace(walk, steps=(*walk.steps[:-1], f"{walk.steps[-1]}[{test}]"))
