"""R4's search parameters and compartments, from the data files.

Loaded once on first use; read-only. What a parameter's values mean is the search types' business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Final

import orjson

from sandbox.simulators.fhir.search.terms.paths import Path, Step, parse_steps

DATA: Final = FilePath(__file__).parent.parent.parent / "data"
NOT_DOMAIN_RESOURCES: Final = frozenset({"Binary", "Bundle", "Parameters"})
# `_query` names an operation that the server defines; this one defines none.
NOT_SERVED: Final = frozenset({"_query"})


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite parameter; its paths, and its expression, start at the composite's root."""

    code: str
    type: str
    expression: str


@dataclass(frozen=True, slots=True)
class Root:
    """A root of a composite: where it is, and the paths of each component below it."""

    steps: tuple[Step, ...]
    components: tuple[tuple[Path, ...], ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one resource type."""

    resource_type: str
    code: str
    type: str
    url: str
    documentation: str
    expression: str | None
    targets: tuple[str, ...]
    paths: tuple[Path, ...]
    roots: tuple[Root, ...] = ()
    components: tuple[Component, ...] = ()


@cache
def _raw() -> dict[str, Any]:
    return _load("search_parameters.json")


def _load(name: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads((DATA / name).read_bytes())
    return value


@cache
def parameters_of(resource_type: str) -> Mapping[str, Parameter]:
    """Return a resource type's parameters by code, those of every resource included."""
    bases = {resource_type, "Resource"}
    if resource_type not in NOT_DOMAIN_RESOURCES:
        bases.add("DomainResource")
    found = {}
    for row in _raw()["parameters"]:
        for base in row["base"]:
            if base in bases and row["code"] not in NOT_SERVED:
                found[row["code"]] = _parameter(row, base, resource_type)
    return dict(sorted(found.items()))


def _parameter(row: dict[str, Any], base: str, resource_type: str) -> Parameter:
    paths = row.get("paths", {}).get(base, ())
    documentation = row["documentation"]
    if isinstance(documentation, dict):
        documentation = documentation.get(base) or next(iter(documentation.values()))
    is_composite = row["type"] == "composite"
    return Parameter(
        resource_type,
        row["code"],
        row["type"],
        row["url"],
        documentation,
        row.get("expression"),
        tuple(row.get("target", ())),
        () if is_composite else tuple(map(_path, paths)),
        tuple(_root(p) for p in paths) if is_composite else (),
        tuple(Component(c["code"], c["type"], c["expression"]) for c in row.get("components", ())),
    )


def _path(row: dict[str, Any]) -> Path:
    return Path(
        parse_steps(row["path"]),
        row["type"],
        row.get("target"),
        tuple(row.get("systems", ())),
        row["path"].startswith("/"),
    )


def _root(row: dict[str, Any]) -> Root:
    return Root(parse_steps(row["path"]), tuple(tuple(map(_path, paths)) for paths in row["components"]))


@cache
def compartments() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return, by compartment and resource type, the parameters that put a resource into it."""
    raw = _load("compartments.json")["compartments"]
    return {name: {t: tuple(codes) for t, codes in rows.items()} for name, rows in raw.items()}


@cache
def element_tables() -> Mapping[str, Mapping[str, Any]]:
    """Return, by resource type, its `elements`, the `mandatory` ones and its `summary` tree."""
    tables: Mapping[str, Mapping[str, Any]] = _load("summary_elements.json")["resources"]
    return tables
