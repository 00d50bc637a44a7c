"""Scenario steps on the FHIR store: `put_fhir`, `delete_fhir`."""

from typing import Any

from pydantic import field_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.errors import Conflict, Invalid, NotFound, Unprocessable
from sandbox.playground.playground import Interaction
from sandbox.r4.model import resource_types
from sandbox.simulators.base import ScenarioAction
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.proxy import is_proxied
from sandbox.simulators.fhir.terms.names import SURFACE
from sandbox.simulators.fhir.validation import subscriptions, validate
from sandbox.simulators.fhir.validation.literals import parse_literal


class PutFhir(StrictModel):
    """Store a resource: an update when it has an id, else a create."""

    resource: dict[str, Any]

    @field_validator("resource")
    @classmethod
    def _valid(cls, value: dict[str, Any]) -> dict[str, Any]:
        issues = validate(value)
        if issues:
            raise ValueError("; ".join(f"{i.expression}: {i.diagnostics}" for i in issues[:5]))
        try:
            subscriptions.check(value)
        except Unprocessable as error:
            raise ValueError(error.message) from None
        return value


class DeleteFhir(StrictModel):
    """Delete the resource `Type/id`."""

    reference: str

    @field_validator("reference")
    @classmethod
    def _literal(cls, value: str) -> str:
        literal = parse_literal(value)
        if literal is None or literal.base or literal.version or literal.type not in resource_types():
            raise ValueError(f'"{value}" is not a reference; write Type/id')
        return value


def _check_built_in(tx: Interaction) -> None:
    sandbox = tx.sandbox_of(SURFACE)
    if sandbox is not None and is_proxied(sandbox.config):
        raise Conflict("A scenario cannot write to the server behind a FHIR proxy; put the data there beforehand.")


def put_fhir(tx: Interaction, args: PutFhir) -> None:
    """Store the step's resource; raises `Conflict` on a proxy."""
    _check_built_in(tx)
    resource_id = args.resource.get("id")
    state.store(tx, args.resource, resource_id or tx.new_id(), "PUT" if resource_id else "POST")


def delete_fhir(tx: Interaction, args: DeleteFhir) -> None:
    """Delete the step's resource; raises `NotFound` when there is none, `Conflict` on a proxy."""
    _check_built_in(tx)
    literal = parse_literal(args.reference)
    if literal is None:
        raise Invalid(f'"{args.reference}" is not a reference; write Type/id.')
    if state.delete(tx, literal.type, literal.id) is None:
        raise NotFound(f"There is no {args.reference} to delete.")


ACTIONS = {
    "put_fhir": ScenarioAction(PutFhir, put_fhir),
    "delete_fhir": ScenarioAction(DeleteFhir, delete_fhir),
}
