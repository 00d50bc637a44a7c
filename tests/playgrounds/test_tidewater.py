"""The dataset of billing and drugs: valid, rightly coded, and the payer's members are the patients of the charts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhir.resources.R4B import get_fhir_model_class

from tests.playgrounds.test_clinic import CPT, ICD10, LOINC, NPI, RXNORM, SNOMED, luhn, verhoeff, walk

FOLDER = Path(__file__).parents[2] / "seeds" / "tidewater-clinic"
NDC = re.compile(r"\d{5}-\d{4}-\d{2}")


@pytest.fixture(scope="module")
def charts() -> dict[str, dict[str, Any]]:
    rows = [
        json.loads(line)
        for path in sorted((FOLDER / "fhir").glob("*.ndjson"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    found = {f"{row['resourceType']}/{row['id']}": row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def portal() -> Any:
    return yaml.safe_load((FOLDER / "portal.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def payer() -> Any:
    return yaml.safe_load((FOLDER / "payer.yaml").read_text(encoding="utf-8"))


def test_every_resource_is_valid_and_every_reference_resolves(charts: Any) -> None:
    for reference, row in charts.items():
        assert get_fhir_model_class(row["resourceType"]).model_validate(row).id == row["id"], reference
    references = [part["reference"] for row in charts.values() for part in walk(row) if "reference" in part]
    assert len(references) > 100
    assert not [reference for reference in references if reference not in charts]


def test_codes_have_the_form_and_check_digit_of_their_system(charts: Any) -> None:
    seen = set()
    for part in (part for row in charts.values() for part in walk(row) if part.get("code") and part.get("system")):
        system, code = part["system"], part["code"]
        seen.add(system)
        if system == SNOMED:
            assert verhoeff(code), code
        elif system == LOINC:
            assert luhn(code.replace("-", "")), code
        elif system == ICD10:
            assert re.fullmatch(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?", code), code
        elif system == RXNORM:
            assert code.isdigit(), code
        elif system == CPT:
            assert re.fullmatch(r"\d{5}", code) and "display" not in part, code
    assert seen >= {SNOMED, LOINC, ICD10, RXNORM, CPT}


def test_the_payers_members_are_the_patients(charts: Any, portal: Any) -> None:
    cards = [row for row in charts.values() if row["resourceType"] == "Coverage"]
    ours = {row["subscriberId"]: row for row in cards if row["payor"][0]["reference"] == "Organization/cedar-point"}
    assert {row["member_id"] for row in portal["patients"]} == ours.keys()
    for member in portal["patients"]:
        patient = charts[ours[member["member_id"]]["beneficiary"]["reference"]]
        name = patient["name"][0]
        assert [member["first_name"], member["last_name"]] == [name["given"][0], name["family"]]
        assert (str(member["birth_date"]), member["gender"]) == (patient["birthDate"], patient["gender"])
        assert member["phone"] == patient["telecom"][0]["value"]
        assert re.fullmatch(r"\d{3}-555-01\d\d", member["phone"])


def test_the_payers_providers_are_the_clinicians(charts: Any, portal: Any) -> None:
    npis = {
        one["value"]
        for row in charts.values()
        if row["resourceType"] == "Practitioner"
        for one in row["identifier"]
        if one["system"] == NPI
    }
    assert {row["npi"] for row in portal["providers"]} == npis
    assert all(luhn("80840" + npi) for npi in npis)


def test_a_plan_that_is_covered_by_the_payers_records_is_the_one_of_the_portal(portal: Any, payer: Any) -> None:
    """What is in force on the dataset's day is told alike in both files."""
    members = {row["member_id"]: row for row in portal["patients"]}
    in_force = {
        row["member_id"]: row["plan"]
        for row in payer["coverages"]
        if row.get("kind", "medical") == "medical" and "payer" not in row and "end" not in row
    }
    assert len(in_force) > 2
    assert {member: members[member]["plan"] for member in in_force} == in_force


def test_drugs_that_need_an_authorization_have_a_code_and_questions(portal: Any) -> None:
    questions = {row["procedure_code"] for row in portal["questions"]}
    names = {row["drug"] for row in portal["formulary"]}
    for row in portal["formulary"]:
        assert set(row.get("alternatives", ())) <= names
        if "ndc" in row:
            assert NDC.fullmatch(row["ndc"])
            assert row["ndc"] in questions


def test_near_duplicates_are_told_apart_by_their_birth_date(portal: Any) -> None:
    people = [(row["last_name"], row["first_name"], str(row["birth_date"])) for row in portal["patients"]]
    assert len(set(people)) == len(people)
    assert len({person[:2] for person in people}) <= len(people) - 7


def test_an_adjusted_line_adds_up_and_says_codes_alone(payer: Any) -> None:
    for claim in payer["claims"]:
        for line in claim["lines"]:
            assert set(line) <= {
                "procedure_code", "units", "charge", "allowed", "paid", "status", "adjustments", "rarc",
            }  # fmt: skip
            for one in line.get("adjustments", ()):
                assert set(one) == {"group", "carc", "amount"}
