"""`Questionnaire/$questionnaire-package` (DTR 2.0.1): the clinical questions that orders need answered.

In: `coverage` says whose, and one of `order` and `questionnaire` at least says for what. Out: a `PackageBundle` for
each procedure that has questions, and an `operationOutcome` with what there is to say of the others.
"""

from typing import Final

from sandbox.errors import Invalid, Malformed, Unprocessable
from sandbox.jsonio import Json
from sandbox.payer import identifiers
from sandbox.payer.codes import procedure_or_drug
from sandbox.payer.validation import requirements
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.r4.issues import Issue, refusal
from sandbox.r4.validation import validate
from sandbox.simulators.fhir_api.negotiation import check_json_body
from sandbox.simulators.fhir_api.outcome import outcome
from sandbox.simulators.portal.fhir.questionnaires import questionnaire
from sandbox.simulators.portal.fhir.reading import ordered_code
from sandbox.simulators.portal.fhir.responses import questionnaire_of
from sandbox.simulators.portal.fhir.terms import BASE, part, parts, text
from sandbox.simulators.portal.fhir.writing import fhir_response

_NAME: Final = "$questionnaire-package"
_TAKEN: Final = frozenset({"coverage", "order", "questionnaire", "context", "changedsince"})


def package(tx: Interaction, request: Request) -> Response:
    """`POST Questionnaire/$questionnaire-package`."""
    rows = _parameters(request)
    members = [_member(tx, row["resource"]) for row in rows if row["name"] == "coverage"]
    if not members:
        raise Invalid(f"{_NAME} needs a coverage.", issue_type="required", expression="Parameters.parameter")
    codes = _codes(rows)
    base = f"{request.base_url}/{BASE}"
    made: list[Json] = []
    issues: list[Issue] = []
    for code in codes:
        found = requirements(tx, code, members[0])
        row = identifiers.find(tx, "questions", code)
        issues.append(Issue("informational", f"{code}: {found['message']}", severity="information"))
        if row is None or not row["questions"]:
            issues.append(Issue("informational", f"{code}: There are no questions.", severity="information"))
            continue
        whole = questionnaire(base, row)
        entry = {"fullUrl": whole["url"], "resource": whole}
        package_bundle = {"resourceType": "Bundle", "type": "collection", "timestamp": tx.now_text, "entry": [entry]}
        made.append({"name": "PackageBundle", "resource": package_bundle})
    made.append({"name": "operationOutcome", "resource": outcome(issues)})
    return fhir_response({"resourceType": "Parameters", "parameter": made})


def _parameters(request: Request) -> list[Json]:
    check_json_body(request.media_type, _NAME, request.headers.get("content-type", ""))
    if not request.body.strip():
        raise Malformed(f"The body is empty; {_NAME} takes Parameters.", issue_type="required")
    body = request.json()
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Invalid(f"{_NAME} takes Parameters.", issue_type="structure", expression="Parameters")
    # As for a Claim: what R4 does not allow in a resource that is sent along is read for what is needed.
    issues = [issue for issue in validate(body) if ".resource" not in (issue.expression or "")]
    if issues:
        raise refusal(issues)
    rows = parts(body, "parameter")
    for row in rows:
        name = row["name"]
        if name not in _TAKEN:
            known = ", ".join(sorted(_TAKEN))
            message = f'The operation {_NAME} has no parameter "{name[:100]}"; it has {known}.'
            raise Invalid(message, issue_type="not-supported", expression=f"Parameters.{name[:100]}")
        if name in ("context", "changedsince"):
            message = f"{name} is not supported: send the order, or the canonical of a Questionnaire."
            raise Invalid(message, issue_type="not-supported", expression=f"Parameters.{name}")
        if name in ("coverage", "order") and not isinstance(row.get("resource"), dict):
            raise Invalid(f"{name} is a resource.", issue_type="structure", expression=f"Parameters.{name}")
    return rows


def _member(tx: Interaction, coverage: Json) -> str:
    """Return the member of a coverage. Raises `Invalid` where it names none, `Unprocessable` for one nobody knows."""
    if text(coverage, "resourceType") != "Coverage":
        raise Invalid("coverage is a Coverage.", issue_type="structure", expression="Parameters.coverage")
    beneficiary = part(coverage, "beneficiary")
    named = [text(one, "value") for one in (*parts(beneficiary, "identifier"), *parts(coverage, "identifier"))]
    numbers = [number[:64] for number in (*named, text(coverage, "subscriberId")) if number]
    if not numbers:
        message = "The coverage names no member: give subscriberId, or an identifier of it or of its beneficiary."
        raise Invalid(message, issue_type="required", expression="Parameters.coverage")
    for number in numbers:
        row = identifiers.find(tx, "patients", number)
        if row is not None:
            return str(row["member_id"])
    message = f'There is no member "{numbers[0]}".'
    raise Unprocessable(message, issue_type="not-found", expression="Parameters.coverage")


def _codes(rows: list[Json]) -> list[str]:
    """Return the procedures that are asked about, each once. Raises `Invalid` for what names none."""
    found: list[str] = []
    for row in rows:
        if row["name"] == "order":
            given = ordered_code(row["resource"])
            at = "Parameters.order"
        elif row["name"] == "questionnaire":
            given = questionnaire_of({"questionnaire": row.get("valueCanonical") or row.get("valueUri")}) or ""
            at = "Parameters.questionnaire"
        else:
            continue
        code = procedure_or_drug(given)
        if code is None:
            told = (
                "an order needs a CPT or HCPCS code, or a National Drug Code"
                if "order" in at
                else ("a canonical of a Questionnaire of this server is needed")
            )
            raise Invalid(f"{at.rpartition('.')[2]}: {told}.", issue_type="value", expression=at)
        if code not in found:
            found.append(code)
    if not found:
        message = f"{_NAME} needs an order or a questionnaire."
        raise Invalid(message, issue_type="required", expression="Parameters.parameter")
    return found
