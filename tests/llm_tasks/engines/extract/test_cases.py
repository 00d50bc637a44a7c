"""The developer's happy path, case by case; and that nothing breaks the engine."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import jsonio
from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.engines.base import Call
from sandbox.llm_tasks.engines.extract import ExtractEngine
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.output_format.fit import problems_of
from sandbox.llm_tasks.output_format.grammar import parse_format

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8"))
DOCUMENTS = yaml.safe_load((Path(__file__).parent / "documents.yaml").read_text(encoding="utf-8"))
ENGINE = ExtractEngine()


def call_of(spec, values, files=(), modality="json", prompt="p"):
    return Call("t", "T", "r", "m", "", prompt, values, modality, parse_format(spec) if spec else None, tuple(files))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_a_case(case):
    values = case.get("values") or {"document": case["text"]}
    answer = await ENGINE.answer(call_of(case["format"], values))
    assert answer.value == case["answer"]
    assert problems_of(answer.value, parse_format(case["format"])) == []
    assert await ENGINE.answer(call_of(case["format"], values)) == answer


def leaves(value, path=""):
    """Yield every value with its path, and of every list how long it is."""
    if isinstance(value, list):
        yield f"{path}.length", len(value)
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case["name"])
async def test_a_document(case):
    answer = await ENGINE.answer(call_of(case["format"], case.get("values") or {"document": case["text"]}))
    got = dict(leaves(answer.value))
    assert {path: got.get(path) for path, _ in leaves(case["answer"])} == dict(leaves(case["answer"]))
    assert problems_of(answer.value, parse_format(case["format"])) == []
    notes = answer.notes["extract"]
    said = {entry["field"] for entry in (*notes["matched"], *notes["guessed"])}
    for path, value in got.items():
        parents = [".".join(path.split(".")[:i]) for i in range(1, path.count(".") + 2)]
        assert value in (None, 0) or said & set(parents), path


async def test_it_says_what_it_matched_guessed_and_did_not_find():
    spec = {"name": "str", "sentiment": {"type": "str", "options": ["good", "bad"]}, "phone": "str"}
    answer = await ENGINE.answer(call_of(spec, {"text": "Name: Ana\nAll is good."}))
    notes = answer.notes["extract"]
    assert notes["matched"] == [{"field": "name", "from": 'label "Name"', "line": 1}]
    assert notes["guessed"] == [{"field": "sentiment", "from": "the words of the text"}]
    assert notes["not_found"] == ["phone"]


OTHERS = """Provider name: Dr. Elena Ruiz
Office phone: 330-555-0100
Date: 04/02/2026
Guarantor DOB: 01/01/1960
Pharmacy address: 12 Elm St, Akron, OH 44301"""


async def test_what_may_belong_to_another_is_at_most_a_guess():
    names = ("patient_name", "patient_phone", "date_of_birth", "discharge_date", "patient_address", "referring_fax")
    answer = await ENGINE.answer(call_of(dict.fromkeys(names, "str"), {"text": OTHERS}))
    assert answer.notes["extract"]["matched"] == []
    two = await ENGINE.answer(call_of({"phone": "str"}, {"text": "Phone: 330-555-0101\nPhone: 330-555-0102"}))
    assert [entry["field"] for entry in two.notes["extract"]["guessed"]] == ["phone"]
    same = await ENGINE.answer(call_of({"phone": "str"}, {"text": "Phone: 330-555-0101\nPhone: 330-555-0101"}))
    assert [entry["field"] for entry in same.notes["extract"]["matched"]] == ["phone"]


async def test_it_reads_files_and_says_how():
    pdf, png = media.document("Name: Ana Reyes"), media.picture("x")
    files = [
        RunFile("a.pdf", "s.pdf", "application/pdf", pdf),
        RunFile("card.png", "s.png", "image/png", png),
    ]
    answer = await ENGINE.answer(call_of({"name": "str"}, {}, files))
    assert answer.value == {"name": "Ana Reyes"}
    first, second = answer.notes["extract"]["files"]
    assert first == {"file": "a.pdf", "method": "text-layer", "chars": 15}
    assert second["method"] in ("metadata", "ocr")


async def test_without_inputs_the_prompt_itself_is_read():
    answer = await ENGINE.answer(call_of({"name": "str"}, {}, prompt="Name: Ana"))
    assert answer.value == {"name": "Ana"}


async def test_numbers_beyond_all_bounds_are_not_values():
    huge = jsonio.parse(b'{"n": ' + b"9" * 400 + b', "x": 1e999, "name": -1e999}')
    answer = await ENGINE.answer(call_of({"n": "int", "x": "number", "name": "str"}, {"form": huge}))
    assert answer.value == {"n": None, "x": None, "name": "-1e999"}


async def test_instructions_are_not_read_as_input():
    answer = await ENGINE.answer(call_of({"name": "str"}, {"text": "nothing here"}, prompt="Name: Instruction"))
    assert answer.value == {"name": None}


async def test_a_table_becomes_csv():
    answer = await ENGINE.answer(call_of(None, {"t": "a | b | c\n1 | 2 | 3"}, modality="csv"))
    assert answer.value == b"a,b,c\r\n1,2,3\r\n"


SPEC = {
    "name": "str",
    "date_of_birth": {"type": "str", "description": "ISO date"},
    "kind": {"type": "str", "options": ["urgent", "routine", "none"]},
    "n": "int",
    "amount": "number",
    "is_new": "bool",
    "tags": {"type": "list", "item_type": "str"},
    "numbers": {"type": "list", "item_type": "int"},
    "anything": "list",
    "rows": {
        "type": "list",
        "nested_structure": {"name": "str", "date": "str", "n": "number", "on": "bool", "more": "list"},
    },
    "inner": {
        "type": "object",
        "nested_structure": {"phone": "str", "deep": {"type": "object", "nested_structure": {"a": "int"}}},
    },
}
PARTS = """Name: Ana;DOB: 1/2/70;- item one;a | b | c;1 | 2 | 3;|---|---|;# Head;HEAD;Tags: a, b;rows:;x,y,z;1,2,3
Total: $5;is new: yes;  more;\t\tx;Name:;::;**N:** 1;- n: 5""".replace("\n", ";").split(";")
LINES = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(PARTS)), max_size=12)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9), st.text(max_size=10)),
    lambda children: st.one_of(
        st.lists(children, max_size=3), st.dictionaries(st.text(max_size=6), children, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(LINES, JSON)
async def test_whatever_comes_in_the_answer_fits_the_format(lines, value):
    answer = await ENGINE.answer(call_of(SPEC, {"text": "\n".join(lines), "value": value}))
    assert problems_of(answer.value, parse_format(SPEC)) == []


UNITS = (
    "Name: Ana Reyes\n", "a" * 50 + "\n", "a: " * 40 + "\n", "- x\n", "1,2,3\n", "a | b\n", " " * 60 + "\n", "no " * 20,
    "Phone: 330-555-0101; DOB: 1970-01-01; ", "1" * 60, "<>\"'(){}[]" * 6, "is is is was ", "a: b  " * 10,
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
async def test_a_large_input_is_answered(unit):
    text = (unit * (200_000 // len(unit) + 1))[:200_000]
    answer = await ENGINE.answer(call_of(SPEC, {"text": text}))
    assert problems_of(answer.value, parse_format(SPEC)) == []
