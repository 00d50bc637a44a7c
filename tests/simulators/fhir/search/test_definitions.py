"""The data files: complete, and their paths agree with FHIRPath on the expressions they came from."""

import re

import pytest

from sandbox.fhirpath import Context, compile_expression
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir.search import compartments, parameters_of, search_parameters
from sandbox.simulators.fhir.search.terms.definitions import element_tables
from sandbox.simulators.fhir.search.terms.paths import Path, read
from sandbox.simulators.fhir.search.types import search_type_of

TYPES = sorted(resource_types())


def every_parameter():
    return [parameter for t in TYPES for parameter in parameters_of(t).values()]


def test_the_counts_of_r4():
    assert len(TYPES) == 146
    rows = every_parameter()
    urls = {parameter.url for parameter in rows}
    # 1,375 SearchParameters in R4's own package, less `_query`, which names operations of the server's own.
    assert len(urls) == 1374
    own = [p for p in rows if not p.code.startswith("_")]
    assert len({(p.resource_type, p.code) for p in own}) == len(own)


@pytest.mark.parametrize(
    ("resource_type", "codes"),
    [
        ("Patient", "active address address-city birthdate death-date deceased email family gender given "
         "general-practitioner identifier language link name organization phone phonetic telecom"),
        ("Observation", "based-on category code combo-code combo-value-quantity component-code data-absent-reason date "
         "derived-from device encounter focus has-member method part-of patient performer specimen status subject "
         "value-concept value-date value-quantity value-string code-value-quantity"),
        ("Binary", "_content _id _lastUpdated _profile _security _source _tag"),
        ("Appointment", "actor appointment-type based-on date identifier location part-status patient practitioner "
         "reason-code reason-reference service-category service-type slot specialty status supporting-info"),
    ],
)  # fmt: skip
def test_parameters_of_well_known_types(resource_type, codes):
    assert set(codes.split()) <= set(parameters_of(resource_type))


def test_every_resource_has_the_common_parameters():
    for resource_type in TYPES:
        known = parameters_of(resource_type)
        assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_content"} <= set(known)
        assert ("_text" in known) is (resource_type not in ("Binary", "Bundle", "Parameters"))


def test_every_parameter_can_be_read_and_has_documentation():
    for parameter in every_parameter():
        assert search_type_of(parameter).new_index(parameter, "") is not None
        assert parameter.documentation
        assert parameter.url.startswith("http://hl7.org/fhir/SearchParameter/")
        if parameter.code not in ("_text", "_content"):
            assert parameter.paths or parameter.roots, parameter.url
        assert set(parameter.targets) <= resource_types()


def test_documentation_is_the_resource_types_own():
    by_name = {row.name: row for row in search_parameters("Patient")}
    assert by_name["birthdate"].documentation == "The patient's date of birth"
    assert by_name["birthdate"].type == "date"
    assert by_name["birthdate"].definition == "http://hl7.org/fhir/SearchParameter/individual-birthdate"


def test_compartments():
    known = compartments()
    assert list(known) == ["Patient", "Encounter", "Practitioner", "RelatedPerson", "Device"]
    assert {name: len(rows) for name, rows in known.items()} == {
        "Patient": 66, "Encounter": 25, "Practitioner": 59, "RelatedPerson": 32, "Device": 32,
    }  # fmt: skip
    unknown = [
        (name, t, code)
        for name, rows in known.items()
        for t, codes in rows.items()
        for code in codes
        if code not in parameters_of(t) and code != "{def}"
    ]
    assert unknown == []


def test_element_tables():
    tables = element_tables()
    assert sorted(tables) == TYPES
    assert tables["Patient"]["mandatory"] == []
    assert tables["Observation"]["mandatory"] == ["code", "status"]
    assert tables["Patient"]["choices"]["deceased"] == ["deceasedBoolean", "deceasedDateTime"]
    for table in tables.values():
        assert set(table["mandatory"]) <= set(table["elements"])
        assert set(table["summary"]) <= set(table["elements"])


SAMPLES = {
    "CodeableConcept": {"coding": [{"system": "http://s", "code": "c"}]},
    "Coding": {"system": "http://s", "code": "c"},
    "Identifier": {"system": "http://s", "value": "v"},
    "ContactPoint": {"value": "v"},
    "HumanName": {"family": "F"},
    "Address": {"city": "C"},
    "Reference": {"reference": "Patient/1"},
    "Period": {"start": "2020-01-01"},
    "Timing": {"event": ["2020-01-01"]},
    "Range": {"low": {"value": 1}},
    "SampledData": {"origin": {"value": 0}, "data": "1 2"},
    "Money": {"value": 1, "currency": "EUR"},
    "Resource": {"resourceType": "Composition", "id": "c"},
    "boolean": True,
    "decimal": 1.5,
    "integer": 3,
    "positiveInt": 3,
    "unsignedInt": 3,
    "date": "2020-01-01",
    "dateTime": "2020-01-01T00:00:00Z",
    "instant": "2020-01-01T00:00:00Z",
}
QUANTITIES = {"Quantity", "Age", "Duration", "Count", "Distance", "SimpleQuantity", "MoneyQuantity"}


def sample(path):
    value = SAMPLES.get(path.type, {"value": 1, "unit": "mg"} if path.type in QUANTITIES else "text")
    if path.target and isinstance(value, dict):
        value = {"reference": f"{path.target}/1"}
    return value


def holding(resource_type, path, value):
    """Make a resource that has a value at a path, each element of it in a list of one where that may be."""
    node = value
    for number, step in reversed(list(enumerate(path.steps))):
        if step.test is not None and isinstance(node, dict):
            node = {**node, step.test: step.value}
        node = {step.key: [node] if step.test or step.index is not None or number % 2 else node}
    return {"resourceType": resource_type, **node}


AS = re.compile(r"\((?P<path>[\w.]+) as (?P<type>\w+)\)")


def values_of(expression, resource_type, node):
    """Evaluate an expression on the engine; R4's own apply `as` to several values, which the specification forbids."""
    several = AS.sub(r"\g<path>.ofType(\g<type>)", expression).replace(".as(", ".ofType(")
    several = several.replace("(DateTime)", "(dateTime)").replace("(String)", "(string)")  # R4's own slips
    compiled = compile_expression(several, resource_type, is_strict=False)
    # A reference resolves to a resource of the type that it names.
    context = Context(resolve=lambda reference: {"resourceType": reference.partition("/")[0], "id": "1"})
    return compiled.evaluate(node, context)


def read_by(path, resource):
    """Read a path as the index does: a reference only if it is to the path's target."""
    found = read(resource, path.steps)
    is_reference = path.target is not None and path.type == "Reference"
    return [v for v in found if not is_reference or v["reference"].startswith(f"{path.target}/")]


def test_what_every_parameter_reads_is_what_its_expression_gives():
    """On a resource with something at one of the parameter's paths, in all of them: neither more nor less."""
    checked, urls = 0, set()
    for parameter in every_parameter():
        urls.add(parameter.url)
        if not parameter.expression or parameter.code == "deceased" or parameter.type == "composite":
            continue
        for path in parameter.paths:
            value = {"latitude": 1} if path.type == "special" else sample(path)
            resource = holding(parameter.resource_type, path, value)
            ours = [value for own in parameter.paths for value in read_by(own, resource)]
            theirs = [item.value for item in values_of(parameter.expression, parameter.resource_type, resource)]
            assert ours, (parameter.url, path)
            assert all(item in theirs for item in ours), (parameter.url, path, ours, theirs)
            assert all(item in ours for item in theirs), (parameter.url, path, ours, theirs)
            checked += 1
    assert len(urls) == 1374
    assert checked > 2500


def test_what_every_composite_reads_is_what_its_expressions_give():
    checked = 0
    for parameter in every_parameter():
        for root in parameter.roots:
            for part, paths in zip(parameter.components, root.components, strict=True):
                for path in paths:
                    resource = _holding_below(parameter.resource_type, root, path)
                    nodes = values_of(parameter.expression, parameter.resource_type, resource)
                    roots = [value for each in parameter.roots for value in read(resource, each.steps)]
                    assert [node.value for node in nodes] == roots
                    nodes = [node for node in nodes if node.value in read(resource, root.steps)]
                    theirs = [item.value for node in nodes for item in _component(part.expression, node)]
                    ours = [v for node in nodes for own in paths for v in read(_start(own, resource, node), own.steps)]
                    assert ours and ours == theirs, (parameter.url, part, path)
                    checked += 1
    assert checked > 150


def _holding_below(resource_type, root, path):
    """Make a resource with a composite's root, and in it (or in the resource itself) a value of a component."""
    below = holding("", path, sample(path))
    del below["resourceType"]
    if not root.steps:
        return {"resourceType": resource_type, **below}
    inner = {"id": "root"} if path.is_rooted else below
    resource = holding(resource_type, Path(root.steps, "root"), inner)
    return {**resource, **below} if path.is_rooted else resource


def _component(expression, node):
    return values_of(expression, node.type, node)


def _start(path, resource, node):
    return resource if path.is_rooted else node.value


def test_deceased_agrees_with_fhirpath(ehr):
    rows = [{}, {"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": "2020"}]
    resources = [{"resourceType": "Patient", "id": str(n), **row} for n, row in enumerate(rows)]
    expression = parameters_of("Patient")["deceased"].expression
    expected = [r["id"] for r in resources if values_of(expression, "Patient", r) == [True]]
    assert ehr(resources).ids("Patient?deceased=true") == expected == ["1", "3"]


COMPONENT_EXPRESSIONS = {
    "code-value-quantity": ("Observation", {"code": {"text": "c"}, "valueQuantity": {"value": 1}}),
    "component-code-value-quantity": (
        "Observation",
        {"component": [{"code": {"text": "c"}, "valueQuantity": {"value": 1}}, {"code": {"text": "d"}}]},
    ),
    "chromosome-variant-coordinate": (
        "MolecularSequence",
        {"referenceSeq": {"chromosome": {"text": "7"}}, "variant": [{"start": 1, "end": 2}, {"start": 3}]},
    ),
}


@pytest.mark.parametrize("code", COMPONENT_EXPRESSIONS)
def test_a_composite_needs_all_its_parts(code):
    resource_type, fields = COMPONENT_EXPRESSIONS[code]
    parameter = parameters_of(resource_type)[code]
    resource = {"resourceType": resource_type, "id": "x", **fields}
    assert len(search_type_of(parameter).read(parameter, "", resource)) == 1
