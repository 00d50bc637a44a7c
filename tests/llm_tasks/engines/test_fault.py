from collections import Counter

import pytest

from sandbox.llm_tasks.engines.base import Call, EngineFailure
from sandbox.llm_tasks.engines.build import offline_models
from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.engines.replay import Cassettes
from sandbox.llm_tasks.output_format.grammar import parse_format


@pytest.fixture
def engine(tmp_path):
    models, fault = offline_models(Cassettes(tmp_path))
    fault.catalog = Catalog(models)
    return fault


def call_of(*faults, ordinal=1, attempt=1, text="Name: Ana", **config):
    return Call(
        "t", "T", "r", "m", "", "", {"text": text}, "json", parse_format({"name": "str"}),
        config={"faults": list(faults), **config}, ordinal=ordinal, attempt=attempt,
    )  # fmt: skip


async def outcome(engine, call):
    try:
        return (await engine.answer(call)).value
    except EngineFailure as failure:
        return failure.kind


ANSWER = {"name": "Ana"}


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"kind": "error"}, "model_error"),
        ({"kind": "timeout"}, "timeout"),
        ({"kind": "rate_limit"}, "rate_limited"),
        ({"kind": "slow"}, ANSWER),
    ],
)
async def test_what_each_kind_does(engine, rule, wanted):
    assert await outcome(engine, call_of(rule)) == wanted


async def test_malformed_output_is_not_json(engine):
    value = await outcome(engine, call_of({"kind": "malformed"}))
    assert isinstance(value, str)
    with pytest.raises(ValueError, match="Expecting"):
        __import__("json").loads(value)


async def test_without_rules_every_attempt_fails(engine):
    call = Call("t", "T", "r", "m", "", "", {}, "json")
    assert await outcome(engine, call) == "model_error"
    assert await outcome(engine, call_of()) == ANSWER


@pytest.mark.parametrize(
    ("rule", "failing"),
    [
        ({"runs": [2, 3]}, [2, 3]),
        ({"every": 3}, [3, 6]),
        ({"runs": []}, []),
        ({"runs": [1], "every": 2}, []),
    ],
)
async def test_which_runs_fail(engine, rule, failing):
    rule = {"kind": "error", **rule}
    found = [n for n in range(1, 7) if await outcome(engine, call_of(rule, ordinal=n)) != ANSWER]
    assert found == failing


async def test_only_the_first_attempts_fail(engine):
    rule = {"kind": "timeout", "attempts": 2}
    assert [await outcome(engine, call_of(rule, attempt=n)) for n in (1, 2, 3)] == ["timeout", "timeout", ANSWER]


@pytest.mark.parametrize(
    ("when", "fails"),
    [
        ({"text": "Name: Ana"}, True),
        ({"text": "Name"}, False),
        ({"text": {"contains": "Ana"}}, True),
        ({"text": {"contains": "Bo"}}, False),
        ({"text": {"matches": "^Name"}}, True),
        ({"text": {"matches": "^Ana"}}, False),
        ({"text": {"contains": "Ana", "matches": "Bo"}}, False),
        ({"missing": "x"}, False),
        ({"missing": None}, True),
    ],
)
async def test_which_inputs_fail(engine, when, fails):
    assert (await outcome(engine, call_of({"kind": "error", "when": when})) == "model_error") is fails


async def test_chance_is_seeded(engine):
    rule = {"kind": "error", "probability": 0.3}
    first = [await outcome(engine, call_of(rule, ordinal=n)) == "model_error" for n in range(400)]
    again = [await outcome(engine, call_of(rule, ordinal=n)) == "model_error" for n in range(400)]
    assert first == again
    assert 80 <= Counter(first)[True] <= 160


async def test_the_first_rule_that_applies_counts(engine):
    rules = ({"kind": "timeout", "runs": [1]}, {"kind": "error", "message": "Down for maintenance."})
    assert [await outcome(engine, call_of(*rules, ordinal=n)) for n in (1, 2)] == ["timeout", "model_error"]
    with pytest.raises(EngineFailure, match="Down for maintenance"):
        await engine.answer(call_of(*rules, ordinal=2))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"faults": {}}, "must be a list"),
        ({"faults": ["x"]}, "faults.0"),
        ({"faults": [{}]}, "faults.0.kind"),
        ({"faults": [{"kind": "explode"}]}, "faults.0.kind"),
        ({"faults": [{"kind": "error", "often": 1}]}, "faults.0.often"),
        ({"faults": [{"kind": "error", "probability": 1.1}]}, "probability"),
        ({"faults": [{"kind": "error", "every": 0}]}, "every"),
        ({"faults": [{"kind": "slow", "seconds": 601}]}, "seconds"),
        ({"faults": [{"kind": "error", "when": {"a": {"matches": "("}}}]}, "regular expression"),
        ({"faults": [{"kind": "error", "when": {"a": {"is": 1}}}]}, "contains or matches"),
        ({"then": "gpt-9"}, "no other model"),
        ({"then": "sandbox-fault"}, "no other model"),
    ],
)
def test_wrong_rules_are_named(engine, config, says):
    (problem, *_) = engine.config_problems(config)
    assert says in problem


def test_right_rules_have_no_problems(engine):
    rule = {"kind": "slow", "seconds": 600, "when": {"a": {"matches": "x"}}, "probability": 1}
    assert engine.config_problems({"faults": [rule], "then": "sandbox-replay", "temperature": 1}) == []


async def test_wrong_rules_are_refused_when_the_task_is_made(api):
    body = {**await api.draft(model="sandbox-fault"), "llm_config": {"faults": [{"kind": "explode"}]}}
    answer = await api.post("task", body)
    assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["body", "llm_config"])
