"""The values of FHIR requests, told apart by their R4 types; and the people of a dataset (R4, Patient, Coverage).

What a server writes itself (`id`, `meta`), narrative, and what only labels a code (`system`, `display`) is no value of
its own. A JSON Patch and a Parameters body have plain JSON's values.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.r4.model import definitions, is_a, members
from sandbox.simulators.leaves import Form, Kind, Leaf, Path, Person, Sent, json_leaves

_SKIPPED: Final = frozenset(
    "id meta text implicitRules language contained extension modifierExtension resourceType system display "
    "fullUrl assigner".split()
)
_KINDS: Final[dict[str, Kind]] = {
    "decimal": "number", "integer": "number", "positiveInt": "number", "unsignedInt": "number",
    "date": "date", "dateTime": "date", "instant": "date", "time": "date",
    "boolean": "flag", "code": "code", "markdown": "prose",
}  # fmt: skip
# Whose names, addresses and identifiers for which use is bookkeeping of the chart.
_USES: Final = frozenset({"Identifier.use", "HumanName.use", "Address.use"})
_PROSE: Final = frozenset({"CodeableConcept.text", "Annotation.text", "comment", "description"})
_MESSAGES: Final = frozenset({"contentString", "Dosage.text", "patientInstruction"})
# When something was written down, not when it happened (R4, FiveWs, `FiveWs.recorded`).
_RECORDED: Final = frozenset("authoredOn sent received issued recorded recordedDate created dateAsserted".split())
_INSTANCE: Final = re.compile(r"fhir/([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?=$|/)")


class FhirForm(Form):
    """FHIR resources, and Bundles of them."""

    def leaves(self, sent: Sent) -> Iterator[Leaf]:
        """Yield the values of the resource that was sent."""
        if not isinstance(sent.body, dict) or "resourceType" not in sent.body:
            if isinstance(sent.body, list):
                skipped = _SKIPPED | {"op", "path", "from"}
                yield from (leaf for leaf in json_leaves(sent.body) if leaf.path[-1] not in skipped)
            return
        yield from _resource(sent.body, ())

    def owner(self, sent: Sent, branch: Branch) -> str | None:
        """Return whose chart, or part of a chart, a request is addressed to."""
        found = _INSTANCE.match(sent.path)
        if found is None:
            return None
        kind, key = found.groups()
        return f"Patient/{key}" if kind == "Patient" else _patient_of(branch.get(f"fhir/{kind}", key))

    def retargeted(self, sent: Sent, branch: Branch, one: Person, other: Person) -> Sent:
        """Return the request at the other person's resource of the same type, where there is one."""
        found = _INSTANCE.match(sent.path)
        if found is None or one.reference is None or other.reference is None:
            return sent
        if self.owner(sent, branch) != one.reference:
            return sent
        kind, key = found.groups()
        is_chart = kind == "Patient"
        there = other.reference.partition("/")[2] if is_chart else find_resource_of(branch, kind, other)
        if there is None:
            return sent
        headers = {name: value for name, value in sent.headers.items() if name != "if-match"}
        body = {**sent.body, "id": there} if isinstance(sent.body, dict) and sent.body.get("id") == key else sent.body
        path = f"fhir/{kind}/{there}{sent.path[found.end() :]}"
        return replace(sent, path=path, headers=headers, body=body)


def find_resource_of(branch: Branch, kind: str, person: Person) -> str | None:
    """Return the id of a person's first resource of a type."""
    if person.reference is None:
        return None
    return next((key for key, row in branch.items(f"fhir/{kind}") if _patient_of(row) == person.reference), None)


def people(branch: Branch) -> Iterator[Person]:
    """Yield everybody who has a chart, with the member numbers of their coverages."""
    members_of: dict[str, list[str]] = {}
    for _, row in branch.items("fhir/Coverage"):
        of = (row.get("beneficiary") or {}).get("reference", "")
        numbers = [i.get("value") for i in row.get("identifier", ())] + [row.get("subscriberId")]
        members_of.setdefault(of, []).extend(number for number in numbers if number)
    for key, row in branch.items("fhir/Patient"):
        yield person_of(row, f"Patient/{key}", members_of.get(f"Patient/{key}", []))


def person_of(patient: Any, reference: str | None, members: list[str]) -> Person:
    """Return whom a Patient resource describes."""
    name: Any = next(iter(patient.get("name") or ()), {})
    numbers = [i["value"] for i in patient.get("identifier", ()) if i.get("value")]
    return Person(
        reference,
        tuple(dict.fromkeys([*numbers, *members])),
        name.get("family", ""),
        next(iter(name.get("given") or ()), ""),
        patient.get("birthDate", ""),
        tuple(t["value"] for t in patient.get("telecom", ()) if t.get("value")),
    )


def _patient_of(value: Json) -> str | None:
    """Return the first reference to a patient in a resource."""
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and reference.startswith("Patient/"):
            return reference
        value = list(value.values())
    if isinstance(value, list):
        return next((found for item in value if (found := _patient_of(item)) is not None), None)
    return None


def _resource(value: dict[str, Json], path: Path) -> Iterator[Leaf]:
    kind = str(value.get("resourceType"))
    if kind == "Bundle":
        for place, entry in enumerate(value.get("entry") or ()):
            if isinstance(entry, dict) and (entry.get("request") or {}).get("method", "GET") != "GET":
                yield Leaf((*path, "entry", place), (entry["request"] or {}).get("url"), "write")
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield from _resource(entry["resource"], (*path, "entry", place, "resource"))
    elif kind == "Parameters":
        yield from (leaf for leaf in json_leaves(value, path) if leaf.path[-1] not in ("name", "resourceType"))
    else:
        yield from _element(value, kind, path)


def _element(value: dict[str, Json], type_name: str, path: Path) -> Iterator[Leaf]:
    if is_a(type_name, "Quantity"):
        yield from _quantity(value, path)
        return
    children = {child.key: (child, binding) for child, binding in _children(type_name)}
    for key, item in value.items():
        name = f"{type_name}.{key}"
        if key not in children or name in _USES or (key in _SKIPPED and name not in _PROSE | _MESSAGES):
            continue
        child, binding = children[key]
        for place, one in enumerate(item) if isinstance(item, list) else [(None, item)]:
            here: Path = (*path, key) if place is None else (*path, key, place)
            if isinstance(one, dict):
                yield from _element(one, child.type, here)
            elif child.is_primitive and one not in (None, ""):
                leaf = _leaf(here, one, type_name, key, child.type, binding, value)
                if leaf is not None:
                    yield leaf


def _leaf(
    path: Path, value: Json, type_name: str, key: str, kind: str, binding: str | None, around: dict[str, Json]
) -> Leaf | None:
    name = f"{type_name}.{key}"
    if name == "Reference.reference":
        return Leaf(path, value, "reference", pool=str(value).partition("/")[0])
    if name == "Coding.code":
        return Leaf(path, value, "code", pool=str(around.get("system", "")))
    if kind == "code":
        return Leaf(path, value, "code", choices=tuple(_codes_of(binding)))
    if name in _PROSE or key in _PROSE:
        return Leaf(path, value, "prose")
    if name in _MESSAGES or key in _MESSAGES:
        return Leaf(path, value, "message")
    if kind in _KINDS:
        return Leaf(path, value, _KINDS[kind], is_free=key in _RECORDED)
    if kind != "string":  # addresses of other systems, and bytes
        return None
    if type_name in ("Identifier", "ContactPoint"):
        return Leaf(path, value, "identifier")
    if type_name in ("HumanName", "Address") and key != "use":
        return Leaf(path, value, "identifier" if any(c.isdigit() for c in str(value)) else "name")
    return Leaf(path, value, "prose" if len(str(value).split()) > 1 else "name")


def _quantity(value: dict[str, Json], path: Path) -> Iterator[Leaf]:
    if value.get("value") is not None:
        yield Leaf((*path, "value"), value["value"], "number")
    if value.get("comparator"):
        yield Leaf((*path, "comparator"), value["comparator"], "code", choices=("<", "<=", ">=", ">"))
    written = [(*path, key) for key in ("code", "unit") if value.get(key)]
    if written:
        unit = value.get("code") or value.get("unit")
        yield Leaf(written[0], unit, "unit", beside=tuple(written[1:]))


@cache
def _children(type_name: str) -> tuple[tuple[Any, str | None], ...]:
    structure = definitions()["structures"].get(type_name, {"elements": ()})
    bindings = {name.removesuffix("[x]"): binding for name, *_, binding in structure["elements"]}
    return tuple((child, bindings.get(stem)) for stem, found in members(type_name).items() for child in found)


def _codes_of(binding: str | None) -> list[str]:
    systems = definitions()["value_sets"].get(binding or "", {})
    return [code for codes in systems.values() for code in codes if code != "entered-in-error"]
