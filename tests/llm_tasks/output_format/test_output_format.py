import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import jsonio, limits
from sandbox.llm_tasks.output_format.fit import problems_of
from sandbox.llm_tasks.output_format.grammar import FormatError, parse_format, unknown_parts
from sandbox.llm_tasks.output_format.json_schema import from_json_schema, to_json_schema

WORDS = ("str", "string", "int", "integer", "number", "bool", "boolean", "list", "object")
INVOICE = {
    "vendor": {"type": "object", "nested_structure": {"name": "str", "tax_id": "str"}},
    "currency": {"type": "str", "options": ["USD", "EUR", "GBP"]},
    "line_items": {
        "type": "list",
        "item_type": "object",
        "nested_structure": {"description": "str", "quantity": "number", "unit_price": "number"},
    },
    "tags": {"type": "list", "item_type": "str"},
    "requires_review": "bool",
}
DEEP = {
    "documents": {
        "type": "list",
        "nested_structure": {
            "document": {
                "type": "object",
                "nested_structure": {
                    "name": {"type": "str"},
                    "link": {"type": "str", "options": ["linked", "unlinked"]},
                },
            }
        },
    }
}


@pytest.mark.parametrize("word", [*WORDS, "array"])
def test_every_type_word_is_a_field(word):
    (field,) = parse_format({"a": word})
    assert field.type in ("str", "int", "number", "bool", "list", "object")


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        ({}, (), "at least one"),
        ([], (), "object"),
        ({"a": "text"}, ("a",), "is not a type"),
        ({"a": 1}, ("a",), "type or an object"),
        ({"a": {}}, ("a", "type"), "required"),
        ({"a": {"type": ["str"]}}, ("a", "type"), "is not a type"),
        ({"a b": "str"}, ("a b",), "letters"),
        ({"": "str"}, ("",), "letters"),
        ({"a" * 65: "str"}, ("a" * 65,), "1 to 64"),
        ({"a": {"type": "str", "item_type": "str"}}, ("a", "item_type"), "only a list"),
        ({"a": {"type": "str", "nested_structure": {"b": "str"}}}, ("a", "nested_structure"), "only a list or"),
        ({"a": {"type": "object"}}, ("a", "nested_structure"), "required"),
        ({"a": {"type": "list", "item_type": "object"}}, ("a", "nested_structure"), "required"),
        ({"a": {"type": "list", "item_type": "int", "nested_structure": {"b": "str"}}}, ("a", "item_type"), "object"),
        ({"a": {"type": "str", "options": ["x", "x"]}}, ("a", "options"), "repeat"),
        ({"a": {"type": "str", "options": [1]}}, ("a", "options"), "list of texts"),
        ({"a": {"type": "str", "description": 1}}, ("a", "description"), "text"),
        ({"a": {"type": "list", "nested_structure": {"b": "no"}}}, ("a", "nested_structure", "b"), "is not a type"),
    ],
)
def test_what_breaks_the_grammar_is_named(spec, path, says):
    with pytest.raises(FormatError, match=says) as caught:
        parse_format(spec)
    assert caught.value.path == path


def test_unknown_parts_are_ignored_and_named_for_those_who_want_to_know():
    spec = {"a": {"type": "list", "nested_structure": {"b": {"type": "str", "option": ["x"], "required": True}}}}
    assert parse_format(spec) == parse_format({"a": {"type": "list", "nested_structure": {"b": "str"}}})
    at = ("a", "nested_structure", "b")
    assert [path for path, _ in unknown_parts(spec)] == [(*at, "option"), (*at, "required")]
    assert unknown_parts(INVOICE) == unknown_parts(DEEP) == []


def test_no_options_are_as_good_as_none():
    assert parse_format({"a": {"type": "str", "options": []}}) == parse_format({"a": "str"})


def test_a_schema_can_be_met_whatever_has_options():
    spec = {kind: {"type": kind, "options": ["1"]} for kind in ("str", "int", "bool", "list")}
    spec["texts"] = {"type": "list", "item_type": "str", "options": ["x"]}
    schema = to_json_schema(parse_format(spec))["properties"]
    assert {name: part.get("enum") for name, part in schema.items() if "enum" in part} == {"str": ["1"]}
    assert schema["texts"]["items"] == {"type": "string", "enum": ["x"]}
    assert parse_format(from_json_schema({"properties": {"texts": schema["texts"]}}))[0].options == ("x",)


def test_a_key_may_have_64_characters_and_begin_with_a_digit():
    parse_format({"a" * 64: "str", "2_response": "str", "a.b-c": "str"})


def test_the_number_of_fields_is_limited():
    parse_format({f"f{i}": "str" for i in range(limits.OUTPUT_FORMAT_FIELDS)})
    with pytest.raises(FormatError, match="more than"):
        parse_format({f"f{i}": "str" for i in range(limits.OUTPUT_FORMAT_FIELDS + 1)})


def test_a_list_with_a_structure_is_a_list_of_objects():
    (field,) = parse_format(DEEP)
    assert (field.item_type, field.fields[0].type, field.fields[0].fields[1].options) == (
        "object",
        "object",
        ("linked", "unlinked"),
    )


def test_the_schema_of_an_invoice():
    schema = to_json_schema(parse_format(INVOICE))
    assert schema["required"] == list(INVOICE)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["currency"] == {"type": "string", "enum": ["USD", "EUR", "GBP"]}
    assert schema["properties"]["line_items"]["items"]["required"] == ["description", "quantity", "unit_price"]
    assert schema["properties"]["vendor"]["additionalProperties"] is False
    nullable = to_json_schema(parse_format(INVOICE), is_nullable=True)["properties"]["currency"]
    assert nullable == {"type": ["string", "null"], "enum": ["USD", "EUR", "GBP", None]}


LEAF = st.sampled_from(["str", "int", "number", "bool"])
KEY = st.from_regex(r"[a-zA-Z0-9_.-]{1,10}", fullmatch=True)


def _spec(children):
    nested = st.dictionaries(KEY, children, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda n: {"type": "object", "nested_structure": n}, nested),
        st.builds(lambda n: {"type": "list", "item_type": "object", "nested_structure": n}, nested),
    )


SPECS = st.recursive(
    st.one_of(
        LEAF,
        st.sampled_from(["list", "object"]),
        st.builds(lambda k, d: {"type": k, "description": d}, LEAF, st.text(min_size=1, max_size=5)),
        st.builds(
            lambda o: {"type": "str", "options": o}, st.lists(st.text(max_size=5), min_size=1, max_size=3, unique=True)
        ),
        st.builds(lambda k: {"type": "list", "item_type": k}, LEAF),
    ),
    _spec,
    max_leaves=12,
)
FORMATS = st.dictionaries(KEY, SPECS, min_size=1, max_size=4)


@given(FORMATS)
def test_a_schema_reads_back_as_the_same_fields(spec):
    fields = parse_format(spec)
    for is_nullable in (False, True):
        assert parse_format(from_json_schema(to_json_schema(fields, is_nullable=is_nullable))) == fields


def _answer(field):
    if field.type == "object":
        return {f.name: _answer(f) for f in field.fields}
    if field.type == "list":
        if field.fields:
            return [{f.name: _answer(f) for f in field.fields}]
        return [_answer(type(field)("i", field.item_type))] if field.item_type else [1, "x"]
    return {"str": field.options[0] if field.options else "x", "int": 1, "number": 1.5, "bool": True}[field.type]


@given(FORMATS)
def test_an_answer_that_fits_has_no_problems_and_one_that_lacks_a_field_does(spec):
    fields = parse_format(spec)
    answer = {field.name: _answer(field) for field in fields}
    assert problems_of(answer, fields) == []
    name = next(iter(answer))
    assert problems_of({k: v for k, v in answer.items() if k != name}, fields) == [f"{name}: is missing"]
    assert problems_of({**answer, "extra!": 1}, fields) == ["extra!: is not in the output_format"]
    assert problems_of({field.name: None for field in fields}, fields) == []


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("int", 1.5),
        ("int", True),
        ("int", "1"),
        ("number", "1"),
        ("number", False),
        ("bool", 1),
        ("str", 1),
        ("list", {}),
    ],
)
def test_types_are_strict(kind, wrong):
    assert problems_of({"a": wrong}, parse_format({"a": kind}))


def test_options_and_items_are_checked():
    fields = parse_format({"c": {"type": "str", "options": ["x"]}, "l": {"type": "list", "item_type": "int"}})
    assert problems_of({"c": "y", "l": [1, "2"]}, fields) == [
        'c: must be one of x, not "y"',
        'l.1: must be int, not "2"',
    ]


def test_a_schema_that_the_grammar_cannot_say_is_refused():
    for schema in ({"type": "object"}, {"properties": {"a": {"type": "null"}}}, {"properties": {"a": {"anyOf": []}}}):
        with pytest.raises(FormatError):
            from_json_schema(schema)


def test_a_parsed_decimal_is_a_number():
    assert problems_of(jsonio.parse(b'{"a": 4.10}'), parse_format({"a": "number"})) == []
