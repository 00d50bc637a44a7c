"""The CapabilityStatement of this API: the operations, reads and searches that `routes.py` serves."""

from typing import Final

from sandbox import __version__
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.r4.names import FHIR_VERSION, MEDIA_TYPE
from sandbox.simulators.fhir_api.capability import DATE, security
from sandbox.simulators.portal.fhir.reads import READ, SEARCHES
from sandbox.simulators.portal.fhir.subscribing import SEARCH
from sandbox.simulators.portal.fhir.terms import BASE, PAS
from sandbox.simulators.portal.fhir.writing import fhir_response
from sandbox.subscriptions.rules import STATEMENT, TYPE

_DTR: Final = "http://hl7.org/fhir/us/davinci-dtr/OperationDefinition"
_CDEX: Final = "http://hl7.org/fhir/us/davinci-cdex/OperationDefinition"
_OPERATIONS: Final = {
    "Claim": (
        ("submit", f"{PAS}/OperationDefinition/Claim-submit"),
        ("inquire", f"{PAS}/OperationDefinition/Claim-inquiry"),
    ),
    "Questionnaire": (("questionnaire-package", f"{_DTR}/questionnaire-package"),),
}
_SUBSCRIPTION: Final = {
    "type": TYPE,
    "interaction": [{"code": code} for code in ("create", "read", "update", "delete", "search-type")],
    "searchParam": [{"name": name, "type": "token"} for name in SEARCH],
    "documentation": f"{STATEMENT} Here criteria are a search of ClaimResponses.",
}
_SEARCH_TYPES: Final = {
    "_id": "token",
    "identifier": "token",
    "patient.identifier": "token",
    "status": "token",
    "url": "uri",
}


def metadata(tx: Interaction, request: Request) -> Response:
    """`GET metadata`: the full statement."""
    for name, value in request.query:
        if name != "_format" and (name, value) != ("mode", "full"):
            message = f'"{name[:50]}={value[:50]}" is not served here; the statement is given in full.'
            raise Invalid(message, issue_type="not-supported", expression=f"http.{name[:50]}")
    base = f"{request.base_url}/{BASE}"
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": {"name": "playground-sandbox", "version": __version__},
        "implementation": {"description": "A simulated payer: prior authorization over FHIR", "url": base},
        "fhirVersion": FHIR_VERSION,
        "format": [MEDIA_TYPE, "application/json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": security(base),
                "resource": [*(_resource(name) for name in READ), _SUBSCRIPTION],
                "operation": [{"name": "submit-attachment", "definition": f"{_CDEX}/submit-attachment"}],
            }
        ],
    }
    return fhir_response(statement)


def _resource(name: str) -> Json:
    searches = SEARCHES.get(name, ())
    row: dict[str, Json] = {
        "type": name,
        "interaction": [{"code": "read"}, *([{"code": "search-type"}] if searches else [])],
    }
    if searches:
        row["searchParam"] = [{"name": one, "type": _SEARCH_TYPES[one]} for one in searches]
    if name in _OPERATIONS:
        row["operation"] = [{"name": one, "definition": url} for one, url in _OPERATIONS[name]]
    return row
