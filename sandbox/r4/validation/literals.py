"""Literal references: `Type/id`, absolute URLs, `urn:uuid:…`, and what they may point to (R4, References)."""

import re
from typing import Final, NamedTuple

from sandbox.jsonio import Json
from sandbox.r4.model import resource_types
from sandbox.r4.validation.primitives import Problem, shown

_DEFINITIONS: Final = "http://hl7.org/fhir/StructureDefinition/"
_RELATIVE: Final = re.compile(r"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?")
_ABSOLUTE: Final = re.compile(
    r"((?:https?)://[^?#]*?)/([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?"
)
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]+)\?(\S+)")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_URN_UUID: Final = re.compile(r"urn:uuid:[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")


class Literal(NamedTuple):
    """A literal reference taken apart; `base` is empty for a relative one."""

    base: str
    type: str
    id: str
    version: str | None


def parse_literal(text: str) -> Literal | None:
    """Take apart a relative or absolute RESTful reference; None for anything else.

    >>> parse_literal("Patient/1")
    Literal(base='', type='Patient', id='1', version=None)
    >>> parse_literal("https://ehr.example/fhir/Patient/1/_history/2").version
    '2'
    """
    found = _RELATIVE.fullmatch(text)
    if found is not None:
        return Literal("", found[1], found[2], found[3])
    found = _ABSOLUTE.fullmatch(text)
    return Literal(found[1], found[2], found[3], found[4]) if found is not None else None


def parse_conditional(text: str) -> tuple[str, str] | None:
    """Take apart a conditional reference `Type?query`; None for anything else."""
    found = _CONDITIONAL.fullmatch(text)
    return (found[1], found[2]) if found is not None else None


def is_urn_uuid(text: str) -> bool:
    """Whether a URI is `urn:uuid:` and a UUID.

    >>> is_urn_uuid("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"), is_urn_uuid("urn:uuid:patient-1")
    (True, False)
    """
    return _URN_UUID.fullmatch(text) is not None


def reference_problem(
    text: str,
    targets: frozenset[str] | None,
    declared: Json,
    allows_conditional: bool,
    is_identity: bool = False,
) -> Problem | None:
    """Return what is wrong with a literal reference; `targets` None means any resource type.

    `is_identity` says that it is the fullUrl of an entry of the Bundle that it stands in.

    >>> reference_problem("Patient/1", frozenset({"Practitioner"}), None, False)[0]
    'value'
    """
    found = _RELATIVE.fullmatch(text)
    if found is not None:
        name = found[1]
        if name not in resource_types():
            return "value", f"{shown(text)} names no resource type of R4: {name}."
    elif (absolute := _ABSOLUTE.fullmatch(text)) is not None:
        name = absolute[2]
        if name not in resource_types():
            return None
    elif text.startswith("urn:uuid:"):
        if is_identity or is_urn_uuid(text):
            return None
        return "value", f"{shown(text)} is not a UUID, and is not the fullUrl of an entry of the same Bundle."
    elif (conditional := _CONDITIONAL.fullmatch(text)) is not None:
        if not allows_conditional:
            return "value", f"{shown(text)} is a conditional reference, which is only allowed in a transaction."
        name = conditional[1]
        if name not in resource_types():
            return "value", f"{shown(text)} names no resource type of R4: {name}."
    elif _URI.fullmatch(text):
        return None
    else:
        return "value", f"{shown(text)} is not a reference: write Type/id, an absolute URL, urn:uuid:… or #id."
    if targets is not None and name not in targets:
        return "value", f"{shown(text)} points to a {name}; here it must be {listed(targets)}."
    if isinstance(declared, str) and declared in resource_types() and declared != name:
        return "value", f"{shown(text)} points to a {name}, but its type says {declared}."
    return None


def type_problem(targets: frozenset[str] | None, declared: Json) -> Problem | None:
    """Return what is wrong with the `type` of a reference that has no literal; what R4 does not know is not judged.

    >>> type_problem(frozenset({"Organization"}), "Patient")[0], type_problem(frozenset({"Organization"}), "urn:x")
    ('value', None)
    """
    name = declared.removeprefix(_DEFINITIONS) if isinstance(declared, str) else ""
    if targets is None or name in targets or name not in resource_types():
        return None
    return "value", f"The reference is said to be to a {name}; here it must be {listed(targets)}."


def listed(names: frozenset[str]) -> str:
    """Join names as a sentence does.

    >>> listed(frozenset({"Patient", "Group", "Device"}))
    'Device, Group or Patient'
    """
    ordered = sorted(names)
    return ordered[0] if len(ordered) == 1 else ", ".join(ordered[:-1]) + " or " + ordered[-1]
