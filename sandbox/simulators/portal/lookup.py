"""Looking things up: members, providers, formulary, clinical questions, requests.

Every filter that is given must hold; what a filter cannot mean is an error, never ignored.
"""

import unicodedata
from collections.abc import Iterator
from typing import TypeAlias

from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal import codes, identifiers
from sandbox.simulators.portal.bodies import invalid
from sandbox.simulators.portal.determination import REQUESTS
from sandbox.simulators.portal.paging import SortKey
from sandbox.simulators.portal.state import DRAFTS
from sandbox.simulators.portal.validation import is_date

Filters: TypeAlias = dict[str, str]
Rows: TypeAlias = list[tuple[SortKey, Json]]


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
        raise invalid({"birth_date": ["Must be a date, YYYY-MM-DD."]})
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
    """Return drugs by `drug` (word beginnings), in order of name."""
    return [
        ((row["drug"].casefold(),), row)
        for row in _rows(tx, "portal/formulary")
        if is_named(row["drug"], filters.get("drug", ""))
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
    """Return requests and drafts by `status`, `determination`, `patient_member_id`, `procedure_code`;
    their sort key is the time they were made."""
    for name, allowed in (
        ("status", ("draft", "submitted")),
        ("determination", ("approved", "denied", "pending", "need_more_info")),
    ):
        if filters.get(name, allowed[0]) not in allowed:
            hint = " The payer's answer is ?determination=." if name == "status" else ""
            raise invalid({name: [f"Must be one of {', '.join(allowed)}.{hint}"]})
    _check_procedure(filters)
    return [
        ((row["created_at"], row["request_id"]), row)
        for row in (*_rows(tx, REQUESTS), *_rows(tx, DRAFTS))
        if filters.get("status", row["status"]) == row["status"]
        and _is_wanted(filters, "patient_member_id", row)
        and _is_wanted(filters, "procedure_code", row)
        and ("determination" not in filters or (row["determination"] or {}).get("status") == filters["determination"])
    ]


def _check_procedure(filters: Filters) -> None:
    if "procedure_code" in filters and codes.procedure_or_drug(filters["procedure_code"]) is None:
        raise invalid({"procedure_code": ["Must be a CPT or HCPCS code, such as 72148, or a National Drug Code."]})


def _is_wanted(filters: Filters, name: str, row: Json) -> bool:
    """Tell whether a row's identifier is the one asked for, or none is."""
    return name not in filters or identifiers.is_same(name, filters[name], row[name])


def _rows(tx: Interaction, collection: str) -> Iterator[Json]:
    return (row for _, row in tx.branch.items(collection))
