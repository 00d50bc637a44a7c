"""The specification's own examples: each is valid, and each is refused for exactly what is then broken in it."""

import copy

import pytest

from sandbox.r4.model import definitions, resource_types
from sandbox.r4.validation import validate
from sandbox.r4.validation.structures import Kind, structure


def nodes(value, shape, path):
    """Yield every object of a resource with its structure and path, contained resources left out."""
    yield value, shape, path
    for key, item in value.items():
        element = shape.elements.get(key)
        if element is None or element.kind is not Kind.COMPLEX:
            continue
        inner = structure(element.type_name)
        for index, child in enumerate(item if isinstance(item, list) else [item]):
            where = f"{path}.{key}[{index}]" if isinstance(item, list) else f"{path}.{key}"
            yield from nodes(child, inner, where)


def mutated(resource, change):
    """Return a copy and the nodes of the copy."""
    twin = copy.deepcopy(resource)
    name = twin["resourceType"]
    change(list(nodes(twin, structure(name), name)))
    return twin


def test_every_resource_type_has_an_example(examples):
    assert {e["resourceType"] for e in examples} == resource_types()
    assert len(resource_types()) == 146


def test_examples_are_valid(examples):
    assert [(e["resourceType"], e.get("id"), i) for e in examples for i in validate(e)] == []


def test_validation_leaves_the_resource_alone(examples):
    for example in examples:
        before = copy.deepcopy(example)
        validate(example)
        assert example == before


def test_unknown_elements_are_named_wherever_they_stand(examples):
    for example in examples:
        name = example["resourceType"]
        for number, (_, shape, path) in enumerate(nodes(example, structure(name), name)):
            if number > 25:
                break

            def spoil(found, number=number):
                found[number][0]["notAnElement"] = "x"

            issues = validate(mutated(example, spoil))
            assert [(i.code, i.expression) for i in issues] == [("structure", f"{path}.notAnElement")], shape.name


def test_missing_required_elements_are_named(examples):
    seen = 0
    for example in examples:
        name = example["resourceType"]
        for number, (value, shape, path) in enumerate(nodes(example, structure(name), name)):
            if number > 25:
                break
            for required, spellings in shape.required:
                present = [s for s in spellings if s in value]

                def spoil(found, number=number, present=present):
                    for spelling in present:
                        del found[number][0][spelling]

                issues = validate(mutated(example, spoil))
                expected = f"The element {required} is required (in {shape.name})."
                assert ("required", path, expected) in [(i.code, i.expression, i.diagnostics) for i in issues]
                seen += 1
    assert seen > 500


WRONG = [None, [], {}, "", [None], [[]], [{}], 1, True, "x" * 10]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_wrong_json_never_breaks_the_validator(examples, wrong):
    """Every element of every example is replaced by something else: an issue or none, never an exception."""
    for example in examples[::3]:
        for key in example:
            if key == "resourceType":
                continue
            twin = {**example, key: wrong}
            issues = validate(twin)
            if wrong in (None, [], {}, "", [None], [[]]) or isinstance(wrong, bool):
                element = structure(example["resourceType"]).elements.get(key)
                if element is not None and not (element.type_name == "boolean" and wrong is True):
                    assert issues, (key, wrong)


def test_wrong_json_deep_down_never_breaks_the_validator(examples):
    for example in examples[::5]:
        name = example["resourceType"]
        for number, (value, _, _) in enumerate(nodes(example, structure(name), name)):
            if number > 12:
                break
            for key in list(value):
                for wrong in (None, [], "", 7, {"x": 1}, [None, 1]):

                    def spoil(found, number=number, key=key, wrong=wrong):
                        found[number][0][key] = wrong

                    validate(mutated(example, spoil))


@pytest.mark.parametrize("value", [None, [], "x", 5, True, {}, {"resourceType": None}, {"resourceType": "Nope"}, [{}]])
def test_what_is_no_resource_at_all(value):
    [issue] = validate(value)
    assert issue.expression == "Resource"


def test_required_codes_come_from_r4s_value_sets():
    """Every code of every enumerable required binding is known, and the data holds no empty value set."""
    sets = definitions()["value_sets"]
    assert len(sets) == 224
    unknown = [url for url, codes in sets.items() if codes is None]
    assert sorted(u.rpartition("/")[2] for u in unknown) == ["LL379-9", "currencies", "mimetypes", "ucum-units"]
    assert all(any(codes.values()) for codes in sets.values() if codes is not None)
