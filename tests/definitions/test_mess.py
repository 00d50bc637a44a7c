"""How messy a definition wants its data: what may be said, and what follows from it."""

import pytest

from sandbox.definitions.environments import mess_of
from sandbox.definitions.load import at_mess
from sandbox.definitions.mess import Mess, words_in
from sandbox.definitions.models import thaw
from sandbox.definitions.problems import DefinitionError
from sandbox.errors import Invalid

PATIENTS = "".join(f'{{"resourceType": "Patient", "id": "p{n}", "active": true}}\n' for n in range(9))


@pytest.fixture
def clinic(home, edit):
    """The good benchmark with a chart system in the place of its files."""
    folder = home / "seeds" / "clinic" / "fhir"
    folder.mkdir()
    (folder / "Patient.ndjson").write_text(PATIENTS)
    edit("- {type: Hl7, name: Engine}", "- {type: Hl7, name: Engine}\n    - {type: Fhir, name: EHR, dataset: clinic}")


@pytest.mark.parametrize(("said", "level", "seed"), [("2", 2, 0), ("{level: 3}", 3, 0), ("{level: 1, seed: 7}", 1, 7)])
def test_a_level_alone_or_with_a_seed(load, edit, clinic, said, level, seed):
    edit("clock:", f"mess: {said}\n  clock:")
    benchmark = load().find("demo@1")
    mess = mess_of(benchmark.definition)
    assert (benchmark.mess_level, mess.level, mess.seed) == (level, level, seed)
    assert thaw(benchmark.definition.frozen()) == benchmark.definition


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("0", "environment.mess.level"),
        ("4", "environment.mess.level"),
        ("true", "environment.mess"),
        ("{seed: 1}", "environment.mess.level"),
        ("{level: 1, seed: -1}", "environment.mess.seed"),
        ("{level: 1, rules: []}", "environment.mess.rules"),
        ("very", "environment.mess"),
    ],
)
def test_what_is_no_mess_has_its_line(load, edit, clinic, said, key):
    edit("clock:", f"mess: {said}\n  clock:")
    with pytest.raises(DefinitionError) as raised:
        load()
    assert [(p.line, p.key) for p in raised.value.problems] == [(6, key)]


def test_a_mess_of_nothing_is_refused(load, edit, registry):
    """Files and HL7 messages stay as they are, so that a level would change nothing."""
    library = load()
    with pytest.raises(Invalid, match="nothing can be made messy"):
        at_mess(library.find("demo@1"), 2, library.datasets, registry)
    edit("clock:", "mess: 2\n  clock:")
    with pytest.raises(DefinitionError, match="nothing can be made messy") as raised:
        load()
    assert [(p.line, p.key) for p in raised.value.problems] == [(6, "environment.mess")]


def test_what_says_no_mess_is_frozen_as_before(load, clinic):
    benchmark = load().find("demo@1")
    assert mess_of(benchmark.definition) is None
    assert "mess" not in benchmark.definition.frozen()["environment"]
    assert b'"mess' not in benchmark.frozen


def test_another_level_is_another_hash_on_the_same_definition(load, edit, clinic, registry):
    edit("clock:", "mess: 1\n  clock:")
    library = load()
    own = library.find("demo@1")
    assert at_mess(own, 1, library.datasets, registry) is own
    tidy, messy = (at_mess(own, level, library.datasets, registry) for level in (0, 3))
    assert len({own.hash, tidy.hash, messy.hash}) == 3
    assert (tidy.mess_level, messy.mess_level, messy.definition) == (0, 3, own.definition)
    assert tidy.seed.collections["fhir/Patient"] is not own.seed.collections["fhir/Patient"]
    again = at_mess(own, 3, library.datasets, registry)
    assert again.seed.collections["fhir/Patient"] is messy.seed.collections["fhir/Patient"]


def test_draws_belong_to_seed_and_parts_and_not_to_the_level():
    drawn = [Mess(level, 5, frozenset()).draw("rule", "ana") for level in (1, 2, 3)]
    assert len(set(drawn)) == 1
    many = [Mess(1, seed, frozenset()).draw("rule", str(key)) for seed in (0, 1) for key in range(500)]
    assert len(set(many)) == 1000
    assert all(0 <= draw < 1 for draw in many)
    assert 0.4 < sum(many) / len(many) < 0.6


def test_words_are_those_of_every_text_and_of_messages_inside():
    value = {"a": ["Patient/ana-reyes$"], "payload": {"content_base64": "UElEfDF8fFJDLTEwMDIwMV5eXk1S"}, "n": 1}
    assert {"ana-reyes", "rc-100201"} <= words_in(value)
    assert words_in({"content_base64": "no base64!"}) == frozenset()
    assert Mess(1, 0, words_in(value)).names("ANA-reyes", "Patient")
    assert not Mess(1, 0, words_in(value)).names()
