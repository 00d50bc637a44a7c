"""`_include` and `_revinclude` (R4 search, 3.1.1.5.4): what matches refer to, what refers to them.

`:iterate` applies to what was included too, until nothing new is found. A page and what is included hold at most
`limits.SEARCH_RESULTS`; what does not fit is left out, and said.
"""

from dataclasses import dataclass

from sandbox import limits, work
from sandbox.r4.issues import Issue
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir.search.answer.order import Match
from sandbox.simulators.fhir.search.indexes.index import Keys
from sandbox.simulators.fhir.search.query.criteria import (
    Run,
    forms_of_targets,
    has_canonicals,
    referring,
)
from sandbox.simulators.fhir.search.query.options import Include, reference_parameters
from sandbox.simulators.fhir.search.query.terminology import by_canonical
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.types.reference import CONTAINED


@dataclass(frozen=True, slots=True)
class Included:
    """What the includes add to a page, each resource once, in order of discovery; `is_cut` when there was more."""

    matches: list[Match]
    is_cut: bool = False

    @property
    def issues(self) -> list[Issue]:
        """What an outcome says of it."""
        if not self.is_cut:
            return []
        text = (
            f"The page is full at {limits.SEARCH_RESULTS} resources with those included; there are more to include. "
            "Ask for a smaller _count or fewer includes."
        )
        return [Issue("too-costly", text, "http._include", "warning")]


def included(run: Run, matches: list[Match], includes: list[Include]) -> Included:
    """Return what the includes add to a page of matches."""
    seen = dict.fromkeys(matches)
    found: list[Match] = []
    level, steps = matches, includes
    while level and steps:
        fresh: list[Match] = []
        for step in steps:
            work.spend(5 * len(level))
            add = _referring if step.is_reverse else _referred
            for match in add(run, level, step):
                if match in seen:
                    continue
                if len(seen) >= limits.SEARCH_RESULTS:
                    return Included(found + fresh, is_cut=True)
                seen[match] = None
                work.spend(2)
                fresh.append(match)
        found += fresh
        level, steps = fresh, [step for step in includes if step.is_iterating]
    return Included(found)


def _referred(run: Run, level: list[Match], step: Include) -> list[Match]:
    found: list[Match] = []
    for resource_type, key in level:
        if step.source_type not in ("*", resource_type):
            continue
        for parameter in reference_parameters(resource_type, step.code):
            index = run.store.type(resource_type).index_at(key, parameter)
            for forms in index.entries.get(key, ()):
                found += [m for m in _targets(run, parameter, forms) if step.target_type in (None, m[0])]
    return found


def _targets(run: Run, parameter: Parameter, forms: tuple[str, ...]) -> list[Match]:
    if not forms or CONTAINED in forms:
        return []
    local = forms[0].removeprefix(f"{run.base}/") if run.base else forms[0]
    kind, _, key = local.partition("/")
    if kind in resource_types():
        return [(kind, key)] if run.store.type(kind).document(key) is not None else []
    if has_canonicals(parameter) and len(forms) > 1:
        targets = parameter.targets or tuple(run.store.types())
        return [(t, key) for t in targets for key, _ in by_canonical(run.store, t, forms[1].rstrip("|"))]
    return []


def _referring(run: Run, level: list[Match], step: Include) -> list[Match]:
    by_type: dict[str, set[str]] = {}
    for resource_type, key in level:
        if step.target_type in (None, resource_type):
            by_type.setdefault(resource_type, set()).add(key)
    found: list[Match] = []
    for source in [step.source_type] if step.source_type != "*" else run.store.types():
        keys: set[str] = set()
        for parameter in reference_parameters(source, step.code):
            for target, ids in by_type.items():
                if not parameter.targets or target in parameter.targets:
                    keys |= _sources(run, parameter, target, ids)
        work.spend(10 + len(keys))
        found += [(source, key) for key in run.store.type(source).in_order(keys)]
    return found


def _sources(run: Run, parameter: Parameter, target: str, ids: set[str]) -> Keys:
    return referring(run.store, parameter, frozenset(forms_of_targets(run, parameter, target, ids)))
