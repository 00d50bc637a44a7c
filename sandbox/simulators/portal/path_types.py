"""What may lie at a path into a row of the portal: the vocabulary of `portal-state-match`.

The rows' shapes are those of `models.py`, and of what the portal writes beside them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from sandbox.payer import models, plan_models
from sandbox.payer.lifecycle import life_cycle
from sandbox.simulators.vocabulary import PathType, schema_path_type

_TEXT: Final = {"type": "string"}
_ANY_LIST: Final = {"type": "array", "items": {}}
_ATTACHMENT: Final = {
    "id": _TEXT,
    "filename": _TEXT,
    "content_type": _TEXT,
    "size": {"type": "integer"},
    "sha256": _TEXT,
    "uploaded_at": _TEXT,
}
_ATTACHMENTS: Final = {"type": "array", "items": {"type": "object", "properties": _ATTACHMENT}}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_NUMBER: Final = {"type": "number"}
_SLOT: Final = {
    "type": "object",
    "properties": {"slot": {"type": "integer"}, "starts_at": _TEXT, "ends_at": _TEXT},
}
_TURN: Final = {
    "type": "object",
    "properties": {"speaker": {"enum": ["payer", "provider"], "type": "string"}, "text": _TEXT, "at": _TEXT},
}
_PEER_TO_PEER: Final = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("requested_at", "phone", "contact", "medical_director", "ended_at"), _TEXT),
        "slots": {"type": "array", "items": _SLOT},
        "chosen": _SLOT,
        "turns": {"type": "array", "items": _TURN},
        "outcome": {"enum": ["upheld", "overturned"], "type": "string"},
    },
}
# What the payer writes into a prior authorization beside what a seed may say of it.
_PRIOR_AUTH: Final = {
    "attachments": _ATTACHMENTS,
    "duplicate_of": _TEXT,
    "peer_to_peer": _PEER_TO_PEER,
    "appeals": _TEXTS,
    "history": _ANY_LIST,
}
_CLAIM: Final = {
    **dict.fromkeys(("total_charge", "total_paid", "patient_responsibility"), _NUMBER),
    "appeals": _TEXTS,
    "history": _ANY_LIST,
}
_APPEAL: Final = {
    **dict.fromkeys(
        ("appeal_id", "request_id", "claim_number", "rationale", "filed_at", "decided_at", "reason"), _TEXT
    ),
    "kind": {"enum": ["appeal", "external_review", "claim"], "type": "string"},
    "status": {"enum": ["under_review", "upheld", "overturned"], "type": "string"},
    "level": {"type": "integer"},
    "attachments": _ATTACHMENTS,
}
_WRITTEN: Final[Mapping[str, Mapping[str, Any]]] = {
    "attachments": {**_ATTACHMENT, "request_id": _TEXT, "appeal_id": _TEXT},
    "appeals": _APPEAL,
    "sessions": {
        **dict.fromkeys(("id", "created_at", "last_used_at", "ended_at", "draft"), _TEXT),
        "status": {"enum": ["code_sent", "open", "ended", "expired"], "type": "string"},
    },
    "logins": {"id": _TEXT, "username": _TEXT, "at": _TEXT, "succeeded": {"type": "boolean"}},
}
_MODELS: Final[Mapping[str, type[BaseModel]]] = {
    "patients": models.Patient,
    "providers": models.Provider,
    "formulary": models.FormularyDrug,
    "questions": models.Questionnaire,
    "prior_auth_requests": models.PriorAuth,
    "drafts": models.PriorAuth,
    "coverages": plan_models.PlanCoverage,
    "benefits": plan_models.Benefit,
    "accumulators": plan_models.Accumulator,
    "claims": plan_models.Claim,
}
COLLECTIONS: Final = frozenset((*_MODELS, *_WRITTEN))


def path_type(collection: str, path: str) -> PathType:
    """Return what lies at a path into a row of a collection.

    Raises `Invalid`, with the nearest name, for a path that no such row has.

    >>> path_type("prior_auth_requests", "determination.status").kind
    'text'
    >>> path_type("prior_auth_requests", "determinaton.status")
    Traceback (most recent call last):
    ...
    sandbox.errors.Invalid: determinaton.status: there is no "determinaton"; did you mean "determination"?
    """
    return schema_path_type(_schema(collection), path)


@cache
def _schema(collection: str) -> Mapping[str, Any]:
    model = _MODELS.get(collection)
    if model is None:
        return {"type": "object", "properties": _WRITTEN[collection]}
    schema = model.model_json_schema(mode="serialization")
    if model is models.PriorAuth:
        states = {"enum": list(life_cycle().states), "type": "string"}
        schema["properties"] |= {**_PRIOR_AUTH, "state": states}
    if model is plan_models.Claim:
        schema["properties"] |= _CLAIM
        schema["$defs"]["ClaimLine"]["properties"] |= {"line": {"type": "integer"}}
    return schema
