"""FHIRPath over a playground: what an expression may see of the EHR beside the resource it is evaluated on.

The engine is `sandbox/fhirpath/`. Here is what it is handed: the clock, `resolve()` over the branch, the value sets
for `memberOf()` (the store's, else R4's own that a required binding names), the rules for narratives.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.fhirpath import Context
from sandbox.fhirpath.context import WORK_LIMIT
from sandbox.fhirpath.nodes import Item
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.r4.model import definitions
from sandbox.r4.validation.literals import parse_literal
from sandbox.r4.validation.narrative import check_xhtml
from sandbox.simulators.fhir import history
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.search.query.terminology import StoredTerminology, by_canonical
from sandbox.simulators.fhir.terms.names import collection_of


def context_of(
    branch: Branch,
    now: datetime | None,
    base: str = "",
    *,
    variables: Mapping[str, Sequence[Item]] | None = None,
    limit: int = WORK_LIMIT,
) -> Context:
    """Return what an evaluation on a branch may see; `base` is the server's own URL, whose references are local."""

    def resolve(reference: str) -> Json:
        return _resolved(branch, base.rstrip("/"), reference)

    def member_of(value_set: str, system: str | None, code: str) -> bool | None:
        return _is_member(branch, base, value_set, system, code)

    return Context(now, resolve, member_of, lambda text: check_xhtml(text) is None, variables or {}, limit)


def _resolved(branch: Branch, base: str, reference: str) -> Json:
    literal = parse_literal(reference)
    if literal is not None and literal.base in ("", base):
        if literal.version is None:
            return branch.get(collection_of(literal.type), literal.id)
        number = int(literal.version) if literal.version.isdecimal() and len(literal.version) < 10 else 0
        found = history.version(branch, literal.type, literal.id, number)
        return None if found is None or found.json is None else jsonio.parse(found.json)
    if ":" not in reference:
        return None
    store = Store.of(branch)
    named = [value for kind in store.types() for _, value in by_canonical(store, kind, reference)]
    return named[-1] if named else None


def _is_member(branch: Branch, base: str, value_set: str, system: str | None, code: str) -> bool | None:
    try:
        members = StoredTerminology(Store.of(branch), base).members(value_set)
    except SandboxError:
        members = None
    if members is None:
        members = _required_codes(value_set.partition("|")[0])
    if members is None:
        return None
    return (system, code) in members if system is not None else any(code == known for _, known in members)


@cache
def _required_codes(url: str) -> frozenset[tuple[str | None, str]] | None:
    """Return the codes of a value set that R4 requires somewhere."""
    found = definitions()["value_sets"].get(url)
    return None if found is None else frozenset((system, code) for system, codes in found.items() for code in codes)
