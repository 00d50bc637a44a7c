"""The live engine against a local server that speaks the chat completions protocol."""

import asyncio
import base64
import json

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox import limits
from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.engines.base import Call, EngineFailure
from sandbox.llm_tasks.engines.openai import OpenAiEngine
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.output_format.grammar import parse_format

SECRET = "sk-live-very-secret-0001"


class FakeModel:
    """Answers are given first in first out: a text, a status with a body, or None to hang."""

    def __init__(self):
        self.seen, self.headers, self.answers = [], [], []
        self.hang = asyncio.Event()
        self.clock, self.moments = None, []

    async def chat(self, request):
        self.seen.append(await request.json())
        self.headers.append(request.headers)
        self.moments.append(self.clock.now() if self.clock is not None else None)
        answer = self.answers.pop(0) if self.answers else '{"name": "Ana"}'
        if answer is None:
            await self.hang.wait()
        if isinstance(answer, web.Response):
            return answer
        finish = "stop"
        if isinstance(answer, tuple):
            answer, finish = answer
        message = answer if isinstance(answer, dict) else {"role": "assistant", "content": answer}
        usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
        return web.json_response(
            {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}
        )


@pytest.fixture
async def fake():
    model = FakeModel()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.chat)
    async with TestServer(app) as server:
        model.url = str(server.make_url("/v1"))
        yield model
        model.hang.set()


@pytest.fixture
async def engine(fake):
    engine = OpenAiEngine(fake.url, SECRET, timeout_s=5)
    yield engine
    await engine.close()


def call_of(**changes):
    fields = {
        "user_prompt": "Read: Ana",
        "values": {"text": "Ana"},
        "fields": parse_format({"name": "str", "n": "int"}),
    }
    base = {"task_id": "t", "task_name": "T", "revision_id": "r", "model": "gpt-x", "system_prompt": "Be brief."}
    return Call(**{**base, "modality": "json", **fields, **changes})


async def test_the_prompt_and_the_schema_go_out(fake, engine):
    fake.answers = ['{"name": "Ana", "n": 1}']
    answer = await engine.answer(call_of(config={"temperature": 0.2, "max_tokens": 50, "faults": [1]}))
    assert (answer.value, answer.input_tokens, answer.output_tokens) == ('{"name": "Ana", "n": 1}', 12, 5)
    (body,) = fake.seen
    assert body["model"] == "gpt-x"
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Read: Ana"}]
    assert (body["temperature"], body["max_tokens"]) == (0.2, 50)
    assert "faults" not in body
    schema = body["response_format"]["json_schema"]
    assert (body["response_format"]["type"], schema["strict"]) == ("json_schema", True)
    assert schema["schema"]["properties"] == {"name": {"type": ["string", "null"]}, "n": {"type": ["integer", "null"]}}
    assert schema["schema"]["required"] == ["name", "n"]
    assert fake.headers[0]["Authorization"] == f"Bearer {SECRET}"


async def test_a_text_task_has_no_schema(fake, engine):
    await engine.answer(call_of(modality="text", fields=None))
    assert "response_format" not in fake.seen[0]


async def test_pictures_go_as_data_urls_and_documents_as_text(fake, engine):
    png, pdf = media.picture("x"), media.document("Patient: Ana")
    files = (RunFile("a.png", "s.png", "image/png", png), RunFile("b.pdf", "s.pdf", "application/pdf", pdf))
    await engine.answer(call_of(files=files))
    text, image, document = fake.seen[0]["messages"][1]["content"]
    assert text == {"type": "text", "text": "Read: Ana"}
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(png).decode()}"
    assert document["text"] == "File b.pdf:\nPatient: Ana"


@pytest.mark.parametrize(
    ("answer", "kind", "retry"),
    [
        (web.Response(status=429), "rate_limited", True),
        (web.Response(status=500, text="boom"), "model_error", True),
        (web.Response(status=400, text=f"bad key {SECRET}"), "model_error", False),
        (web.Response(text="<html>"), "malformed_output", True),
        (web.json_response({"choices": []}), "malformed_output", True),
        (web.json_response([]), "malformed_output", True),
        ({"role": "assistant", "content": None}, "malformed_output", True),
        ({"role": "assistant", "refusal": "No."}, "refused", False),
        (('{"name": "An', "length"), "truncated_output", True),
        (("", "content_filter"), "refused", False),
        (web.Response(status=401, text="who?"), "model_error", False),
        (web.Response(status=408), "model_error", True),
        (web.Response(status=503), "model_error", True),
    ],
)
async def test_what_can_go_wrong(fake, engine, answer, kind, retry):
    fake.answers = [answer]
    with pytest.raises(EngineFailure) as caught:
        await engine.answer(call_of())
    assert (caught.value.kind, caught.value.retry) == (kind, retry)
    assert SECRET not in caught.value.message


async def test_half_a_text_is_no_answer(live, fake):
    fake.answers = [("Once upon a", "length"), "All of it."]
    task = await live.create(model="gpt-x", output_modality="text", output_format=None)
    run = (await live.run(task)).json
    assert (run["response"], run["llm_retries"]) == ("All of it.", 1)


async def test_content_in_parts_is_one_text(fake, engine):
    parts = [{"type": "text", "text": '{"name": "Ana",'}, {"type": "text", "text": ' "n": 1}'}]
    fake.answers = [{"role": "assistant", "content": parts}]
    assert (await engine.answer(call_of())).value == '{"name": "Ana", "n": 1}'


@pytest.mark.parametrize(
    ("spec", "is_strict"),
    [
        ({"a": {"type": "object", "nested_structure": {"b": "int"}}, "c": {"type": "list", "item_type": "str"}}, True),
        ({"a": "list"}, False),
        ({"a": "object"}, False),
        ({"a": {"type": "list", "nested_structure": {"b": "object"}}}, False),
    ],
)
async def test_a_schema_is_strict_only_where_it_says_everything(fake, engine, spec, is_strict):
    """Servers refuse a strict schema that leaves a part open."""
    await engine.answer(call_of(fields=parse_format(spec)))
    assert fake.seen[0]["response_format"]["json_schema"]["strict"] is is_strict


async def test_a_server_without_schemas_gets_it_in_words(fake, engine):
    refusal = {"error": {"message": "Invalid parameter: 'response_format' of type 'json_schema' is not supported"}}
    fake.answers = [web.json_response(refusal, status=400), '{"name": "Ana", "n": 1}', '{"name": "Bo", "n": 2}']
    assert (await engine.answer(call_of())).value == '{"name": "Ana", "n": 1}'
    assert (await engine.answer(call_of())).value == '{"name": "Bo", "n": 2}'
    first, second, third = fake.seen
    assert first["response_format"]["type"] == "json_schema"
    for body in (second, third):
        assert "response_format" not in body
        system = body["messages"][0]["content"]
        assert system.startswith("Be brief.\n\nAnswer with one JSON object")
        assert json.loads(system[system.index("{") :])["required"] == ["name", "n"]


async def test_what_a_file_is_decides_how_it_is_sent(fake, engine):
    await engine.answer(call_of(files=(RunFile("scan.txt", "s.txt", "text/plain", media.picture("x")),)))
    assert fake.seen[0]["messages"][1]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


async def test_a_model_that_does_not_answer_times_out(fake):
    engine = OpenAiEngine(fake.url, None, timeout_s=0.05)
    fake.answers = [None]
    with pytest.raises(EngineFailure) as caught:
        await engine.answer(call_of())
    assert caught.value.kind == "timeout"
    await engine.close()


async def test_a_model_that_is_not_there(unused_tcp_port):
    engine = OpenAiEngine(f"http://127.0.0.1:{unused_tcp_port}/v1", None)
    with pytest.raises(EngineFailure) as caught:
        await engine.answer(call_of())
    assert (caught.value.kind, caught.value.retry) == ("model_unreachable", True)
    await engine.close()


@pytest.fixture
async def live(start, fake):
    return await start(openai_base_url=fake.url, openai_api_key=SECRET, openai_models=("gpt-x", "gpt-y"))


async def test_live_models_are_listed_only_when_configured(api, live):
    assert [m["name"] for m in (await live.get("model")).json][3:] == ["gpt-x", "gpt-y"]
    assert len((await api.get("model")).json) == 3


async def test_a_run_on_a_live_model(live, fake):
    task = await live.create(model="gpt-x", llm_config={"temperature": 0})
    run = (await live.run(task)).json
    assert (run["response"], run["input_tokens"], run["output_tokens"]) == ({"name": "Ana"}, 12, 5)
    assert "tokens_are_estimates" not in run["run_data"]
    assert SECRET not in json.dumps(run)
    assert SECRET not in (await live.get("model")).body.decode()


async def test_what_does_not_fit_is_asked_for_again(live, fake):
    fake.answers = ["not json", '{"name": 1}', '```json\n{"name": "Ana"}\n```']
    task = await live.create(model="gpt-x")
    run = (await live.run(task)).json
    assert (run["is_error"], run["llm_retries"], run["response"]) == (False, 2, {"name": "Ana"})
    fake.answers = ['{"name": 1}'] * (limits.LLM_RETRIES + 1)
    failed = (await live.run(task)).json
    assert (failed["is_error"], failed["response"]["error"]["type"]) == (True, "malformed_output")
    assert "name: must be str, not 1" in failed["response"]["error"]["message"]
    assert len(fake.seen) == 2 * (limits.LLM_RETRIES + 1)


WRAPPED = [
    '<think>Perhaps {"name": "Bo"}?</think>\n{"name": "Ana"}',
    'Perhaps {"name": "Bo"}?\n</think>\n\n{"name": "Ana"}',
    'Here you are:\n\n{"name": "Ana"}\n\nI hope that helps {name} [1].',
    '```JSON\n{"name": "Ana"}\n```',
    'Sure.\n```json\n{"name": "Ana"}\n```\nAnything else?',
    '\ufeff{"name": "Ana"}',
    '\ufeff```json\n{"name": "Ana"}\n```',
    '{"name": "Ana"}\n{"name": "Ana"}',
]


@pytest.mark.parametrize("said", WRAPPED)
async def test_the_one_json_value_of_an_answer_is_taken(live, fake, said):
    fake.answers = [said]
    run = (await live.run(await live.create(model="gpt-x"))).json
    assert (run["response"], run["llm_retries"], len(fake.seen)) == ({"name": "Ana"}, 0, 1)


async def test_of_several_json_values_none_is_guessed(live, fake):
    fake.answers = ['{"name": "Bo"} or rather {"name": "Ana"}'] * 3
    run = (await live.run(await live.create(model="gpt-x"))).json
    assert (run["is_error"], run["response"]["error"]["type"], len(fake.seen)) == (True, "malformed_output", 3)
    assert "It holds 2 different JSON values" in run["response"]["error"]["message"]


async def test_a_long_answer_is_read_as_a_short_one(live, fake):
    name = "Ana " * 50_000
    fake.answers = [f'<think>hm</think>{{"name": "{name}"}}']
    assert (await live.run(await live.create(model="gpt-x"))).json["response"] == {"name": name}


async def test_texts_and_tables_come_without_thoughts_and_fences(live, fake):
    fake.answers = ["<think>Dear?</think>\nDear Ana", "\ufeffDear <think>Ana</think>"]
    text = await live.create("Text", model="gpt-x", output_modality="text", output_format=None)
    assert (await live.run(text)).json["response"] == "Dear Ana"
    assert (await live.run(text)).json["response"] == "Dear <think>Ana</think>"
    fake.answers = ["<think>a table</think>\n```CSV\na,b\n1,2\n```"]
    table = await live.create("Table", model="gpt-x", output_modality="csv", output_format=None)
    answer = await live.call(
        "POST", f"task/{table['id']}/run", json={"task_input": {"text": "-"}}, headers={"Accept": "text/csv"}
    )
    assert answer.body == b"a,b\n1,2"


# -- a model that is busy ------------------------------------------------------------------------

LATER = "Thu, 23 Apr 2026 09:00:20 GMT"  # twenty seconds after the clock's beginning


def busy(status=429, retry_after=None):
    return web.Response(status=status, headers={} if retry_after is None else {"Retry-After": retry_after})


@pytest.fixture
async def patient(start, fake, clock):
    """A server whose waits move the clock on, and a live model with another one to fall back on."""
    api = await start(clock=clock, openai_base_url=fake.url, openai_models=("gpt-x", "gpt-y"))
    fake.clock = clock
    return api


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([busy(429, "7")], [7]),
        ([busy(503, "7"), busy(429, "3")], [7, 3]),
        ([busy(429, LATER)], [20]),
        ([busy(429, LATER), busy(503, "Thursday, 23-Apr-26 09:00:45 GMT")], [20, 25]),
        ([busy(429, "60")], [60]),
        ([busy(429, "30"), busy(429, "30")], [30, 30]),
        ([busy(429), busy(500)], [0.5, 1]),
        ([busy(429, "0"), busy(429, "Thu, 23 Apr 2026 08:00:00 GMT")], [0.5, 1]),
        ([busy(429, "soon"), busy(429, "-5")], [0.5, 1]),
        ([busy(429, "1.5")], [1.5]),
        (["not json", '{"name": 1}'], []),
    ],
)
async def test_a_busy_model_is_asked_again_when_it_wants_to_be(patient, fake, clock, answers, waits):
    fake.answers = list(answers)
    began = clock.now()
    run = (await patient.run(await patient.create(model="gpt-x"))).json
    assert (run["response"], run["llm_retries"], clock.slept) == ({"name": "Ana"}, len(answers), waits)
    asked_at = [(moment - began).total_seconds() for moment in fake.moments]
    assert asked_at[-1] == sum(waits) and len(asked_at) == len(answers) + 1


@pytest.mark.parametrize(
    ("answers", "waits", "left"),
    [([busy(429, "61")], [], 60), ([busy(429, "31"), busy(503, "30")], [31], 29), ([busy(429, "86400")], [], 60)],
)
async def test_no_run_waits_longer_than_the_bound(patient, fake, clock, answers, waits, left):
    fake.answers = list(answers)
    run = (await patient.run(await patient.create(model="gpt-x"))).json
    assert (run["is_error"], clock.slept, len(fake.seen)) == (True, waits, len(answers))
    assert run["llm_retries"] == len(waits)
    assert f"a run waits {limits.LLM_RETRY_WAIT_S} s in all, of which {left} s are left" in str(run["response"])


async def test_the_fallback_is_asked_at_once_and_has_patience_of_its_own(patient, fake, clock):
    fallback = {"fallback_llm_model_id": await patient.model("gpt-y")}
    task = await patient.create(model="gpt-x", **fallback)
    fake.answers = [busy(429, "3600"), busy(429, "60")]
    run = (await patient.run(task)).json
    assert (run["used_fallback_model"], run["response"], clock.slept) == (True, {"name": "Ana"}, [60])
    assert "have to wait 3600 s" in run["primary_failure_reason"]


async def test_a_model_that_cannot_be_reached_is_given_time(start, unused_tcp_port, clock):
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    api = await start(clock=clock, openai_base_url=url, openai_models=("gpt-x",))
    run = (await api.run(await api.create(model="gpt-x"))).json
    assert (run["response"]["error"]["type"], clock.slept) == ("model_unreachable", [0.5, 1])


async def test_models_offline_are_not_waited_for(start, clock):
    api = await start(clock=clock)
    faults = {"faults": [{"kind": "rate_limit"}]}
    run = (await api.run(await api.create(model="sandbox-fault", llm_config=faults))).json
    assert (run["response"]["error"]["type"], clock.slept) == ("rate_limited", [])


async def test_an_echoed_key_is_not_kept(live, fake):
    fake.answers = [json.dumps({"name": f"my key is {SECRET}"})]
    run = (await live.run(await live.create(model="gpt-x"))).json
    assert run["response"] == {"name": "my key is [redacted]"}


async def test_secrets_do_not_reach_a_cassette(start, fake, tmp_path):
    options = {"openai_base_url": fake.url, "openai_models": ("gpt-x",), "llm_cassette_dir": tmp_path / "cassettes"}
    recording = await start(**options, openai_api_key=SECRET, llm_is_recording=True)
    fake.answers = [json.dumps({"name": f"my key is {SECRET}"})]
    await recording.run(await recording.create(model="gpt-x", name="Read It"), {"text": "I am vk_local, vk_local_0123"})
    text = (tmp_path / "cassettes" / "read-it.yaml").read_text()
    assert SECRET not in text
    assert "my key is [redacted]" in text
    assert "I am [redacted]" in text


async def test_a_recording_replays_after_the_model_is_changed(start, fake, tmp_path):
    """A change of model makes a revision; what was recorded before is for it as well, unless the prompt changed too."""
    options = {"openai_base_url": fake.url, "openai_models": ("gpt-x",), "llm_cassette_dir": tmp_path / "cassettes"}
    api = await start(**options, llm_is_recording=True)
    task = await api.create(model="gpt-x", name="Read It")
    fake.answers = ['{"name": "First"}', '{"name": "Second"}']
    for _ in range(2):
        await api.run(task)
    replay = {"llm_model_id": await api.model("sandbox-replay")}
    revision = (await api.post(f"task/{task['id']}", replay)).headers["X-New-Revision-ID"]
    assert (await api.run(task, revision_id=revision)).json["response"] == {"name": "Second"}
    other = {**replay, "user_prompt": "Read this well: {text}"}
    changed = (await api.post(f"task/{task['id']}", other)).headers["X-New-Revision-ID"]
    assert (await api.run(task, revision_id=changed)).json["response"]["error"]["type"] == "no_recorded_answer"


async def test_recorded_answers_replay_without_the_model(start, fake, tmp_path):
    cassettes = tmp_path / "cassettes"
    options = {"openai_base_url": fake.url, "openai_models": ("gpt-x",), "llm_cassette_dir": cassettes}
    recording = await start(**options, llm_is_recording=True)
    task = await recording.create(model="gpt-x", name="Read It", file_input_mode="any")
    fake.answers = ["bad", '{"name": "Recorded"}']
    data = aiohttp.FormData()
    data.add_field("task_input", '{"text": "Line 1\\nLine 2"}')
    data.add_field("task_file", b"abc", filename="a.txt", content_type="text/plain")
    await recording.call("POST", f"task/{task['id']}/run", data=data)
    (entry,) = yaml.safe_load((cassettes / "read-it.yaml").read_text())["answers"]
    assert (entry["response"], entry["input"]) == ({"name": "Recorded"}, {"text": "Line 1\nLine 2"})
    count = len(fake.seen)

    offline = await start(llm_cassette_dir=cassettes, data_dir=tmp_path / "second")
    replayed = await offline.create(model="sandbox-replay", name="Read It", file_input_mode="any")
    data = aiohttp.FormData()
    data.add_field("task_input", '{"text": "Line 1\\nLine 2"}')
    data.add_field("task_file", b"abc", filename="other.txt", content_type="text/plain")
    run = (await offline.call("POST", f"task/{replayed['id']}/run", data=data)).json
    assert (run["response"], run["input_tokens"]) == ({"name": "Recorded"}, 12)
    assert len(fake.seen) == count
