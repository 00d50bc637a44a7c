"""Whose card a chart of the playground holds: from the id of a FHIR Patient to the person that a payer is asked about.

Only what a front desk reads from the chart: names, birth date, and the member identifier of a coverage in force.
"""

from collections.abc import Iterator

from sandbox.jsonio import Json
from sandbox.payer.people import MEMBERS, Person
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.transactions.values import GENDERS

_PATIENTS = "fhir/Patient"
_COVERAGES = "fhir/Coverage"


def find_person(tx: Interaction, patient_id: str) -> Person | None:
    """Return who a patient is to the payer; a member's own identifier is taken, too. None where there is neither.

    Of several coverages the active one counts, of several of these the one that began last.
    """
    key = patient_id.removeprefix("Patient/")
    patient = tx.get(_PATIENTS, key)
    if not isinstance(patient, dict):
        row = tx.get(MEMBERS, patient_id)
        return None if row is None else _of_member(row)
    name: Json = next(iter(_list(patient, "name")), {})
    given = next((text for text in _list(name, "given") if isinstance(text, str)), "")
    family, birth, gender = (
        str(part.get(k) or "") for part, k in ((name, "family"), (patient, "birthDate"), (patient, "gender"))
    )
    numbers = [number for _, number in sorted(_numbers(tx, key), reverse=True)]
    known = next((n for n in numbers if tx.get(MEMBERS, n) is not None), numbers[0] if numbers else "")
    day = birth if len(birth) == 10 else ""
    return Person(known, family[:60], given[:35], "", day, GENDERS.get(gender, ""))


def _of_member(row: Json) -> Person:
    day, gender = row["birth_date"], GENDERS.get(row["gender"], "U")
    return Person(row["member_id"], row["last_name"], row["first_name"], "", day, gender)


def _numbers(tx: Interaction, patient: str) -> Iterator[tuple[tuple[bool, str], str]]:
    """Yield the member identifiers of a patient's coverages, with whether and since when they are in force."""
    for _, coverage in tx.branch.items(_COVERAGES):
        if (coverage.get("beneficiary") or {}).get("reference") != f"Patient/{patient}":
            continue
        is_active = coverage.get("status") == "active"
        since = str((coverage.get("period") or {}).get("start") or "")
        if isinstance(coverage.get("subscriberId"), str):
            yield (is_active, since), coverage["subscriberId"]
        for identifier in _list(coverage, "identifier"):
            if isinstance(identifier.get("value"), str):
                yield (is_active, since), identifier["value"]


def _list(value: Json, name: str) -> list[Json]:
    found = value.get(name)
    return found if isinstance(found, list) else []
