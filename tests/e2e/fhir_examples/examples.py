"""The official R4 example set, and what is proved with it.

`python -m tests.e2e.fhir_examples` prints the numbers that docs/fhir-conformance.md shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.playground.branch import Branch, Seed
from sandbox.simulators.fhir.search import find
from tests.e2e.downloads import npm_folder
from tests.e2e.fhir_examples import slow

HERE = Path(__file__).parent
# The specification's modules "Conformance" and "Terminology": definitions rather than examples.
DEFINITIONS = frozenset(
    "CapabilityStatement StructureDefinition ImplementationGuide SearchParameter MessageDefinition OperationDefinition "
    "CompartmentDefinition StructureMap GraphDefinition ExampleScenario TerminologyCapabilities ValueSet CodeSystem "
    "ConceptMap NamingSystem".split()
)
META = {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00.000Z"}


@dataclass(frozen=True)
class Example:
    """One file of the set. Bundles and the like may have no id; then the file's name gives one."""

    name: str
    resource: Any

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def id(self) -> str:
        return str(self.resource["id"])


def read_examples() -> list[Example]:
    """Return every resource of the package; downloads it when it is not there."""
    folder = npm_folder(HERE / "package.json") / "node_modules" / "hl7.fhir.r4.examples"
    found = []
    for path in sorted(folder.glob("*.json")):
        value = jsonio.parse(path.read_bytes())
        if "resourceType" in value:
            found.append(Example(path.name, {"id": path.stem.partition("-")[2], **value}))
    return found


def rejected() -> dict[str, Any]:
    """Return the examples that the server must refuse: by file, where and why."""
    rows: dict[str, Any] = yaml.safe_load((HERE / "rejected.yaml").read_text())
    return rows


def official_parameters(examples: list[Example]) -> list[Any]:
    """Return R4's own SearchParameter resources; those on extensions are not part of the base."""
    return [
        e.resource
        for e in examples
        if e.type == "SearchParameter"
        and e.resource["url"].startswith("http://hl7.org/fhir/SearchParameter/")
        and "extensions-" not in e.id
        and "base" in e.resource
    ]


@dataclass(frozen=True)
class Searched:
    """One search by a value, and what both answers are; `refused` says why the server gave none.

    `holders` are the resources that the value was taken from: whatever else matches, they must.
    One that `is_ambiguous`, by an id alone that references to several types have, must be refused.
    """

    type: str
    code: str
    query: str
    holders: frozenset[str]
    expected: frozenset[str]
    found: frozenset[str]
    refused: str | None = None
    is_ambiguous: bool = False

    @property
    def is_right(self) -> bool:
        if self.is_ambiguous:
            return self.refused is not None and "write Type/id" in self.refused
        return self.refused is None and self.holders <= self.expected == self.found


def search_by_every_value(
    resources: list[Any], parameters: list[Any], absent: frozenset[str] = frozenset()
) -> Iterator[Searched]:
    """Search by every value of every parameter in the resources; the store lacks those named in `absent`."""
    by_type: dict[str, dict[str, Any]] = {}
    for resource in resources:
        meta = {**resource.get("meta", {}), **META}
        by_type.setdefault(resource["resourceType"], {})[resource["id"]] = {**resource, "meta": meta}
    stored = {f"fhir/{t}": {i: r for i, r in rows.items() if f"{t}/{i}" not in absent} for t, rows in by_type.items()}
    branch = Branch(Seed.of(stored))
    known = slow.definitions(parameters)
    for resource_type, rows in by_type.items():
        general = known.get("Resource", []) + (known.get("DomainResource", []) if resource_type != "Bundle" else [])
        for parameter in general + known.get(resource_type, []):
            yield from _search(branch, resource_type, parameter, rows)


def _search(branch: Branch, resource_type: str, parameter: slow.Parameter, rows: dict[str, Any]) -> Iterator[Searched]:
    values = {key: slow.values_of(parameter, row) for key, row in rows.items()}
    holders: dict[str, set[str]] = {}
    for key, held in values.items():
        for query in (q for v in held for q in parameter.queries(v)):
            holders.setdefault(query, set()).add(key)
    for query, taken_from in holders.items():
        expected = frozenset(key for key, held in values.items() if any(parameter.matches(query, v) for v in held))
        refused = None
        found: list[str] = []
        try:
            found = find(branch, resource_type, [(parameter.code, query)], "http://sandbox.test/fhir")
        except SandboxError as error:
            refused = error.message
        everything = [v for held in values.values() for v in held]
        is_ambiguous = parameter.is_ambiguous(query, everything)
        holding = frozenset(taken_from)
        yield Searched(resource_type, parameter.code, query, holding, expected, frozenset(found), refused, is_ambiguous)


def searches_of(examples: list[Example]) -> list[Searched]:
    """Search by every value in the examples that are no definitions and that the server takes."""
    refused = rejected()
    resources = [e.resource for e in examples if e.type not in DEFINITIONS and e.name not in refused]
    return list(search_by_every_value(resources, official_parameters(examples)))


def report(examples: list[Example], searches: list[Searched]) -> str:
    """Return the numbers as the documentation shows them."""
    rows = [
        ("examples", len(examples)),
        ("  of them no definitions", sum(e.type not in DEFINITIONS for e in examples)),
        ("  refused, each for a listed reason", len(rejected())),
        ("searches by a value", len(searches)),
        ("  parameters of types searched", len({(s.type, s.code) for s in searches})),
        ("  answered wrongly", sum(not s.is_right for s in searches)),
    ]
    return "\n".join(f"{name:<36}{number:>6}" for name, number in rows)
