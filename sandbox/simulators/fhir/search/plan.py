"""The plan of a search: its parameters read, checked, and sorted into criteria and options.

Strict: the first parameter that cannot be honoured refuses the search. Lenient: it is left out, and
the plan remembers why.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from sandbox.errors import Invalid
from sandbox.simulators.fhir.search import problems
from sandbox.simulators.fhir.search.bundle import query
from sandbox.simulators.fhir.search.criteria import Criterion
from sandbox.simulators.fhir.search.definitions import compartments, parameters_of, resource_types
from sandbox.simulators.fhir.search.options import NAMES, PASSED_THROUGH, SINGLE, Options
from sandbox.simulators.fhir.search.parse import CriteriaParser, compartment_criterion
from sandbox.simulators.fhir.search.request import SearchRequest
from sandbox.simulators.fhir.search.store import Store
from sandbox.simulators.fhir.search.terminology import StoredTerminology
from sandbox.simulators.fhir.search.types import Context

_KEPT: Final = 128


@dataclass
class Plan:
    """What to look for in which types, and how to answer.

    `understood` are the parameters that were honoured, for the `self` link; `ignored` says why
    others were not (lenient handling only).
    """

    types: tuple[str, ...]
    criteria: dict[str, list[Criterion]]
    options: Options = field(default_factory=Options)
    understood: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[Invalid] = field(default_factory=list)

    @cached_property
    def query(self) -> str:
        """The parameters that were understood, as a query string."""
        return query(self.understood)


def plan_of(store: Store, request: SearchRequest, now: datetime | None) -> Plan:
    """Read a request's parameters; raises `Invalid` or `Unsupported` with the name of the one at fault.

    Agents ask the same again and again, so a strict plan whose meaning depends on the request alone is kept; treat it
    as frozen.
    """
    if request.is_lenient:
        return _read(store, request, now)[0]
    key = (request.resource_type, request.parameters, request.base_url, request.compartment)
    kept: Plan | None = store.plans.get(key)
    if kept is not None:
        return kept
    plan, is_lasting = _read(store, request, now)
    if is_lasting:
        if len(store.plans) >= _KEPT:
            store.plans.clear()
        store.plans[key] = plan
    return plan


def _read(store: Store, request: SearchRequest, now: datetime | None) -> tuple[Plan, bool]:
    types = _types_of(request)
    plan = Plan(types, {t: [] for t in types})
    context = Context(request.base_url.rstrip("/"), now, StoredTerminology(store, request.base_url))
    parser = CriteriaParser(store, context)
    if request.compartment is not None:
        for resource_type in types:
            criterion = compartment_criterion(request.compartment, resource_type, request.base_url)
            plan.criteria[resource_type].append(criterion)
    seen: set[str] = set()
    for name, value in request.parameters:
        try:
            _take(plan, parser, request, name, value, seen)
        except Invalid as error:
            if not request.is_lenient:
                raise
            plan.ignored.append(error)
    try:
        plan.options.check()
    except Invalid as error:
        if not request.is_lenient:
            raise
        plan.ignored.append(error)
        refused = str(error.context["expression"]).removeprefix("http.")
        plan.understood = [pair for pair in plan.understood if pair[0] != refused]
    return plan, context.is_lasting


def _take(plan: Plan, parser: CriteriaParser, request: SearchRequest, name: str, value: str, seen: set[str]) -> None:
    if name in PASSED_THROUGH:
        return
    code = name.partition(":")[0]
    if code in SINGLE and code in seen:
        raise problems.invalid(name, f'The parameter "{code}" is given more than once.')
    seen.add(code)
    if code in NAMES:
        plan.options.read(name, value, plan.types)
    elif code == "_type":
        if request.resource_type is not None:
            message = (
                f'The parameter "_type" is for searches over several types; this one is of {request.resource_type}.'
            )
            raise problems.invalid(name, message)
    else:
        if len(plan.types) == len(resource_types()):
            _refuse_uncommon(name)
        parsed = [(t, parser.parse(t, name, value)) for t in plan.types]
        for resource_type, criterion in parsed:
            plan.criteria[resource_type].append(criterion)
    plan.understood.append((name, value))


def _refuse_uncommon(name: str) -> None:
    """Refuse a parameter that only some types have, in a search over all of them (R4 search, 3.1.1.2)."""
    code = name.partition(":")[0].partition(".")[0]
    if any(code in parameters_of(t) for t in resource_types()) and not all(
        code in parameters_of(t) for t in resource_types()
    ):
        message = f'"{code}" is not a parameter of every resource type; name the types it is meant for with "_type".'
        raise problems.not_supported(name, message)


def _types_of(request: SearchRequest) -> tuple[str, ...]:
    if request.resource_type is not None:
        if request.resource_type not in resource_types():
            raise problems.not_supported("", f'"{request.resource_type}" is not a resource type of FHIR R4.')
        return (request.resource_type,)
    asked = [value for name, value in request.parameters if name == "_type"]
    if len(asked) > 1:
        raise problems.invalid("_type", 'The parameter "_type" is given more than once; separate types with commas.')
    if not asked:
        if request.compartment is not None and request.compartment[0] in compartments():
            return tuple(sorted(compartments()[request.compartment[0]]))
        return tuple(sorted(resource_types()))
    types = asked[0].split(",")
    for name in types:
        if name not in resource_types():
            raise problems.bad_value("_type", asked[0], f'names "{name}", which is not a resource type of FHIR R4')
    return tuple(dict.fromkeys(types))
