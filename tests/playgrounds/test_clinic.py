"""The clinic dataset: valid, coherent, rightly coded, and with the near-duplicates life has."""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

TODAY = "2026-04-23"
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
ICD10, RXNORM = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX, CPT, NPI = "http://hl7.org/fhir/sid/cvx", "http://www.ama-assn.org/go/cpt", "http://hl7.org/fhir/sid/us-npi"
MRN = "https://regional-clinic.example/fhir/identifier/mrn"


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a JSON value."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from walk(child)
    elif isinstance(value, list):
        for child in value:
            yield from walk(child)


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


D = [[(i + j) % 5 if i < 5 and j < 5 else 0 for j in range(10)] for i in range(10)]
for i in range(10):
    for j in range(10):
        if i < 5 <= j:
            D[i][j] = 5 + (i + j) % 5
        elif i >= 5 > j:
            D[i][j] = 5 + (i - j) % 5
        elif i >= 5 and j >= 5:
            D[i][j] = (i - j) % 5
P = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
for _ in range(6):
    P.append([P[-1][P[1][k]] for k in range(10)])


def verhoeff(digits: str) -> bool:
    """Whether a SNOMED CT identifier's check digit is right."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = D[check][P[place % 8][int(digit)]]
    return check == 0


@pytest.mark.parametrize(("check", "good"), [(verhoeff, "44054006"), (luhn, "808401234567893")])
def test_the_check_digit_tests_can_fail(check: Any, good: str) -> None:
    assert check(good)
    wrong = good[:-1] + str((int(good[-1]) + 1) % 10)
    assert not check(wrong)


def test_every_resource_is_valid_fhir_r4(clinic: Any) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    for reference, row in clinic.resources.items():
        model = get_fhir_model_class(row["resourceType"]).model_validate(row)
        assert model.id == row["id"], reference
        assert re.fullmatch(r"[a-z0-9.-]{1,64}", row["id"]), reference


def test_ids_are_unique_and_every_reference_resolves(clinic: Any) -> None:
    assert len(clinic.resources) == clinic.lines
    references = [part["reference"] for row in clinic.resources.values() for part in walk(row) if "reference" in part]
    assert len(references) > 3000
    assert not [reference for reference in references if reference not in clinic.resources]


def test_there_are_enough_patients_with_whole_charts(clinic: Any) -> None:
    patients = {f"Patient/{row['id']}" for row in clinic.of_type("Patient")}
    assert len(patients) >= 40
    for kind, field in (
        ("Coverage", "beneficiary"),
        ("Encounter", "subject"),
        ("Observation", "subject"),
        ("AllergyIntolerance", "patient"),
    ):
        assert {row[field]["reference"] for row in clinic.of_type(kind)} == patients, kind


def test_codes_have_the_form_and_check_digit_of_their_system(clinic: Any) -> None:
    seen: Counter[str] = Counter()
    for row in clinic.resources.values():
        for part in walk(row):
            system, code = part.get("system"), part.get("code")
            if not code:
                continue
            seen[system] += 1
            if system == SNOMED:
                assert verhoeff(code) and code[-3:-1] in ("00", "10"), code
            elif system == LOINC:
                body, _, digit = code.partition("-")
                assert luhn(body + digit), code
            elif system == ICD10:
                assert re.fullmatch(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?", code), code
            elif system in (RXNORM, CVX):
                assert code.isdigit(), code
            elif system == CPT:
                assert re.fullmatch(r"\d{5}", code) and "display" not in part, code
    assert {SNOMED, LOINC, ICD10, RXNORM, CVX, CPT} <= seen.keys()


def test_npis_pass_their_check_digit_and_are_unique(clinic: Any) -> None:
    numbers = [
        identifier["value"]
        for row in (*clinic.of_type("Practitioner"), *clinic.of_type("Organization"))
        for identifier in row.get("identifier", [])
        if identifier["system"] == NPI
    ]
    assert len(numbers) == len(set(numbers)) > 20
    assert all(re.fullmatch(r"199999\d{4}", number) and luhn("80840" + number) for number in numbers)
    practitioners = {row["identifier"][0]["value"] for row in clinic.of_type("Practitioner")}
    assert {row["npi"] for row in clinic.portal["providers"]} == practitioners


def test_all_phone_numbers_are_fictional(clinic: Any) -> None:
    numbers = [
        part["value"]
        for row in clinic.resources.values()
        for part in walk(row)
        if part.get("system") in ("phone", "fax")
    ]
    numbers += [row["phone"] for row in clinic.portal["patients"]]
    assert len(numbers) > 100
    assert not [number for number in numbers if not re.fullmatch(r"\d{3}-555-01\d\d", number)]


def test_time_runs_forward(clinic: Any) -> None:
    births = {f"Patient/{row['id']}": row["birthDate"] for row in clinic.of_type("Patient")}
    past = {
        "Condition": ("subject", "onsetDateTime"),
        "Observation": ("subject", "effectiveDateTime"),
        "DiagnosticReport": ("subject", "effectiveDateTime"),
        "Immunization": ("patient", "occurrenceDateTime"),
        "MedicationRequest": ("subject", "authoredOn"),
        "ServiceRequest": ("subject", "authoredOn"),
        "DocumentReference": ("subject", "date"),
    }
    for kind, (who, when) in past.items():
        for row in clinic.of_type(kind):
            day = row[when][:10]
            assert births[row[who]["reference"]] <= day <= TODAY, row["id"]
    for row in clinic.of_type("Appointment"):
        assert (row["start"][:10] > TODAY) == (row["status"] in ("booked", "cancelled")), row["id"]


def test_nobody_takes_what_they_are_allergic_to(clinic: Any) -> None:
    allergies = {
        (row["patient"]["reference"], coding["code"])
        for row in clinic.of_type("AllergyIntolerance")
        for coding in row["code"]["coding"]
    }
    taken = {
        (row["subject"]["reference"], coding["code"])
        for row in clinic.of_type("MedicationRequest")
        for coding in row["medicationCodeableConcept"]["coding"]
    }
    assert not allergies & taken


def test_drugs_are_given_for_a_problem_of_the_patient(clinic: Any) -> None:
    for row in clinic.of_type("MedicationRequest"):
        problem = clinic.resources[row["reasonReference"][0]["reference"]]
        assert problem["subject"]["reference"] == row["subject"]["reference"], row["id"]


def test_results_are_flagged_as_their_reference_range_says(clinic: Any) -> None:
    flagged = [row for row in clinic.of_type("Observation") if "referenceRange" in row]
    assert len(flagged) > 100
    for row in flagged:
        value, bounds = row["valueQuantity"]["value"], row["referenceRange"][0]
        low, high = (bounds.get(side, {}).get("value") for side in ("low", "high"))
        expected = "L" if low is not None and value < low else "H" if high is not None and value > high else "N"
        assert row["interpretation"][0]["coding"][0]["code"] == expected, row["id"]


def test_every_patient_is_insured_today_exactly_once(clinic: Any) -> None:
    in_force: Counter[str] = Counter()
    for row in clinic.of_type("Coverage"):
        period = row["period"]
        if row["status"] == "active" and period["start"] <= TODAY <= period.get("end", TODAY):
            in_force[row["beneficiary"]["reference"]] += 1
    assert set(in_force.values()) == {1}
    assert len(in_force) == len(clinic.of_type("Patient"))


def test_the_portal_knows_the_members_the_charts_name(clinic: Any) -> None:
    members = {row["member_id"]: row for row in clinic.portal["patients"]}
    named = {row["identifier"][0]["value"]: row for row in clinic.of_type("Coverage")}
    assert members.keys() == named.keys()
    for member, coverage in named.items():
        patient, row = clinic.resources[coverage["beneficiary"]["reference"]], members[member]
        assert (row["last_name"], row["birth_date"]) == (
            patient["name"][0]["family"],
            patient["birthDate"],
        )
        is_over = coverage["period"].get("end", TODAY) < TODAY
        assert row["coverage"]["status"] == ("inactive" if is_over else "active")


def test_a_slot_is_busy_exactly_when_an_appointment_has_it(clinic: Any) -> None:
    taken = {
        slot["reference"]
        for row in clinic.of_type("Appointment")
        if row["status"] == "booked"
        for slot in row.get("slot", [])
    }
    busy = {f"Slot/{row['id']}" for row in clinic.of_type("Slot") if row["status"] == "busy"}
    assert taken == busy
    for row in clinic.of_type("Appointment"):
        for slot in row.get("slot", []):
            found = clinic.resources[slot["reference"]]
            assert (found["start"], found["end"]) == (row["start"], row["end"])


def test_the_free_slots_of_a_specialty_never_begin_together(clinic: Any) -> None:
    free = Counter(
        (row["specialty"][0]["coding"][0]["code"], row["start"])
        for row in clinic.of_type("Slot")
        if row["status"] == "free" and clinic.resources[row["schedule"]["reference"]]["active"]
    )
    assert len(free) > 100
    assert set(free.values()) == {1}


def test_the_near_duplicates_are_there(clinic: Any) -> None:
    patients = clinic.of_type("Patient")
    same_name = Counter((row["name"][0]["family"], row["name"][0]["given"][0]) for row in patients)
    assert same_name["Chen", "Maria"] == same_name["O'Brien", "Thomas"] == 2
    twins = Counter((row["name"][0]["family"], row["birthDate"]) for row in patients)
    assert twins["Reyes", "2014-09-02"] == 2
    former = [name for row in patients for name in row["name"] if name["use"] == "old"]
    assert [name["family"] for name in former] == ["Kowalski"]
    ended = [row for row in clinic.of_type("Coverage") if row["period"].get("end", TODAY) < TODAY]
    assert [row["beneficiary"]["reference"] for row in ended] == ["Patient/anita-desai"]
    assert {"booked", "cancelled", "fulfilled", "noshow"} == {row["status"] for row in clinic.of_type("Appointment")}
    assert len({identifier["value"] for row in patients for identifier in row["identifier"]}) == len(patients)


def test_notes_hold_readable_text(clinic: Any) -> None:
    notes = clinic.of_type("DocumentReference")
    assert len(notes) >= 10
    for row in notes:
        text = base64.b64decode(row["content"][0]["attachment"]["data"]).decode()
        assert len(text) > 60 and not text.startswith(("\n", " "))


def test_the_record_number_block_continues_where_the_charts_end(clinic: Any) -> None:
    rows = (clinic.folder / "files" / "registration" / "mrn-block.csv").read_text().splitlines()[1:]
    states = dict(row.split(",") for row in rows)
    given = {i["value"] for row in clinic.of_type("Patient") for i in row["identifier"] if i["system"] == MRN}
    assert all((state == "used") == (number in given) for number, state in states.items())
    assert "free" in states.values()
