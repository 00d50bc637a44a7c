"""A seed from a seed: each rule asked of each resource that it is drawn for, what comes of it held against R4.

Collections that no rule touches are shared with the tidy seed, and so are documents that stay as they are. What a rule
makes of an unusual resource and R4 does not allow is not taken: that resource stays tidy.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sandbox import jsonio
from sandbox.definitions.mess import Mess
from sandbox.garbage import no_collection
from sandbox.jsonio import Json
from sandbox.playground.branch import Document, Seed, SeedCollection
from sandbox.r4.validation import validate
from sandbox.simulators.fhir.mess.clinic import Clinic, Resource
from sandbox.simulators.fhir.mess.rules import RULES, Addition, Rule, Wear
from sandbox.simulators.fhir.seed import SEED_INSTANT
from sandbox.simulators.fhir.state import stamped
from sandbox.simulators.fhir.terms.names import collection_of

_FIRST = 0.5


@dataclass(slots=True)
class _Changes:
    """What becomes of one type: documents in the place of others, and new ones before and after all of them."""

    replaced: dict[str, Document] = field(default_factory=dict)
    first: dict[str, Document] = field(default_factory=dict)
    last: dict[str, Document] = field(default_factory=dict)


def make_messy(seed: Seed, mess: Mess) -> Seed:
    """Return the seed at a level of mess."""
    with no_collection():
        clinic = Clinic(seed, mess)
        changes: dict[str, _Changes] = {}
        for resource_type in dict.fromkeys(name for rule in RULES for name in rule.types):
            rules = [rule for rule in RULES if rule.level <= mess.level and resource_type in rule.types]
            for resource in clinic.of_type(resource_type) if rules else ():
                _visit(resource, rules, clinic, seed, changes)
        return Seed({**seed.collections, **{name: _with(seed, name, made) for name, made in changes.items()}})


def _visit(resource: Resource, rules: list[Rule], clinic: Clinic, seed: Seed, changes: dict[str, _Changes]) -> None:
    drawn = [r for r in rules if clinic.mess.draw(r.name, resource["resourceType"], resource["id"]) < r.share]
    for rule in drawn:
        for added in rule.make(resource, clinic) if isinstance(rule, Addition) else ():
            _add(added, clinic.mess, seed, changes)
    worn = [rule for rule in drawn if isinstance(rule, Wear)]
    if worn and not clinic.is_named(resource):
        _wear(resource, worn, clinic, changes)


def _wear(resource: Resource, rules: list[Wear], clinic: Clinic, changes: dict[str, _Changes]) -> None:
    kept = None
    for rule in rules:
        before = jsonio.dump_to_keep(resource)
        if rule.change(resource, clinic) and not _is_r4(resource):
            resource = jsonio.parse(before)
        elif jsonio.dump_to_keep(resource) != before:
            kept = resource
    if kept is not None:
        made = changes.setdefault(collection_of(kept["resourceType"]), _Changes())
        made.replaced[kept["id"]] = _document(kept, kept["meta"]["lastUpdated"])


def _add(resource: Resource, mess: Mess, seed: Seed, changes: dict[str, _Changes]) -> None:
    name, key = collection_of(resource["resourceType"]), resource["id"]
    made = changes.setdefault(name, _Changes())
    taken: tuple[Collection[str], ...] = (seed.collections.get(name) or {}, made.first, made.last)
    if not _is_r4(resource) or any(key in keys for keys in taken):
        return
    place = made.first if mess.draw("place", name, key) < _FIRST else made.last
    place[key] = _document(resource, SEED_INSTANT)


def _is_r4(resource: Json) -> bool:
    return not validate(resource)


def _document(resource: Resource, instant: str) -> Document:
    return Document(json=jsonio.dump_to_keep(stamped(resource, resource["id"], 1, instant)))


def _with(seed: Seed, name: str, made: _Changes) -> SeedCollection:
    own: Mapping[str, Document] = seed.collections.get(name) or {}
    return SeedCollection({**made.first, **{k: made.replaced.get(k, d) for k, d in own.items()}, **made.last})
