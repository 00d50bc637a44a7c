"""What may go wrong with an expression: when it is read, when it is compiled, when it is run.

Invalid
└── FhirPathError          with the expression and, where known, the place in it
    ├── SyntaxProblem      not FHIRPath
    ├── SemanticProblem    FHIRPath that can never mean anything here: an unknown name, a wrong number of arguments
    └── EvaluationProblem  the specification says "the evaluation will end and signal an error"
TooCostly                  more work than an evaluation may do
"""

from sandbox.errors import Invalid


class FhirPathError(Invalid):
    """An expression that cannot be used; `why` is a sentence without the expression, `position` is 0-based."""

    def __init__(self, why: str, position: int | None = None) -> None:
        super().__init__(why, issue_type="invalid")
        self.why = why
        self.position = position

    def place_in(self, expression: str) -> "FhirPathError":
        """Complete the message with the expression and the place in it."""
        shown = expression if len(expression) <= _SHOWN else expression[:_SHOWN] + "…"
        at = f" at character {self.position + 1}" if self.position is not None else ""
        verb = "cannot be evaluated" if isinstance(self, EvaluationProblem) else "cannot be used"
        self.message = f'The FHIRPath "{shown}" {verb}{at}: {self.why}.'
        self.args = (self.message,)
        return self


_SHOWN = 200


class SyntaxProblem(FhirPathError):
    """Text that is not FHIRPath."""


class SemanticProblem(FhirPathError):
    """An unknown function, variable, type or element, or arguments that do not fit."""


class EvaluationProblem(FhirPathError):
    """An evaluation that the specification ends with an error."""
