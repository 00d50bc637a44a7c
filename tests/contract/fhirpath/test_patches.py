"""FHIRPath Patch: its paths are FHIRPath in full, and what they name is what is changed."""

import json
import time

import pytest

LAB = {
    "resourceType": "Observation",
    "id": "lab",
    "status": "final",
    "code": {"text": "panel"},
    "subject": {"reference": "Patient/ana"},
    "referenceRange": [{"high": {"value": 5.1}}, {"high": {"value": 5.10000001}}],
    "component": [
        {"code": {"text": "a"}, "valueQuantity": {"value": 107}},
        {"code": {"text": "b"}, "valueString": "107"},
        {"code": {"text": "c"}, "valueQuantity": {"value": 1.5, "system": "http://unitsofmeasure.org", "code": "g"}},
    ],
}


def patch(kind, path, **parts):
    rows = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}]
    rows += [{"name": name, **value} for name, value in parts.items()]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": rows}]}


@pytest.fixture
async def send(serve, paths):
    """Patch the resource over HTTP: the answer, and the resource as it then is."""
    paths.write([paths.on("Patient/ana", "active")])
    async with serve() as live:
        run = await live.started("paths")
        fhir = {"headers": {"Content-Type": "application/fhir+json"}}
        assert (await run.call("PUT", "fhir/Observation/lab", body=json.dumps(LAB), **fhir)).status == 201

        async def sent(body):
            answer = await run.call("PATCH", "fhir/Observation/lab", body=json.dumps(body), **fhir)
            return answer, (await run.call("GET", "fhir/Observation/lab")).json

        yield sent


def texts(resource):
    return [row["code"]["text"] for row in resource["component"]]


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("Observation.component.where(value.value = 107)", ["b", "c"]),
        ("Observation.component.where(value is string)", ["a", "c"]),
        ("Observation.component.where(value = 1500 'mg')", ["a", "b"]),
        ("Observation.component.where(code.text.startsWith('c'))", ["a", "b"]),
        ("Observation.component.skip(1).take(1)", ["a", "c"]),
        ("Observation.component.where($index = 1)", ["a", "c"]),
        ("Observation.component.exclude(Observation.component.first() | Observation.component[1])", ["a", "b"]),
        ("component.where(%resource.subject.resolve().name.family = 'Reyes' and code.text = 'a')", ["b", "c"]),
        ("Observation.component.where(value is Period)", ["a", "b", "c"]),
    ],
)
async def test_delete(send, path, left):
    answer, resource = await send(patch("delete", path))
    assert answer.status == 200, answer
    assert texts(resource) == left


async def test_a_decimal_names_the_element_that_has_it(send):
    answer, resource = await send(patch("delete", "Observation.referenceRange.where(high.value = 5.1)"))
    assert answer.status == 200
    assert resource["referenceRange"] == [{"high": {"value": 5.10000001}}]


async def test_other_operations_take_every_path_too(send):
    value = {"valueQuantity": {"value": 6.8}}
    _, resource = await send(patch("replace", "Observation.component.where(code.text = 'b').value", value=value))
    assert resource["component"][1] == {"code": {"text": "b"}, **value}
    range_of = "Observation.referenceRange.where(high.value > 5.1)"
    _, resource = await send(patch("add", range_of, name={"valueString": "text"}, value={"valueString": "x"}))
    assert resource["referenceRange"][1] == {"high": {"value": 5.10000001}, "text": "x"}
    of = "Observation.component.where(code.text = 'c').interpretation"
    concept = {"valueCodeableConcept": {"text": "high"}}
    _, resource = await send(patch("insert", of, index={"valueInteger": 0}, value=concept))
    assert resource["component"][2]["interpretation"] == [{"text": "high"}]
    moved = patch("move", "Observation.component", source={"valueInteger": 0}, destination={"valueInteger": 2})
    _, resource = await send(moved)
    assert texts(resource) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("Observation.component.where(nosuch(1))", "there is no function nosuch()"),
        ("Observation.componnt", 'Observation has no element "componnt"; did you mean "component"?'),
        ("Observation.component.where(valueString = '107')", "write value.ofType(string)"),
        ("Patient.name", "it begins at Patient, but is evaluated on Observation"),
        ("Observation.component", "names 3 elements; delete needs one"),
        ("Observation.component.count()", "gives a value, not an element"),
        ("Observation.subject.resolve()", "leads out of the resource"),
        ("Observation.component.single()", "single() is called on one item, and there are 3"),
        ("Observation", "names the whole resource"),
        ("Observation.component.where(code.text.matches('(a'))", "cannot read the regular expression"),
        ("%foo.name", "there is no variable %foo"),
        ("(" * 1000 + "Observation.code" + ")" * 1000, "nests deeper than 60 levels"),
        ("Observation.component.where(" + "true and " * 20_000 + "true)", "the limit is 20,000"),
        ("0.repeat($this + 1)", "visits more than 250,000 elements"),
        ("Observation.component.repeatAll(%resource.component)", "visits more than 250,000 elements"),
        (".".join(["Observation"] + ["select(%resource.descendants())"] * 5), "visits more than"),
        ("Observation.component.aggregate($total & $total, 'aaaaaaaaaaaaaaaa').first()", "gives a value"),
    ],
)
async def test_a_path_that_cannot_be_honoured_says_why_and_changes_nothing(send, path, why):
    started = time.perf_counter()
    answer, resource = await send(patch("delete", path))
    assert time.perf_counter() - started < 3
    assert answer.status in (400, 422), answer
    assert why in answer.json["issue"][0]["diagnostics"], answer
    assert {k: v for k, v in resource.items() if k != "meta"} == LAB
