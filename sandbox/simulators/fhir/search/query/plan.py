"""The plan of a search: its parameters read, checked, and sorted into criteria and options.

Strict: the first parameter that cannot be honoured refuses the search. Lenient: it is left out, and
the plan remembers why.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from sandbox import limits, work
from sandbox.errors import Invalid, TooLarge
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir.search.query.criteria import Criterion
from sandbox.simulators.fhir.search.query.options import Options
from sandbox.simulators.fhir.search.query.parse import CriteriaParser, compartment_criterion
from sandbox.simulators.fhir.search.query.request import SearchRequest
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.search.query.strings import query
from sandbox.simulators.fhir.search.query.terminology import StoredTerminology
from sandbox.simulators.fhir.search.terms import problems
from sandbox.simulators.fhir.search.terms.definitions import compartments, parameters_of
from sandbox.simulators.fhir.search.types import Context
from sandbox.simulators.fhir.terms.counts import repeated
from sandbox.simulators.fhir.terms.handling import Handling
from sandbox.simulators.fhir.terms.parameters import FORM_ONLY, RESULT, SINGLE

_KEPT: Final = 128


@dataclass
class Plan:
    """What to look for in which types, and how to answer.

    `understood` are the parameters that were honoured, for the `self` link; `handling` says why others were not.
    """

    types: tuple[str, ...]
    criteria: dict[str, list[Criterion]]
    handling: Handling
    options: Options = field(default_factory=Options)
    understood: list[tuple[str, str]] = field(default_factory=list)

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
    _check_counts(request)
    handling = Handling(request.is_lenient)
    types, named = _types_of(request, handling)
    plan = Plan(types, {t: [] for t in types}, handling)
    context = Context(request.base_url.rstrip("/"), now, StoredTerminology(store, request.base_url))
    parser = CriteriaParser(store, context)
    if request.compartment is not None:
        for resource_type in types:
            criterion = compartment_criterion(request.compartment, resource_type, request.base_url)
            plan.criteria[resource_type].append(criterion)
    seen: set[str] = set()
    for name, value in request.parameters:
        if name == "_type" and request.resource_type is None:
            if named is not None:
                plan.understood.append((name, named))
                named = None
            continue
        try:
            _take(plan, parser, request, name, value, seen)
        except Invalid as error:
            handling.refuse(error)
    try:
        plan.options.check()
    except Invalid as error:
        handling.refuse(error)
        refused = str(error.context["expression"]).removeprefix("http.")
        plan.understood = [pair for pair in plan.understood if pair[0] != refused]
    return plan, context.is_lasting


def _check_counts(request: SearchRequest) -> None:
    """Refuse more than a search is worth, however it is written; raises `TooLarge`."""
    parameters = request.parameters
    if len(parameters) > limits.FORM_FIELDS:
        raise TooLarge(f"The search has {len(parameters):,} parameters; the limit is {limits.FORM_FIELDS:,}.")
    count = sum(value.count(",") + 1 for _, value in parameters)
    if count > limits.SEARCH_VALUES:
        raise TooLarge(f"The search has {count:,} values; the limit is {limits.SEARCH_VALUES:,}. Search in parts.")
    work.spend(20 * count)
    keys = sum(value.count(",") + 1 for name, value in parameters if name == "_sort")
    if keys > limits.SEARCH_SORT_KEYS:
        raise TooLarge(f"The search has {keys:,} sort keys; the limit is {limits.SEARCH_SORT_KEYS}.")


def _take(plan: Plan, parser: CriteriaParser, request: SearchRequest, name: str, value: str, seen: set[str]) -> None:
    if name in FORM_ONLY:
        return
    code = name.partition(":")[0]
    if code in SINGLE and code in seen:
        raise repeated(code)
    seen.add(code)
    if code in RESULT:
        plan.options.read(name, value, plan.types)
        if code == "_count":
            value = str(plan.options.count)  # what is served, which may be less than was asked for
    elif code == "_type":
        if request.resource_type is None:
            raise problems.not_supported(name, f'The parameter "_type" has no modifier "{name[len("_type") :]}".')
        message = f'The parameter "_type" is for searches over several types; this one is of {request.resource_type}.'
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


def types_named(request: SearchRequest) -> tuple[str, ...] | None:
    """Return the types that `_type` confines a search to, None when it does not: what names no type is left out."""
    _, named = _types_of(request, Handling(is_lenient=True))
    return tuple(named.split(",")) if named is not None else None


def _types_of(request: SearchRequest, handling: Handling) -> tuple[tuple[str, ...], str | None]:
    """Return the types to search, and what of `_type` was understood; None without it, or when nothing was."""
    if request.resource_type is not None:
        if request.resource_type not in resource_types():
            raise problems.not_supported("", f'"{request.resource_type}" is not a resource type of FHIR R4.')
        return (request.resource_type,), None
    owner = request.compartment[0] if request.compartment is not None else ""
    possible = frozenset(compartments()[owner]) if owner in compartments() else resource_types()
    asked = [value for name, value in request.parameters if name == "_type"]
    for _ in asked[1:]:
        handling.refuse(repeated("_type"))
    named = tuple(dict.fromkeys(known_types(asked[0], possible, owner, handling))) if asked else ()
    return (named, ",".join(named)) if named else (tuple(sorted(possible)), None)


def known_types(value: str, possible: frozenset[str], owner: str, handling: Handling) -> list[str]:
    """Return the types that a value of `_type` names; others are refused. `owner` is the compartment's, if any."""
    known = []
    for name in value.split(","):
        if name in possible:
            known.append(name)
        elif name in resource_types():
            handling.refuse(problems.bad_value("_type", value, f"names {name}, which the {owner} compartment lacks"))
        else:
            why = f'names "{name}", which is not a resource type of FHIR R4'
            handling.refuse(problems.bad_value("_type", value, why))
    return known
