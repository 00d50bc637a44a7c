"""Resources that a check's search could have meant: each parameter asked by itself.

Reads through the one search; what a resource holds under a parameter is shown as its paths read it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.base import Candidate, Condition, View
from sandbox.simulators.fhir.search import find, parameters_of
from sandbox.simulators.fhir.search.terms.paths import read
from sandbox.simulators.fhir.terms.names import collection_of

_OLDER_MAX: Final = 50
_SHOWN_MAX: Final = 5
_TOLD: Final = ("code", "reference", "value", "display", "text", "start", "family")


def near_resources(resource_type: str, parameters: Sequence[tuple[str, str]], view: View) -> Iterator[Candidate]:
    """Yield the resources of the type, those made or changed since the start first, then the older ones
    that most parameters find."""
    found = [(name, value, frozenset(find(view.branch, resource_type, [(name, value)]))) for name, value in parameters]
    collection = collection_of(resource_type)
    new = view.new_keys(collection)
    counts = Counter(key for _, _, ids in found for key in ids if key not in new)
    older = sorted(counts, key=lambda key: (-counts[key], key))[:_OLDER_MAX]
    if not new and not older:
        older = [key for key, _ in zip(_keys(view, collection), range(_OLDER_MAX), strict=False)]
    for key in (*sorted(new, reverse=True), *older):
        resource = view.branch.get(collection, key)
        conditions = tuple(
            Condition(name, value, _held(resource_type, name, resource), key in ids) for name, value, ids in found
        )
        yield Candidate(f"{resource_type}/{key}", conditions, key in new)


def _keys(view: View, collection: str) -> Iterator[str]:
    return (key for key, _ in view.branch.documents(collection))


def _held(resource_type: str, name: str, resource: Json) -> Json:
    """Return what a resource holds where a parameter looks, as people write it."""
    code = name.partition(".")[0].partition(":")[0]
    if code == "_id":
        return resource.get("id")
    parameter = parameters_of(resource_type).get(code)
    if parameter is None:
        return None
    values = [told for path in parameter.paths for value in read(resource, path.steps) for told in _told(value)]
    distinct = list(dict.fromkeys(values))[:_SHOWN_MAX]
    return distinct[0] if len(distinct) == 1 else (distinct or None)


def _told(value: Json) -> Iterator[Json]:
    """Yield the part of a value that tells it from others: a code, a reference, a number, a text."""
    if isinstance(value, list):
        for item in value:
            yield from _told(item)
    elif isinstance(value, dict):
        if isinstance(value.get("coding"), list) and value["coding"]:
            yield from _told(value["coding"])
        else:
            told = next((value[key] for key in _TOLD if isinstance(value.get(key), str | int | float)), None)
            if told is not None:
                yield told
    elif value is not None:
        yield value
