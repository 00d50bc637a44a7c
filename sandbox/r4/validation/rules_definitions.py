"""Rules of definitions that look at the elements of a StructureDefinition, and of ImplementationGuide."""

import re
from collections.abc import Iterator
from typing import Final

from sandbox.jsonio import Json
from sandbox.r4.validation.rule_helpers import choice, has

_OWN: Final = "http://hl7.org/fhir/StructureDefinition"
_NAME: Final = r"""[^\s.,:;'"/|?!@#$%&*()\[\]{}]{1,64}"""
_PATH: Final = re.compile(rf"{_NAME}(?:\.{_NAME}(?:\[x\])?(?::[^\s.]+)?)*")
_SYSTEM: Final = r"http://hl7\.org/fhirpath/System\.[A-Z][A-Za-z]+"
_TYPE: Final = {
    "differential": re.compile(rf"[a-zA-Z0-9]+|{_SYSTEM}"),
    "snapshot": re.compile(rf"[a-zA-Z0-9.]+|{_SYSTEM}"),
}


def _elements(value: Json, *views: str) -> Iterator[Json]:
    for view in views or ("snapshot", "differential"):
        yield from value.get(view, {}).get("element", ())


def _roots(value: Json, *views: str) -> Iterator[Json]:
    return (e for e in _elements(value, *views) if "." not in e["path"])


def _first(value: Json, view: str) -> Json:
    return next(_elements(value, view), {})


def _is_ours(value: Json) -> bool:
    return str(value.get("url", "")).startswith(_OWN)


def _types_are_ours(value: Json, root: Json) -> bool:
    return not _is_ours(value) or all(
        _TYPE[view].fullmatch(t["code"]) for view in _TYPE for e in _elements(value, view) for t in e.get("type", ())
    )


def _versions_are_declared(value: Json, root: Json) -> bool:
    declared = set(value["fhirVersion"])
    return all(set(r.get("fhirVersion", ())) <= declared for r in value.get("definition", {}).get("resource", ()))


def _groups_are_defined(value: Json, root: Json) -> bool:
    known = {g.get("id") for g in value.get("grouping", ())}
    return all(r["groupingId"] in known for r in value.get("resource", ()) if "groupingId" in r)


DEFINITION_RULES = {
    "ElementDefinition": (
        ("eld-19", "The path has a character that is not allowed.", lambda v, r: bool(_PATH.fullmatch(v["path"]))),
    ),
    "ImplementationGuide": (("ig-2", "A resource's fhirVersion must be one of the guide's.", _versions_are_declared),),
    "ImplementationGuide.definition": (
        ("ig-1", "A resource's groupingId must be a grouping of the guide.", _groups_are_defined),
    ),
    "StructureDefinition": (
        (
            "sdf-9",
            "The root element has no label, code or requirements.",
            lambda v, r: not any(has(e, "label", "code", "requirements") for e in _roots(v)),
        ),
        (
            "sdf-11",
            "The snapshot's first element is the type itself.",
            lambda v, r: (
                v.get("kind") == "logical"
                or not has(v, "snapshot")
                or _first(v, "snapshot").get("path") == v.get("type")
            ),
        ),
        (
            "sdf-15",
            "The snapshot's first element has no type.",
            lambda v, r: v.get("kind") == "logical" or not has(_first(v, "snapshot"), "type"),
        ),
        (
            "sdf-15a",
            "The differential's root element has no type.",
            lambda v, r: (
                v.get("kind") == "logical"
                or "." in _first(v, "differential").get("path", ".")
                or not has(_first(v, "differential"), "type")
            ),
        ),
        ("sdf-19", "A definition of the specification uses its types only.", _types_are_ours),
        (
            "sdf-22",
            "A definition of the specification has no default values.",
            lambda v, r: not _is_ours(v) or not any(choice(e, "defaultValue") for e in _elements(v)),
        ),
        ("sdf-23", "The root element has no sliceName.", lambda v, r: not any(has(e, "sliceName") for e in _roots(v))),
    ),
    "StructureDefinition.differential": (
        (
            "sdf-20",
            "The root element is not sliced.",
            lambda v, r: not any(has(e, "slicing") for e in v["element"] if "." not in e["path"]),
        ),
    ),
    "StructureDefinition.snapshot": (
        (
            "sdf-10",
            "A binding needs its valueSet or a description.",
            lambda v, r: all(has(e["binding"], "valueSet", "description") for e in v["element"] if "binding" in e),
        ),
    ),
}
