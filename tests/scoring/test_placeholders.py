import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Invalid
from sandbox.scoring.placeholders import bind_entity, bind_output

MARIA = {
    "resourceType": "Patient",
    "id": "maria.chen",
    "active": True,
    "multipleBirthInteger": 2,
    "name": [{"family": "Chen", "given": ["Maria", "Li"]}],
    "deceased": None,
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{entity.id}", "maria.chen"),
        ("Patient/{entity.id}", "Patient/maria.chen"),
        ("{entity.name.0.given.1} {entity.name.0.family}", "Li Chen"),
        ("{entity.active}", True),
        ("is {entity.active}", "is true"),
        ("{entity.multipleBirthInteger}", 2),
        ("no. {entity.multipleBirthInteger}", "no. 2"),
        ("{entity.name.0.given}", ["Maria", "Li"]),
        ("{entity.name.*.family}", "Chen"),
        ("{entity.deceased}", None),
        ({"a": [{"b": "{entity.id}"}], "c": 5, "{entity.id}": True}, None),
        ("{other.id}", "{other.id}"),
        ("{entityx}", "{entityx}"),
        ("{}", "{}"),
        (5, 5),
        (None, None),
        ({"path": "id", "matches": "^{entity.id}$"}, {"path": "id", "matches": r"^maria\.chen$"}),
        ({"path": "id", "matches": "{entity.id}"}, {"path": "id", "matches": r"maria\.chen"}),
        ({"where": {"matches": "{entity.id}"}}, {"where": {"matches": "maria.chen"}}),
    ],
)
def test_placeholders_take_the_entitys_values(before, after):
    if isinstance(before, dict) and "a" in before:
        after = {"a": [{"b": "maria.chen"}], "c": 5, "{entity.id}": True}
    assert bind_entity(before, MARIA) == after


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{entity.nickname}", "no value"),
        ("{entity.name.0.given.*}", "2 values"),
        ("{entity}", "names no value"),
        ("{entity.}", "names no value"),
        ("{entity.a..b}", "empty segment"),
        ("Dr. {entity.name}", "inside a longer string"),
        ("Dr. {entity.deceased}", "inside a longer string"),
    ],
)
def test_a_placeholder_without_one_value_is_refused(text, message):
    with pytest.raises(Invalid, match=message):
        bind_entity({"x": [text]}, MARIA)


def test_a_placeholder_without_an_entity_is_refused():
    with pytest.raises(Invalid, match="has no input_entity"):
        bind_entity("{entity.id}", None)


def test_what_it_is_given_stays_as_it_was():
    assertion = {"search": {"patient": "Patient/{entity.id}"}}
    bind_entity(assertion, MARIA)
    assert assertion == {"search": {"patient": "Patient/{entity.id}"}}


@given(st.recursive(st.none() | st.integers() | st.text(alphabet="ab.{}"), lambda s: st.lists(s)))
def test_without_placeholders_nothing_changes(assertion):
    assert bind_entity(assertion, MARIA) == assertion


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"path": "a", "expected": "{output.number}"}, {"path": "a", "expected": "PA.1"}),
        ({"path": "a", "matches": "^{output.number}$"}, {"path": "a", "matches": r"^PA\.1$"}),
        ({"not": {"any_of": [{"value": "{output.units}"}]}}, {"not": {"any_of": [{"value": 2}]}}),
        ({"value": "{entity.id}"}, {"value": "{entity.id}"}),
        ({"value": "no. {output.rows.0.ok}"}, {"value": "no. true"}),
    ],
)
def test_what_the_agent_said_is_put_in(before, after):
    assert bind_output(before, {"number": "PA.1", "units": 2, "rows": [{"ok": True}]}) == after


@pytest.mark.parametrize("output", [None, "PA1", [], {}, {"a": None}, {"a": ["PA1"]}, {"a": {"expected": 1}}])
@pytest.mark.parametrize("text", ["{output.a}", "no. {output.a}"])
def test_what_the_agent_did_not_say_as_one_value_is_refused(output, text):
    with pytest.raises(Invalid, match="the output says no one value of a"):
        bind_output([{"x": text}], output)


def test_an_output_without_a_path_is_refused():
    with pytest.raises(Invalid, match="names no value"):
        bind_output("{output}", "PA1")


def test_what_the_agent_said_is_no_placeholder_of_the_entity():
    with pytest.raises(Invalid, match="a placeholder"):
        bind_output({"expected": "{output.a}"}, {"a": "{entity.id}"})


@pytest.mark.parametrize("key", ["search", "fhirpath", "glob", "path"])
def test_what_the_agent_said_is_no_part_of_an_expression(key):
    with pytest.raises(Invalid, match=f"cannot stand in {key}"):
        bind_output({"any_of": [{key: {"a": "x{output.a}"}}]}, {"a": "1,2"})
