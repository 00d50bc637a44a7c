"""Whom a Claim names: the member, by the patient and the coverage; the provider, by NPI.

The rules of who is meant are the payer's (`payer/people.py`), as for every door. A resource that the Bundle does not
hold may be named by its identifier alone.
"""

from collections.abc import Iterator

from sandbox.jsonio import Json
from sandbox.payer import identifiers
from sandbox.payer.people import Person, Rejection, find_dependent, find_member, find_provider, is_family
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.fhir.refusing import reject
from sandbox.simulators.portal.fhir.sent import CLAIM_AT, Found, Sent
from sandbox.simulators.portal.fhir.terms import NPI, codings, part, parts, text

_MEMBER_NUMBER = "MB"
_NAME_CHARS = 60
_SELF = ("", "self")


def find_beneficiary(tx: Interaction, sent: Sent) -> Json:
    """Return the member that a Claim is for. Raises `Rejected`, `Invalid` where the Bundle lacks the Patient."""
    claim = sent.claim.resource
    patient = _patient_of(sent)
    coverage = coverage_of(sent)
    name: Json = next(iter(parts(patient, "name")), {})
    given = name.get("given") if isinstance(name, dict) else None
    first = next((one for one in given if isinstance(one, str)), "") if isinstance(given, list) else ""
    person = Person(
        last_name=text(name, "family")[:_NAME_CHARS],
        first_name=first.strip()[:_NAME_CHARS],
        birth_date=text(patient, "birthDate"),
    )
    own = [*_numbers(patient), *_numbers({"identifier": parts(part(claim, "patient"), "identifier")})]
    insured = [text(coverage, "subscriberId"), *_numbers(coverage)]
    is_self = _relationship(coverage) in _SELF
    numbers = [one for one in (*own, *(insured if is_self else ())) if one]
    known = next((one for one in numbers if identifiers.find(tx, "patients", one) is not None), None)
    found: Json | Rejection
    if known is None and not is_self and insured and insured[0]:
        found = find_dependent(tx, person, Person(member_id=insured[0]))
    else:
        number = known or (numbers[0] if numbers else "")
        found = find_member(tx, _with_number(person, number))
        if isinstance(found, Rejection) and known is None and person.has_name and person.birth_date:
            # A patient may come with numbers of other systems only.
            found = find_member(tx, person)
    if isinstance(found, Rejection):
        raise reject("member", found)
    for one in insured:
        row = identifiers.find(tx, "patients", one) if one else None
        if row is not None and not is_family(tx, found, row):
            raise reject("member", Rejection("72", text="the Coverage is another member's"))
    return found


def _with_number(person: Person, number: str) -> Person:
    return Person(number, person.last_name, person.first_name, "", person.birth_date)


def _patient_of(sent: Sent) -> Json:
    reference = part(sent.claim.resource, "patient")
    found = sent.find(reference)
    if found is None and parts(reference, "identifier"):
        return {}
    return sent.need(reference, "Claim.patient", f"{CLAIM_AT}.patient").resource if found is None else found.resource


def coverage_of(sent: Sent) -> Json:
    """Return the coverage that the Claim is under: the focal one, else the first; an empty one where none is sent."""
    rows = parts(sent.claim.resource, "insurance")
    focal = next((row for row in rows if row.get("focal") is True), rows[0] if rows else {})
    found = sent.find(part(focal, "coverage"))
    return {} if found is None else found.resource


def _relationship(coverage: Json) -> str:
    found = codings(part(coverage, "relationship"))
    return text(found[0], "code") if found else ""


def _numbers(resource: Json) -> list[str]:
    """Return the identifiers of a resource, those of the type member number first."""
    rows = [row for row in parts(resource, "identifier") if text(row, "value")]
    rows.sort(key=lambda row: _MEMBER_NUMBER not in [text(one, "code") for one in codings(part(row, "type"))])
    return [text(row, "value")[:64] for row in rows]


def find_requester(tx: Interaction, sent: Sent) -> Json:
    """Return the provider that a Claim is from: the first whom this payer knows of `Claim.provider` and, where that is
    an organization that it does not know, the care team. Raises `Rejected`, `Invalid` where the Bundle lacks them.
    """
    claim = sent.claim.resource
    named = list(_npis(sent, part(claim, "provider"), "provider"))
    team = sorted(parts(claim, "careTeam"), key=lambda row: str(row.get("sequence")))
    for row in team:
        named += _npis(sent, part(row, "provider"), None)
    rejection: Rejection | None = None
    for npi in named:
        found = find_provider(tx, npi)
        if not isinstance(found, Rejection):
            return found
        rejection = rejection or found
    raise reject("requester", rejection or Rejection("43", text="no National Provider Identifier is given"))


def _npis(sent: Sent, reference: Json, element: str | None) -> Iterator[str]:
    """Yield the NPIs that a reference leads to: of a practitioner, an organization, or of both by way of a role."""
    yield from _npis_of({"identifier": parts(reference, "identifier")})
    found = sent.find(reference)
    if found is None:
        if element is not None and not parts(reference, "identifier"):
            sent.need(reference, f"Claim.{element}", f"{CLAIM_AT}.{element}")
        return
    yield from _npis_of(found.resource)
    if found.type == "PractitionerRole":
        for name in ("practitioner", "organization"):
            behind = sent.find(part(found.resource, name), found)
            yield from _npis_of(part(found.resource, name)) if behind is None else _npis_of(behind.resource)


def _npis_of(resource: Json) -> Iterator[str]:
    for row in parts(resource, "identifier"):
        if text(row, "system") == NPI and text(row, "value"):
            yield text(row, "value")[:64]


def referred(sent: Sent) -> dict[str, Json]:
    """Return whom an answer refers to as `patient`, `insurer` and `requestor`, so that it can be read by itself.

    By the URL that the Bundle gives; by identifier what is contained in the Claim, which the answer is not.
    """
    claim = sent.claim.resource
    insurer: Json = part(claim, "insurer") or next(iter(parts(coverage_of(sent), "payor")), {})
    named = {"patient": part(claim, "patient"), "insurer": insurer, "requestor": part(claim, "provider")}
    return {name: _reference(sent, reference) for name, reference in named.items()}


def _reference(sent: Sent, reference: Json) -> Json:
    found = sent.find(reference)
    rest = {name: value for name, value in reference.items() if name in ("identifier", "display", "type")}
    if found is None:
        name = text(reference, "reference")
        return {"reference": name, **rest} if name and not name.startswith("#") else rest or {"display": "The payer"}
    if is_absolute(found.url):
        return {"reference": found.url, **rest}
    if found.url and text(found.resource, "id"):
        return {"reference": f"{found.type}/{text(found.resource, 'id')}", **rest}
    identifier = next(iter(parts(found.resource, "identifier")), None)
    return rest or ({"identifier": identifier} if identifier else {"display": f"The {found.type} that was sent"})


def is_absolute(url: str) -> bool:
    """Whether a fullUrl can be referred to from anywhere.

    >>> is_absolute("https://ehr.test/Patient/1"), is_absolute("urn:uuid:0c31"), is_absolute("pat1")
    (True, True, False)
    """
    return "://" in url or url.startswith("urn:")


def echoed(sent: Sent) -> list[Found]:
    """Return what an answer refers to and gives back as it was sent: patient, insurer, requester."""
    claim = sent.claim.resource
    wanted = [sent.find(part(claim, name)) for name in ("patient", "insurer", "provider")]
    role = wanted[2]
    if role is not None and role.type == "PractitionerRole":
        wanted += [sent.find(part(role.resource, name), role) for name in ("practitioner", "organization")]
    if wanted[1] is None:
        coverage = coverage_of(sent)
        wanted.append(next((sent.find(row) for row in parts(coverage, "payor")), None))
    found: list[Found] = []
    for one in wanted:
        if one is not None and one.url and one not in found:
            found.append(one)
    return found
