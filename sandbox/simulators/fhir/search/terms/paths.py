"""Paths through a resource's JSON, as the data file writes them: `telecom[system=email].value`.

A step names a JSON key; lists are entered. `[key=value]` keeps the elements that have the value,
`[0]` the first one.
"""

import re
from dataclasses import dataclass
from typing import Final

from sandbox.jsonio import Json

_STEP: Final = re.compile(r"(?P<key>\w+)(?:\[(?P<test>\w+)=(?P<value>[^\]]*)\]|\[(?P<index>\d+)\])?")


@dataclass(frozen=True, slots=True)
class Step:
    """One key, and which of its elements to keep."""

    key: str
    test: str | None = None
    value: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """A path to values of one data type.

    `target` keeps only references to that resource type. `systems` are the code systems that a
    `code` element's required value set draws from. A path that begins with `/` starts at the
    resource even where the others start at a composite's root.
    """

    steps: tuple[Step, ...]
    type: str
    target: str | None = None
    systems: tuple[str, ...] = ()
    is_rooted: bool = False


def parse_steps(text: str) -> tuple[Step, ...]:
    """Parse the written form.

    >>> parse_steps("entry[0].resource")
    (Step(key='entry', test=None, value=None, index=0), Step(key='resource', test=None, value=None, index=None))
    """
    text = text.removeprefix("/")
    found = [match for match in _STEP.finditer(text) if match.group()]
    return tuple(Step(m["key"], m["test"], m["value"], int(m["index"]) if m["index"] else None) for m in found)


def read(node: Json, steps: tuple[Step, ...]) -> list[Json]:
    """Return the values at a path, in document order; nulls are left out.

    >>> read({"name": [{"given": ["A", "B"]}, {"given": ["C"]}]}, parse_steps("name.given"))
    ['A', 'B', 'C']
    """
    nodes = [node]
    for step in steps:
        key = step.key
        if len(nodes) == 1 and step.test is None and step.index is None:
            # Nearly every step: one object, one key.
            only = nodes[0]
            value = only.get(key) if only.__class__ is dict else None
            if value is None:
                return []
            nodes = value if value.__class__ is list else [value]
            continue
        found: list[Json] = []
        for current in nodes:
            value = current.get(key) if isinstance(current, dict) else None
            if value is None:
                continue
            if isinstance(value, list):
                found.extend(value if step.index is None else value[step.index : step.index + 1])
            else:
                found.append(value)
        if not found:
            return found
        if step.test is not None:
            found = [item for item in found if isinstance(item, dict) and item.get(step.test) == step.value]
        nodes = found
    return [item for item in nodes if item is not None] if None in nodes else nodes
