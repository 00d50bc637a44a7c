"""The table of the mess: each rule against its pair, and what holds for every rule on the clinic's charts."""

from copy import deepcopy
from pathlib import Path

import pytest

from sandbox import jsonio
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import Mess
from sandbox.playground.branch import Seed
from sandbox.r4.validation import validate, walk
from sandbox.r4.validation.second_opinion import second_opinion
from sandbox.simulators.fhir.mess import RULES, make_messy
from sandbox.simulators.fhir.mess.clinic import Clinic
from sandbox.simulators.fhir.mess.pairs import PAIRS
from sandbox.simulators.fhir.mess.rules import Wear
from sandbox.simulators.fhir.seed import load_seed

CLINIC = Path(__file__).parents[4] / "seeds" / "regional-clinic"
NOBODY: frozenset[str] = frozenset()


def seed_of(*resources):
    rows: dict[str, dict] = {}
    for resource in resources:
        rows.setdefault("fhir/" + resource["resourceType"], {})[resource["id"]] = resource
    return Seed.of(rows)


@pytest.fixture(scope="module")
def tidy():
    return load_seed(Dataset.read(CLINIC), {})


def documents(seed):
    return {(name, key): doc.json for name, rows in seed.collections.items() for key, doc in rows.items()}


def added(tidy, messy):
    before = documents(tidy)
    return [jsonio.parse(text) for key, text in documents(messy).items() if key not in before]


def changed(tidy, messy):
    before, after = documents(tidy), documents(messy)
    return [(jsonio.parse(before[key]), jsonio.parse(after[key])) for key in before if before[key] != after[key]]


def test_each_rule_has_a_pair():
    assert list(PAIRS) == [rule.name for rule in RULES]
    assert {rule.level for rule in RULES} == {1, 2, 3}
    assert [rule.level for rule in RULES] == sorted(rule.level for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_makes_what_its_pair_says(rule):
    pair = PAIRS[rule.name]
    clinic = Clinic(seed_of(pair.before, *pair.beside), Mess(3, 0, NOBODY))
    given = deepcopy(pair.before)
    assert given["resourceType"] in rule.types
    if isinstance(rule, Wear):
        assert rule.change(given, clinic)
        assert [given] == list(pair.after)
        assert not rule.change(given, clinic), "there is nothing more to take"
    else:
        assert rule.make(given, clinic) == list(pair.after)
        assert given == pair.before
    for resource in (pair.before, *pair.after):
        assert validate(resource) == []


@pytest.mark.parametrize(
    ("rule", "resource"),
    [
        ("unsaid-status", {"resourceType": "Schedule", "id": "a", "active": False, "actor": [{"display": "x"}]}),
        ("unsaid-status", {"resourceType": "Location", "id": "a", "status": "suspended"}),
        (
            "unsaid-status",
            {
                "resourceType": "Condition",
                "id": "a",
                "subject": {"display": "x"},
                "clinicalStatus": {"coding": [{"code": "resolved"}]},
            },
        ),
        ("free-text-code", {"resourceType": "Condition", "id": "a", "code": {"coding": [{"code": "195967001"}]}}),
        ("replaced-chart", {"resourceType": "Patient", "id": "a", "active": False}),
        ("former-coverage", {**PAIRS["former-coverage"].before, "period": {"start": "2024"}}),
        (
            "former-coverage",
            {**PAIRS["former-coverage"].before, "period": {"start": "2024-01-01", "end": "2026-12-31"}},
        ),
        ("former-coverage", {**PAIRS["former-coverage"].before, "status": "cancelled"}),
        ("noted-twice", {**PAIRS["noted-twice"].before, "clinicalStatus": {"coding": [{"code": "resolved"}]}}),
        ("partial-date", {"resourceType": "Condition", "id": "a", "onsetDateTime": "2019-05"}),
        ("entered-in-error", {"resourceType": "Patient", "id": "nobody-has-an-allergy"}),
    ],
)
def test_what_decides_is_left_alone(rule, resource):
    found = next(r for r in RULES if r.name == rule)
    clinic, given = Clinic(seed_of(resource), Mess(3, 0, NOBODY)), deepcopy(resource)
    assert not (found.change(given, clinic) if isinstance(found, Wear) else found.make(given, clinic))
    assert given == resource


def test_a_birth_date_that_tells_namesakes_apart_keeps_its_day():
    def patient(key, family):
        return {"resourceType": "Patient", "id": key, "name": [{"family": family}], "birthDate": "1984-03-12"}

    (rule,) = (r for r in RULES if r.name == "partial-date")
    clinic = Clinic(seed_of(patient("a", "Chen"), patient("b", "CHEN"), patient("c", "Lund")), Mess(3, 0, NOBODY))
    assert [rule.change(patient(key, "x"), clinic) for key in "c"] == [False]
    assert [rule.change(patient(k, f), clinic) for k, f in (("a", "Chen"), ("c", "Lund"))] == [False, True]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_every_level_is_valid_r4_for_two_judges(tidy, level):
    messy = make_messy(tidy, Mess(level, 0, NOBODY))
    touched = [*added(tidy, messy), *(after for _, after in changed(tidy, messy))]
    assert len(touched) > 100
    places = {f"{name.removeprefix('fhir/')}/{key}" for name, rows in messy.collections.items() for key in rows}
    for resource in touched:
        issues, links = walk(resource)
        assert issues == []
        assert {link.text for link in links if link.kind == "reference"} <= places
        assert list(second_opinion(resource)) == [], resource


def test_a_level_has_all_that_the_level_below_has(tidy):
    one, two, three = (make_messy(tidy, Mess(level, 0, NOBODY)) for level in (1, 2, 3))
    assert not added(tidy, one)
    assert set(documents(one)) < set(documents(two)) < set(documents(three))
    worn = [{before["id"] for before, _ in changed(tidy, messy)} for messy in (one, two, three)]
    assert worn[0] == worn[1] < worn[2]
    extra = [{resource["id"] for resource in added(tidy, messy)} for messy in (two, three)]
    assert extra[0] < extra[1]


def test_the_same_words_the_same_seed_and_another_seed_another_mess(tidy):
    hashes = [make_messy(tidy, Mess(3, seed, NOBODY)).hash_sum for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_all_kinds_are_there_at_the_highest_level(tidy):
    """Each rule hits somebody on the clinic's charts, and not everybody."""
    clinic = Clinic(tidy, Mess(3, 0, NOBODY))
    for rule in RULES:
        rows = [resource for kind in rule.types for resource in clinic.of_type(kind)]
        made = [rule.change(row, clinic) if isinstance(rule, Wear) else bool(rule.make(row, clinic)) for row in rows]
        assert any(made), rule.name
    messy = make_messy(tidy, Mess(3, 0, NOBODY))
    for name in ("Patient", "Condition", "AllergyIntolerance", "Immunization"):
        rows = tidy.collections[f"fhir/{name}"]
        same = [key for key, document in rows.items() if messy.collections[f"fhir/{name}"][key] is document]
        assert 0 < len(same) < len(rows)


def test_of_three_coverages_one_is_in_force(tidy):
    messy = make_messy(tidy, Mess(2, 0, NOBODY))
    owners: dict[str, list] = {}
    for document in messy.collections["fhir/Coverage"].values():
        row = jsonio.parse(document.json)
        owners.setdefault(row["beneficiary"]["reference"], []).append(row)
    three = [rows for rows in owners.values() if len(rows) == 3]
    assert len(three) > 10
    for rows in three:
        assert sorted(row["status"] for row in rows) == ["active", "active", "cancelled"]
        assert len([row for row in rows if "end" not in row["period"]]) == 1
        assert len({row["subscriberId"] for row in rows}) == 3
    assert any("end" in rows[0]["period"] for rows in three), "the first is not always the right one"


def test_what_no_rule_touches_is_shared(tidy):
    messy = make_messy(tidy, Mess(3, 0, NOBODY))
    for name in ("fhir/Observation", "fhir/Slot", "fhir/Appointment", "fhir/ServiceRequest", "fhir/DocumentReference"):
        assert messy.collections[name] is tidy.collections[name]


@pytest.mark.parametrize("word", ["maria-chen", "RC-100201", "EVM204817735", "maria-chen-asthma"])
def test_a_chart_that_is_named_in_any_way_is_not_worn(tidy, word):
    """By id, record number, member number, or something in it."""
    found = {b["id"] for seed in range(6) for b, _ in changed(tidy, make_messy(tidy, Mess(3, seed, frozenset())))}
    assert {"maria-chen", "maria-chen-asthma"} <= found
    named = frozenset({word.casefold()})
    worn = [b for seed in range(6) for b, _ in changed(tidy, make_messy(tidy, Mess(3, seed, named)))]
    assert worn
    assert not [
        b
        for b in worn
        if "Patient/maria-chen" in str(b.get("subject") or b.get("patient"))[:40] and "maria-chen-2" not in b["id"]
    ]
    assert "maria-chen" not in {b["id"] for b in worn}


def test_a_patient_named_by_name_is_not_worn_and_neither_are_namesakes(tidy):
    words = frozenset({"maria", "chen"})
    worn = {b["id"] for seed in range(6) for b, _ in changed(tidy, make_messy(tidy, Mess(3, seed, words)))}
    assert not {key for key in worn if key.startswith("maria-chen")}


def test_what_is_not_valid_after_a_rule_stays_as_it_was():
    """An extension that must not stand without its code: the resource is left tidy rather than made invalid."""
    odd = {"resourceType": "Location", "id": "a", "status": "active", "mode": "no-such-mode"}
    seed = seed_of(odd)
    messy = [make_messy(seed, Mess(1, number, NOBODY)) for number in range(8)]
    assert all(one.collections["fhir/Location"] is seed.collections["fhir/Location"] for one in messy)
