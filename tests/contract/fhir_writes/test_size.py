"""As many entries as a Bundle may have, and one more."""

import time

import pytest

from sandbox import limits

IN_TIME_S = 60  # on a slow and busy machine; the docs have the usual figure
PATIENT = {"resourceType": "Patient", "name": [{"family": "Chen"}]}


def of(reference, **more):
    value = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}}
    return {**value, "subject": {"reference": reference}, **more}


def grown(entry, count):
    """A patient's record of so many entries that refer to each other."""
    yield entry(
        "POST", "Patient", {**PATIENT, "identifier": [{"value": "p"}]}, "urn:uuid:p", ifNoneExist="identifier=p"
    )
    for n in range(count - 1):
        row = of(
            "urn:uuid:p", derivedFrom=[{"reference": f"urn:uuid:o{n - 1}"}] if n else [{"reference": "Observation/x"}]
        )
        yield entry("POST", "Observation", row, f"urn:uuid:o{n}")


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_a_bundle_of_as_many_entries_as_there_may_be(fhir, kind):
    rows = list(grown(fhir.entry, limits.BUNDLE_ENTRIES))
    if kind == "batch":
        rows = [rows[0], *(fhir.entry("POST", "Observation", of("Patient/ana"), r["fullUrl"]) for r in rows[1:])]
    began = time.monotonic()
    places = await fhir.done(*rows, kind=kind)
    assert time.monotonic() - began < IN_TIME_S
    assert len(set(places)) == limits.BUNDLE_ENTRIES == 10_000
    last = await fhir.get(places[-1])
    if kind == "transaction":
        assert (last["subject"], last["derivedFrom"]) == ({"reference": places[0]}, [{"reference": places[-2]}])


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_a_bundle_of_one_entry_more(fhir, kind):
    before = fhir.run.state_hash()
    answer = await fhir.bundle(*grown(fhir.entry, limits.BUNDLE_ENTRIES + 1), kind=kind)
    assert answer.status == 413
    text = answer.json["issue"][0]["diagnostics"]
    assert "10001 entries" in text and "10000" in text and "several Bundles" in text
    assert fhir.run.state_hash() == before


@pytest.mark.parametrize(
    ("body", "said"),
    [([], "has no resourceType"), ({"entry": []}, "has no resourceType"), (PATIENT, 'not "Patient"')],
)
async def test_the_base_says_what_it_got_instead_of_a_bundle(fhir, body, said):
    answer = await fhir.run.call("POST", "fhir", json=body)
    assert answer.status == 400 and said in answer.json["issue"][0]["diagnostics"], answer
