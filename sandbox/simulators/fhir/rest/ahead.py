"""What was found out about a body before its interaction (`prepare/bodies.py` finds it out)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.simulators.fhir.terms.issues import Issue
from sandbox.simulators.fhir.validation import Link


@dataclass(slots=True)
class Ahead:
    """What a body holds: the JSON or the error of reading it, and what validation says.

    `outside` and `entries` are `validate_entries`' for a Bundle that is sent to be processed, `issues`
    are `validate`'s for every other resource.
    """

    body: Json = None
    error: SandboxError | None = None
    issues: list[Issue] | None = None
    outside: list[Issue] | None = None
    entries: Mapping[int, tuple[list[Issue], list[Link]]] = field(default_factory=dict)

    def json(self) -> Json:
        """Return the body; raises what reading it raised."""
        if self.error is not None:
            raise self.error
        return self.body
