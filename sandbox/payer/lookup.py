"""Looking things up: members, providers, formulary, clinical questions, requests, claims, appeals.

Every filter that is given must hold; what a filter cannot mean is an error, never ignored.
"""

import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import TypeAlias

from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.payer import case_rows, codes, identifiers
from sandbox.payer.case_rows import DRAFTS, REQUESTS, completed
from sandbox.payer.claims import CLAIMS
from sandbox.payer.coverage import coverages_of, is_in_days, is_in_force
from sandbox.payer.disputes import APPEALS
from sandbox.payer.formulary import FORMULARY, codes_of
from sandbox.payer.lifecycle import life_cycle
from sandbox.payer.plan_models import add
from sandbox.payer.refusals import invalid
from sandbox.payer.validation import DAY, is_date
from sandbox.playground.playground import Interaction

Filters: TypeAlias = dict[str, str]
SortKey: TypeAlias = tuple[str, ...]
Rows: TypeAlias = list[tuple[SortKey, Json]]
BENEFITS = "portal/benefits"
ACCUMULATORS = "portal/accumulators"


def words(text: str) -> list[str]:
    """Split a name into words, without regard to case, accents and punctuation.

    >>> words("Muñoz, José")
    ['munoz', 'jose']
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(char if char.isalnum() else " " for char in plain.casefold()).split()


def is_named(text: str, query: str) -> bool:
    """Tell whether every word of the query begins a word of the text.

    >>> is_named("Maria Chen", "chen, mar"), is_named("Maria Chen", "Chang")
    (True, False)
    """
    have = words(text)
    return all(any(word.startswith(part) for word in have) for part in words(query))


def list_patients(tx: Interaction, filters: Filters) -> Rows:
    """Return members by `member_id`, `name` (word beginnings), `birth_date`, in order of name."""
    if "birth_date" in filters and not is_date(filters["birth_date"]):
        raise invalid({"birth_date": [DAY]})
    return [
        ((row["last_name"].casefold(), row["first_name"].casefold(), row["member_id"]), row)
        for row in _rows(tx, "portal/patients")
        if _is_wanted(filters, "member_id", row)
        and is_named(f"{row['first_name']} {row['last_name']}", filters.get("name", ""))
        and filters.get("birth_date", row["birth_date"]) == row["birth_date"]
    ]


def get_patient(tx: Interaction, member_id: str) -> Json:
    """Return a member; raises `NotFound`."""
    row = identifiers.find(tx, "patients", member_id)
    if row is None:
        raise NotFound(f'There is no member "{member_id[:100]}".')
    return row


def list_providers(tx: Interaction, filters: Filters) -> Rows:
    """Return providers by `npi`, `name` (word beginnings), in order of name."""
    return [
        ((row["name"].casefold(), row["npi"]), row)
        for row in _rows(tx, "portal/providers")
        if _is_wanted(filters, "npi", row) and is_named(row["name"], filters.get("name", ""))
    ]


def get_provider(tx: Interaction, npi: str) -> Json:
    """Return a provider; raises `NotFound`."""
    row = identifiers.find(tx, "providers", npi)
    if row is None:
        raise NotFound(f'There is no provider "{npi[:100]}".')
    return row


def list_formulary(tx: Interaction, filters: Filters) -> Rows:
    """Return drugs by `drug` (word beginnings of the name, or a National Drug Code or HCPCS code), in order of name."""
    text = filters.get("drug", "")
    code = codes.procedure_or_drug(text)
    return [
        ((row["drug"].casefold(),), row)
        for row in _rows(tx, FORMULARY)
        if is_named(row["drug"], text) or (code is not None and code in map(codes.procedure_or_drug, codes_of(row)))
    ]


def list_questions(tx: Interaction, filters: Filters) -> Rows:
    """Return clinical questionnaires by `procedure_code`, in order of code."""
    _check_procedure(filters)
    return [
        ((row["procedure_code"],), row)
        for row in _rows(tx, "portal/questions")
        if _is_wanted(filters, "procedure_code", row)
    ]


def list_prior_auths(tx: Interaction, filters: Filters) -> Rows:
    """Return requests and drafts by `status`, `determination`, `state`, `patient_member_id`, `procedure_code`;
    their sort key is the time they were made."""
    for name, allowed in (
        ("status", ("draft", "submitted")),
        ("determination", ("approved", "denied", "pending", "need_more_info")),
        ("state", tuple(life_cycle().states)),
    ):
        if filters.get(name, allowed[0]) not in allowed:
            hint = " The payer's answer is ?determination=." if name == "status" else ""
            raise invalid({name: [f"Must be one of {', '.join(allowed)}.{hint}"]})
    _check_procedure(filters)
    return [
        ((row["created_at"], row["request_id"]), row)
        for row in map(completed, (*_rows(tx, REQUESTS), *_rows(tx, DRAFTS)))
        if filters.get("status", row["status"]) == row["status"]
        and filters.get("state", row["state"]) == row["state"]
        and _is_wanted(filters, "patient_member_id", row)
        and _is_wanted(filters, "procedure_code", row)
        and ("determination" not in filters or (row["determination"] or {}).get("status") == filters["determination"])
    ]


def find_members(tx: Interaction, member_id: str, birth_date: str) -> list[Json]:
    """Return the member whom a number and a birth date name together, or nobody.

    Raises `Invalid` for a birth date that is none.
    """
    if not is_date(birth_date):
        raise invalid({"birth_date": [DAY]})
    row = identifiers.find(tx, "patients", member_id)
    return [row] if row is not None and row["birth_date"] == birth_date else []


def find_by_key(tx: Interaction, key: str, last_name: str, birth_date: str) -> Json | None:
    """Return the request or draft with this key (its request id, authorization or tracking number) whose member has
    this last name and birth date; None where any of the three is another's, without telling which.

    Raises `Invalid` for a birth date that is none.
    """
    if not is_date(birth_date):
        raise invalid({"birth_date": [DAY]})
    try:
        row = case_rows.find(tx, key)
    except NotFound:
        return None
    member = identifiers.find(tx, "patients", row["patient_member_id"]) if row["patient_member_id"] else None
    if member is None or member["birth_date"] != birth_date:
        return None
    return row if words(member["last_name"]) == words(last_name) else None


def list_status(tx: Interaction, filters: Filters) -> Rows:
    """Return what is told of submitted requests to who names one by `tracking_number`, or the member by `member_id` and
    `birth_date` (and `procedure_code`); nothing where nothing is on file.

    Raises `Invalid` where neither is given.
    """
    _check_procedure(filters)
    named = filters.get("tracking_number")
    if named is not None and len(filters) == 1:
        wanted = identifiers.normal(named)
        numbers = ("tracking_number", "auth_number", "request_id")
        rows = [
            row
            for row in map(completed, _rows(tx, REQUESTS))
            if wanted in (identifiers.normal(row[name]) for name in numbers if row[name] is not None)
        ]
    elif named is None and {"member_id", "birth_date"} <= filters.keys():
        members = {row["member_id"] for row in find_members(tx, filters["member_id"], filters["birth_date"])}
        rows = [
            row
            for row in map(completed, _rows(tx, REQUESTS))
            if row["patient_member_id"] in members and _is_wanted(filters, "procedure_code", row)
        ]
    else:
        problem = "Give tracking_number alone, or member_id and birth_date (and procedure_code)."
        raise invalid({"tracking_number": [problem]})
    return [((row["submitted_at"], row["request_id"]), told_status(row)) for row in rows]


def told_status(row: Json) -> Json:
    """Return what is told of a request to who asks for its status alone: nothing of the member or the clinic."""
    decision = row["determination"]
    return {
        "tracking_number": row["tracking_number"],
        "auth_number": row["auth_number"],
        "procedure_code": row["procedure_code"],
        "state": row["state"],
        "determination": decision["status"],
        "submitted_at": row["submitted_at"],
        "decided_at": decision["decided_at"],
        "authorization": row["authorization"],
        "due_at": (row["wanted"] or {}).get("due_at"),
    }


def eligibility(tx: Interaction, member_id: str, on: str | None = None, service_type: str | None = None) -> Json:
    """Return what a member is covered for on a day (today without one): coverages, those in force and the medical ones
    first, in the order in which they pay, the newest of the others first; benefits; accumulators.

    Coverages of other payers are told, and cover nothing here. A member without rows of `payer.yaml` has the coverage
    of `portal.yaml`, and no benefits are known. Raises `NotFound` for an unknown member, `Invalid` for a day that is
    none.
    """
    member = get_patient(tx, member_id)
    if on is not None and not is_date(on):
        raise invalid({"date": [DAY]})
    day = tx.now.date() if on is None else date.fromisoformat(on)
    coverages = [{**row, "in_force": is_in_force(row, day)} for row in coverages_of(tx, member)]
    coverages.sort(key=lambda row: row["start"])
    in_force = sorted((row for row in coverages if row["in_force"]), key=_rank)
    others = sorted((row for row in reversed(coverages) if not row["in_force"]), key=_rank)
    plans = [row["plan"] for row in in_force]
    benefits = [
        row
        for row in _rows(tx, BENEFITS)
        if row["plan"] in plans and (service_type is None or row["service_type"] == service_type)
    ]
    used = [
        {**row, "remaining": add([row["limit"], -min(row["used"], row["limit"])])}
        for row in _rows(tx, ACCUMULATORS)
        if row["member_id"] == member["member_id"]
        and is_in_days(row, day)
        and (service_type is None or row["service_type"] in (None, service_type))
    ]
    names = ("member_id", "first_name", "last_name", "birth_date", "gender")
    return {
        "member": {name: member[name] for name in names},
        "date": str(day),
        "covered": any(not row["of_other_payer"] for row in in_force),
        "coverages": in_force + others,
        "benefits": sorted(benefits, key=lambda row: (plans.index(row["plan"]), row["service_type"], row["network"])),
        "accumulators": used,
    }


def _rank(coverage: Json) -> tuple[bool, int]:
    """Return which coverage is told before which: medical ones first, then in the order in which they pay."""
    return coverage["kind"] != "medical", ("primary", "secondary", "tertiary").index(coverage["order"])


def list_claims(tx: Interaction, filters: Filters) -> Rows:
    """Return claims by `member_id`, `status`, `provider_npi`, `service_from` (that day or later), `service_to`
    (that day or earlier); their sort key is the day of service."""
    statuses = ("received", "pended", "paid", "partially_paid", "denied")
    if filters.get("status", "paid") not in statuses:
        raise invalid({"status": [f"Must be one of {', '.join(statuses)}."]})
    for name in ("service_from", "service_to"):
        if name in filters and not is_date(filters[name]):
            raise invalid({name: [DAY]})
    if filters.get("service_from", "") > filters.get("service_to", "9999-12-31"):
        problem = "service_from must not be after service_to."
        raise invalid({"service_from": [problem], "service_to": [problem]})
    return [
        ((row["service_from"], row["claim_number"]), row)
        for row in _rows(tx, CLAIMS)
        if filters.get("status", row["status"]) == row["status"]
        and _is_wanted(filters, "member_id", row)
        and _is_wanted(filters, "provider_npi", row)
        and filters.get("service_from", row["service_to"]) <= row["service_to"]
        and row["service_from"] <= filters.get("service_to", row["service_from"])
    ]


def list_appeals(tx: Interaction, filters: Filters) -> Rows:
    """Return appeals of requests and claims by `status`, `request_id`, `claim_number`; by the time they were filed."""
    statuses = ("under_review", "upheld", "overturned")
    if filters.get("status", "upheld") not in statuses:
        raise invalid({"status": [f"Must be one of {', '.join(statuses)}."]})
    return [
        ((row["filed_at"], row["appeal_id"]), row)
        for row in _rows(tx, APPEALS)
        if filters.get("status", row["status"]) == row["status"]
        and _is_wanted(filters, "request_id", row)
        and _is_wanted(filters, "claim_number", row)
    ]


def _check_procedure(filters: Filters) -> None:
    if "procedure_code" in filters and codes.procedure_or_drug(filters["procedure_code"]) is None:
        raise invalid({"procedure_code": ["Must be a CPT or HCPCS code, such as 72148, or a National Drug Code."]})


def _is_wanted(filters: Filters, name: str, row: Json) -> bool:
    """Tell whether a row's identifier is the one asked for, or none is."""
    return name not in filters or identifiers.is_same(name, filters[name], row[name])


def _rows(tx: Interaction, collection: str) -> Iterator[Json]:
    return (row for _, row in tx.branch.items(collection))
