"""How a search is refused: always with the parameter's name, and what to do about it.

`expression` is `http.` and the name, as OperationOutcome.issue asks for a problem in an HTTP
parameter (https://hl7.org/fhir/R4/operationoutcome.html).
"""

from sandbox.errors import Invalid, Unsupported


class BadValue(Exception):
    """A value that its search type cannot read; completes "the value … "."""


class NoSupport(Exception):
    """A value or modifier that is well-formed but cannot be honoured."""


def bad_value(name: str, value: str, why: str) -> Invalid:
    """Refuse a value."""
    shown = value if len(value) <= 100 else value[:100] + "…"
    message = f'The value "{shown}" of the search parameter "{name}" {why}.'
    return Invalid(message, issue_type="invalid", expression=f"http.{name}")


def not_supported(name: str, message: str) -> Unsupported:
    """Refuse a parameter or modifier that cannot be honoured; an empty name means the path."""
    return Unsupported(message, issue_type="not-supported", expression=f"http.{name}" if name else None)


def invalid(name: str, message: str) -> Invalid:
    """Refuse a parameter that is used wrongly."""
    return Invalid(message, issue_type="invalid", expression=f"http.{name}")
