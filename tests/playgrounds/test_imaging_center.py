"""The imaging center's dataset: coherent between charts and payer, rightly coded, with the near-duplicates life has."""

import base64
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.playgrounds.test_clinic import CPT, ICD10, LOINC, NPI, SNOMED, luhn, verhoeff, walk

FOLDER = Path(__file__).parents[2] / "seeds" / "imaging-center"
TODAY = "2026-06-09"


@pytest.fixture(scope="module")
def chart() -> dict[str, dict[str, Any]]:
    rows = [
        json.loads(line)
        for path in sorted((FOLDER / "fhir").glob("*.ndjson"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len({(row["resourceType"], row["id"]) for row in rows}) == len(rows)
    return {f"{row['resourceType']}/{row['id']}": row for row in rows}


@pytest.fixture(scope="module")
def portal() -> dict[str, list[dict[str, Any]]]:
    return dict(yaml.safe_load((FOLDER / "portal.yaml").read_text(encoding="utf-8")))


def of_type(chart: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [row for row in chart.values() if row["resourceType"] == kind]


def test_every_resource_is_valid_and_every_reference_resolves(chart: Any) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    for row in chart.values():
        get_fhir_model_class(row["resourceType"]).model_validate(row)
        assert not [p["reference"] for p in walk(row) if "reference" in p and p["reference"] not in chart], row["id"]


def test_codes_numbers_and_phones_are_well_formed(chart: Any, portal: Any) -> None:
    seen: Counter[str] = Counter()
    for row in chart.values():
        for part in walk(row):
            system, code = part.get("system", ""), part.get("code")
            if system in ("phone", "fax"):
                assert re.fullmatch(r"419-555-01\d\d", part["value"])
            elif system == NPI:
                assert luhn("80840" + part["value"])
            elif code:
                seen[system] += 1
                if system == LOINC:
                    assert luhn(code.replace("-", ""))
                elif system == SNOMED:
                    assert verhoeff(code)
                elif system == ICD10:
                    assert re.fullmatch(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?", code) and part["display"]
                elif system == CPT:
                    assert re.fullmatch(r"\d{5}", code) and "display" not in part
    assert {LOINC, SNOMED, ICD10, CPT} <= seen.keys()
    assert all(re.fullmatch(r"419-555-01\d\d", row["phone"]) for row in portal["patients"])
    numbers = {i["value"] for row in of_type(chart, "Practitioner") for i in row["identifier"]}
    assert numbers == {row["npi"] for row in portal["providers"]}


def test_charts_and_portal_know_the_same_people(chart: Any, portal: Any) -> None:
    members = {row["member_id"]: row for row in portal["patients"]}
    coverages = of_type(chart, "Coverage")
    assert members.keys() == {row["subscriberId"] for row in coverages}
    for coverage in coverages:
        patient, member = chart[coverage["beneficiary"]["reference"]], members[coverage["subscriberId"]]
        name = patient["name"][0]
        assert (name["given"][0], name["family"]) == (member["first_name"], member["last_name"])
        assert (patient["birthDate"], patient["gender"]) == (member["birth_date"], member["gender"])
        assert coverage["class"][0]["value"] == member["plan"]


def test_what_is_on_file_fits_the_charts(chart: Any, portal: Any) -> None:
    members = {row["subscriberId"]: row["beneficiary"]["reference"] for row in of_type(chart, "Coverage")}
    problems = {(row["subject"]["reference"], row["code"]["coding"][0]["code"]) for row in of_type(chart, "Condition")}
    asked = {row["procedure_code"]: {q["id"] for q in row["questions"]} for row in portal["questions"]}
    at_odds = {
        row["request_id"]
        for row in portal["prior_auths"]
        for code in row["diagnosis_codes"]
        if (members[row["patient_member_id"]], code) not in problems
    }
    assert at_odds == {"req_bell_lumbar"}  # the wrong Marcus Bell's
    for row in portal["prior_auths"]:
        assert row["clinical_answers"].keys() <= asked[row["procedure_code"]], row["request_id"]
        assert row["created_at"] <= f"{TODAY}T13:00:00Z"
    for row in of_type(chart, "ServiceRequest"):
        assert row["code"]["coding"][0]["code"] in asked and row["authoredOn"][:10] <= TODAY
        assert chart[row["insurance"][0]["reference"]]["beneficiary"] == row["subject"]


def test_notes_are_text_of_their_day(chart: Any) -> None:
    for row in of_type(chart, "DocumentReference"):
        text = base64.b64decode(row["content"][0]["attachment"]["data"]).decode()
        named = re.findall(r"\d{4}-\d\d-\d\d", text)
        assert len(text) > 60 and all(date.fromisoformat(day) <= date.fromisoformat(row["date"][:10]) for day in named)


def test_the_near_duplicates_are_there(chart: Any, portal: Any) -> None:
    names = Counter(f"{row['name'][0]['given'][0]} {row['name'][0]['family']}" for row in of_type(chart, "Patient"))
    assert {name for name, count in names.items() if count > 1} == {"Marcus Bell", "Ruth Ellery"}
    states = Counter((row.get("determination") or {}).get("status") for row in portal["prior_auths"])
    assert states == {None: 5, "denied": 4, "approved": 3, "need_more_info": 1}
