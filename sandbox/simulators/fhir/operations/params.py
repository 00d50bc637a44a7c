"""Parameters of an operation: from the query, or from a Parameters resource in the body (R4, Operations)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.r4.issues import refusal
from sandbox.r4.validation import validate
from sandbox.simulators.fhir.rest.calls import Call
from sandbox.simulators.fhir.terms.counts import repeated
from sandbox.simulators.fhir.terms.handling import Handling
from sandbox.simulators.fhir.terms.parameters import without_form


@dataclass(slots=True)
class Inputs:
    """An operation's inputs by name, each with all its values; `resources` are those given as resources."""

    values: dict[str, list[Json]] = field(default_factory=dict)
    resources: dict[str, Json] = field(default_factory=dict)

    def one(self, name: str) -> Json:
        """Return the value of that name, or None; raises `Invalid` for several."""
        found = self.values.get(name, ())
        if len(found) > 1:
            raise repeated(name)
        return found[0] if found else None

    def flag(self, name: str) -> bool:
        """Return a boolean input, false without one; raises `Invalid` for another value."""
        value = self.one(name)
        if value not in (None, True, False, "true", "false"):
            raise Invalid(
                f'{name} must be true or false, not "{value}".', issue_type="value", expression=f"http.{name}"
            )
        return value in (True, "true")

    def refuse_unknown(self, known: frozenset[str], operation: str, handling: Handling | None = None) -> None:
        """Refuse inputs that the operation does not have, by name."""
        for name in (*self.values, *self.resources):
            if name not in known:
                offer = ", ".join(sorted(known)) or "none"
                message = f'The operation {operation} has no parameter "{name}"; it has {offer}.'
                (handling or Handling()).refuse(Invalid(message, issue_type="not-supported", expression=f"http.{name}"))


def inputs_of(call: Call) -> Inputs:
    """Read the inputs; raises `Invalid` when the body is not a valid Parameters resource."""
    inputs = Inputs()
    for name, value in without_form(call.query):
        inputs.values.setdefault(name, []).append(value)
    if call.method != "POST" or (call.resource is None and not call.body.strip()):
        return inputs
    body = call.json("an operation")
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Invalid("The body of an operation is a Parameters resource.", issue_type="invalid")
    if not call.is_checked:
        issues = validate(body)
        if issues:
            raise refusal(issues)
    for parameter in body.get("parameter", ()):
        name = parameter["name"]
        if "resource" in parameter:
            inputs.resources[name] = parameter["resource"]
        else:
            inputs.values.setdefault(name, []).append(_plain(parameter))
    return inputs


def _plain(parameter: Mapping[str, Any]) -> Json:
    return next((item for key, item in parameter.items() if key.startswith("value")), None)


def parameters(**named: Json) -> Json:
    """Return a Parameters resource; keys are `name__valueType`.

    >>> parameters(return__valueMeta={"tag": []})["parameter"]
    [{'name': 'return', 'valueMeta': {'tag': []}}]
    """
    rows = []
    for key, value in named.items():
        name, _, spelling = key.partition("__")
        rows.append({"name": name, spelling: value})
    return {"resourceType": "Parameters", "parameter": rows}
