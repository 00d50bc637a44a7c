"""The check `fhir-resource-state`: run a search on the final state and look at what it finds.

`fhirpath` (extension) is one more field, `$fhirpath`, which must be true on the first match.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation
from sandbox.equality import to_text
from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Seed
from sandbox.simulators.base import Check, Selection, Subject, View
from sandbox.simulators.fhir import fhirpath
from sandbox.simulators.fhir.nearness import near_resources
from sandbox.simulators.fhir.path_types import find_search_problems, find_unknown_names, path_type
from sandbox.simulators.fhir.proxy import is_proxied, observed
from sandbox.simulators.fhir.terms.names import SURFACE, collection_of
from sandbox.simulators.fhir.validation.structures import resource_types
from sandbox.simulators.vocabulary import ANY, Finding, PathType, Surroundings
from sandbox.suggest import did_you_mean

FHIRPATH = "$fhirpath"


class FhirResourceState(Assertion):
    """How the check is written. `search` values may be lists: a parameter that is given twice."""

    resource_type: str
    search: dict[str, str | list[str]] = Field(default_factory=dict)
    fields: list[FieldExpectation] = Field(default_factory=list)
    count: CountRange | None = None
    absent: bool = False
    fhirpath: str | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _fhirpath_is_a_field(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("fhirpath"):
            fields = data.get("fields") or []
            if isinstance(fields, list) and not any(isinstance(f, dict) and f.get("path") == FHIRPATH for f in fields):
                return {**data, "fields": [*fields, {"path": FHIRPATH, "expected": True}]}
        return data

    @field_validator("resource_type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if value not in resource_types():
            raise ValueError(f'"{value}" is not a resource type of FHIR R4{did_you_mean(value, resource_types())}')
        return value

    @field_validator("search", mode="before")
    @classmethod
    def _plain_values(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: to_text(v) or v for k, v in value.items()}

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        """Run the search on an empty store, so that what is wrong is found when the benchmark is loaded."""
        try:
            _find(Branch(Seed()), self)
            if self.fhirpath is not None:
                fhirpath.compiled(self.fhirpath)
        except SandboxError as error:
            raise ValueError(error.message) from None
        return self

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The search as parameter pairs."""
        pairs = []
        for name, value in self.search.items():
            pairs += [(name, item) for item in (value if isinstance(value, list) else [value])]
        return pairs


def _find(branch: Branch, assertion: FhirResourceState) -> list[str]:
    from sandbox.simulators.fhir.search import find

    return find(branch, assertion.resource_type, assertion.parameters)


def evaluate(expression: str, resource: Json) -> Json:
    """Return what a FHIRPath expression gives on a resource: one value, a list of several, None for nothing.

    >>> evaluate("name.exists()", {"resourceType": "Patient", "name": [{"family": "Chen"}]})
    True
    """
    found = fhirpath.values(expression, resource)
    return found[0] if len(found) == 1 else (found or None)


def _matches(assertion: FhirResourceState, view: View) -> list[Json]:
    if any(s.surface == SURFACE and is_proxied(s.config) for s in view.sandboxes):
        return observed(view.branch, assertion.resource_type, assertion.parameters)
    collection = collection_of(assertion.resource_type)
    return [view.branch.get(collection, resource_id) for resource_id in _find(view.branch, assertion)]


def searches_of(assertions: Iterable[Assertion]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the searches that these assertions make, as type and parameters."""
    return [(a.resource_type, a.parameters) for a in assertions if isinstance(a, FhirResourceState)]


def select(assertion: FhirResourceState, view: View) -> Selection:
    """Return the matches of the assertion's search, in result order."""
    evidence: dict[str, Json] = {}
    subjects = []
    for position, value in enumerate(_matches(assertion, view)):
        label = f"{assertion.resource_type}/{value.get('id')}"
        if assertion.fhirpath is not None and position == 0:
            try:
                result = evaluate(assertion.fhirpath, value)
            except Invalid as error:
                result = None
                evidence["fhirpath_error"] = error.message
            evidence["fhirpath"] = {"expression": assertion.fhirpath, "reference": label, "result": result}
            value = {**value, FHIRPATH: result}
        subjects.append(Subject(label, value))
    query = "&".join(f"{name}={value}" for name, value in assertion.parameters)
    sought = f"{assertion.resource_type} matching {query}" if query else assertion.resource_type
    if any(s.surface == SURFACE and is_proxied(s.config) for s in view.sandboxes):
        return Selection(sought, tuple(subjects), evidence)  # what else there is upstream is not recorded
    candidates = partial(near_resources, assertion.resource_type, assertion.parameters, view)
    return Selection(sought, tuple(subjects), evidence, kind=assertion.resource_type, candidates=candidates)


def _path_type(assertion: FhirResourceState, path: str) -> PathType:
    return ANY if path == FHIRPATH else path_type(assertion.resource_type, path)


def inspect(assertion: FhirResourceState, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield the names in `fhirpath` that nothing in the resource has, and codes that a parameter never finds."""
    if assertion.fhirpath is not None:
        for message in find_unknown_names(assertion.resource_type, assertion.fhirpath):
            yield ("fhirpath",), message
    for name, value in assertion.parameters:
        for message in find_search_problems(assertion.resource_type, name, value):
            yield ("search", name), message


FHIR_RESOURCE_STATE = Check("fhir-resource-state", FhirResourceState, select, path_type=_path_type, inspect=inspect)
