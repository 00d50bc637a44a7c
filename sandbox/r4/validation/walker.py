"""Check a resource against R4's structures, all problems at once (R4, JSON format, Validation).

One walk over the value, driven by the compiled structures. A path is only spelled out when there
is something to say about it, so a correct resource costs little more than reading it.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sandbox import work
from sandbox.jsonio import Json
from sandbox.r4.issues import Issue
from sandbox.r4.model import resource_types
from sandbox.r4.validation.literals import listed, reference_problem, type_problem
from sandbox.r4.validation.primitives import Problem, shown
from sandbox.r4.validation.structures import Element, Kind, Structure, ValueSet, structure

At: TypeAlias = tuple[Any, str, int] | str

ISSUES_MAX: Final = 200
# Uris that say what something is called, and do not point anywhere.
_NAMING: Final = frozenset("system url fullUrl type implicitRules".split())


@dataclass(slots=True)
class Link:
    """A place that may point to a resource: `holder[key]` can be replaced.

    `kind` is `reference`, `uri` or `xhtml`; `expression` says where it is.
    """

    holder: Any
    key: str | int
    kind: str
    at: At

    @property
    def text(self) -> str:
        """What is written there."""
        return str(self.holder[self.key])


@dataclass(slots=True)
class Walk:
    """The state of one walk. `links` is filled when `collects_links`.

    `identities` are the fullUrls of the Bundle that the resource comes in; those of a Bundle that is met on the way
    are `inner`: what names them stays within it, and is no link of the resource.
    """

    allows_conditional: bool = False
    collects_links: bool = False
    skips_entries: bool = False
    identities: Set[str] = frozenset()
    inner: frozenset[str] = frozenset()
    issues: list[Issue] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    root: Json = None
    fragments: list[tuple[str, frozenset[str] | None, At]] = field(default_factory=list)

    def report(self, code: str, text: str, at: At) -> None:
        """Note an issue; past `ISSUES_MAX` only the count would grow, so the rest is left out."""
        if len(self.issues) < ISSUES_MAX:
            self.issues.append(Issue(code, text, expression(at)))

    # -- resources ----------------------------------------------------------------------------

    def resource(self, value: Json, at: At | None, *, is_contained: bool = False) -> None:
        """Check a resource of any type; `at` is None for the root."""
        if type(value) is not dict:
            self.report("structure", f"{shown(value)} is not a resource: it must be a JSON object.", at or "Resource")
            return
        name = value.get("resourceType")
        if type(name) is not str or name not in resource_types():
            if name is None:
                text = "The element resourceType is missing."
                self.report("required", text, at or "Resource")
            else:
                self.report("value", f"{shown(name)} is not a resource type of R4.", at or "Resource")
            return
        here: At = name if at is None else at
        if is_contained:
            if "contained" in value:
                self.report("invariant", "A contained resource must not contain others (dom-2).", here)
            if "id" not in value:
                self.report("required", "A contained resource needs an id, so that it can be referred to.", here)
            self.object(value, structure(name), here)
            return
        outer_root, outer_fragments, outer_inner = self.root, self.fragments, self.inner
        self.root, self.fragments = value, []
        if name == "Bundle":
            self.inner |= full_urls(value)
        self.object(value, structure(name), here)
        # Parameters contain nothing: a fragment in them is of the resource that they are about.
        if "contained" in value or (self.fragments and name != "Parameters"):
            self._check_fragments(value, here)
        self.root, self.fragments, self.inner = outer_root, outer_fragments, outer_inner

    def _check_fragments(self, value: Mapping[str, Json], here: At) -> None:
        contained = value.get("contained")
        known: dict[str, str] = {}
        for index, row in enumerate(contained if isinstance(contained, list) else ()):
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                if row["id"] in known:
                    text = f"The id {shown(row['id'])} is that of another contained resource."
                    self.report("duplicate", text, ((here, "contained", index), "id", -1))
                known[row["id"]] = str(row.get("resourceType"))  # what it is has been checked
        for name, targets, at in self.fragments:
            if name and name not in known:
                self.report("invariant", f'"#{name}" points to no contained resource (ref-1).', at)
            elif name and targets is not None and (kind := known[name]) not in targets and kind in resource_types():
                text = f'"#{name}" points to a contained {kind}; here it must be {listed(targets)}.'
                self.report("value", text, at)

    # -- objects ------------------------------------------------------------------------------

    def object(self, value: Mapping[str, Json], shape: Structure, at: At) -> None:
        """Check an object's elements, cardinalities and rules."""
        work.spend(1 + 2 * len(value))
        known = shape.elements
        stems: dict[str, str] | None = None
        for key, item in value.items():
            element = known.get(key)
            if element is None:
                if key != "resourceType" or not shape.is_resource:
                    stems = self._other(key, value, shape, at, stems)
                continue
            if element.stem is not None:
                stems = self._note_choice(stems, element, at)
            if element.is_list:
                self._list(item, element, value, at)
            elif element.check is not None:
                problem = element.check(item)
                if problem is not None:
                    self._primitive_problem(problem, item, element, (at, key, -1))
                elif self.collects_links:
                    self._note_link(value, key, element, (at, key, -1))
            else:
                self._child(item, element, (at, key, -1))
        for name, spellings in shape.required:
            for spelling in spellings:
                if spelling in value:
                    break
            else:
                self.report("required", f"The element {name} is required (in {shape.name}).", at)
        if not value or (len(value) == 1 and "id" in value and not shape.is_resource and shape.name != "Element"):
            self.report("structure", "An object must not be empty; leave the element out (ele-1).", at)
        for rule in shape.rules:
            try:
                is_kept = rule.test(value, self.root)
            except (AttributeError, TypeError, KeyError, IndexError, ValueError):
                is_kept = True  # the parts it reads are malformed, which was reported already
            if not is_kept:
                self.report("invariant", f"{rule.text} ({rule.key})", at)

    def _list(self, item: Json, element: Element, value: Mapping[str, Json], at: At) -> None:
        key = element.name
        if type(item) is not list:
            self.report("structure", f"The element {key} repeats: it must be an array.", (at, key, -1))
            return
        if not item:
            self.report("structure", f"The array {key} must not be empty; leave it out.", (at, key, -1))
        if element.upper and len(item) > element.upper:
            self.report("structure", f"The element {key} may appear at most {element.upper} times.", (at, key, -1))
        check = element.check
        if check is None:
            for index, child in enumerate(item):
                self._child(child, element, (at, key, index))
            return
        for index, child in enumerate(item):
            problem = check(child)
            if problem is None:
                if self.collects_links:
                    self._note_link(item, index, element, (at, key, index))
                continue
            if child is None:
                siblings = value.get("_" + key)
                if isinstance(siblings, list) and index < len(siblings) and siblings[index] is not None:
                    continue
            self._primitive_problem(problem, child, element, (at, key, index))

    def _child(self, item: Json, element: Element, at: At) -> None:
        if element.kind is Kind.RESOURCE:
            if self.skips_entries and isinstance(at, tuple) and at[1] == "resource":
                return
            self.resource(item, at, is_contained=element.name == "contained")
            return
        if type(item) is not dict:
            if item is None:
                self.report("structure", "null is not allowed here; leave the element out.", at)
            elif type(item) is list:
                self.report("structure", f"The element {element.name} does not repeat: it must not be an array.", at)
            else:
                text = f"{shown(item)} is not an object, as the type {_type_label(element)} needs."
                self.report("structure", text, at)
            return
        self.object(item, structure(element.type_name), at)
        if element.type_name == "Reference":
            self._reference(item, element, at)
        elif element.value_set is not None:
            self._binding(item, element, at)

    def _primitive_problem(self, problem: Problem, item: Json, element: Element, at: At) -> None:
        if type(item) is list:
            self.report("structure", f"The element {element.name} does not repeat: it must not be an array.", at)
        else:
            self.report(problem[0], problem[1], at)

    def _note_link(self, holder: Any, key: str | int, element: Element, at: At) -> None:
        """Note a primitive that may point to a resource (R4, Transaction Processing Rules).

        Elements of type uri and url may, and narratives. What R4 lists besides, oid and uuid, could not hold what
        a link becomes.
        """
        kind = element.type_name
        if kind == "url" or (kind == "uri" and element.name not in _NAMING):
            if holder[key] not in self.inner:
                self.links.append(Link(holder, key, "uri", at))
        elif kind == "xhtml":
            self.links.append(Link(holder, key, "xhtml", at))

    # -- special elements ---------------------------------------------------------------------

    def _note_choice(self, stems: dict[str, str] | None, element: Element, at: At) -> dict[str, str]:
        stems = {} if stems is None else stems
        stem = element.stem or ""
        other = stems.setdefault(stem, element.name)
        if other != element.name:
            self.report("structure", f"Only one {stem}[x] is allowed: both {other} and {element.name} are there.", at)
        return stems

    def _other(
        self, key: str, value: Mapping[str, Json], shape: Structure, at: At, stems: dict[str, str] | None
    ) -> dict[str, str] | None:
        element = shape.elements.get(key[1:]) if key.startswith("_") else None
        if element is None or element.check is None:
            self._unknown(key, shape, at)
            return stems
        if element.stem is not None:
            stems = self._note_choice(stems, element, at)
        self._sibling(key, value, element, at)
        return stems

    def _unknown(self, key: str, shape: Structure, at: At) -> None:
        spellings = [n for n, e in shape.elements.items() if e.stem == key]
        hint = f" It is a choice: use one of {', '.join(spellings)}." if spellings else ""
        self.report("structure", f'There is no element "{key}" in {shape.name}.{hint}', (at, key, -1))

    def _sibling(self, key: str, value: Mapping[str, Json], element: Element, at: At) -> None:
        """Check `_birthDate`, which holds the id and extensions of the primitive `birthDate`."""
        item, main = value[key], value.get(key[1:])
        shape = structure("Element")
        if not element.is_list:
            if type(item) is not dict:
                self.report("structure", f"{key} must be an object with id or extension.", (at, key, -1))
                return
            self.object(item, shape, (at, key[1:], -1))
            if main is None and "extension" not in item:
                self.report("structure", f"{key[1:]} has neither a value nor an extension (ele-1).", (at, key[1:], -1))
            return
        if type(item) is not list or not item:
            self.report("structure", f"{key} must be an array beside {key[1:]}.", (at, key, -1))
            return
        if isinstance(main, list) and len(main) != len(item):
            self.report("structure", f"{key} and {key[1:]} must have the same number of items.", (at, key, -1))
        for index, child in enumerate(item):
            if child is None:
                if not isinstance(main, list):
                    self.report("structure", f"{key[1:]} has neither a value nor an extension.", (at, key[1:], index))
            elif type(child) is not dict:
                self.report("structure", f"{key} must hold objects or null.", (at, key, index))
            else:
                self.object(child, shape, (at, key[1:], index))

    def _reference(self, item: dict[str, Json], element: Element, at: At) -> None:
        literal = item.get("reference")
        if type(literal) is not str or not literal:
            problem = type_problem(element.targets, item.get("type"))
            if problem is not None:
                self.report(problem[0], problem[1], (at, "type", -1))
            return
        if literal[0] == "#":
            self.fragments.append((literal[1:], element.targets, (at, "reference", -1)))
            return
        if self.collects_links and literal not in self.inner:
            self.links.append(Link(item, "reference", "reference", (at, "reference", -1)))
        is_identity = literal in self.identities or literal in self.inner
        problem = reference_problem(literal, element.targets, item.get("type"), self.allows_conditional, is_identity)
        if problem is not None:
            self.report(problem[0], problem[1], (at, "reference", -1))

    def _binding(self, item: Mapping[str, Json], element: Element, at: At) -> None:
        bound = element.value_set
        if bound is None or element.type_name not in ("CodeableConcept", "Coding", "Quantity", "SimpleQuantity"):
            return
        codings = item.get("coding", ()) if element.type_name == "CodeableConcept" else (item,)
        if not isinstance(codings, list | tuple):
            return
        for coding in codings:
            if isinstance(coding, dict) and _is_bound(coding, bound):
                return
        if element.type_name != "CodeableConcept" and "code" not in item:
            return
        offer = "; ".join(
            f"{system}: {', '.join(sorted(codes)[:12])}" for system, codes in list(bound.codes.items())[:3]
        )
        found = ", ".join(f"{c.get('system')}|{c.get('code')}" for c in codings if isinstance(c, dict)) or "no coding"
        text = f"{element.name} needs a code of the value set {bound.name} (required), and has {found}. Use {offer}."
        self.report("code-invalid", text, at)


def _is_bound(coding: Mapping[str, Json], bound: ValueSet) -> bool:
    system, code = coding.get("system", ""), coding.get("code")
    return isinstance(system, str) and isinstance(code, str) and code in bound.codes.get(system, ())


def _type_label(element: Element) -> str:
    return "BackboneElement" if "." in element.type_name else element.type_name


def full_urls(bundle: Mapping[str, Json]) -> frozenset[str]:
    """Return the fullUrls of a Bundle's entries, as far as it is one.

    >>> full_urls({"entry": [{"fullUrl": "urn:uuid:patient"}, {}, 5]})
    frozenset({'urn:uuid:patient'})
    """
    rows = bundle.get("entry")
    found = (row.get("fullUrl") for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
    return frozenset(url for url in found if isinstance(url, str))


def expression(at: At) -> str:
    """Spell a path as FHIRPath.

    >>> expression((("Patient", "name", 0), "family", -1))
    'Patient.name[0].family'
    """
    parts = []
    while not isinstance(at, str):
        parent, key, index = at
        parts.append(key if index < 0 else f"{key}[{index}]")
        at = parent
    parts.append(at)
    return ".".join(reversed(parts))
