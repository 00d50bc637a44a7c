"""The parameters that shape the answer rather than select: `_sort`, `_count`, `_include`, …

R4 search, 3.1.1.5 and 3.1.1.6. Values are checked against the resource types searched.
"""

from dataclasses import dataclass, field
from typing import Final

from sandbox.r4.model import resource_types
from sandbox.simulators.fhir.search.terms import problems
from sandbox.simulators.fhir.search.terms.definitions import Parameter, element_tables, parameters_of
from sandbox.simulators.fhir.search.terms.values import split
from sandbox.simulators.fhir.terms.counts import page_size

DEFAULT_COUNT: Final = 50
SUMMARIES: Final = ("true", "text", "data", "count", "false")
TOTALS: Final = ("none", "estimate", "accurate")
_ANY: Final = "*"
# Everything else is ordered as text is.
_ORDERED_AS: Final = {"date": "time", "number": "number", "quantity": "number"}


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `_sort`."""

    code: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """One `_include` or `_revinclude`; `*` stands for any source type, any parameter, any target."""

    source_type: str
    code: str
    target_type: str | None
    is_iterating: bool
    is_reverse: bool


@dataclass(slots=True)
class Options:
    """What shapes the answer."""

    count: int = DEFAULT_COUNT
    sort: tuple[SortKey, ...] = ()
    includes: list[Include] = field(default_factory=list)
    total: str = "accurate"
    summary: str = "false"
    elements: tuple[str, ...] = ()

    @property
    def is_count_only(self) -> bool:
        """Whether only the number of matches is wanted."""
        return self.summary == "count" or self.count == 0

    def read(self, name: str, value: str, types: tuple[str, ...]) -> None:
        """Take one parameter in; raises `Invalid` or `Unsupported` with its name."""
        if not value:
            raise problems.bad_value(name, value, "is empty")
        code, _, modifier = name.partition(":")
        if modifier and code not in ("_include", "_revinclude"):
            raise problems.not_supported(name, f'The modifier ":{modifier}" is not supported on "{code}".')
        match code:
            case "_count":
                self.count = page_size(value)
            case "_sort":
                # Repeated, it gives the inner orders, as more keys in one do.
                self.sort += tuple(_sort_key(name, part, types) for part in value.split(","))
            case "_total":
                self.total = _one_of(name, value, TOTALS)
            case "_summary":
                self.summary = _one_of(name, value, SUMMARIES)
            case "_elements":
                self.elements = tuple(_element(name, part, types) for part in split(value, ","))
            case "_containedType":
                message = f'The parameter "{name}" is not supported; contained resources are not results.'
                raise problems.not_supported(name, message)
            case "_contained":
                if _one_of(name, value, ("false", "true", "both")) != "false":
                    message = (
                        f'"_contained={value}" is not supported; contained resources are not results of their own.'
                    )
                    raise problems.not_supported(name, message)
            case _:
                self.includes.append(_include(name, code, modifier, value, types))

    def check(self) -> None:
        """Refuse combinations that cannot be honoured together; what is refused is left out."""
        if self.elements and self.summary not in ("false", "count"):
            self.elements = ()
            message = '"_elements" and "_summary" ask for different subsets; give one of them.'
            raise problems.invalid("_elements", message)
        if self.summary == "text" and self.includes:
            self.summary = "false"
            message = '"_summary=text" cannot be combined with "_include" or "_revinclude" (R4 search, 3.1.1.5.8).'
            raise problems.invalid("_summary", message)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise problems.bad_value(name, value, f"is not one of {', '.join(known)}")
    return value


def _sort_key(name: str, part: str, types: tuple[str, ...]) -> SortKey:
    code = part.removeprefix("-")
    kinds = set()
    for resource_type in types:
        parameter = parameters_of(resource_type).get(code)
        if parameter is None:
            raise problems.not_supported(
                name, f'Cannot sort by "{code}": {resource_type} has no such search parameter.'
            )
        if parameter.type in ("composite", "special") or code in ("_text", "_content"):
            raise problems.not_supported(name, f'Cannot sort by "{code}": {parameter.type} values have no order.')
        kinds.add(_ORDERED_AS.get(parameter.type, "text"))
    if len(kinds) > 1:
        message = f'Cannot sort by "{code}": the values of {", ".join(types)} have no common order.'
        raise problems.not_supported(name, message)
    return SortKey(code, part.startswith("-"))


def _element(name: str, part: str, types: tuple[str, ...]) -> str:
    for resource_type in types:
        if not element_keys(resource_type, part):
            raise problems.bad_value(name, part, f"is not an element at the top level of {resource_type}")
    return part


def element_keys(resource_type: str, name: str) -> list[str]:
    """Return the JSON keys that an element's name stands for, several for a choice; none if unknown.

    `resourceType`, which is in JSON alone and always there, is taken too: the client `fhirpy` asks for it.

    >>> element_keys("Patient", "deceased")
    ['deceasedBoolean', 'deceasedDateTime']
    """
    if name == "resourceType":
        return [name]
    table = element_tables()[resource_type]
    return [name] if name in table["elements"] else list(table["choices"].get(name, ()))


def _include(name: str, code: str, modifier: str, value: str, types: tuple[str, ...]) -> Include:
    if modifier not in ("", "iterate"):
        raise problems.not_supported(name, f'The modifier ":{modifier}" is not supported on "{code}"; :iterate is.')
    is_iterating, is_reverse = modifier == "iterate", code == "_revinclude"
    if value == _ANY:
        return Include(_ANY, _ANY, None, is_iterating, is_reverse)
    parts = value.split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise problems.bad_value(
            name, value, "is not of the form Type:parameter, Type:parameter:TargetType, Type:* or *"
        )
    source, reference, target = parts[0], parts[1], parts[2] if len(parts) == 3 else None
    if source not in resource_types():
        raise problems.bad_value(name, value, f'names "{source}", which is not a resource type')
    if target is not None and target not in resource_types():
        raise problems.bad_value(name, value, f'names "{target}", which is not a resource type')
    if reference != _ANY:
        parameter = parameters_of(source).get(reference)
        if parameter is None or parameter.type != "reference":
            raise problems.bad_value(
                name, value, f'names "{reference}", which is not a reference parameter of {source}'
            )
        if target is not None and parameter.targets and target not in parameter.targets:
            raise problems.bad_value(name, value, f'names "{target}", which {source}.{reference} does not refer to')
    if not is_reverse and not is_iterating and source not in types:
        raise problems.bad_value(name, value, f"names {source}, which is not searched; use :iterate for later steps")
    return Include(source, reference, target, is_iterating, is_reverse)


def reference_parameters(resource_type: str, code: str) -> list[Parameter]:
    """Return the reference parameters of a type that a code or `*` stands for."""
    known = parameters_of(resource_type)
    if code != _ANY:
        return [known[code]] if code in known else []
    return [parameter for parameter in known.values() if parameter.type == "reference"]
