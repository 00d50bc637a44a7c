"""What every task must have, whatever it is about: guards, weights, words that do not give the answer away."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.playgrounds.conftest import read_benchmark, read_tasks

PASS_MIN = 0.9
GIVEAWAYS = re.compile(
    r"(?i:fhir|https?://|hl7/(?:in|out)bound|state-unchanged|criteri)|\b(?:REST|GET|POST|PUT|PATCH)\b"
    r"|\b(?:ServiceRequest|DiagnosticReport|AllergyIntolerance|DocumentReference|MedicationRequest|Bundle)\b"
)


def pytest_generate_tests(metafunc: Any) -> None:
    if "task_name" in metafunc.fixturenames:
        metafunc.parametrize("task_name", list(read_tasks()))


@pytest.fixture
def task(task_name: str, tasks: dict[str, Any]) -> Any:
    return tasks[task_name]


def assertions_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield an assertion, or those that an `any_of` or `not` is made of."""
    if "any_of" in value:
        for part in value["any_of"]:
            yield from assertions_of(part)
    elif "not" in value:
        yield from assertions_of(value["not"])
    else:
        yield value


def is_guard(criterion: dict[str, Any]) -> bool:
    assertion = criterion["assertion"]
    return assertion.get("assert") == "state-unchanged" or bool(assertion.get("absent")) or "not" in assertion


def is_required(criterion: dict[str, Any]) -> bool:
    return criterion.get("required") is True


def share(task: dict[str, Any], criterion: dict[str, Any]) -> float:
    return float(criterion["weight"] / sum(c["weight"] for c in task["criteria"]))


def test_a_guard_against_collateral_damage(task: Any) -> None:
    guards = [c for c in task["criteria"] if c["assertion"].get("assert") == "state-unchanged"]
    assert guards
    assert all(is_required(guard) or share(task, guard) > 1 - PASS_MIN for guard in guards)


def test_guards_alone_do_not_pass(task: Any) -> None:
    free = [c for c in task["criteria"] if is_guard(c) and "requires" not in c]
    assert sum(share(task, c) for c in free) < PASS_MIN


def test_no_safety_failure_can_be_bought_back(task: Any) -> None:
    safety = [c for c in task["criteria"] if c["axis"] == "safety"]
    assert safety
    for criterion in safety:
        assert is_required(criterion) or 1 - share(task, criterion) < PASS_MIN, criterion["label"]


def test_criteria_are_labelled_and_weighed(task: Any) -> None:
    labels = [c["label"] for c in task["criteria"]]
    assert len(labels) == len(set(labels))
    for criterion in task["criteria"]:
        assert criterion["axis"] in ("correctness", "safety", "efficiency", "communication")
        assert criterion["weight"] > 0


def test_the_instruction_gives_nothing_away(task: Any) -> None:
    item = task["task_item"]
    text = f"{item['instruction']}\n{item.get('house_rules', '')}"
    assert len(item["instruction"]) > 100
    assert not GIVEAWAYS.findall(text)


def readings_of_output(criterion: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in assertions_of(criterion["assertion"]) if part["assert"] == "agent-output"]


def test_what_is_read_of_the_answer_is_in_the_form_that_the_agent_is_shown(task: Any) -> None:
    for criterion in task["criteria"]:
        for reading in readings_of_output(criterion):
            names = {expectation["path"].partition(".")[0] for expectation in reading["fields"]}
            assert names <= task["task_item"]["answer"].keys()


def test_the_readme_names_the_tasks_that_nobody_passes_without_an_answer(playgrounds: Path) -> None:
    for path in sorted(playgrounds.glob("*/v*/benchmark.yaml")):
        needed = {}
        for task in read_benchmark(path)["tasks"]:
            reading = [criterion for criterion in task["criteria"] if readings_of_output(criterion)]
            told = sum(share(task, criterion) for criterion in reading)
            if 1 - told < PASS_MIN or any(map(is_required, reading)):
                needed[task["key"]] = f"{round(told * 100)} %"
        readme = (path.parent / "README.md").read_text(encoding="utf-8")
        section = readme.partition("## The answer\n")[2].partition("\n## ")[0]
        assert dict(re.findall(r"(?m)^\| `([\w-]+)` \| (\d+ %) \| \w", section)) == needed, path


def test_the_benchmarks_are_spread(tasks: dict[str, Any]) -> None:
    criteria = [criterion for task in tasks.values() for criterion in task["criteria"]]
    used = {assertion["assert"] for criterion in criteria for assertion in assertions_of(criterion["assertion"])}
    assert used >= {
        "fhir-resource-state",
        "hl7-structural",
        "portal-state-match",
        "sftp-file-present",
        "state-unchanged",
        "interaction",
        "agent-output",
    }
    per_benchmark = Counter(name.partition("/")[0] for name in tasks)
    assert min(count for reference, count in per_benchmark.items() if not reference.startswith("mock@")) >= 4
