"""What a FHIR surface lends to the rules of its Subscriptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction


@dataclass(frozen=True, slots=True)
class Changed:
    """A resource as an interaction left it."""

    type: str
    id: str
    version: int

    @property
    def reference(self) -> str:
        """The version, `Type/id/_history/version`."""
        return f"{self.type}/{self.id}/_history/{self.version}"


class Home(Protocol):
    """One FHIR surface. `prefix` begins the names of its collections and delayed actions."""

    @property
    def prefix(self) -> str:
        """`fhir`, say."""
        ...

    def get(self, tx: Interaction, subscription_id: str) -> Json:
        """Return a Subscription as it is stored, or None."""
        ...

    def put(self, tx: Interaction, subscription: Json, at: str) -> None:
        """Store what the server changed of a Subscription as its next version, last updated `at`."""
        ...

    def read(self, tx: Interaction, changed: Changed) -> bytes | None:
        """Return that version of a resource as JSON, None where it is not kept."""
        ...

    def matching(self, tx: Interaction, criteria: str, changed: Sequence[Changed]) -> Sequence[Changed]:
        """Return those of the changed that a search finds, in their order. Raises `Invalid` where it cannot be done."""
        ...
