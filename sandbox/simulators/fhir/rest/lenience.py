"""`config.validation`: whether a write that R4 does not allow is refused, or stored with a word about it.

A lenient server stores every JSON object whose resourceType is that of the URL; what a strict one would have refused
it for goes into an outcome, and into the event. What asks for something that is not done, a Subscription that could not
be delivered, is refused by both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.r4.issues import Issue, refusal
from sandbox.simulators.fhir import subscriptions
from sandbox.simulators.fhir.rest.calls import Answer, Call
from sandbox.simulators.fhir_api.outcome import issues_of

_SAID: Final = "Stored, as this server is lenient (config.validation); a strict one would refuse it for what follows."
_WARNINGS_MAX: Final = 10
_WARNING_CHARS: Final = 200


def is_lenient(config: Mapping[str, Any]) -> bool:
    """Whether a sandbox of this configuration stores what is not valid."""
    return config.get("validation") == "lenient"


def refuse_or_tolerate(call: Call, resource: Json, issues: Sequence[Issue]) -> None:
    """Refuse a resource for what validation found, or as it asks for what is not done; a lenient server takes note."""
    error: SandboxError | None = refusal(issues) if issues else None
    if error is None or is_lenient(call.tx.config):
        asked = unserved(call, resource)
        if asked is not None:
            raise asked
    if error is None:
        call.tolerated = ()
        return
    if not is_lenient(call.tx.config):
        raise error
    call.tolerated = tuple(replace(issue, severity="warning") for issue in issues_of(error))


def unserved(call: Call, resource: Json) -> SandboxError | None:
    """Return why a resource is not taken, valid or not, None for one that is: it asks for what is not done here."""
    try:
        subscriptions.check(call.tx, resource, call.base, call.outbound_hosts)
    except SandboxError as error:
        return error
    return None


def remarks(call: Call, answer: Answer) -> tuple[Issue, ...]:
    """Return what an outcome says of an answer: what was tolerated for it, and its own issues."""
    if not call.tolerated or answer.status >= 300:
        return answer.issues
    return (Issue("informational", _SAID, severity="information"), *call.tolerated, *answer.issues)


def warning_header(issues: Sequence[Issue]) -> str:
    """Write issues as a `Warning` header (RFC 7234, 5.5), the first ones, in ASCII.

    >>> warning_header([Issue("value", "The code is none.", "Patient.gender", "warning")])
    '299 - "Patient.gender: The code is none."'
    """
    return ", ".join(f'299 - "{_plain(issue)}"' for issue in issues[:_WARNINGS_MAX])


def _plain(issue: Issue) -> str:
    text = f"{issue.expression}: {issue.diagnostics}" if issue.expression else issue.diagnostics
    text = text.replace('"', "'").replace("\\", "/")
    shown = "".join(char if " " <= char <= "~" else "?" for char in text)
    return shown if len(shown) <= _WARNING_CHARS else f"{shown[: _WARNING_CHARS - 3]}..."
