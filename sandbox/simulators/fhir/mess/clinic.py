"""What the rules may know of a dataset: which charts a definition names, who bears a name alone, who has allergies."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from sandbox import jsonio
from sandbox.definitions.mess import Mess
from sandbox.playground.branch import Seed
from sandbox.simulators.fhir.terms.names import collection_of

Resource: TypeAlias = dict[str, Any]

_OWNERS: Final = ("subject", "patient", "beneficiary")
_PATIENT: Final = "Patient/"
_ID_CHARS: Final = 64


def patient_of(resource: Resource) -> str | None:
    """Return the id of the patient whom a resource is about, None where it is about nobody.

    >>> patient_of({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/ana"}})
    'ana'
    """
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    for name in _OWNERS:
        owner = resource.get(name)
        reference = owner.get("reference", "") if isinstance(owner, dict) else ""
        if reference.startswith(_PATIENT):
            return str(reference.removeprefix(_PATIENT))
    return None


class Clinic:
    """A dataset's charts as the rules see them. Resources are parsed anew each time: a rule may change what it gets."""

    def __init__(self, seed: Seed, mess: Mess) -> None:
        self.mess = mess
        self._seed = seed
        self._families: Counter[str] = Counter()
        self._named: set[tuple[str, str]] = set()
        self._named_patients: set[str] = set()
        self._allergies: list[Resource] = []
        for name in seed.collections:
            for resource in self._read(name):
                self._note(resource)

    def of_type(self, resource_type: str) -> Iterator[Resource]:
        """Yield the resources of a type in the order of the seed."""
        return self._read(collection_of(resource_type))

    def is_named(self, resource: Resource) -> bool:
        """Whether the definition names a resource, or anything in the chart that it belongs to."""
        key = resource["resourceType"], resource["id"]
        return key in self._named or patient_of(resource) in self._named_patients

    def is_family_of_one(self, patient: Resource) -> bool:
        """Whether nobody else has one of a patient's family names."""
        return all(self._families[family] == 1 for family in _families_of(patient))

    def allergy_of_another(self, patient: Resource) -> Resource | None:
        """Return an allergy that somebody else has had a reaction with; None where nobody has."""
        others = [allergy for allergy in self._allergies if patient_of(allergy) != patient["id"]]
        return others[int(self.mess.draw("whose", patient["id"]) * len(others))] if others else None

    def other_id(self, resource: Resource, what: str) -> str:
        """Return the id of what is added for a resource; it says nothing of why it is there."""
        tail = int(self.mess.draw("id", resource["resourceType"], resource["id"], what) * 0x10000)
        return f"{resource['id'][: _ID_CHARS - 5]}-{tail:04x}"

    def _read(self, collection: str) -> Iterator[Resource]:
        documents: Mapping[str, Any] = self._seed.collections.get(collection) or {}
        for document in documents.values():
            yield jsonio.parse(document.json)

    def _note(self, resource: Resource) -> None:
        kind = resource["resourceType"]
        if kind == "Patient":
            self._families.update(_families_of(resource))
        elif kind == "AllergyIntolerance" and resource.get("reaction") and resource.get("clinicalStatus"):
            self._allergies.append(resource)
        if self._is_said(resource):
            self._named.add((kind, resource["id"]))
            patient = patient_of(resource)
            if patient is not None:
                self._named_patients.add(patient)

    def _is_said(self, resource: Resource) -> bool:
        """Whether the definition has a resource's id, one of its identifiers, or a patient's whole name."""
        if self.mess.names(resource["id"]):
            return True
        identifiers = resource.get("identifier") or []
        for identifier in identifiers if isinstance(identifiers, list) else (identifiers,):
            if self.mess.names(*str(identifier.get("value") or "").split()):
                return True
        if resource["resourceType"] != "Patient":
            return False
        return any(
            self.mess.names(*str(name["family"]).split(), *str(name["given"][0]).split())
            for name in resource.get("name") or ()
            if name.get("family") and name.get("given") and name["given"][0]
        )


def _families_of(patient: Resource) -> set[str]:
    return {str(name["family"]).casefold() for name in patient.get("name") or () if name.get("family")}
