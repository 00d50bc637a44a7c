"""Reads of what was answered: Claims, ClaimResponses, what is wanted, Questionnaires; and the searches for them.

A ClaimResponse is written anew each time, from its cases as they are now. A read of one counts as a read of its cases;
a search, like every list, does not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from sandbox import limits, work
from sandbox.errors import Invalid, NotFound, TooCostly
from sandbox.jsonio import Json
from sandbox.payer import cases, identifiers
from sandbox.payer.case_rows import REQUESTS, completed
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.fhir import records, wanting
from sandbox.simulators.portal.fhir.questionnaires import questionnaire
from sandbox.simulators.portal.fhir.responses import questionnaire_of
from sandbox.simulators.portal.fhir.terms import BASE, parts, text
from sandbox.simulators.portal.fhir.writing import claim_response, fhir_response, items_of
from sandbox.wire.whole_numbers import read_whole_number

SEARCHES: Final[Mapping[str, tuple[str, ...]]] = {
    "ClaimResponse": ("_id", "identifier", "patient.identifier"),
    "Questionnaire": ("_id", "url"),
    "Task": ("_id", "identifier", "patient.identifier", "status"),
}
READ: Final = ("Claim", "ClaimResponse", "CommunicationRequest", "Questionnaire", "Task")
_COUNT: Final = "_count"
_AFTER: Final = "_after"  # of our own links
_PAGING: Final = (_COUNT, _AFTER)
_ALWAYS: Final = ("_format", "_pretty")


def read(tx: Interaction, request: Request, kind: str, key: str) -> Response:
    """`GET [type]/[id]`. Raises `NotFound`, `Invalid` for parameters."""
    _parameters(request, ())
    base = f"{request.base_url}/{BASE}"
    found = _FIND[kind](tx, base, key)
    if found is None:
        raise NotFound(f'There is no {kind} "{key[:64]}".')
    if kind == "ClaimResponse" and request.method == "GET" and not tx.is_view:
        for item in _record(tx, key)["items"]:
            if item["request_id"] is not None:
                cases.read(tx, item["request_id"])
        found = _FIND[kind](tx, base, key)
    return fhir_response(found)


def search(tx: Interaction, request: Request, kind: str) -> Response:
    """`GET [type]?…`: a searchset. Raises `Invalid` for a parameter that is not served, `TooCostly` past the limit."""
    given = parameters(request, SEARCHES[kind])
    base = f"{request.base_url}/{BASE}"
    return searchset(request, kind, list(_SEARCH[kind](tx, base, given)), given, SEARCHES[kind])


def searchset(
    request: Request, kind: str, found: list[Json], given: Mapping[str, str], names: Sequence[str]
) -> Response:
    """Return a page of what a search by `names` found. Raises `Invalid`, `TooCostly` past the limit."""
    base = f"{request.base_url}/{BASE}"
    if len(found) > limits.SEARCH_COUNT_MAX:
        message = f"The search finds more than {limits.SEARCH_COUNT_MAX:,}; narrow it down by {', '.join(names)}."
        raise TooCostly(message)
    page, following = _page(found, given)
    made: dict[str, Json] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": [_link("self", f"{base}/{kind}", request.query)],
    }
    if following is not None:
        kept = [pair for pair in request.query if pair[0] != _AFTER]
        made["link"].append(_link("next", f"{base}/{kind}", [*kept, (_AFTER, following)]))
    rows = [{"fullUrl": f"{base}/{kind}/{one['id']}", "resource": one, "search": {"mode": "match"}} for one in page]
    return fhir_response({**made, "entry": rows} if rows else made)


def _page(found: list[Json], given: Mapping[str, str]) -> tuple[list[Json], str | None]:
    """Return what `_count` leaves of what was found, and the id after which the next page begins.

    What comes meanwhile stands before the first page. Raises `Invalid` for a number that is none, or for a page that
    begins after what is not found any more.

    >>> _page([{"id": "b"}, {"id": "a"}], {"_count": "1"})
    ([{'id': 'b'}], 'b')
    """
    count = read_whole_number(given[_COUNT]) if _COUNT in given else limits.SEARCH_COUNT_MAX
    if count is None:
        message = f'_count must be a whole number, not "{given[_COUNT][:40]}".'
        raise Invalid(message, issue_type="value", expression=f"http.{_COUNT}")
    begin = 0
    if _AFTER in given:
        begin = next((place for place, one in enumerate(found, 1) if one["id"] == given[_AFTER]), 0)
        if not begin:
            message = "The page before this one is not there any more; search again from the start."
            raise Invalid(message, issue_type="value", expression=f"http.{_AFTER}")
    page = found[begin : begin + count]
    return page, page[-1]["id"] if page and begin + count < len(found) else None


def _link(relation: str, url: str, query: Sequence[tuple[str, str]]) -> Json:
    return {"relation": relation, "url": f"{url}?{urlencode(query)}" if query else url}


def parameters(request: Request, names: Sequence[str]) -> dict[str, str]:
    """Return what a search asks for, by `names` and page by page. Raises `Invalid` for what is not served."""
    return _parameters(request, (*names, *_PAGING))


def _parameters(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query:
        if name not in (*known, *_ALWAYS):
            served = ", ".join(one for one in known if one != _AFTER) or "none"
            message = f'The parameter "{name[:100]}" is not served here; there are: {served}.'
            raise Invalid(message, issue_type="not-supported", expression=f"http.{name[:100]}")
        if name in found or not value.strip():
            message = f"{name} must be given once, with a value."
            raise Invalid(message, issue_type="value", expression=f"http.{name}")
        found[name] = value.strip()
    return found


def _record(tx: Interaction, key: str) -> Json:
    """Return the record of an id, or what stands for one of a case that came through another door; None without."""
    found = records.find(tx, key)
    if found is not None:
        return found
    case = records.find_case(tx, key)
    return None if case is None or case["status"] == "draft" else records.plain_record(case)


def _claim(tx: Interaction, base: str, key: str) -> Json:
    record = records.find(tx, key)
    return None if record is None or record["claim"] is None else {**record["claim"], "id": key}


def _claim_response(tx: Interaction, base: str, key: str) -> Json:
    record = _record(tx, key)
    return None if record is None else claim_response(tx, base, record)


def _name_of(key: str) -> str:
    """Return the id of the answer that an id of what is wanted is made of.

    >>> _name_of("01M8-2-documents"), _name_of("req.5F.1-1.2")
    ('01M8', 'req.5F.1')
    """
    for ending in (f"-{wanting.DOCUMENTS}", f"-{wanting.QUESTIONS}"):
        key = key.removesuffix(ending)
    return key.rpartition("-")[0]


def _wanted(kind: str) -> Callable[[Interaction, str, str], Json]:
    def find(tx: Interaction, base: str, key: str) -> Json:
        record = _record(tx, _name_of(key))
        if record is None:
            return None
        made = (
            one
            for item in items_of(tx, record)
            for asking in wanting.askings_of(tx, item)
            for one in (
                wanting.tasks_of(tx, base, record, item, asking)
                if kind == "Task"
                else [wanting.communication_request(tx, record, item, asking)]
            )
        )
        return next((one for one in made if one["id"] == key), None)

    return find


def _questionnaire(tx: Interaction, base: str, key: str) -> Json:
    row = identifiers.find(tx, "questions", key)
    return None if row is None or not row["questions"] else questionnaire(base, row)


_FIND: Final[Mapping[str, Callable[[Interaction, str, str], Json]]] = {
    "Claim": _claim,
    "ClaimResponse": _claim_response,
    "CommunicationRequest": _wanted("CommunicationRequest"),
    "Questionnaire": _questionnaire,
    "Task": _wanted("Task"),
}


def _claim_responses(tx: Interaction, base: str, given: Mapping[str, str]) -> Iterator[Json]:
    """Yield the current answers that were asked for, newest first."""
    work.spend(2 * (tx.branch.count(records.CLAIMS) + tx.branch.count(REQUESTS)))
    kept = [row for _, row in tx.branch.items(records.CLAIMS) if row["replaced_by"] is None]
    if "_id" in given:
        found = _record(tx, given["_id"])
        kept = [] if found is None else [found]
    else:
        kept += [
            records.plain_record(completed(row))
            for _, row in tx.branch.items(REQUESTS)
            if tx.get(records.CASES, row["request_id"]) is None
        ]
    kept = [row for row in kept if is_asked_for(tx, row, given)]
    for record in sorted(kept, key=lambda row: (row["at"], row["id"]), reverse=True)[: limits.SEARCH_COUNT_MAX + 1]:
        yield claim_response(tx, base, record)


def is_asked_for(tx: Interaction, record: Json, given: Mapping[str, str]) -> bool:
    """Whether an answer is one that the parameters of a search ask for."""
    member = given.get("patient.identifier")
    return (
        given.get("_id", record["id"]) == record["id"]
        and (member is None or identifiers.is_same("member_id", _value(member), record["member_id"]))
        and ("identifier" not in given or _is_called(tx, record, given["identifier"]))
    )


def _value(token: str) -> str:
    """Return the value of a token, `system|value`; the systems of a member's numbers are the sender's own."""
    return token.rpartition("|")[2]


def _is_called(tx: Interaction, record: Json, token: str) -> bool:
    """Whether an answer has an identifier, with the system where one is given: its Claim's, that of a Claim which this
    one took the place of (as for `$inquire`), or a case's number."""
    system, bar, value = token.rpartition("|")
    claims = [row["claim"] for row in (record, *records.before(tx, record))]
    for one in (one for claim in claims for one in parts(claim, "identifier")):
        if text(one, "value") == value and (not bar or text(one, "system") == system):
            return True
    if bar and system:
        return False
    numbers = ("request_id", "auth_number", "tracking_number")
    found = [case for item in record["items"] if (case := records.case_of(tx, item)) is not None]
    return any(identifiers.is_same(name, value, case[name]) for case in found for name in numbers)


def _questionnaires(tx: Interaction, base: str, given: Mapping[str, str]) -> Iterator[Json]:
    names = [given["_id"]] if "_id" in given else []
    if "url" in given:
        code = questionnaire_of({"questionnaire": given["url"]})
        if code is None:
            return
        names.append(code)
    rows = [row for _, row in tx.branch.items("portal/questions") if row["questions"]]
    for row in sorted(rows, key=lambda one: str(one["procedure_code"])):
        if all(identifiers.is_same("procedure_code", name, row["procedure_code"]) for name in names):
            yield questionnaire(base, row)


def _tasks(tx: Interaction, base: str, given: Mapping[str, str]) -> list[Json]:
    """Return the Tasks that are asked for, the newest first: those that wait, and those that are over."""
    wanted = statuses(given.get("status"), wanting.STATUSES)
    work.spend(2 * (tx.branch.count(records.CLAIMS) + tx.branch.count(REQUESTS)))
    if "_id" in given:
        one = _FIND["Task"](tx, base, given["_id"])
        record = None if one is None else _record(tx, _name_of(given["_id"]))
        found = [] if record is None else [(record, one)]
    else:
        found = list(_given_tasks(tx, base))
    number, member = given.get("identifier"), given.get("patient.identifier")
    kept = [
        task
        for record, task in found
        if (wanted is None or task["status"] in wanted)
        and (number is None or identifiers.normal(_value(number)) == identifiers.normal(task["identifier"][0]["value"]))
        and (member is None or identifiers.is_same("member_id", _value(member), record["member_id"]))
    ]
    return sorted(kept, key=lambda one: (one.get("authoredOn", ""), one["id"]), reverse=True)


def _given_tasks(tx: Interaction, base: str) -> Iterator[tuple[Json, Json]]:
    """Yield every Task under the id that it was given with: that of the answer which was the case's at the time."""
    began: dict[str, str] = {}
    for _, record in tx.branch.items(records.CLAIMS):
        after = None if record["replaced_by"] is None else records.find(tx, record["replaced_by"])
        for item in items_of(tx, record):
            if item.case is None:
                continue
            name = item.case["request_id"]
            began[name] = min(record["at"], began.get(name, record["at"]))
            for asking in wanting.askings_of(tx, item):
                at = asking.asked_at or ""
                if record["at"] <= at and (after is None or at < after["at"]):
                    yield from ((record, task) for task in wanting.tasks_of(tx, base, record, item, asking))
    for _, row in tx.branch.items(REQUESTS):
        record = records.plain_record(completed(row))
        for item in items_of(tx, record):
            for asking in wanting.askings_of(tx, item):
                if row["request_id"] not in began or (asking.asked_at or "") < began[row["request_id"]]:
                    yield from ((record, task) for task in wanting.tasks_of(tx, base, record, item, asking))


def statuses(said: str | None, known: Sequence[str]) -> frozenset[str] | None:
    """Return the codes that a search's `status` asks for (any of them, R4 §3.1.1.4.2), None without.

    Raises `Invalid` for a code that nothing here ever has.

    >>> sorted(statuses("requested,completed", ("requested", "completed", "cancelled")))
    ['completed', 'requested']
    """
    if said is None:
        return None
    found = frozenset(_value(one.strip()) for one in said.split(","))
    if not found <= frozenset(known):
        message = f'status is one of {", ".join(known)}, not "{said[:100]}".'
        raise Invalid(message, issue_type="value", expression="http.status")
    return found


_SEARCH: Final[Mapping[str, Callable[[Interaction, str, Mapping[str, str]], Iterable[Json]]]] = {
    "ClaimResponse": _claim_responses,
    "Questionnaire": _questionnaires,
    "Task": _tasks,
}
