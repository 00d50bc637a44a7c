"""R4 search, slowly: the specification's own expressions evaluated on every resource, one at a time.

Shares no code with the server's search: the expressions come from the SearchParameter resources of the example set, the
values are taken out with fhirpathpy, and what matches is decided by plain loops on JSON.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from tests.e2e.fhir_examples.slow_values import (
    compare,
    date_queries,
    escaped,
    has_number,
    has_quantity,
    has_token,
    is_near,
    later_parts,
    plain,
    quantity_queries,
    range_queries,
    reference_queries,
    refers,
    spans,
    strings_of,
    token_queries,
    type_by_id,
    unescaped,
)

AS_OPERATOR = re.compile(r"\(([^()\s]+) as (\w+)\)")
# A choice of which only some types are searchable; fhirpathpy gives values without their types.
NARROWED = {"CarePlan.activity.detail.scheduled": ("ofType(Timing)", "ofType(Period)")}
GENERAL = re.compile(r"^(Resource|DomainResource)\.")  # fhirpathpy knows a resource by its own type only
RESOLVES = re.compile(r"\.where\(resolve\(\) is (\w+)\)")


# -- definitions -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """One search parameter as it applies to one resource type. `only` is the type that references must have."""

    code: str
    kind: str
    expressions: tuple[str, ...]
    only: tuple[str | None, ...]
    components: tuple["Component", ...] = ()

    def queries(self, value: Any) -> list[str]:
        """The searches by a value."""
        return composite_queries(self.components, value) if self.components else queries_of(self.kind, value)

    def matches(self, query: str, value: Any) -> bool:
        """Whether a value matches a search."""
        if self.components:
            return composite_matches(self.components, query, value)
        if self.kind == "string" and begins(later_parts(value, self.code == "family"), query):
            return True
        return matches(self.kind, query, value)

    def is_ambiguous(self, query: str, values: list[Any]) -> bool:
        """Whether a search by an id alone finds references to more than one type, which has to be refused."""
        return self.kind == "reference" and len({t for v in values if (t := type_by_id(query, v))}) > 1


@dataclass(frozen=True)
class Component:
    expression: str
    kind: str


def parts_of(expression: str) -> list[str]:
    """Split a union at its top level."""
    parts, depth, begin = [], 0, 0
    for position, char in enumerate(expression):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(expression[begin:position].strip())
            begin = position + 1
    return [*parts, expression[begin:].strip()]


def definitions(rows: list[Any]) -> dict[str, list[Parameter]]:
    """Return the parameters of every resource type, from SearchParameter resources."""
    kinds = {row["url"]: row["type"] for row in rows}
    found: dict[str, list[Parameter]] = {}
    for row in rows:
        for base in row["base"]:
            parts = [p for p in parts_of(row.get("expression", "")) if re.match(rf"\(*{base}\b", p)]
            if not parts:
                continue
            components = tuple(Component(c["expression"], kinds[c["definition"]]) for c in row.get("component", ()))
            parts = [f"{p}.{kind}" for p in parts for kind in NARROWED[p]] if parts[0] in NARROWED else parts
            clauses = [RESOLVES.search(p) for p in parts]
            only = tuple(clause[1] if clause else None for clause in clauses)
            stripped = tuple(GENERAL.sub("", RESOLVES.sub("", p)) for p in parts)
            found.setdefault(base, []).append(Parameter(row["code"], row["type"], stripped, only, components))
    return found


@cache
def compiled(expression: str) -> Any:
    """Compile an expression; `as` is taken as `ofType`, as R4's expressions apply it to more than one value."""
    import fhirpathpy
    from fhirpathpy.models import models

    expression = AS_OPERATOR.sub(r"\1.ofType(\2)", expression).replace(".as(", ".ofType(")
    return fhirpathpy.compile(expression, models["r4"])


def values_of(parameter: Parameter, resource: Any) -> list[Any]:
    """Return what a parameter's expressions give on a resource; tuples of lists for a composite."""
    found = []
    for expression, only in zip(parameter.expressions, parameter.only, strict=True):
        values = compiled(expression)(resource)
        if parameter.components:
            found += list(_elements(parameter, expression, len(values), resource))
            continue
        found += [v for v in values if only is None or refers_to_type(v, only)]
    return found


def _elements(parameter: Parameter, expression: str, count: int, resource: Any) -> Iterator[tuple[list[Any], ...]]:
    for index in range(count):
        at = expression if count == 1 else f"({expression})[{index}]"
        yield tuple(
            [v for part in parts_of(c.expression) for v in compiled(f"({at}).{part}")(resource)]
            for c in parameter.components
        )


def refers_to_type(value: Any, wanted: str) -> bool:
    if not isinstance(value, dict):
        return True
    text = value.get("reference", "")
    return value.get("type") == wanted or re.search(rf"(^|/){wanted}/", text) is not None


# -- queries -----------------------------------------------------------------------------------------


def queries_of(kind: str, value: Any) -> list[str]:
    """Return the searches by a value: what a client that sees the value would write."""
    match kind:
        case "token":
            return token_queries(value)
        case "string":
            return [escaped(part) for part in strings_of(value) if plain(part)]
        case "uri":
            return [escaped(value)]
        case "reference":
            return reference_queries(value)
        case "date":
            return date_queries(value)
        case "number":
            return [str(value)] if not isinstance(value, dict) else range_queries(value)
        case "quantity":
            return quantity_queries(value)
        case "composite":
            raise AssertionError("by its components")
        case "special":
            return [f"{value['latitude']}|{value['longitude']}|1|km"] if "latitude" in value else []
    raise AssertionError(kind)


def composite_queries(components: tuple[Component, ...], element: tuple[list[Any], ...]) -> list[str]:
    options = [
        [q for v in values[:2] for q in queries_of(c.kind, v)[:2]]
        for c, values in zip(components, element, strict=True)
    ]
    return ["$".join(row) for row in product(*options)]


def begins(texts: list[str], query: str) -> bool:
    return any(plain(text).startswith(plain(unescaped(query))) for text in texts)


def matches(kind: str, query: str, value: Any) -> bool:
    match kind:
        case "token":
            return has_token(query, value)
        case "string":
            return begins(strings_of(value), query)
        case "uri":
            return bool(value == unescaped(query))
        case "reference":
            return refers(query, value)
        case "date":
            return any(compare(query, target) for target in spans(value))
        case "number":
            return has_number(query, value)
        case "quantity":
            return has_quantity(query, value)
        case "special":
            return is_near(query, value)
    raise AssertionError(kind)


def composite_matches(components: tuple[Component, ...], query: str, element: tuple[list[Any], ...]) -> bool:
    parts = re.split(r"(?<!\\)\$", query)
    rows = zip(components, parts, element, strict=True)
    return all(any(matches(c.kind, part, v) for v in values) for c, part, values in rows)
