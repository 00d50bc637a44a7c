import asyncio
from dataclasses import replace

import pytest
import yaml

from sandbox.llm_tasks.engines.base import Answer, Call, EngineFailure
from sandbox.llm_tasks.engines.replay import Cassettes, ReplayEngine, answer_problems, cassette_problems
from sandbox.llm_tasks.inputs.files import RunFile


def call_of(text="hello", **changes):
    fields = {"task_id": "t1", "task_name": "Greet People", "revision_id": "r1", "model": "m", "values": {"text": text}}
    return Call(**{**fields, "system_prompt": "", "user_prompt": "", "modality": "json", **changes})


@pytest.fixture
def cassettes(tmp_path):
    return Cassettes(tmp_path / "cassettes")


@pytest.fixture
def write(cassettes):
    def put(value, name="greet-people.yaml"):
        cassettes.directory.mkdir(exist_ok=True)
        text = value if isinstance(value, str) else yaml.safe_dump(value)
        (cassettes.directory / name).write_text(text)

    return put


async def test_a_hand_written_cassette(cassettes, write):
    write(
        """\
task: Greet People
answers:
  - input: {text: hello}
    response: {greeting: hi}
    input_tokens: 3
  - input: {text: {contains: bye}}
    response: {greeting: ciao}
  - input: {text: {matches: "^[0-9]+$"}}
    error: {type: refused, message: Not a greeting.}
"""
    )
    engine = ReplayEngine(cassettes)
    assert await engine.answer(call_of()) == Answer({"greeting": "hi"}, 3, None)
    assert (await engine.answer(call_of("good bye"))).value == {"greeting": "ciao"}
    with pytest.raises(EngineFailure, match="Not a greeting") as refused:
        await engine.answer(call_of("42"))
    assert (refused.value.kind, refused.value.retry) == ("refused", False)
    with pytest.raises(EngineFailure, match=r"add one to greet-people.yaml.*neither") as missing:
        await engine.answer(call_of("neither"))
    assert missing.value.kind == "no_recorded_answer"


async def test_answers_are_found_by_task_revision_and_files(cassettes, write):
    file = RunFile("a.txt", "s.txt", "text/plain", b"abc")
    sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    write(
        {
            "task": "t1",
            "answers": [
                {"response": {"n": "any"}},
                {"response": {"n": "second"}, "revision": "r2"},
                {"response": {"n": "file"}, "files": [sha], "revision": "r1"},
            ],
        }
    )
    write({"task": "Other", "answers": [{"response": {"n": "other"}}]}, "other.yaml")
    engine = ReplayEngine(cassettes)
    assert (await engine.answer(call_of())).value == {"n": "any"}
    assert (await engine.answer(call_of(revision_id="r2"))).value == {"n": "second"}
    assert (await engine.answer(call_of(files=(file,)))).value == {"n": "file"}
    assert (await engine.answer(call_of(task_name="Other", task_id="t2"))).value == {"n": "other"}


async def test_answers_of_the_definition_come_first(cassettes, write):
    write({"task": "t1", "answers": [{"response": {"n": 2}}]})
    own = ({"input": {"text": "hello"}, "response": {"n": 1}},)
    assert (await ReplayEngine(cassettes).answer(call_of(answers=own))).value == {"n": 1}
    assert (await ReplayEngine(cassettes).answer(call_of("other", answers=own))).value == {"n": 2}


async def test_a_changed_file_is_read_again(cassettes, write):
    write({"task": "t1", "answers": [{"response": {"n": 1}}]})
    engine = ReplayEngine(cassettes)
    assert (await engine.answer(call_of())).value == {"n": 1}
    write({"task": "t1", "answers": [{"response": {"n": 22}}]})
    assert (await engine.answer(call_of())).value == {"n": 22}


async def test_recording_is_readable_and_replays(cassettes):
    engine = ReplayEngine(cassettes)
    letter = "Dear colleague,\nplease see Ana.\n"
    await asyncio.gather(*(cassettes.record(call_of(f"{letter}{i}"), Answer({"n": i}, 5, 6)) for i in range(5)))
    for i in range(5):
        assert await engine.answer(call_of(f"{letter}{i}")) == Answer({"n": i}, 5, 6)
    text = (cassettes.directory / "greet-people.yaml").read_text()
    assert text.startswith("task: Greet People\nanswers:\n")
    assert "text: |-\n      Dear colleague,\n      please see Ana.\n" in text
    assert [p.name for p in cassettes.directory.iterdir()] == ["greet-people.yaml"]


async def test_recording_keeps_files_and_what_was_written_by_hand(cassettes, write):
    write({"task": "Greet People", "answers": [{"response": {"n": 0}, "input": {"text": "by hand"}}]})
    file = RunFile("a.txt", "s.txt", "text/plain", b"abc")
    await cassettes.record(call_of("x", files=(file,)), Answer({"n": 1}))
    engine = ReplayEngine(cassettes)
    assert (await engine.answer(call_of("by hand"))).value == {"n": 0}
    assert (await engine.answer(call_of("x", files=(file,)))).value == {"n": 1}
    with pytest.raises(EngineFailure):
        await engine.answer(call_of("x"))


async def test_a_new_recording_takes_the_place_of_the_old(cassettes):
    for n in (1, 2):
        await cassettes.record(call_of("x"), Answer({"n": n}))
        await cassettes.record(call_of("y"), Answer({"n": 10 * n}))
    engine = ReplayEngine(cassettes)
    assert [(await engine.answer(call_of(text))).value for text in "xy"] == [{"n": 2}, {"n": 20}]
    assert (cassettes.directory / "greet-people.yaml").read_text().count("response") == 2


async def test_names_that_make_one_file_name_have_two_files(cassettes):
    for n, name in enumerate(("Greet People", "greet-people")):
        await cassettes.record(replace(call_of("x"), task_name=name, task_id=f"task-id-{n}"), Answer({"n": n}))
    engine = ReplayEngine(cassettes)
    for n, name in enumerate(("Greet People", "greet-people")):
        assert (await engine.answer(replace(call_of("x"), task_name=name, task_id=f"task-id-{n}"))).value == {"n": n}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a: [", "not valid YAML"),
        ({"answers": []}, "must have `task`"),
        ({"task": "t1"}, "`answers` must be a list"),
        ({"task": "t1", "answers": ["x"]}, "answers.0: must be a mapping"),
        ({"task": "t1", "answers": [{}]}, "either response or error"),
        ({"task": "t1", "answers": [{"response": 1, "error": {}}]}, "either response or error"),
        ({"task": "t1", "answers": [{"response": 1, "reply": 2}]}, "unknown key reply"),
        ({"task": "t1", "answers": [{"response": 1, "input": []}]}, "answers.0.input"),
        ({"task": "t1", "answers": [{"response": 1, "input": {"a": {"matches": "("}}}]}, "regular expression"),
    ],
)
async def test_a_broken_cassette_is_named(cassettes, write, value, says):
    write(value)
    with pytest.raises(EngineFailure, match=says) as caught:
        await ReplayEngine(cassettes).answer(call_of())
    assert (caught.value.kind, caught.value.retry) == ("bad_cassette", False)
    assert "greet-people.yaml" in caught.value.message


def test_a_good_cassette_has_no_problems():
    assert cassette_problems({"task": "t", "answers": [{"response": {}}]}) == []
    assert answer_problems([{"error": {"type": "x"}}, {"response": "x", "input": {"a": {"matches": "x"}}}]) == []
    assert ReplayEngine(Cassettes(None)).config_problems({"x": 1}) == []
