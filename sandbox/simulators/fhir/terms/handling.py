"""`Prefer: handling`: what happens to a parameter that cannot be honoured (R4, Search, "Handling Errors").

Strictly it refuses the call. Leniently it is left out, and the answer says so in an outcome entry.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.errors import Invalid, SandboxError
from sandbox.r4.issues import Issue

T = TypeVar("T")


@dataclass(slots=True)
class Handling:
    """How one call handles what it cannot honour; `ignored` are the errors that were not raised."""

    is_lenient: bool = False
    ignored: list[Invalid] = field(default_factory=list)

    def refuse(self, error: Invalid) -> None:
        """Raise the error, or remember it."""
        if not self.is_lenient:
            raise error
        self.ignored.append(error)

    def attempt(self, read: Callable[[], T], default: T) -> T:
        """Return what `read` reads, or the default where that cannot be honoured and is ignored."""
        try:
            return read()
        except Invalid as error:
            self.refuse(error)
            return default

    @property
    def issues(self) -> list[Issue]:
        """What was ignored, as an outcome says it."""
        return [ignored(error) for error in self.ignored]


def ignored(error: SandboxError) -> Issue:
    """Return the issue that tells of something that was left out.

    >>> ignored(Invalid("No such type.", expression="http._type")).diagnostics
    'Ignored: No such type.'
    """
    code = str(error.context.get("issue_type", "not-supported"))
    return Issue(code, f"Ignored: {error.message}", error.context.get("expression"), "warning")
