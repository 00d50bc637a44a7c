"""Validation of R4 resources: structure, types, required codes, references, invariants.

`validate` is what every write goes through. It reports all problems at once and never changes the
resource.
"""

from collections.abc import Mapping, Set

from sandbox.jsonio import Json
from sandbox.r4.issues import Issue
from sandbox.r4.validation.walker import At, Link, Walk, full_urls

__all__ = ["Link", "full_urls", "validate", "validate_entries", "walk"]


def validate(resource: Json, *, at: str | None = None) -> list[Issue]:
    """Return everything that is wrong with a resource; `at` is where it stands, for expressions.

    >>> [i.expression for i in validate({"resourceType": "Patient", "gender": "banana", "nam": "x"})]
    ['Patient.gender', 'Patient.nam']
    """
    state = Walk()
    state.resource(resource, at)
    return state.issues


def walk(
    resource: Json,
    *,
    at: At | None = None,
    allows_conditional: bool = False,
    identities: Set[str] = frozenset(),
) -> tuple[list[Issue], list[Link]]:
    """Validate, and also return every place of the resource that may point to another one.

    `identities` are the fullUrls of the Bundle that the resource comes in.
    """
    state = Walk(allows_conditional=allows_conditional, collects_links=True, identities=identities)
    state.resource(resource, at)
    return state.issues, state.links


def validate_entries(
    bundle: Json, *, allows_conditional: bool
) -> tuple[list[Issue], Mapping[int, tuple[list[Issue], list[Link]]]]:
    """Validate a Bundle without its resources, and each entry's resource by itself.

    Returns the Bundle's own issues and, by entry, the issues and links of its resource.
    """
    outside = Walk(skips_entries=True)
    outside.resource(bundle, None)
    found: dict[int, tuple[list[Issue], list[Link]]] = {}
    if outside.issues:
        return outside.issues, found
    identities = full_urls(bundle)
    for index, row in enumerate(bundle.get("entry", ())):
        found[index] = ([], [])
        if "resource" in row:
            at = ((("Bundle", "entry", index)), "resource", -1)
            found[index] = walk(row["resource"], at=at, allows_conditional=allows_conditional, identities=identities)
    return outside.issues, found
