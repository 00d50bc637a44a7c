"""What the rules' tests are written with."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json

UCUM: Final = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Rule:
    """A named invariant: R4's key, what it asks in plain words, and its test."""

    key: str
    text: str
    test: Callable[[Json, Json], bool]


def has(value: Json, *names: str) -> bool:
    """Whether any of these elements is there, as a value or with extensions only."""
    return any(name in value or "_" + name in value for name in names)


def choice(value: Json, stem: str) -> str | None:
    """Return the spelling of a choice that is there (`valueString`), or None."""
    cut = len(stem)
    for name in value:
        plain = name.removeprefix("_")
        if plain.startswith(stem) and plain[cut : cut + 1].isupper():
            return str(plain)
    return None


def count(value: Json, *names: str) -> int:
    """Return how many items these elements have together."""
    total = 0
    for name in names:
        item = value.get(name)
        total += len(item) if isinstance(item, list) else name in value
    return total


def is_coded(concept: Json, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept holds one of these codes of the system."""
    return any(c.get("system") == system and c.get("code") in codes for c in (concept or {}).get("coding", ()))


def is_distinct(items: Iterable[Json]) -> bool:
    """Whether no item comes twice; None does not count."""
    held = [item for item in items if item is not None]
    return len(held) == len(set(held))


def implies(condition: bool, consequence: bool) -> bool:
    """Whether the consequence holds wherever the condition does."""
    return consequence or not condition


def strings(value: Json) -> Iterator[str]:
    """Yield every string below a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def descendants(items: Json, name: str) -> Iterator[Json]:
    """Yield the items and, recursively, their children under `name`."""
    for item in items or ():
        yield item
        yield from descendants(item.get(name), name)
