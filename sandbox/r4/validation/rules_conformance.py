"""Rules of the conformance and terminology resources."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.r4.validation.rule_helpers import choice, count, descendants, has, implies, is_distinct

Row: TypeAlias = tuple[str, str, Callable[[Json, Json], bool]]

_SLICE_NAME: Final = re.compile(r"[a-zA-Z0-9/\-_\[\]@]+")
_BOUND_TYPES: Final = frozenset("code Coding CodeableConcept Quantity string uri".split())


def _types(value: Json) -> list[Json]:
    return [t.get("code") for t in value.get("type", ())]


def _elements(value: Json, view: str) -> list[Json]:
    return list(value.get(view, {}).get("element", ()))


def _cardinality(value: Json, root: Json) -> bool:
    upper = value.get("max")
    return "min" not in value or upper in (None, "*") or value["min"] <= int(upper)


def _kinds(instance: str, capability: str, requirements: str) -> tuple[Row, ...]:
    """Return what the kind of a statement asks of its implementation and software."""
    return (
        (
            instance,
            "The kind instance needs an implementation.",
            lambda v, r: v.get("kind") != "instance" or has(v, "implementation"),
        ),
        (
            capability,
            "The kind capability needs software and has no implementation.",
            lambda v, r: v.get("kind") != "capability" or (has(v, "software") and not has(v, "implementation")),
        ),
        (
            requirements,
            "The kind requirements has neither implementation nor software.",
            lambda v, r: v.get("kind") != "requirements" or not has(v, "implementation", "software"),
        ),
    )


def _root_is_type(value: Json, view: str) -> bool:
    elements = _elements(value, view)
    if not elements or value.get("kind") == "logical":
        return True
    kind, first = value["type"], elements[0]["path"]
    own = first == kind or (view == "differential" and first.startswith(kind))
    stem = elements[0]["path"].partition(".")[0] + "."
    return own and all(e["path"].startswith(stem) for e in elements[1:])


_DESCRIBED: Final = "Give a description, software or implementation."

CONFORMANCE_RULES: dict[str, tuple[Any, ...]] = {
    "CapabilityStatement": (
        ("cpb-1", "Give rest, messaging or document.", lambda v, r: has(v, "rest", "messaging", "document")),
        ("cpb-2", _DESCRIBED, lambda v, r: has(v, "description", "software", "implementation")),
        (
            "cpb-3",
            "A messaging endpoint is only for an instance.",
            lambda v, r: v.get("kind") == "instance" or not any(has(m, "endpoint") for m in v.get("messaging", ())),
        ),
        (
            "cpb-7",
            "Each document profile comes once per mode.",
            lambda v, r: is_distinct((d.get("profile"), d.get("mode")) for d in v.get("document", ())),
        ),
        *_kinds("cpb-14", "cpb-15", "cpb-16"),
    ),
    "CapabilityStatement.rest": (
        (
            "cpb-9",
            "Each resource type comes once.",
            lambda v, r: is_distinct(x.get("type") for x in v.get("resource", ())),
        ),
    ),
    "CapabilityStatement.rest.resource": (
        (
            "cpb-12",
            "Each search parameter comes once.",
            lambda v, r: is_distinct(x.get("name") for x in v.get("searchParam", ())),
        ),
    ),
    "CodeSystem": (
        (
            "csd-1",
            "Each code comes once.",
            lambda v, r: is_distinct(c.get("code") for c in descendants(v.get("concept"), "concept")),
        ),
    ),
    "ConceptMap.group.element.target": (
        (
            "cmd-1",
            "A narrower or inexact mapping needs a comment.",
            lambda v, r: has(v, "comment") or v.get("equivalence") not in ("narrower", "inexact"),
        ),
    ),
    "ConceptMap.group.unmapped": (
        ("cmd-2", "The mode fixed needs a code.", lambda v, r: v.get("mode") != "fixed" or has(v, "code")),
        ("cmd-3", "The mode other-map needs a url.", lambda v, r: v.get("mode") != "other-map" or has(v, "url")),
    ),
    "ElementDefinition": (
        ("eld-2", "min must not exceed max.", _cardinality),
        ("eld-3", 'max is a number or "*".', lambda v, r: v.get("max", "*") == "*" or v["max"].isdigit()),
        (
            "eld-5",
            "An element with a contentReference defines nothing else.",
            lambda v, r: (
                not has(v, "contentReference")
                or not (
                    has(v, "type", "maxLength", "binding", "example")
                    or any(choice(v, s) for s in ("defaultValue", "fixed", "pattern", "minValue", "maxValue"))
                )
            ),
        ),
        ("eld-6", "fixed[x] needs a single type.", lambda v, r: choice(v, "fixed") is None or count(v, "type") <= 1),
        (
            "eld-7",
            "pattern[x] needs a single type.",
            lambda v, r: choice(v, "pattern") is None or count(v, "type") <= 1,
        ),
        (
            "eld-8",
            "Use fixed[x] or pattern[x], not both.",
            lambda v, r: choice(v, "fixed") is None or choice(v, "pattern") is None,
        ),
        (
            "eld-11",
            "Only coded types have a binding.",
            lambda v, r: not has(v, "binding") or not _types(v) or bool(set(_types(v)) & _BOUND_TYPES),
        ),
        ("eld-13", "Each type comes once.", lambda v, r: is_distinct(_types(v))),
        (
            "eld-14",
            "Each constraint has a key of its own.",
            lambda v, r: is_distinct(c.get("key") for c in v.get("constraint", ())),
        ),
        (
            "eld-15",
            "Use defaultValue[x] or meaningWhenMissing, not both.",
            lambda v, r: choice(v, "defaultValue") is None or not has(v, "meaningWhenMissing"),
        ),
        (
            "eld-16",
            "The sliceName has a character that is not allowed.",
            lambda v, r: bool(_SLICE_NAME.fullmatch(v.get("sliceName", "x"))),
        ),
        (
            "eld-18",
            "A modifier element needs its isModifierReason.",
            lambda v, r: v.get("isModifier") is not True or has(v, "isModifierReason"),
        ),
        (
            "eld-22",
            "sliceIsConstraining needs a sliceName.",
            lambda v, r: not has(v, "sliceIsConstraining") or has(v, "sliceName"),
        ),
    ),
    "ElementDefinition.binding": (
        (
            "eld-12",
            "valueSet is a canonical URL.",
            lambda v, r: v.get("valueSet", "http:").startswith(("http:", "https", "urn:", "#")),
        ),
    ),
    "ElementDefinition.slicing": (
        (
            "eld-1",
            "Slicing needs a discriminator or a description.",
            lambda v, r: has(v, "discriminator", "description"),
        ),
    ),
    "ElementDefinition.type": (
        (
            "eld-4",
            "aggregation is only for references and canonicals.",
            lambda v, r: not has(v, "aggregation") or v.get("code") in ("Reference", "canonical"),
        ),
        (
            "eld-17",
            "targetProfile is only for references and canonicals.",
            lambda v, r: not has(v, "targetProfile") or v.get("code") in ("Reference", "canonical"),
        ),
    ),
    "Measure": (
        (
            "mea-1",
            "A stratifier has a criteria or components, not both.",
            lambda v, r: all(
                has(s, "code", "description", "criteria") != has(s, "component")
                for g in v.get("group", ())
                for s in g.get("stratifier", ())
            ),
        ),
    ),
    "MessageDefinition.focus": (
        ("md-1", "max is * or a number above zero.", lambda v, r: v.get("max", "*") == "*" or int(v["max"]) > 0),
    ),
    "NamingSystem": (
        (
            "nsd-1",
            "A root naming system has no UUID.",
            lambda v, r: v.get("kind") != "root" or not any(u.get("type") == "uuid" for u in v.get("uniqueId", ())),
        ),
        (
            "nsd-2",
            "At most one preferred identifier per type.",
            lambda v, r: is_distinct(u.get("type") for u in v.get("uniqueId", ()) if u.get("preferred") is True),
        ),
    ),
    "OperationDefinition.parameter": (
        ("opd-1", "A parameter needs a type or parts.", lambda v, r: has(v, "type", "part")),
        (
            "opd-2",
            "searchType is only for the type string.",
            lambda v, r: not has(v, "searchType") or v.get("type") == "string",
        ),
        (
            "opd-3",
            "targetProfile is only for references and canonicals.",
            lambda v, r: not has(v, "targetProfile") or v.get("type") in ("Reference", "canonical"),
        ),
    ),
    "SearchParameter": (
        ("spd-1", "xpath needs its xpathUsage.", lambda v, r: not has(v, "xpath") or has(v, "xpathUsage")),
        ("spd-2", "chain is only for references.", lambda v, r: not has(v, "chain") or v.get("type") == "reference"),
    ),
    "StructureDefinition": (
        (
            "sdf-1",
            "Each path of the snapshot comes once.",
            lambda v, r: (
                v.get("derivation") == "constraint" or is_distinct(e.get("path") for e in _elements(v, "snapshot"))
            ),
        ),
        (
            "sdf-4",
            "A concrete type needs a baseDefinition.",
            lambda v, r: v.get("abstract") is True or has(v, "baseDefinition"),
        ),
        (
            "sdf-5",
            "A constraint on Extension needs a context.",
            lambda v, r: v.get("type") != "Extension" or v.get("derivation") == "specialization" or has(v, "context"),
        ),
        ("sdf-6", "Give a snapshot or a differential.", lambda v, r: has(v, "snapshot", "differential")),
        ("sdf-8", "The snapshot's elements begin with the type's name.", lambda v, r: _root_is_type(v, "snapshot")),
        (
            "sdf-8a",
            "The differential's elements begin with the type's name.",
            lambda v, r: _root_is_type(v, "differential"),
        ),
        (
            "sdf-14",
            "Every element needs an id.",
            lambda v, r: all("id" in e for view in ("snapshot", "differential") for e in _elements(v, view)),
        ),
        (
            "sdf-16",
            "Each element id of the snapshot comes once.",
            lambda v, r: is_distinct(e.get("id") for e in _elements(v, "snapshot")),
        ),
        (
            "sdf-17",
            "Each element id of the differential comes once.",
            lambda v, r: is_distinct(e.get("id") for e in _elements(v, "differential")),
        ),
        (
            "sdf-18",
            "contextInvariant is only for extensions.",
            lambda v, r: not has(v, "contextInvariant") or v.get("type") == "Extension",
        ),
        (
            "sdf-21",
            "Only a specialization sets default values.",
            lambda v, r: (
                v.get("derivation") == "specialization"
                or not any(choice(e, "defaultValue") for e in _elements(v, "differential"))
            ),
        ),
    ),
    "StructureDefinition.mapping": (("sdf-2", "Give a name or a uri.", lambda v, r: has(v, "name", "uri")),),
    "StructureDefinition.snapshot": (
        (
            "sdf-3",
            "Every element of a snapshot has definition, min and max.",
            lambda v, r: all(has(e, "definition") and has(e, "min") and has(e, "max") for e in v["element"]),
        ),
        ("sdf-8b", "Every element of a snapshot has a base.", lambda v, r: all(has(e, "base") for e in v["element"])),
    ),
    "StructureMap.group.rule.target": (
        ("smp-1", "An element needs its context.", lambda v, r: not has(v, "element") or has(v, "context")),
        ("smp-2", "A context needs its contextType.", lambda v, r: not has(v, "context") or has(v, "contextType")),
    ),
    "TerminologyCapabilities": (
        ("tcp-2", _DESCRIBED, lambda v, r: has(v, "description", "software", "implementation")),
        *_kinds("tcp-3", "tcp-4", "tcp-5"),
    ),
    "TerminologyCapabilities.codeSystem": (
        (
            "tcp-1",
            "Several versions each need a code.",
            lambda v, r: count(v, "version") <= 1 or all(has(x, "code") for x in v["version"]),
        ),
    ),
    "ValueSet.compose.include": (
        ("vsd-1", "An include needs a system or a value set.", lambda v, r: has(v, "system", "valueSet")),
        (
            "vsd-2",
            "Concepts and filters need a system.",
            lambda v, r: implies(has(v, "concept", "filter"), has(v, "system")),
        ),
        ("vsd-3", "Use concept or filter, not both.", lambda v, r: not (has(v, "concept") and has(v, "filter"))),
    ),
    "ValueSet.expansion.contains": (
        ("vsd-6", "Give a code or a display.", lambda v, r: has(v, "code", "display")),
        ("vsd-9", "Only an abstract item has no code.", lambda v, r: has(v, "code") or v.get("abstract") is True),
        ("vsd-10", "A code needs its system.", lambda v, r: not has(v, "code") or has(v, "system")),
    ),
}
