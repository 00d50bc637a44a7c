"""`_sort`: by several keys, each ascending or descending; resources without a value come last."""

from typing import Any

from sandbox.simulators.fhir.search.query.options import SortKey
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.search.terms.definitions import parameters_of

Match = tuple[str, str]


def sort(store: Store, matches: list[Match], keys: tuple[SortKey, ...]) -> list[Match]:
    """Sort `(type, id)` pairs; what the keys leave equal stays in the default order."""
    for key in reversed(keys):

        def rank(match: Match, key: SortKey = key) -> Any:
            resource_type, identity = match
            index = store.type(resource_type).index_at(identity, parameters_of(resource_type)[key.code])
            return index.sort_value(identity, key.is_descending)

        ranked = [(rank(match), match) for match in matches]
        present = [pair for pair in ranked if pair[0] is not None]
        # A reversed stable sort keeps equal ones in their order only when it is told to reverse, not reversed after.
        present.sort(key=lambda pair: pair[0], reverse=key.is_descending)
        matches = [match for _, match in present] + [match for value, match in ranked if value is None]
    return matches
