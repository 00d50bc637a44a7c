"""Loading a dataset: Bundles, single resources, NDJSON, and every way in which they can be wrong."""

import json
import tracemalloc

import pytest

from sandbox import jsonio
from sandbox.definitions.problems import DefinitionError
from sandbox.playground.branch import Branch
from sandbox.simulators.fhir import FhirSimulator
from sandbox.simulators.fhir.seed import SEED_INSTANT, deep_check, line_of_entry

URN = "urn:uuid:00000000-0000-4000-8000-00000000000{}"


@pytest.fixture
def load(make_dataset):
    def run(files):
        return FhirSimulator().load_seed(make_dataset({f"fhir/{name}": value for name, value in files.items()}), {})

    return run


@pytest.fixture
def problems(load):
    def run(files):
        with pytest.raises(DefinitionError) as caught:
            load(files)
        return [str(p) for p in caught.value.problems]

    return run


def bundle(*entries, kind="collection"):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def patient(key, **more):
    return {"resourceType": "Patient", "id": key, **more}


def observation(name, subject):
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": subject},
    }


def values(seed):
    return {(c, k): d.value for c, rows in seed.collections.items() for k, d in rows.items()}


def test_without_a_dataset():
    assert FhirSimulator().load_seed(None, {}).collections == {}


def test_every_kind_of_file(load):
    seed = load(
        {
            "a.json": patient("a"),
            "b.json": bundle({"resource": patient("b")}, {"resource": patient("c")}),
            "d.ndjson": b'{"resourceType":"Patient","id":"d"}\n\n{"resourceType":"Observation","id":"o","status":'
            b'"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"valueQuantity":{"value":4.10}}\n',
        }
    )
    assert set(seed.collections) == {"fhir/Patient", "fhir/Observation"}
    assert list(seed.collections["fhir/Patient"]) == ["a", "b", "c", "d"]
    text = seed.collections["fhir/Observation"]["o"].json
    assert b'"value":4.10' in text
    head = b'{"resourceType":"Observation","id":"o","meta":{"versionId":"1","lastUpdated":"%s"}' % SEED_INSTANT.encode()
    assert text.startswith(head)


def test_other_files_of_a_dataset_are_not_ours(make_dataset):
    dataset = make_dataset({"files/x.json": b"{", "hl7/a.hl7": b"MSH", "fhir/a.json": patient("a")})
    assert set(FhirSimulator().load_seed(dataset, {}).collections) == {"fhir/Patient"}


def test_values_are_parsed_when_somebody_asks(load):
    document = load({"a.json": patient("a")}).collections["fhir/Patient"]["a"]
    assert document._value is None
    assert document.value["id"] == "a"
    assert (document.version, document.value["meta"]["versionId"]) == (1, "1")


def test_a_resource_takes_no_more_memory_than_its_text_needs(load):
    rows = b"\n".join(jsonio.dump(patient(f"p{n}")) for n in range(2000))
    tracemalloc.start()
    try:
        seed = load({"Patient.ndjson": rows})
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    texts = sum(len(document.json) for document in seed.collections["fhir/Patient"].values())
    assert held < texts + 2000 * 500


def test_lines_may_end_as_they_do_elsewhere(load):
    rows = [jsonio.dump(patient(f"p{n}")) for n in range(3)]
    for end in (b"\n", b"\r\n", b"\r"):
        assert len(load({"Patient.ndjson": end.join(rows)}).collections["fhir/Patient"]) == 3


def test_a_resource_keeps_its_own_last_updated(load):
    seed = load({"a.json": patient("a", meta={"lastUpdated": "2020-01-01T10:00:00+02:00", "versionId": "9"})})
    value = seed.collections["fhir/Patient"]["a"].value
    assert value["meta"] == {"versionId": "1", "lastUpdated": "2020-01-01T10:00:00+02:00"}


def test_urn_full_urls_become_ids_and_references(load):
    files = {
        "t.json": bundle(
            {
                "fullUrl": URN.format(1),
                "resource": {"resourceType": "Patient"},
                "request": {"method": "POST", "url": "Patient"},
            },
            {
                "fullUrl": URN.format(2),
                "resource": {k: v for k, v in observation("", URN.format(1)).items() if k != "id"},
                "request": {"method": "POST", "url": "Observation"},
            },
            kind="transaction",
        )
    }
    seed = load(files)
    patient_id = URN.format(1).removeprefix("urn:uuid:")
    assert list(seed.collections["fhir/Patient"]) == [patient_id]
    [found] = (d.value for d in seed.collections["fhir/Observation"].values())
    assert found["subject"]["reference"] == f"Patient/{patient_id}"
    assert values(load(files)) == values(seed)


def test_ids_from_full_urls_and_from_the_place(load):
    files = {
        "t.json": bundle(
            {"fullUrl": "http://x.test/fhir/Patient/one", "resource": {"resourceType": "Patient"}},
            {"resource": {"resourceType": "Patient"}},
        )
    }
    first, second = load(files).collections["fhir/Patient"]
    assert first == "one" and len(second) == 26
    assert list(load(files).collections["fhir/Patient"]) == [first, second]


def test_conditional_references_are_resolved_in_the_dataset(load):
    practitioner = {"resourceType": "Practitioner", "id": "doc", "identifier": [{"system": "urn:npi", "value": "1"}]}
    row = {**observation("o", "Patient/a"), "performer": [{"reference": "Practitioner?identifier=urn:npi|1"}]}
    seed = load({"a.json": patient("a"), "o.json": row, "p.json": practitioner})
    assert seed.collections["fhir/Observation"]["o"].value["performer"] == [{"reference": "Practitioner/doc"}]


@pytest.mark.parametrize(
    ("condition", "text"),
    [("Practitioner?identifier=none", "matches 0"), ("Patient?active=true", "matches 2")],
)
def test_conditional_references_must_match_one(problems, condition, text):
    row = {**observation("o", "Patient/a"), "subject": {"reference": "Patient/a"}}
    if condition.startswith("Practitioner"):
        row["performer"] = [{"reference": condition}]
    else:
        row["subject"] = {"reference": condition}
    [problem] = problems({"a.json": patient("a", active=True), "b.json": patient("b", active=True), "o.json": row})
    assert text in problem and "seeds/clinic/fhir/o.json:1" in problem


PRETTY = json.dumps(bundle({"resource": patient("a")}, {"resource": patient("b", gender="banana")}), indent=1)


def test_invalid_resources_are_named_with_file_line_and_element(problems):
    [problem] = problems({"b.json": PRETTY.encode()})
    line = PRETTY[: PRETTY.index('"id": "b"')].count("\n") - 2
    assert problem.startswith(f"seeds/clinic/fhir/b.json:{line}: Patient.gender: ")


def test_lines_of_ndjson(problems):
    rows = b'{"resourceType":"Patient","id":"a"}\n\n{"resourceType":"Patient","id":"b","gender":"x"}\n'
    [problem] = problems({"p.ndjson": rows})
    assert problem.startswith("seeds/clinic/fhir/p.ndjson:3: Patient.gender")


@pytest.mark.parametrize(
    ("name", "content", "where", "text"),
    [
        ("a.json", b"{\n\n!", "a.json:3", "not valid JSON"),
        ("a.json", b"[]", "a.json:1", "must be a FHIR resource"),
        ("a.json", b"\xff", "a.json", "UTF-8"),
        ("a.ndjson", b'{"resourceType":"Patient","id":"a"}\n{', "a.ndjson:2", "not valid JSON"),
        ("a.ndjson", b'{\n{"resourceType":"Patient","id":"a"}', "a.ndjson:1", "at column 2"),
        ("a.txt", b"x", "a.txt", ".json"),
        ("a.json", b'{"resourceType":"Patient"}', "a.json:1", "needs an id"),
        ("a.json", b'{"resourceType":"Nope","id":"a"}', "a.json:1", "not a resource type"),
        ("a.json", b'{"id":"a"}', "a.json:1", "resourceType is missing"),
        ("a.json", b'{"resourceType":"Bundle","type":"batch",\n"entry":[{}]}', "a.json:2", "needs a resource"),
        ("a.json", b'{"resourceType":"Bundle","type":"batch","entry":[\n5]}', "a.json", "needs a resource"),
        (
            "a.json",
            b'{"resourceType":"Bundle","type":"batch","entry":[\n{"resource":5}]}',
            "a.json:2",
            "not a resource",
        ),
        ("a.json", b'{"resourceType":"Patient","id":"a","id":"b"}', "a.json", "appears twice"),
    ],
    ids=range(13),
)
def test_broken_files(problems, name, content, where, text):
    [problem] = problems({name: content})
    assert f"seeds/clinic/fhir/{where}" in problem
    assert text in problem


def test_ids_come_once(problems):
    [problem] = problems({"a.json": patient("a"), "b.json": bundle({"resource": patient("a")})})
    assert "Patient/a is there twice, first in seeds/clinic/fhir/a.json:1" in problem


@pytest.mark.parametrize(
    ("reference", "is_good"),
    [
        ("Patient/a", True),
        ("Patient/a/_history/1", True),
        ("Patient/none", False),
        ("http://elsewhere.test/fhir/Patient/x", True),
        ("urn:uuid:00000000-0000-4000-8000-000000000009", False),
        ("#p", False),
    ],
)
def test_local_references_point_to_something(load, problems, reference, is_good):
    files = {"a.json": patient("a"), "o.json": observation("o", reference)}
    if is_good:
        load(files)
    else:
        [problem] = problems(files)
        assert "Observation.subject.reference" in problem and reference in problem


def test_references_may_point_forward_and_across_files(load):
    load({"a.json": observation("o", "Patient/z"), "z.json": patient("z")})


def test_all_problems_at_once(problems):
    found = problems({"a.json": patient("a", gender="x"), "b.json": observation("o", "Patient/none"), "c.json": b"{"})
    assert len(found) == 3


def test_many_problems_are_capped(problems):
    rows = b"\n".join(b'{"resourceType":"Patient","id":"p%d","gender":"x"}' % n for n in range(300))
    assert len(problems({"p.ndjson": rows})) == 100


@pytest.mark.parametrize(
    ("text", "index", "line"),
    [
        (b'{"resourceType":"Bundle","entry":[\n{"a":1},\n\n{"b":"}]{"}]}', 1, 4),
        (b'{"x":[{"a":[{}]}],\n"entry":[\n {"a":[1,{"c":2}]},{"b":1}]}', 1, 3),
        (b'{"entry":[{"entry":[\n{},{}]},\n{}]}', 1, 3),
        (b'{"s":"\\"entry\\":[",\n"entry" : [\n{}]}', 0, 3),
    ],
)
def test_line_of_entry(text, index, line):
    assert line_of_entry(text, index) == line


def test_deep_check_runs_the_second_opinion(make_dataset):
    good = make_dataset({"fhir/a.json": patient("a", birthDate="2020-01-01")})
    assert deep_check(good) == []
    bad = make_dataset({"fhir/a.json": b'{\n"resourceType":"Patient","id":"a","birthDate":"2020-02-31"}'})
    [problem] = deep_check(bad)
    assert (problem.file, problem.line) == ("seeds/clinic/fhir/a.json", 1)


def test_a_seed_is_searchable_and_readable(load, make_ehr):
    ehr = make_ehr(load({"a.json": patient("a", name=[{"family": "Chen"}])}))
    assert ehr.get("Patient/a").headers["Last-Modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert ehr.get("Patient?family=chen").json["total"] == 1


def test_examples_load_as_a_seed_but_for_their_dangling_references(examples, make_dataset):
    rows = b"\n".join(jsonio.dump({**e, "id": f"{n}"}) for n, e in enumerate(examples))
    with pytest.raises(DefinitionError) as caught:
        FhirSimulator().load_seed(make_dataset({"fhir/all.ndjson": rows}), {})
    assert all("points to nothing" in p.message or "no fullUrl" in p.message for p in caught.value.problems)


def test_loading_is_deterministic(load):
    files = {"a.json": patient("a"), "b.json": bundle({"resource": {"resourceType": "Patient"}})}
    assert Branch(load(files)).state_hash() == Branch(load(files)).state_hash()
