"""Dotted paths into JSON: `participant.0.actor.display`, `name.*.family`.

The upstream path syntax (names and array indexes separated by dots) and two extensions: the
segment `*` for any element, and a backslash before a dot, a star or a backslash that is part of a
name. Knows nothing of fields, checks or FHIR.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json

_INDEX_DIGITS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path; `is_any` for `*`."""

    name: str
    is_any: bool = False


def parse_path(path: str) -> tuple[Segment, ...]:
    r"""Split a dotted path; the empty one has no segments. Raises `Invalid` for an empty segment.

    >>> [segment.name for segment in parse_path("name.0.family")]
    ['name', '0', 'family']
    >>> [segment.name for segment in parse_path(r"codes.E11\.9")]
    ['codes', 'E11.9']
    """
    segments: list[Segment] = []
    if not path:
        return ()
    text, is_escaped, has_escape = "", False, False
    for char in [*path, None]:
        if is_escaped and char is not None:
            text, is_escaped, has_escape = text + char, False, True
        elif char == "\\":
            is_escaped = True
        elif char is None or char == ".":
            if is_escaped or not text:
                raise Invalid(f'the path "{path}" has an empty segment; write names and numbers separated by one dot')
            segments.append(Segment(text, text == "*" and not has_escape))
            text, has_escape = "", False
        else:
            text += char
    return tuple(segments)


def read_path(value: Json, path: str) -> list[Json]:
    r"""Return the values at a path: none when it is missing, several only through `*`.

    A number indexes an array, or names a key of an object. `*` stands for every element of an
    array and every member of an object. The empty path is the value itself. Raises `Invalid` for an
    empty segment.

    >>> read_path({"name": [{"family": "Chen"}, {"family": "Li"}]}, "name.1.family")
    ['Li']
    >>> read_path({"name": [{"family": "Chen"}, {"family": "Li"}]}, "name.*.family")
    ['Chen', 'Li']
    >>> read_path({"name": []}, "name.0.family")
    []
    >>> read_path({"answers": {"E11.9": "yes"}}, r"answers.E11\.9")
    ['yes']
    """
    values = [value]
    for segment in parse_path(path):
        values = [child for parent in values for child in _step(parent, segment)]
    return values


def _step(parent: Json, segment: Segment) -> Iterator[Json]:
    if isinstance(parent, dict):
        if segment.is_any:
            yield from parent.values()
        elif segment.name in parent:
            yield parent[segment.name]
    elif isinstance(parent, list):
        if segment.is_any:
            yield from parent
        elif _is_index(segment.name) and int(segment.name) < len(parent):
            yield parent[int(segment.name)]


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= _INDEX_DIGITS_MAX
