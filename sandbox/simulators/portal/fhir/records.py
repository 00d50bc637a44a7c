"""Claims that were taken: what was sent, and the cases that its items opened or changed.

The cases are the payer's rows, which every door acts on; a record says no more than how they are called here. An update
is a record of its own, which takes the place of the one before it.

Claims come from many senders, whose numbers and ids are their own: an identifier is a value in its system, an id is one
at its address (R4, Identifier and Reference). Where one of two writings leaves that out, the rest is enough.
"""

import re
from collections.abc import Iterator
from typing import Final

from sandbox.ids import derived_uuid
from sandbox.jsonio import Json
from sandbox.payer.case_rows import REQUESTS, completed
from sandbox.payer.identifiers import normal
from sandbox.playground.playground import Interaction
from sandbox.r4.validation.literals import parse_literal
from sandbox.simulators.portal.fhir.terms import PREFIX, parts, text

CLAIMS: Final = f"{PREFIX}claims"
NAMES: Final = f"{PREFIX}names"
CASES: Final = f"{PREFIX}cases"
_NAME_CHARS: Final = 200
_ID_CHARS: Final = 46  # of 64, as other ids are made of it
_SPELLED: Final = re.compile(r"\.([0-9A-F]{1,5})\.")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def keep(tx: Interaction, record: Json) -> None:
    """Keep a record under its id, and what it can be found by: what its member's Claim is called, and its cases."""
    tx.put(CLAIMS, record["id"], record)
    for name in dict.fromkeys(_names(record["claim"], record["claim_url"])):
        tx.put(NAMES, _key(record["member_id"], name), {"id": record["id"]})
    for item in record["items"]:
        if item["request_id"] is not None:
            tx.put(CASES, item["request_id"], {"id": record["id"]})


def _names(claim: Json, url: str) -> Iterator[str]:
    for one in parts(claim, "identifier"):
        if value := text(one, "value"):
            yield value
            yield _in_system(text(one, "system"), value)
    if own := text(claim, "id"):
        yield own
        yield _at("", own)
    if url:
        yield url


def find(tx: Interaction, record_id: str) -> Json | None:
    """Return the record of an id, None where there is none."""
    return tx.get(CLAIMS, record_id)


def find_named(tx: Interaction, member_id: str, name: str) -> Json | None:
    """Return the current record of a member that a name means, whoever gave it: an identifier's value, an id."""
    own = tx.get(CLAIMS, name)
    if own is not None and own["member_id"] == member_id:
        return current(tx, own)
    row = tx.get(NAMES, _key(member_id, name)) if name else None
    found = None if row is None else find(tx, row["id"])
    return None if found is None else current(tx, found)


def find_called(tx: Interaction, member_id: str, identifier: Json) -> Json | None:
    """Return the current record of a member that an Identifier means."""
    system, value = text(identifier, "system"), text(identifier, "value")
    if not value or not system:
        return find_named(tx, member_id, value)
    exact = tx.get(NAMES, _key(member_id, _in_system(system, value)))
    if exact is not None:
        return find_named(tx, member_id, exact["id"])
    row = tx.get(NAMES, _key(member_id, value))
    named = None if row is None else find(tx, row["id"])
    if named is not None and _is_of_another(named["claim"], system, value):
        return None
    return find_named(tx, member_id, value)


def _is_of_another(claim: Json, system: str, value: str) -> bool:
    """Whether a Claim has the value as an identifier of other systems only."""
    same = normal(value)
    systems = [text(one, "system") for one in parts(claim, "identifier") if normal(text(one, "value")) == same]
    return bool(systems) and not {"", system} & set(systems)


def find_at(tx: Interaction, member_id: str, reference: str, holder_url: str = "") -> Json | None:
    """Return the current record of a member that a literal reference of another Claim means.

    A relative one is of the place where its holder is (R4, Bundle, "Resolving references in Bundles").
    """
    literal = parse_literal(reference)
    if literal is None:
        return find_named(tx, member_id, reference)
    holder = parse_literal(holder_url)
    base = literal.base or (holder.base if holder is not None else "")
    if base and (row := tx.get(NAMES, _key(member_id, f"{base}/{literal.type}/{literal.id}"))) is not None:
        return find_named(tx, member_id, row["id"])
    for name in (_at("", literal.id), literal.id):
        row = tx.get(NAMES, _key(member_id, name))
        found = None if row is None else find(tx, row["id"])
        kept = None if found is None else parse_literal(found["claim_url"] or "")
        if found is not None and not (base and kept is not None and kept.base not in ("", base)):
            return current(tx, found)
    own = tx.get(CLAIMS, literal.id)
    return current(tx, own) if own is not None and own["member_id"] == member_id else None


def before(tx: Interaction, record: Json) -> Iterator[Json]:
    """Yield the records that one took the place of, the latest first."""
    while (key := record.get("replaces")) is not None:
        record = tx.get(CLAIMS, key)
        yield record


def current(tx: Interaction, record: Json) -> Json:
    """Return the record that took the place of one, itself where none did."""
    while record["replaced_by"] is not None:
        record = tx.get(CLAIMS, record["replaced_by"])
    return record


def replace(tx: Interaction, record: Json, by: str) -> None:
    """Say that another took the place of a record."""
    tx.put(CLAIMS, record["id"], {**record, "replaced_by": by})


def record_of(tx: Interaction, request_id: str) -> Json | None:
    """Return the record that a case is an item of, None for one that came through another door."""
    row = tx.get(CASES, request_id)
    found = None if row is None else find(tx, row["id"])
    return None if found is None else current(tx, found)


def case_of(tx: Interaction, item: Json) -> Json | None:
    """Return the case of a record's item, as it is now; None for one that made no case."""
    row = None if item["request_id"] is None else tx.get(REQUESTS, item["request_id"])
    return None if row is None else completed(row)


def plain_record(case: Json) -> Json:
    """Return what stands for the record of a case that came through another door."""
    return {
        "id": case_id(case["request_id"]),
        "at": case["submitted_at"],
        "member_id": case["patient_member_id"],
        "provider_npi": case["provider_npi"],
        "claim": None,
        "claim_url": None,
        "parties": {},
        "echoed": [],
        "items": [{"sequence": 1, "request_id": case["request_id"], "verdict": None, "item": {}}],
        "replaces": None,
        "replaced_by": None,
    }


def case_id(request_id: str) -> str:
    """Return a case's request id as FHIR can write it (R4, id): what an id may not have is spelled by its code point.

    >>> case_id("req_01M81537"), case_id("req-1")
    ('req.5F.01M81537', 'req-1')
    """
    spelled = "".join(c if c.isascii() and (c.isalnum() or c == "-") else f".{ord(c):X}." for c in request_id)
    return spelled if len(spelled) <= _ID_CHARS else derived_uuid("case", request_id)


def find_case(tx: Interaction, spelled: str) -> Json | None:
    """Return the case whose `case_id` this is, None where there is none."""
    request_id = _SPELLED.sub(lambda found: chr(int(found[1], 16)), spelled)
    row = tx.get(REQUESTS, request_id)
    if row is None and _UUID.fullmatch(spelled):
        row = next((one for _, one in tx.branch.items(REQUESTS) if case_id(one["request_id"]) == spelled), None)
    return None if row is None or case_id(row["request_id"]) != spelled else completed(row)


def _in_system(system: str, value: str) -> str:
    return f"{system}|{value}"


def _at(base: str, claim_id: str) -> str:
    return f"{base}/Claim/{claim_id}"


def _key(member_id: str, name: str) -> str:
    same = normal(name)
    return f"{member_id}|{same if len(same) <= _NAME_CHARS else derived_uuid('name', same)}"
