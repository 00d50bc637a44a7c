"""The check `fhir-resource-state`: run a search on the final state and look at what it finds.

`fhirpath` (extension) adds a field for each of its expressions, which must be true: `$fhirpath` for the only one,
`$fhirpath.0`, `$fhirpath.1` for several. They are read strictly when the definition is loaded, with the resource type
and the variables known, and evaluated with the playground's clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Any, Final, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation, StrictModel, refusal
from sandbox.equality import to_text
from sandbox.errors import SandboxError
from sandbox.fhirpath import Context, EvaluationProblem, Expression, compile_expression, root_of
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Seed
from sandbox.r4.model import resource_types
from sandbox.simulators.base import Check, Selection, Subject, View
from sandbox.simulators.fhir.fhirpath import context_of
from sandbox.simulators.fhir.nearness import near_resources
from sandbox.simulators.fhir.path_types import find_search_problems, path_type
from sandbox.simulators.fhir.proxy import is_proxied, observed
from sandbox.simulators.fhir.terms.names import SURFACE, collection_of
from sandbox.simulators.vocabulary import ANY, Finding, PathType, Surroundings
from sandbox.suggest import did_you_mean

FHIRPATH: Final = "$fhirpath"
_BOOLEANS: Final = frozenset({"boolean", "System.Boolean"})
_SHOWN_MAX: Final = 20
_NOT_LOOKED_AT: Final[Any] = object()


class FhirPathCriterion(StrictModel):
    """An expression, and of which matches it must be true."""

    expression: str = Field(min_length=1)
    of: Literal["first", "any", "every"] = "first"


class FhirResourceState(Assertion):
    """How the check is written. `search` values may be lists: a parameter that is given twice."""

    resource_type: str
    search: dict[str, str | list[str]] = Field(default_factory=dict)
    fields: list[FieldExpectation] = Field(default_factory=list)
    count: CountRange | None = None
    absent: bool = False
    fhirpath: str | FhirPathCriterion | list[str | FhirPathCriterion] | None = None

    _entity: Json = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _fhirpath_adds_fields(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not data.get("fhirpath"):
            return data
        fields, given = data.get("fields") or [], data["fhirpath"]
        if not isinstance(fields, list):
            return data
        known = {f.get("path") for f in fields if isinstance(f, dict)}
        paths = [f"{FHIRPATH}.{place}" for place in range(len(given))] if isinstance(given, list) else [FHIRPATH]
        return {**data, "fields": [*fields, *({"path": p, "expected": True} for p in paths if p not in known)]}

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

    @field_validator("fhirpath")
    @classmethod
    def _not_empty(cls, value: Any) -> Any:
        if value in ("", []) or (isinstance(value, list) and "" in value):
            raise ValueError("it is empty; write an expression")
        return value

    @model_validator(mode="after")
    def _makes_sense(self, info: ValidationInfo) -> Self:
        """Run the search on an empty store and compile the FHIRPath, so that what is wrong is found on loading."""
        self._entity = (info.context or {}).get("entity")
        try:
            _find(Branch(Seed()), self, None)
        except SandboxError as error:
            raise ValueError(error.message) from None
        try:
            for place, row in enumerate(self.criteria):
                self._check_truth(self.compiled(row), place)
        except SandboxError as error:
            raise refusal(error.message) from None
        return self

    def _check_truth(self, expression: Expression, place: int) -> None:
        path = f"{FHIRPATH}.{place}" if isinstance(self.fhirpath, list) else FHIRPATH
        wants_true = any(f.path == path and f.mode == "expected" and f.expected is True for f in self.fields)
        if wants_true and expression.types is not None and expression.types.isdisjoint(_BOOLEANS):
            kinds = " or ".join(sorted(t.removeprefix("System.") for t in expression.types)) or "nothing"
            raise refusal(f'The FHIRPath "{expression.text}" gives {kinds}, which is never true; compare it.')

    @property
    def criteria(self) -> list[FhirPathCriterion]:
        """The FHIRPath expressions."""
        given = self.fhirpath if isinstance(self.fhirpath, list) else [self.fhirpath] if self.fhirpath else []
        return [FhirPathCriterion(expression=row) if isinstance(row, str) else row for row in given]

    @property
    def variables(self) -> dict[str, list[Any]]:
        """What the expressions may use beside FHIRPath's own variables: `%entity`, where one is bound."""
        return {} if self._entity is None else {"entity": [root_of(self._entity)]}

    def compiled(self, row: FhirPathCriterion) -> Expression:
        """Compile an expression; raises `FhirPathError`."""
        return compile_expression(row.expression, self.resource_type, self.variables)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The search as parameter pairs."""
        pairs = []
        for name, value in self.search.items():
            pairs += [(name, item) for item in (value if isinstance(value, list) else [value])]
        return pairs


def _find(branch: Branch, assertion: FhirResourceState, view: View | None) -> list[str]:
    from sandbox.simulators.fhir.search import find

    return find(branch, assertion.resource_type, assertion.parameters, now=view.now if view is not None else None)


def evaluate(expression: Expression, resource: Json, context: Context) -> Json:
    """Return what an expression gives on a resource: one value, a list of several, None for nothing.

    >>> evaluate(compile_expression("name.exists()"), {"resourceType": "Patient", "name": [{}]}, Context())
    True
    """
    found = expression.values(resource, context)
    return found[0] if len(found) == 1 else (found or None)


def _matches(assertion: FhirResourceState, view: View) -> list[Json]:
    if _is_proxied(view):
        return observed(view.branch, assertion.resource_type, assertion.parameters)
    collection = collection_of(assertion.resource_type)
    return [view.branch.get(collection, resource_id) for resource_id in _find(view.branch, assertion, view)]


def _is_proxied(view: View) -> bool:
    return any(s.surface == SURFACE and is_proxied(s.config) for s in view.sandboxes)


def searches_of(assertions: Iterable[Assertion]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the searches that these assertions make, as type and parameters."""
    return [(a.resource_type, a.parameters) for a in assertions if isinstance(a, FhirResourceState)]


class _Evaluation:
    """The expressions of one assertion on its matches: results a match, evidence, and the first thing that broke."""

    def __init__(self, assertion: FhirResourceState, view: View) -> None:
        self.assertion = assertion
        self.view = view
        self.problem: str | None = None
        self.traces: list[Json] = []

    def of(self, row: FhirPathCriterion, labels: list[str], matches: list[Json]) -> tuple[list[Json], Json]:
        """Return the result for each match that is looked at, and what the evidence says of them."""
        results = [self._one(row, label, match) for label, match in zip(labels, matches, strict=True)]
        if row.of == "first":
            return results, {"expression": row.expression, "reference": labels[0], "result": results[0]}
        holding = [label for label, result in zip(labels, results, strict=True) if result is True]
        others = [label for label in labels if label not in holding]
        verdict = bool(holding) if row.of == "any" else not others
        shown = {"true": holding[:_SHOWN_MAX], "not_true": others[:_SHOWN_MAX]}
        evidence = {"expression": row.expression, "of": row.of, "result": verdict, **shown}
        return [verdict] * len(matches), evidence

    def _one(self, row: FhirPathCriterion, label: str, match: Json) -> Json:
        view = self.view
        context = context_of(view.branch, view.now, variables=self.assertion.variables)
        if _is_proxied(view):
            context.resolve = _cannot_resolve
        try:
            return evaluate(self.assertion.compiled(row), match, context)
        except SandboxError as error:
            self.problem = self.problem or f"{label}: {error.message}"
            return None
        finally:
            self.traces += [{"reference": label, **trace} for trace in context.traces]


def _cannot_resolve(reference: str) -> Json:
    raise EvaluationProblem("resolve() has no store to look into: the resources are on the server behind this one")


def select(assertion: FhirResourceState, view: View) -> Selection:
    """Return the matches of the assertion's search, in result order."""
    matches = _matches(assertion, view)
    labels = [f"{assertion.resource_type}/{value.get('id')}" for value in matches]
    query = "&".join(f"{name}={value}" for name, value in assertion.parameters)
    sought = f"{assertion.resource_type} matching {query}" if query else assertion.resource_type
    selection = Selection(sought, tuple(map(Subject, labels, matches)))
    if not _is_proxied(view):  # what else there is upstream is not recorded
        candidates = partial(near_resources, assertion.resource_type, assertion.parameters, view)
        selection = replace(selection, kind=assertion.resource_type, candidates=candidates)
    if not assertion.criteria or not matches:
        return selection
    evaluation = _Evaluation(assertion, view)
    is_first_enough = not assertion.absent and assertion.count is None
    columns: list[list[Json]] = []
    evidence: list[Json] = []
    for row in assertion.criteria:
        looked_at = 1 if row.of == "first" and is_first_enough else len(matches)
        results, shown = evaluation.of(row, labels[:looked_at], matches[:looked_at])
        columns.append(results)
        evidence.append(shown)
    is_list = isinstance(assertion.fhirpath, list)
    rows = [list(values) if is_list else values[0] for values in zip(*columns, strict=False)]
    subjects = tuple(
        Subject(label, value if row is _NOT_LOOKED_AT else {**value, FHIRPATH: row})
        for label, value, row in zip_longest(labels, matches, rows, fillvalue=_NOT_LOOKED_AT)
    )
    found: dict[str, Json] = {"fhirpath": evidence if is_list else evidence[0]}
    if evaluation.traces:
        found["trace"] = evaluation.traces[:_SHOWN_MAX]
    return replace(selection, subjects=subjects, evidence=found, problem=evaluation.problem)


def _path_type(assertion: FhirResourceState, path: str) -> PathType:
    return ANY if path.partition(".")[0] == FHIRPATH else path_type(assertion.resource_type, path)


def inspect(assertion: FhirResourceState, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield the codes that a parameter never finds."""
    for name, value in assertion.parameters:
        for message in find_search_problems(assertion.resource_type, name, value):
            yield ("search", name), message


FHIR_RESOURCE_STATE = Check("fhir-resource-state", FhirResourceState, select, path_type=_path_type, inspect=inspect)
