"""Batch and transaction Bundles (R4, RESTful API, batch/transaction).

A batch carries out each entry by itself, in R4's order, and undoes only what failed. A transaction
is all or nothing: it is checked as a whole, its references are resolved (`references.py`),
and then it is carried out; the first entry that fails fails it all, by raising.
"""

from collections.abc import Set
from typing import Final

from sandbox import jsonio
from sandbox.errors import Invalid, Malformed, SandboxError
from sandbox.jsonio import Json
from sandbox.r4.issues import Issue, refusal
from sandbox.r4.model import resource_types
from sandbox.r4.validation import full_urls, validate_entries
from sandbox.r4.validation.literals import parse_literal
from sandbox.r4.validation.primitives import shown
from sandbox.simulators.fhir.bundles.entry import ORDER, Entry, carry_out_entry, kind_of_or_none, work_out_patch
from sandbox.simulators.fhir.bundles.transaction import carry_out
from sandbox.simulators.fhir.rest.calls import Answer, Call, answer_json, check_entry_count, refuse_parameters
from sandbox.simulators.fhir.rest.lenience import remarks
from sandbox.simulators.fhir.terms.urls import is_absolute, split_url
from sandbox.simulators.fhir_api.outcome import issues_of, outcome
from sandbox.wire.forms import read_pairs

_HEADERS: Final = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifModifiedSince": "if-modified-since",
    "ifNoneExist": "if-none-exist",
}
REASONS: Final = {
    200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 409: "Conflict", 410: "Gone",
    412: "Precondition Failed", 413: "Payload Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Entity",
}  # fmt: skip


def process(call: Call) -> Answer:
    """`POST [base]` with a Bundle of type batch or transaction."""
    refuse_parameters(call, "A batch or transaction")
    bundle = call.json("a batch or transaction")
    kind = _check_bundle(bundle)
    is_transaction = kind == "transaction"
    issues, found = validate_entries(bundle, allows_conditional=is_transaction)
    if issues:
        raise refusal(issues)
    rows = bundle.get("entry", [])
    entries = []
    for index, row in enumerate(rows):
        entry_issues, links = found[index]
        entry = _entry(call, index, row)
        entry.found, entry.links = entry_issues, links
        entries.append(entry)
    if is_transaction:
        carry_out(call, entries, full_urls(bundle))
    else:
        urls = full_urls(bundle)
        for entry in sorted(entries, key=lambda e: ORDER[e.call.method]):
            entry.answer = _alone(call, entry, urls)
    call.tolerated = tuple(issue for entry in entries for issue in _tolerated(entry))
    response: Json = {"resourceType": "Bundle", "type": kind + "-response"}
    if entries:
        response["entry"] = [_response(call, entry) for entry in entries]
    return answer_json(response)


def _check_bundle(bundle: Json) -> str:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        found = bundle.get("resourceType") if isinstance(bundle, dict) else None
        message = "The base takes a Bundle; the body has no resourceType."
        if isinstance(found, str):
            message = f'The base takes a Bundle, not "{found[:100]}"; post other resources to their type.'
        raise Malformed(message, issue_type="invalid")
    kind = bundle.get("type")
    if kind not in ("batch", "transaction"):
        message = f'A Bundle of type "{kind}" cannot be processed; use batch or transaction, or store it at /Bundle.'
        raise Invalid(message, issue_type="value", expression="Bundle.type")
    check_entry_count(bundle)
    return str(kind)


def _entry(call: Call, index: int, row: Json) -> Entry:
    at = f"Bundle.entry[{index}]"
    request = row["request"]
    headers = {name: str(request[key]) for key, name in _HEADERS.items() if key in request}
    prefer = call.headers.get("prefer")
    if prefer is not None:
        headers["prefer"] = prefer
    inner = Call(
        call.tx,
        request["method"],
        (),
        headers=headers,
        base=call.base,
        resource=row.get("resource"),
        at=at,
        interactions=call.interactions,
        outbound_hosts=call.outbound_hosts,
    )
    entry = Entry(index, row.get("fullUrl"), inner)
    problem = full_url_problem(entry.full_url, inner.resource) if entry.full_url is not None else None
    if problem is not None:
        entry.issues.append(Issue("value", problem, f"{at}.fullUrl"))
    try:
        inner.path, query = split_url(request["url"], call.base)
        inner.query = read_pairs(query)
    except SandboxError as error:
        entry.issues.append(Issue("value", error.message, f"{at}.request.url"))
    return entry


def full_url_problem(full_url: str, resource: Json) -> str | None:
    """Return what is wrong with an entry's fullUrl: it is absolute, and agrees with the id (R4, Bundle.entry.fullUrl).

    >>> full_url_problem("Patient/1", None)
    'The fullUrl "Patient/1" is not absolute: write urn:uuid:… or a URL.'
    """
    if not is_absolute(full_url):
        return f"The fullUrl {shown(full_url)} is not absolute: write urn:uuid:… or a URL."
    literal = parse_literal(full_url)
    given = resource.get("id") if isinstance(resource, dict) else None
    if literal is None or given is None or literal.type not in resource_types():
        return None
    kind = resource.get("resourceType")
    if (literal.type, literal.id) == (kind, given):
        return None
    return f"The fullUrl {shown(full_url)} does not agree with the resource, which is {kind}/{given}."


def _alone(call: Call, entry: Entry, urls: Set[str]) -> Answer:
    savepoint = call.tx.savepoint()
    try:
        work_out_patch(entry, urls, allows_conditional=False)
        _check_no_neighbours(entry, urls)
        return carry_out_entry(entry)
    except SandboxError as error:
        call.tx.rollback(savepoint)
        return Answer(error.status, jsonio.dump(outcome(issues_of(error))), headers=error.headers)


def _check_no_neighbours(entry: Entry, urls: Set[str]) -> None:
    for link in entry.links:
        if link.kind == "reference" and link.text.startswith("urn:") and link.text in urls:
            message = (
                f'"{link.text}" is another entry of the batch; entries that refer to each other need a transaction.'
            )
            raise Invalid(message, issue_type="invalid")


def _tolerated(entry: Entry) -> tuple[Issue, ...]:
    return entry.call.tolerated if entry.answer is not None and entry.answer.status < 300 else ()


def _response(call: Call, entry: Entry) -> Json:
    answer = entry.answer
    if answer is None:  # an entry without an answer would be a gap in the Bundle
        raise RuntimeError(f"{entry.label} was not carried out")
    is_error = answer.status >= 400
    method = entry.call.method
    is_read = method in ("GET", "HEAD") or kind_of_or_none(entry.call).endswith(("operation", "search"))
    response: Json = {"status": f"{answer.status} {REASONS.get(answer.status, '')}".strip()}
    row: Json = {}
    if answer.location is not None and not is_error:
        response["location"] = answer.location
    if answer.etag is not None:
        response["etag"] = answer.etag
    if answer.last_updated is not None:
        response["lastModified"] = answer.last_updated
    wanted = call.preferences.returns
    if is_error:
        response["outcome"] = jsonio.fragment(answer.body)
    elif answer.body and method != "HEAD" and (is_read or wanted == "representation"):
        if answer.location is not None:
            row["fullUrl"] = answer.location.partition("/_history/")[0]
        elif answer.version is not None and kind_of_or_none(entry.call) == "instance":
            row["fullUrl"] = f"{call.base}/{'/'.join(entry.call.path)}"
        row["resource"] = jsonio.fragment(answer.body)
    said = remarks(entry.call, answer)
    is_told = wanted == "OperationOutcome" or (bool(said) and method == "DELETE") or bool(_tolerated(entry))
    if is_told and not is_error and not is_read:
        response["outcome"] = outcome(said)
    row["response"] = response
    return row
