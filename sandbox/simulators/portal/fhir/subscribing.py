"""Subscriptions to decisions (R4, Subscription; rest-hook): what is told of is a ClaimResponse, by whichever door its
case was changed, by the clock and by the payer alike.

The rules are in `sandbox/subscriptions/`. The payer notes each case that it keeps while somebody is to be told
(`case_rows.WATCHED`); a step of its own, at once after what changed it, finds the answers that the case is in. What is
sent is the answer as it is when it is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox import jsonio
from sandbox.definitions.assertions import StrictModel
from sandbox.errors import Invalid, Malformed, NotFound, PreconditionFailed, Unprocessable
from sandbox.jsonio import Json
from sandbox.payer.case_rows import CHANGED, NOTE, REQUESTS, WATCHED, completed
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.r4.issues import refusal
from sandbox.r4.names import MEDIA_TYPE
from sandbox.r4.validation import validate
from sandbox.simulators.base import ScenarioAction
from sandbox.simulators.fhir_api.negotiation import check_json_body, etag_of, tag_versions
from sandbox.simulators.portal.fhir import records
from sandbox.simulators.portal.fhir.reads import SEARCHES, is_asked_for, parameters, searchset, statuses
from sandbox.simulators.portal.fhir.terms import BASE, PREFIX
from sandbox.simulators.portal.fhir.writing import claim_response
from sandbox.subscriptions import lifecycle, queue, rules
from sandbox.subscriptions.home import Changed
from sandbox.wire.forms import read_pairs

TYPE: Final = rules.TYPE
_KEPT: Final = f"{PREFIX}subscriptions"
_TOLD_OF: Final = "ClaimResponse"
SEARCH: Final = ("_id", "status")
STATUSES: Final = ("requested", "active", "error", "off")


@dataclass(frozen=True, slots=True)
class PortalHome:
    """The payer's FHIR API, as the rules of Subscriptions see it."""

    prefix: str = "portal"

    def get(self, tx: Interaction, subscription_id: str) -> Json:
        """Return a Subscription, or None."""
        return tx.get(_KEPT, subscription_id)

    def put(self, tx: Interaction, subscription: Json, at: str) -> None:
        """Store what the server changed of it."""
        version = tx.branch.version_of(_KEPT, subscription["id"]) + 1
        meta = {**subscription.get("meta", {}), "versionId": str(version), "lastUpdated": at}
        tx.put(_KEPT, subscription["id"], {**subscription, "meta": meta})

    def read(self, tx: Interaction, changed: Changed) -> bytes | None:
        """Return the answer as it is now."""
        record = _record(tx, changed.id)
        watched = tx.get(WATCHED, BASE)
        if record is None or watched is None:
            return None
        return jsonio.dump(claim_response(tx, watched["url"], record))

    def matching(self, tx: Interaction, criteria: str, changed: Sequence[Changed]) -> Sequence[Changed]:
        """Search among the changed."""
        given = _criteria(criteria)
        found = [(one, _record(tx, one.id)) for one in changed]
        return [one for one, record in found if record is not None and is_asked_for(tx, record, given)]


HOME: Final = PortalHome()


def _record(tx: Interaction, key: str) -> Json:
    record = records.find(tx, key)
    if record is not None:
        return record
    case = records.find_case(tx, key)
    return None if case is None else records.plain_record(case)


def _criteria(text: str) -> Mapping[str, str]:
    """Return the parameters of criteria. Raises `Unprocessable` for what is no search of ClaimResponses here."""
    kind, _, query = text.strip().partition("?")
    if kind != _TOLD_OF:
        raise _refused(f'The criteria are to be for {_TOLD_OF}, not "{kind[:100]}".')
    found: dict[str, str] = {}
    for name, value in read_pairs(query):
        if name not in SEARCHES[_TOLD_OF] or name in found or not value.strip():
            served = ", ".join(SEARCHES[_TOLD_OF])
            raise _refused(f'The criteria cannot have "{name[:100]}={value[:100]}"; {served} are served, each once.')
        found[name] = value.strip()
    return found


def _refused(message: str) -> Unprocessable:
    return Unprocessable(message, issue_type="not-supported", expression=f"{TYPE}.criteria")


def write(tx: Interaction, request: Request, key: str) -> Response:
    """`POST Subscription`, `PUT Subscription/{id}`: ask to be told, or not any more.

    Raises `NotFound` for an update of none, `Malformed`, `Invalid`, `Unprocessable` with the element at fault.
    """
    check_json_body(request.media_type, TYPE, request.headers.get("content-type", ""))
    if not request.body.strip():
        raise Malformed("The body is empty; send a Subscription.", issue_type="required")
    resource = request.json()
    if not isinstance(resource, dict) or resource.get("resourceType") != TYPE:
        raise Malformed("The body must be a Subscription.", issue_type="structure")
    issues = validate(resource)
    if issues:
        raise refusal(issues)
    if key and HOME.get(tx, key) is None:
        raise NotFound(f'There is no {TYPE} "{key[:64]}"; its id is given with POST.')
    if key and resource.get("id") not in (None, key):
        raise Malformed(f"The resource's id is another than that of the URL, {key}.", issue_type="value")
    _check_version(tx, request, key)
    rules.check(resource, tx.now, request.outbound_hosts)
    if rules.is_asking(resource):
        _criteria(resource["criteria"])
    resource_id = key or tx.new_id()
    base = f"{request.base_url}/{BASE}"
    tx.put(WATCHED, BASE, {"url": base})
    taken = lifecycle.take(tx, HOME.prefix, resource, resource_id)
    HOME.put(tx, {**taken, "id": resource_id}, tx.now_text)
    _settle_watch(tx)
    kept = HOME.get(tx, resource_id)
    return _answer(kept) if key else _answer(kept, 201, {"Location": f"{base}/{TYPE}/{resource_id}"})


def read(tx: Interaction, key: str) -> Response:
    """`GET Subscription/{id}`. Raises `NotFound`."""
    found = HOME.get(tx, key)
    if found is None:
        raise NotFound(f'There is no {TYPE} "{key[:64]}".')
    return _answer(found)


def search(tx: Interaction, request: Request) -> Response:
    """`GET Subscription?…`: a searchset of those that there are, newest first. Raises `Invalid`."""
    given = parameters(request, SEARCH)
    wanted = statuses(given.get("status"), STATUSES)
    rows = [row for _, row in tx.branch.items(_KEPT)]
    found = [
        row
        for row in sorted(rows, key=lambda one: str(one["id"]), reverse=True)
        if given.get("_id", row["id"]) == row["id"] and (wanted is None or row["status"] in wanted)
    ]
    return searchset(request, TYPE, found, given, SEARCH)


def delete(tx: Interaction, request: Request, key: str) -> Response:
    """`DELETE Subscription/{id}`; one that is not there is none afterwards either."""
    _check_version(tx, request, key)
    lifecycle.forget(tx, HOME.prefix, key)
    tx.delete(_KEPT, key)
    _settle_watch(tx)
    return Response(204, b"", None)


def _answer(kept: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    tag = etag_of(int(kept["meta"]["versionId"]))
    return Response(status, jsonio.dump(kept), MEDIA_TYPE, {"ETag": tag, **(headers or {})})


def _check_version(tx: Interaction, request: Request, key: str) -> None:
    """Raise `PreconditionFailed` unless `If-Match` names the version that is kept (R4, RESTful API, 3.1.0.7)."""
    text = request.headers.get("if-match")
    if text is None:
        return
    wanted = tag_versions(text)
    if wanted is None:
        raise Invalid(
            'If-Match holds no entity tag; write If-Match: W/"3".', issue_type="value", expression="http.If-Match"
        )
    found = HOME.get(tx, key) if key else None
    if found is None:
        raise PreconditionFailed(f"If-Match was sent, but there is no such {TYPE}.", issue_type="conflict")
    version = found["meta"]["versionId"]
    if None not in wanted and version not in wanted:
        message = f"If-Match asks for another version of {TYPE}/{key} than {version}, which it is at."
        raise PreconditionFailed(message, issue_type="conflict", headers={"ETag": etag_of(int(version))})


def _settle_watch(tx: Interaction) -> None:
    """Let the payer note what it keeps only while somebody is to be told."""
    if not lifecycle.are_asked(tx.branch, HOME.prefix):
        tx.delete(WATCHED, BASE)


class OfSubscription(StrictModel):
    """Which Subscription."""

    id: str


class OfCase(StrictModel):
    """Which case."""

    request_id: str


def _activate(tx: Interaction, args: Any) -> None:
    lifecycle.activate(tx, HOME, args.id)


def _end(tx: Interaction, args: Any) -> None:
    lifecycle.end(tx, HOME, args.id)
    _settle_watch(tx)


def _note(tx: Interaction, args: Any) -> None:
    """Queue what is to be told of a case that changed, once for all the cases of an answer that did."""
    if tx.get(CHANGED, args.request_id) is None:
        return
    tx.delete(CHANGED, args.request_id)
    _settle_watch(tx)
    row = tx.get(REQUESTS, args.request_id)
    if row is None:
        return
    record = records.record_of(tx, args.request_id) or records.plain_record(completed(row))
    cases = [case for item in record["items"] if (case := records.case_of(tx, item)) is not None]
    for case in cases:
        tx.delete(CHANGED, case["request_id"])
    version = sum(len(case["history"]) for case in cases)
    queue.notify(tx, HOME, [Changed(_TOLD_OF, record["id"], version)])


ACTIONS: Final = {
    f"{HOME.prefix}.{lifecycle.ACTIVATE}": ScenarioAction(OfSubscription, _activate),
    f"{HOME.prefix}.{lifecycle.END}": ScenarioAction(OfSubscription, _end),
    NOTE: ScenarioAction(OfCase, _note),
}
