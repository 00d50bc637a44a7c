"""One problem as FHIR reports it: an `OperationOutcome.issue` before it is written (R4, OperationOutcome).

Owns the issue and the errors that carry several of them; knows neither HTTP nor where they came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.errors import Invalid, Unprocessable
from sandbox.jsonio import Json

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. `code` is from R4's issue-type, `expression` a FHIRPath to the element at fault."""

    code: str
    diagnostics: str
    expression: str | None = None
    severity: Severity = "error"

    def to_json(self) -> Json:
        """Write the issue as an element of `OperationOutcome.issue`.

        >>> Issue("value", "Not a date.", "Patient.birthDate").to_json()["expression"]
        ['Patient.birthDate']
        """
        row: Json = {"severity": self.severity, "code": self.code, "diagnostics": self.diagnostics}
        if self.expression is not None:
            row["expression"] = [self.expression]
        return row


def refusal(issues: Sequence[Issue]) -> Invalid | Unprocessable:
    """Return the error that refuses a resource for these issues.

    400 when it is not FHIR (structure, types, codes), 422 when it only breaks rules of the resource
    (R4, RESTful API, "Rejecting Updates").
    """
    message = (
        issues[0].diagnostics if len(issues) == 1 else f"{len(issues)} problems; the first: {issues[0].diagnostics}"
    )
    kind = Unprocessable if all(i.code == "invariant" for i in issues if i.severity == "error") else Invalid
    return kind(message, issues=tuple(issues))
