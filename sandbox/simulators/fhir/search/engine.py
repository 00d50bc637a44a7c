"""Run a search: plan, evaluate, order, page, answer."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sandbox import limits, work
from sandbox.errors import TooLarge
from sandbox.playground.branch import Branch
from sandbox.playground.playground import Interaction
from sandbox.r4.issues import Issue
from sandbox.simulators.fhir.search.answer import bundle, pages
from sandbox.simulators.fhir.search.answer.includes import Included, included
from sandbox.simulators.fhir.search.answer.order import Match, sort
from sandbox.simulators.fhir.search.answer.subset import rendered
from sandbox.simulators.fhir.search.indexes.index import intersect
from sandbox.simulators.fhir.search.query.criteria import HasId, Run
from sandbox.simulators.fhir.search.query.plan import Plan, plan_of
from sandbox.simulators.fhir.search.query.request import SearchRequest
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.terms.handling import Handling

_ENTRY = 3  # units of work


def search(tx: Interaction, request: SearchRequest) -> bytes:
    """Answer a search with a searchset Bundle, as JSON text.

    Raises `Invalid` or `Unsupported` naming the parameter, modifier or value that cannot be
    honoured, `TooLarge` past `limits.SEARCH_RESULTS`, `Gone` for a page that is no longer kept.
    Uncommitted writes of the interaction are seen. Source: https://hl7.org/fhir/R4/search.html.
    """
    path = path_of(request)
    for name, _ in request.parameters:
        if name == pages.KEY:
            return _later_page(tx, request)
    store = Store.of(tx.branch)
    plan = plan_of(store, request, tx.now)
    run = Run(store, request.base_url)
    base = request.base_url.rstrip("/")
    own_url = base + path + plan.query
    found = {t: run.matches(t, plan.criteria[t]) for t in plan.types}
    total = sum(map(len, found.values()))
    shown_total = None if plan.options.total == "none" and not plan.options.is_count_only else total
    if plan.options.is_count_only:
        return bundle.bundle(shown_total, [("self", own_url)], bundle.outcome_entries(plan.handling.issues))
    if total > limits.SEARCH_RESULTS:
        message = (
            f"The search matches {total} resources; the limit is {limits.SEARCH_RESULTS}. "
            "Add a parameter that narrows it, or ask for the number alone with _summary=count."
        )
        raise TooLarge(message, issue_type="too-costly")
    matches = ordered(store, plan, found)
    count = plan.options.count
    links = [("self", own_url)]
    if total > count:
        kept = {
            "path": path,
            "parameters": [list(pair) for pair in plan.understood],
            "count": count,
            "total": shown_total,
        }
        links += pages.links(base + path, pages.keep(tx, matches, kept), 0, count, total)
    return bundle.bundle(shown_total, links, _entries(run, plan, matches[:count], base, plan.handling.issues))


def find(
    branch: Branch,
    resource_type: str,
    parameters: Sequence[tuple[str, str]],
    base_url: str = "",
    *,
    now: datetime | None = None,
) -> list[str]:
    """Return the ids of all matches in result order, whatever their number.

    For conditional operations and checks. Raises as `search` does; `_include` and what else only
    shapes a Bundle is read and has no effect. `now` is what `ap` on dates is measured from; without
    it `ap` only looks for an overlap.
    """
    return find_as_asked(branch, SearchRequest(resource_type, tuple(parameters), base_url), now)[0]


def find_as_asked(branch: Branch, request: SearchRequest, now: datetime | None) -> tuple[list[str], Plan]:
    """Return the ids of all matches of a search of one type, and how it was read; raises as `search` does."""
    store = Store.of(branch)
    plan = plan_of(store, request, now)
    [resource_type] = plan.types
    found = Run(store, request.base_url).matches(resource_type, plan.criteria[resource_type])
    return [key for _, key in ordered(store, plan, {resource_type: found})], plan


def matching(branch: Branch, request: SearchRequest, ids: Collection[str], now: datetime | None) -> frozenset[str]:
    """Return which of these resources, all of them changed since the seed, a search of one type finds.

    Only what was changed is looked at, but for what chains lead to: no index of the seed is made for it. Raises as
    `search` does.
    """
    store = Store.of(branch)
    plan = plan_of(store, request, now)
    [resource_type] = plan.types
    run, layer = Run(store, request.base_url), store.type(resource_type).overlay
    work.spend(10 + len(ids))
    among = HasId(frozenset(ids))
    return frozenset(intersect([c.select(run, layer) for c in (among, *plan.criteria[resource_type])]))


def check(branch: Branch, request: SearchRequest, now: datetime | None) -> None:
    """Raise what a search would be refused with; it is not carried out."""
    plan_of(Store.of(branch), request, now)


def ordered(store: Store, plan: Plan, found: dict[str, Any]) -> list[Match]:
    """Put the matches into the order asked for, types in the order given."""
    work.spend(sum(map(len, found.values())) * (1 + len(plan.options.sort)))
    matches = [(t, key) for t in plan.types for key in store.type(t).in_order(found[t])]
    return sort(store, matches, plan.options.sort) if plan.options.sort else matches


def path_of(request: SearchRequest) -> str:
    """Return the path of a search below the base: of a type, a compartment, or the system."""
    if request.compartment is None:
        return f"/{request.resource_type}" if request.resource_type else ""
    kind, key = request.compartment
    return f"/{kind}/{key}/{request.resource_type or '*'}"


def _entries(run: Run, plan: Plan, page: list[Match], base: str, issues: list[Issue]) -> list[bytes]:
    """Write a page: an outcome of the issues and what else there is to say, the matches, what is included."""
    extra = included(run, page, plan.options.includes) if plan.options.includes else Included([])
    entries = bundle.outcome_entries([*issues, *extra.issues])
    # `_elements` is for matches alone (R4 search, 3.1.1.5.9).
    whole = replace(plan.options, elements=()) if plan.options.elements else plan.options
    budget = work.current()
    for mode, rows, options in (("match", page, plan.options), ("include", extra.matches, whole)):
        for resource_type, key in rows:
            document = run.store.type(resource_type).document(key)
            if document is not None:
                resource = rendered(document, resource_type, options)
                budget.spend(_ENTRY)
                budget.spend_bytes(len(resource))
                entries.append(bundle.entry(base, resource_type, key, resource, mode))
    return entries


def _later_page(tx: Interaction, request: SearchRequest) -> bytes:
    handling = Handling(request.is_lenient)
    page = pages.later(tx, request.parameters, path_of(request), handling)
    store = Store.of(tx.branch)
    parameters = tuple((name, value) for name, value in page.row["parameters"])
    kept = SearchRequest(request.resource_type, parameters, request.base_url, True, request.compartment)
    plan = plan_of(store, kept, tx.now)
    base = request.base_url.rstrip("/")
    shown = page.matches[page.offset : page.offset + page.count]
    entries = _entries(Run(store, request.base_url), plan, shown, base, handling.issues)
    return bundle.bundle(page.row["total"], page.links(base + path_of(request)), entries)
