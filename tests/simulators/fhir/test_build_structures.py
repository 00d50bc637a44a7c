"""The script that builds the structures, on a small directory of definitions."""

import gzip
import json

import pytest

from sandbox.r4 import build_structures

CORE = "http://hl7.org/fhir/StructureDefinition"
TYPE = f"{CORE}/structuredefinition-fhir-type"


def element(path, code=None, low=0, high="1", **more):
    row = {"path": path, "min": low, "max": high, **more}
    if code is not None:
        row["type"] = [{"code": c} if isinstance(c, str) else c for c in (code if isinstance(code, list) else [code])]
    return row


ID = {"code": "http://hl7.org/fhirpath/System.String", "extension": [{"url": TYPE, "valueUrl": "string"}]}
THING = {
    "type": "Thing",
    "kind": "resource",
    "abstract": False,
    "derivation": "specialization",
    "snapshot": {
        "element": [
            element("Thing"),
            element("Thing.id", ID),
            element("Thing.colour", "code", 1, binding={"strength": "required", "valueSet": "urn:vs:colours|1"}),
            element("Thing.value[x]", ["string", {"code": "Quantity", "profile": [f"{CORE}/SimpleQuantity"]}]),
            element("Thing.owner", {"code": "Reference", "targetProfile": [f"{CORE}/Patient"]}, 0, "*"),
            element("Thing.any", {"code": "Reference", "targetProfile": [f"{CORE}/Resource"]}),
            element("Thing.part", "BackboneElement", 0, "2"),
            element("Thing.part.id", ID),
            element("Thing.part.part", None, 0, "*", contentReference="#Thing.part"),
        ]
    },
}  # fmt: skip
SYSTEM = {
    "url": "urn:cs",
    "content": "complete",
    "property": [{"code": "warm"}],
    "concept": [
        {"code": "red", "property": [{"code": "warm", "valueBoolean": True}], "concept": [{"code": "crimson"}]},
        {"code": "blue", "property": [{"code": "warm", "valueBoolean": False}]},
        {"code": "navy", "property": [{"code": "subsumedBy", "valueCode": "blue"}]},
    ],
}


def value_set(*include, exclude=()):
    return {"url": "urn:vs:colours", "compose": {"include": list(include), "exclude": list(exclude)}}


def rule(prop, op, value):
    return {"system": "urn:cs", "filter": [{"property": prop, "op": op, "value": value}]}


@pytest.fixture
def build(tmp_path):
    def run(colours):
        (tmp_path / "StructureDefinition-Thing.json").write_text(json.dumps(THING))
        profile = {**THING, "derivation": "constraint"}
        (tmp_path / "StructureDefinition-profile.json").write_text(json.dumps(profile))
        (tmp_path / "CodeSystem-c.json").write_text(json.dumps(SYSTEM))
        (tmp_path / "ValueSet-c.json").write_text(json.dumps(colours))
        other = {"url": "urn:vs:other", "compose": {"include": [{"system": "urn:cs", "concept": [{"code": "blue"}]}]}}
        (tmp_path / "ValueSet-o.json").write_text(json.dumps(other))
        return build_structures.build(tmp_path)

    return run


def test_structures(build):
    content = build(value_set({"system": "urn:cs"}))
    assert content["resources"] == ["Thing"]
    assert content["structures"] == {
        "Thing": {
            "elements": [
                ["id", 0, 1, ["id"], None],
                ["colour", 1, 1, ["code"], "urn:vs:colours"],
                ["value[x]", 0, 1, ["string", "SimpleQuantity"], None],
                ["owner", 0, 0, ["Reference:Patient"], None],
                ["any", 0, 1, ["Reference"], None],
                ["part", 0, 2, ["@Thing.part"], None],
            ]
        },
        "Thing.part": {"elements": [["id", 0, 1, ["string"], None], ["part", 0, 0, ["@Thing.part"], None]]},
    }


@pytest.mark.parametrize(
    ("parts", "exclude", "codes"),
    [
        ([{"system": "urn:cs"}], (), ["red", "crimson", "blue", "navy"]),
        ([{"system": "urn:cs", "concept": [{"code": "red"}]}], (), ["red"]),
        ([rule("concept", "is-a", "red")], (), ["red", "crimson"]),
        ([rule("concept", "descendent-of", "blue")], (), ["navy"]),
        ([rule("concept", "is-not-a", "red")], (), ["blue", "navy"]),
        ([rule("warm", "=", "true")], (), ["red"]),
        ([rule("warm", "exists", "true")], (), ["red", "blue"]),
        ([rule("code", "in", "red,navy")], (), ["red", "navy"]),
        ([rule("code", "regex", "n.*|b.*")], (), ["blue", "navy"]),
        ([{"valueSet": ["urn:vs:other"]}], (), ["blue"]),
        ([{"system": "urn:cs"}], [{"system": "urn:cs", "concept": [{"code": "red"}]}], ["crimson", "blue", "navy"]),
    ],
    ids=range(11),
)
def test_value_sets(build, parts, exclude, codes):
    content = build(value_set(*parts, exclude=exclude))
    assert content["value_sets"] == {"urn:vs:colours": {"urn:cs": codes}}


@pytest.mark.parametrize("part", [{"system": "urn:elsewhere"}, {"valueSet": ["urn:vs:none"]}])
def test_a_value_set_that_cannot_be_enumerated_is_open(build, part):
    assert build(value_set(part))["value_sets"] == {"urn:vs:colours": None}


def test_a_filter_that_is_not_understood_stops_the_build(build):
    with pytest.raises(SystemExit):
        build(value_set(rule("code", "child-of", "x")))


def test_the_file(build, tmp_path, capsys):
    content = build(value_set({"system": "urn:cs"}))
    output = tmp_path / "out.json.gz"
    build_structures.main([str(tmp_path), str(output)])
    assert json.loads(gzip.decompress(output.read_bytes())) == content
    first = output.read_bytes()
    build_structures.main([str(tmp_path), str(output)])
    assert output.read_bytes() == first
    assert "1 resource types, 2 structures" in capsys.readouterr().out
