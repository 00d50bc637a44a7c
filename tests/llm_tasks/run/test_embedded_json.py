"""The one JSON value in what a model said; what cannot be told is refused."""

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.llm_tasks.run.embedded_json import find_json, without_fence, without_thoughts

ANA = '{"name": "Ana", "tags": ["{", "</think>", "```"], "n": 4.10}'
VALUE = jsonio.parse(ANA)


@pytest.mark.parametrize(
    "said",
    [
        ANA,
        f"\ufeff{ANA}",
        f" \n\ufeff \n{ANA}\n",
        f"```json\n{ANA}\n```",
        f"```JSON\n{ANA}\n```",
        f"```Json {ANA}```",
        f"```\n\ufeff{ANA}\n```\n",
        f"~~~json\n{ANA}\n~~~",
        f"<think>Is it Ana?</think>{ANA}",
        f'<think>Maybe {{"name": "Bo"}}, or {{"name": </think>\n\n{ANA}',
        f"<Thinking>a</Thinking>\n<think>b</think>\n```JSON\n{ANA}\n```",
        f'Maybe {{"name": "Bo"}}.\n</think>\n{ANA}',
        f'Maybe {{"name": "Bo", </think>\n{ANA}',
        f"Here it is:\n\n{ANA}\n\nLet me know if {{name}} or {{{{text}}}} should change [1], [see 2], [2026-04].",
        f"{ANA} I said: {ANA}",
        f'{ANA}\nAgain: {{"n": 4.10, "tags": ["{{", "</think>", "```"], "name": "Ana"}}',
        f"Fields: [] and [1, 2], [\"a\"]. Values: {ANA}",
    ],
)  # fmt: skip
def test_what_is_found(said):
    assert find_json(said) == VALUE
    assert jsonio.dump(find_json(said)["n"]) == b"4.10"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "Expecting value"),
        ("I cannot tell.", "Expecting value"),
        ("<think>" + ANA, "Expecting value"),
        (f"<think>{ANA}</think>Done.", "Expecting value"),
        (f'{ANA} or {{"name": "Bo"}}', "2 different JSON values"),
        (f'{{"name": "Bo"}}\n{ANA}\n{{"name": "Cy"}}', "3 different JSON values"),
        ('{"name": "Ana", "contact": {"name": "Bo"},}', "broken"),
        ('{"name": "Ana", "contact": {"name": "Bo"}', "broken"),
        ("{'name': 'Ana', 'contact': {\"name\": \"Bo\"}}", "broken"),
        ('Answer: {name: "Ana", contact: {"name": "Bo"}}', "broken"),
        ('[{"name": "Ana"}, {"name": "Bo"},]', "broken"),
        ('[1, {"name": "Bo"},]', "broken"),
        ('```json\n{"name": "An\n```\n{"name": "Ana"}', "broken"),
        ('So: {"name": "Ana", "name": "Bo"}', "appears twice"),
        ('So: {"name": NaN}', "NaN"),
        ("So: " + '{"a":' * 70 + "1" + "}" * 70, "nested deeper"),
    ],
)
def test_what_is_refused(said, why):
    with pytest.raises(SandboxError, match=why):
        find_json(said)


def test_an_array_of_objects_is_a_value_and_is_not_looked_into():
    assert find_json('The rows: [{"name": "Ana"}].') == [{"name": "Ana"}]


@given(
    st.lists(st.sampled_from(["{", "}", "[", "]", '"', "a", ":", ",", "1", "<think>", "</think>", " ", "\\", "```"]))
)
def test_whatever_is_said_gives_a_value_or_a_reason(parts):
    text = "".join(parts)
    try:
        value = find_json(text)
    except SandboxError as error:
        assert error.message
    else:
        assert isinstance(value, dict | list) or json.loads(text.strip()) == value


@pytest.mark.parametrize(
    "part",
    ["{", "[", "[a", "[2026-04 ", "[1,", '{"a":', "[[", "{a}", "<think>", "</think>", '["a",', "[ ", "{ ", '{"a":1}'],
)
def test_no_answer_takes_long(part):
    """Not a measure of speed: what is not linear would take minutes."""
    text = part * (1_000_000 // len(part)) + "."
    began = time.process_time()
    with suppress(SandboxError):
        find_json(text)
    assert time.process_time() - began < 10


def test_thoughts_and_fences_of_other_texts():
    assert without_thoughts("<think>a</think>\n<think>b</think> c") == "c"
    assert without_thoughts("<think>a") == "<think>a"
    assert without_thoughts("  a") == "  a"
    assert without_fence("```\na\n```\nb\n```\nc\n```") == "```\na\n```\nb\n```\nc\n```"
