"""`fhir.resources` (R4B) as a second opinion: it and our validation agree, but for listed differences."""

import copy
import json

import pytest

from sandbox import jsonio
from sandbox.r4.model import resource_types
from sandbox.r4.validation import validate
from sandbox.r4.validation.second_opinion import NOT_IN_R4B, second_opinion
from sandbox.r4.validation.structures import structure

# Valid in R4, refused by R4B or by the library, and why.
DIFFERENCES = {"Evidence": "R4B gave the resource other elements"}


def plain(resource):
    """The library does not know our floats that remember their text."""
    return json.loads(jsonio.dump(resource))


def refused(resource):
    return list(second_opinion(plain(resource)))


def test_types_that_r4b_lacks_are_those_we_say():
    from fhir.resources.R4B import get_fhir_model_class

    missing = set()
    for name in resource_types():
        try:
            get_fhir_model_class(name)
        except ValueError:
            missing.add(name)
    assert missing == NOT_IN_R4B


def test_what_r4_calls_valid(examples):
    found = {}
    for example in examples:
        if refused(example):
            found.setdefault(example["resourceType"], []).append(example.get("id"))
    assert set(found) == set(DIFFERENCES)


SPOILERS = {
    "unknown element": lambda r: r.update(notAnElement="x"),
    "scalar for an array": lambda r: r.update(extension={"url": "urn:x", "valueString": "a"}),
    "array for a scalar": lambda r: r.update(language=["en"]),
    "two values of a choice": lambda r: r.update(extension=[{"url": "urn:x", "valueString": "a", "valueCode": "b"}]),
    "bad instant": lambda r: r.update(meta={"lastUpdated": "yesterday"}),
    "bad id": lambda r: r.update(id="a b"),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_both_refuse(examples, name):
    asked = 0
    for example in examples[::4]:
        elements = structure(example["resourceType"]).elements
        if example["resourceType"] in NOT_IN_R4B | set(DIFFERENCES) or "extension" not in elements:
            continue
        twin = copy.deepcopy(example)
        SPOILERS[name](twin)
        assert validate(twin), (name, example["resourceType"])
        assert refused(twin), (name, example["resourceType"])
        asked += 1
    assert asked > 30


def test_both_refuse_a_missing_required_element(examples):
    asked = 0
    for example in examples[::3]:
        if example["resourceType"] in NOT_IN_R4B | set(DIFFERENCES):
            continue
        for _, spellings in structure(example["resourceType"]).required:
            twin = {key: item for key, item in example.items() if key not in spellings}
            assert validate(twin)
            assert refused(twin), (example["resourceType"], spellings)
            asked += 1
    assert asked > 60


def test_wrong_codes_are_ours_alone():
    """The library does not check required bindings: the reason why it does not decide."""
    patient = {"resourceType": "Patient", "gender": "banana"}
    assert [i.code for i in validate(patient)] == ["code-invalid"]
    assert refused(patient) == []
