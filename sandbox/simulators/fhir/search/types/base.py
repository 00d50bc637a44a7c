"""What a search type is: how its values are written, what it reads from a resource, how it finds.

A facet is a second way to look at the same parameter that a modifier asks for (`:text`,
`:identifier`, `:of-type`); it has an index of its own, built when it is first asked for.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeAlias

from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import Index
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path, read

Code: TypeAlias = tuple[str | None, str]


class Terminology(Protocol):
    """What the store knows of codes. Each answer is None when the store does not hold what is needed to tell."""

    def members(self, value_set: str) -> frozenset[Code] | None:
        """Return the codes of a value set."""
        ...

    def below(self, system: str, code: str) -> frozenset[str] | None:
        """Return a code and what it subsumes."""
        ...

    def above(self, system: str, code: str) -> frozenset[str] | None:
        """Return a code and what subsumes it."""
        ...


class Context:
    """What the meaning of a value may depend on: the base, the time, the terminology in the store.

    Whoever asks for the time, the terminology or (`note_store`) the store makes the meaning one of this moment:
    then `is_lasting` is False, and what was parsed may not be used again.
    """

    __slots__ = ("_now", "_terminology", "base_url", "is_lasting")

    def __init__(self, base_url: str, now: datetime | None, terminology: Terminology) -> None:
        self.base_url = base_url
        self.is_lasting = True
        self._now = now
        self._terminology = terminology

    @property
    def now(self) -> datetime | None:
        """The present time, None where there is none."""
        self.is_lasting = False
        return self._now

    @property
    def terminology(self) -> Terminology:
        """What the store knows of codes."""
        self.is_lasting = False
        return self._terminology

    def note_store(self) -> None:
        """Note that the meaning depends on what the store holds."""
        self.is_lasting = False


class SearchType(ABC):
    """One type of search parameter. Stateless."""

    name: ClassVar[str]
    modifiers: ClassVar[frozenset[str]] = frozenset()
    # Whether entries depend on how a decimal was written, or on all of its digits.
    is_exact_to_the_digit: ClassVar[bool] = True

    def modifiers_of(self, parameter: Parameter) -> frozenset[str]:
        """Return the modifiers that have a meaning for the data types of a parameter."""
        return self.modifiers

    def facet(self, modifier: str | None) -> str:
        """Return the facet that a modifier reads; the empty one is the usual."""
        return ""

    @abstractmethod
    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> Any:
        """Read one value as the caller wrote it into a term; raises `BadValue` or `NoSupport`."""

    def read(self, parameter: Parameter, facet: str, resource: Json) -> tuple[Any, ...]:
        """Read all entries of a parameter from a resource."""
        found: list[Any] = []
        for path in parameter.paths:
            for raw in read(resource, path.steps):
                found += self.entries(parameter, facet, path, raw, resource)
        return tuple(found)

    @abstractmethod
    def entries(self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json) -> Iterable[Any]:
        """Read the entries of one value of a resource; malformed data has none."""

    @abstractmethod
    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
