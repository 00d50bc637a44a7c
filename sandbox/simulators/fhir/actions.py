"""Scenario steps on the FHIR store: `put_fhir`, `delete_fhir`; and the steps that Subscriptions take by themselves."""

from typing import Any

from pydantic import field_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.errors import Conflict, Invalid, NotFound, Unprocessable
from sandbox.playground.playground import Interaction
from sandbox.r4.model import resource_types
from sandbox.r4.validation import validate
from sandbox.r4.validation.literals import parse_literal
from sandbox.simulators.base import ScenarioAction
from sandbox.simulators.fhir import state, subscriptions
from sandbox.simulators.fhir.proxy import is_proxied
from sandbox.simulators.fhir.terms.names import SURFACE
from sandbox.subscriptions import lifecycle, rules


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
            rules.check(value)
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
    """Store the step's resource; raises `Conflict` on a proxy, and what a Subscription is refused with."""
    _check_built_in(tx)
    before = tx.savepoint()
    subscriptions.check(tx, args.resource, "", None)
    resource_id = args.resource.get("id")
    state.store(tx, args.resource, resource_id or tx.new_id(), "PUT" if resource_id else "POST")
    if subscriptions.are_asked(tx):
        subscriptions.note_changes(tx, subscriptions.changed_since(tx, before))


def delete_fhir(tx: Interaction, args: DeleteFhir) -> None:
    """Delete the step's resource; raises `NotFound` when there is none, `Conflict` on a proxy."""
    _check_built_in(tx)
    literal = parse_literal(args.reference)
    if literal is None:
        raise Invalid(f'"{args.reference}" is not a reference; write Type/id.')
    if state.delete(tx, literal.type, literal.id) is None:
        raise NotFound(f"There is no {args.reference} to delete.")


class OfSubscription(StrictModel):
    """Which Subscription."""

    id: str


def _activate(tx: Interaction, args: OfSubscription) -> None:
    lifecycle.activate(tx, subscriptions.HOME, args.id)


def _end(tx: Interaction, args: OfSubscription) -> None:
    lifecycle.end(tx, subscriptions.HOME, args.id)


ACTIONS = {
    "put_fhir": ScenarioAction(PutFhir, put_fhir),
    "delete_fhir": ScenarioAction(DeleteFhir, delete_fhir),
    f"{SURFACE}.{lifecycle.ACTIVATE}": ScenarioAction(OfSubscription, _activate),
    f"{SURFACE}.{lifecycle.END}": ScenarioAction(OfSubscription, _end),
}
