"""The data files: complete, and their paths agree with FHIRPath on the expressions they came from."""

import re

import pytest

from sandbox.simulators.fhir.search import compartments, parameters_of, resource_types, search_parameters
from sandbox.simulators.fhir.search.terms.definitions import element_tables
from sandbox.simulators.fhir.search.terms.paths import read
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


@pytest.fixture(scope="module")
def evaluate():
    """FHIRPath as the library evaluates it, each expression compiled once."""
    import fhirpathpy
    from fhirpathpy.models import models

    compiled = {}

    def run(expression, resource):
        if expression not in compiled:
            compiled[expression] = fhirpathpy.compile(expression, models["r4"])
        return compiled[expression](resource)

    return run


def terms_of(parameter):
    plain = re.sub(r"\.where\(resolve\(\) is \w+\)", "", parameter.expression)
    terms = [term.strip() for term in plain.split("|")]
    own = []
    for term in terms:
        head = re.match(r"\(?([A-Z]\w*)", term)
        if head is None or head[1] in (parameter.resource_type, "Resource", "DomainResource"):
            # The library does not know that a Patient is a Resource.
            own.append(re.sub(r"^(Domain)?Resource\.", parameter.resource_type + ".", term))
    return own


def test_every_path_agrees_with_fhirpath(evaluate):
    checked = 0
    for parameter in every_parameter():
        # The parameters of every resource are the same paths each time.
        is_common = parameter.code.startswith("_") and parameter.resource_type != "Patient"
        if not parameter.expression or parameter.code == "deceased" or parameter.type == "composite" or is_common:
            continue
        for path in parameter.paths:
            value = {"latitude": 1} if path.type == "special" else sample(path)
            resource = holding(parameter.resource_type, path, value)
            ours = read(resource, path.steps)
            assert ours, (parameter.url, path)
            theirs = [found for term in terms_of(parameter) for found in evaluate(term, resource)]
            assert all(any(item == other for other in theirs) for item in ours), (parameter.url, path, ours, theirs)
            checked += 1
    assert checked > 1700


def test_every_value_that_fhirpath_finds_is_read(evaluate):
    """The other direction, on resources that hold something at every path of every parameter at once."""
    for resource_type in ("Observation", "Patient", "Encounter", "Condition", "MedicationRequest", "Goal", "Group"):
        known = [p for p in parameters_of(resource_type).values() if p.paths and p.expression and p.code != "deceased"]
        for parameter in known:
            for path in parameter.paths:
                resource = holding(resource_type, path, sample(path))
                theirs = [found for term in terms_of(parameter) for found in evaluate(term, resource)]
                ours = [value for own in parameter.paths for value in read(resource, own.steps)]
                assert all(any(item == other for other in ours) for item in theirs), (parameter.url, theirs, ours)


def test_deceased_agrees_with_fhirpath(ehr, evaluate):
    rows = [{}, {"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": "2020"}]
    resources = [{"resourceType": "Patient", "id": str(n), **row} for n, row in enumerate(rows)]
    expression = parameters_of("Patient")["deceased"].expression
    expected = [r["id"] for r in resources if evaluate(expression, r) == [True]]
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
