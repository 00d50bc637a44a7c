"""The scenario step `set_portal`: a row that appears or changes without the agent.

A row is checked by the models of `portal.yaml`. For a prior authorization only what changes need be
given, and it may be named by the member and procedure it is for, since its id is not known when the
scenario is written.
"""

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.payer import identifiers, models, plan_models
from sandbox.payer.case_rows import DRAFTS, REQUESTS, completed, find_named, history_entry, note_asked, set_timers
from sandbox.payer.determination import forget
from sandbox.payer.refusals import invalid
from sandbox.playground.playground import Interaction

_MODELS: Final[dict[str, type[BaseModel]]] = {
    "patients": models.Patient,
    "providers": models.Provider,
    "formulary": models.FormularyDrug,
    "questions": models.Questionnaire,
}
_PLAN: Final[dict[str, type[BaseModel]]] = {"claims": plan_models.Claim, "coverages": plan_models.PlanCoverage}
_AUTHS: Final = {"prior_auth_requests": REQUESTS, "drafts": DRAFTS}
_AUTH_FIELDS: Final = frozenset(models.PriorAuth.model_fields)
# What belongs to a decision: a row that makes another one makes it whole.
_DECIDED: Final = frozenset({"state", "wanted", "authorization", "denial"})
Collection: TypeAlias = Literal[
    "patients", "providers", "formulary", "questions", "prior_auth_requests", "drafts", "claims", "coverages"
]


class SetPortal(StrictModel):
    """Arguments of `set_portal`: a collection and the row to put there."""

    collection: Collection
    row: Annotated[dict[str, Any], Field(min_length=1)]

    @model_validator(mode="after")
    def _row_fits(self) -> Self:
        model = _MODELS.get(self.collection) or _PLAN.get(self.collection)
        if model is not None:
            _validated(model, self.row)
        else:
            unknown = sorted(set(self.row) - _AUTH_FIELDS)
            if unknown:
                raise ValueError(f"a prior authorization has no {', '.join(unknown)}")
            names = ("request_id", "auth_number", "patient_member_id")
            if not any(self.row.get(name) for name in names):
                raise ValueError("the row names no request: give request_id, auth_number, or patient_member_id")
        return self


def set_portal(tx: Interaction, arguments: SetPortal) -> None:
    """Put a row; an existing prior authorization keeps what the row does not name, a claim its appeals and history.

    Raises `Invalid` when the row names no request and is too little to make one, or names nobody whom the payer knows.
    """
    if arguments.collection in _PLAN:
        _set_plan_row(tx, arguments.collection, arguments.row)
    elif arguments.collection in _MODELS:
        row = _validated(_MODELS[arguments.collection], arguments.row).model_dump(mode="json")
        field = identifiers.FIELDS[arguments.collection]
        existing = identifiers.find(tx, arguments.collection, row[field])
        if existing is not None:
            row[field] = existing[field]  # other rows name it so
        tx.put(f"portal/{arguments.collection}", models.key_of(arguments.collection, row), row)
    else:
        _set_prior_auth(tx, _AUTHS[arguments.collection], dict(arguments.row))


def _set_plan_row(tx: Interaction, collection: str, given: Json) -> None:
    model = _validated(_PLAN[collection], given)
    row = model.to_row() if isinstance(model, plan_models.Claim) else model.model_dump(mode="json")
    for name, rows, field in (("member_id", "patients", "member_id"), ("provider_npi", "providers", "npi")):
        if name in row:
            known = identifiers.find(tx, rows, row[name])
            if known is None:
                raise invalid({f"row.{name}": [f'There is no "{row[name]}" among the {rows}.']})
            row[name] = known[field]
    key, wanted = models.key_of(collection, row), identifiers.normal(models.key_of(collection, row))
    kept = f"portal/{collection}"
    existing = next((name for name, _ in tx.branch.items(kept) if identifiers.normal(name) == wanted), None)
    if existing is not None:
        before = tx.get(kept, existing)
        row |= {name: before[name] for name in ("claim_number", "coverage_id", "appeals", "history") if name in before}
    tx.put(kept, existing or key, row)


def _set_prior_auth(tx: Interaction, collection: str, given: Json) -> None:
    existing = _find(tx, collection, given)
    if existing is None:
        given.setdefault("request_id", tx.new_id("req"))
        given.setdefault("created_at", tx.now_text)
        given.setdefault("status", "draft" if collection == DRAFTS else "submitted")
        base: Json = {}
    else:
        existing = completed(existing)
        base = {name: existing[name] for name in _AUTH_FIELDS - _DECIDED}
        if isinstance(given.get("determination"), dict):
            decided = {"reason": None, "decided_at": tx.now_text, **given["determination"]}
            if decided.get("status") == "pending":
                decided["decided_at"] = None
            given["determination"] = decided
        given.setdefault("updated_at", tx.now_text)
    try:
        row = _validated(models.PriorAuth, {**base, **given}).to_row()
    except ValueError as error:
        raise Invalid(f"set_portal: {error}.") from None
    if (row["status"] == "draft") != (collection == DRAFTS):
        raise invalid({"row.status": [f"{row['status']} does not belong in {collection.removeprefix('portal/')}."]})
    for name, rows, field in (("patient_member_id", "patients", "member_id"), ("provider_npi", "providers", "npi")):
        known = identifiers.find(tx, rows, row[name]) if row[name] is not None else None
        if known is not None:
            row[name] = known[field]
    if existing is not None:
        kept = ("request_id", "attachments", "duplicate_of", "history", "peer_to_peer", "appeals")
        row.update({name: existing[name] for name in kept})
        is_decided = row["determination"] != existing["determination"]
        if not is_decided and not _DECIDED & given.keys():
            row.update({name: existing[name] for name in _DECIDED})
        if is_decided:
            note_asked(tx, existing, "set_portal")
            forget(tx, row["request_id"])
            decision = row["determination"]
            told = {"status": decision["status"], "reason": decision["reason"]}
            entry = history_entry(tx, "determined", state=row["state"], **told)
            row["history"] = [*row["history"], entry]
    _check_number(tx, row)
    tx.put(collection, row["request_id"], row)
    set_timers(tx, row)


def _check_number(tx: Interaction, row: Json) -> None:
    """Raise `Invalid` when the authorization number names another request already."""
    other = find_named(tx, row["auth_number"]) if row["auth_number"] is not None else None
    if other is not None and other["request_id"] != row["request_id"]:
        raise invalid({"row.auth_number": [f"{row['auth_number']} names the request {other['request_id']} already."]})


def _find(tx: Interaction, collection: str, given: Json) -> Json:
    """Return the row that is meant: by id, by number, else the latest of the member (and procedure)."""
    rows = [row for _, row in tx.branch.items(collection)]
    for name in ("request_id", "auth_number"):
        if given.get(name):
            return next((row for row in rows if identifiers.is_same(name, row[name], str(given[name]))), None)
    names = [name for name in ("patient_member_id", "procedure_code") if given.get(name)]
    same = [row for row in rows if all(identifiers.is_same(name, row[name], str(given[name])) for name in names)]
    return max(same, key=lambda row: (row["created_at"], row["request_id"]), default=None)


def _validated(model: type[BaseModel], row: Json) -> Any:
    try:
        return TypeAdapter(model).validate_python(row)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{where}: {message}" if where else message) from None
