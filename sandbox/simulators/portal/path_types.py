"""What may lie at a path into a row of the portal: the vocabulary of `portal-state-match`.

The rows' shapes are those of `models.py`, and of what the portal writes beside them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from sandbox.simulators.portal import models
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
# What the portal writes into a prior authorization beside what a seed may say of it.
_PRIOR_AUTH: Final = {
    "attachments": {"type": "array", "items": {"type": "object", "properties": _ATTACHMENT}},
    "duplicate_of": _TEXT,
    "history": _ANY_LIST,
}
_WRITTEN: Final[Mapping[str, Mapping[str, Any]]] = {
    "attachments": {**_ATTACHMENT, "request_id": _TEXT},
    "logins": {"id": _TEXT, "username": _TEXT, "at": _TEXT, "succeeded": {"type": "boolean"}},
}
_MODELS: Final[Mapping[str, type[BaseModel]]] = {
    "patients": models.Patient,
    "providers": models.Provider,
    "formulary": models.FormularyDrug,
    "questions": models.Questionnaire,
    "prior_auth_requests": models.PriorAuth,
    "drafts": models.PriorAuth,
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
        schema["properties"] |= _PRIOR_AUTH
    return schema
