"""Whether an event could ever be as a definition asks: paths of requests, and the clauses of a `match`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.globs import compile_glob
from sandbox.jsonio import Json
from sandbox.playground.events import METHODS
from sandbox.scoring.matching import EVENT_PARTS, find_event_path_problem
from sandbox.simulators.vocabulary import Surface
from sandbox.suggest import did_you_mean, nearest

_STATUS: Final = re.compile(r"[1-5]\d\d", re.ASCII)


def find_path_problem(glob: str, surfaces: Mapping[str, Surface], surface: str | None = None) -> str | None:
    """Return why no recorded path matches a glob (on one surface, if it is named), None when one can."""
    if glob.startswith("/"):
        return f"paths are below the surface root; write {glob.lstrip('/')}"
    first = glob.partition("/")[0]
    meant = [name for name in surfaces if compile_glob(first).full_match(name)] if first != "**" else list(surfaces)
    if not meant:
        return f'the environment has no surface "{first}"{did_you_mean(first, surfaces)}'
    if surface is not None and surface not in meant:
        return f"{glob} is not on the surface {surface}"
    looked_at = meant if surface is None else [surface]
    problems = [surfaces[name].find_path_problem(glob) for name in looked_at]
    return None if None in problems else problems[0]


def find_match_problems(match: Mapping[str, Any], surfaces: Mapping[str, Surface]) -> Iterator[tuple[str, str]]:
    """Yield keys of a scenario's `when … match` that no event can satisfy, each with the reason.

    A key that does not begin with `request.` or `response.` is a path into bodies, which may hold anything.
    """
    for key, wanted in match.items():
        side, dot, rest = key.partition(".")
        if dot and side not in EVENT_PARTS and (near := nearest(side, EVENT_PARTS)) is not None:
            yield key, f'a key begins with request. or response.; did you mean "{near}.{rest}"?'
            continue
        if not dot or side not in EVENT_PARTS:
            continue
        problem = find_event_path_problem(key)
        if problem is not None:
            yield key, problem
            continue
        part = rest.partition(".")[0]
        for value in _sought(wanted):
            problem = _match_value_problem(part, value, surfaces)
            if problem is not None:
                yield key, problem


def _sought(wanted: Json) -> list[Json]:
    if not isinstance(wanted, dict):
        return [wanted]
    return [wanted["expected"]] if "expected" in wanted else list(wanted.get("one_of") or ())


def _match_value_problem(part: str, value: Json, surfaces: Mapping[str, Surface]) -> str | None:
    if part == "method" and value not in METHODS:
        return f"{value} is no method; methods are written in capitals{did_you_mean(str(value), METHODS)}"
    if part == "status" and not (isinstance(value, int | str) and _STATUS.fullmatch(str(value))):
        return f"{value} is no status; write a number such as 201, or {{min: 200, max: 299}}"
    if part == "path" and isinstance(value, str):
        return find_path_problem(value, surfaces)
    return None
