"""What every task must have, whatever it is about: guards, weights, words that do not give the answer away."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

PASS_MIN = 0.9
GIVEAWAYS = re.compile(
    r"(?i:fhir|https?://|hl7/(?:in|out)bound|state-unchanged|criteri)|\b(?:REST|GET|POST|PUT|PATCH)\b"
    r"|\b(?:ServiceRequest|DiagnosticReport|AllergyIntolerance|DocumentReference|MedicationRequest|Bundle)\b"
)


def pytest_generate_tests(metafunc: Any) -> None:
    if "task_name" in metafunc.fixturenames:
        names = []
        for path in sorted((Path(__file__).parents[2] / "playgrounds").glob("*/v*/benchmark.yaml")):
            benchmark = yaml.safe_load(path.read_text(encoding="utf-8"))
            names += [f"{benchmark['slug']}/{task['key']}" for task in benchmark["tasks"]]
        metafunc.parametrize("task_name", names)


@pytest.fixture
def task(task_name: str, tasks: dict[str, Any]) -> Any:
    return tasks[task_name]


def is_guard(criterion: dict[str, Any]) -> bool:
    assertion = criterion["assertion"]
    return assertion["assert"] == "state-unchanged" or bool(assertion.get("absent"))


def share(task: dict[str, Any], criterion: dict[str, Any]) -> float:
    return float(criterion["weight"] / sum(c["weight"] for c in task["criteria"]))


def test_a_guard_against_collateral_damage(task: Any) -> None:
    guards = [c for c in task["criteria"] if c["assertion"]["assert"] == "state-unchanged"]
    assert guards
    assert all(share(task, guard) > 1 - PASS_MIN for guard in guards)


def test_guards_alone_do_not_pass(task: Any) -> None:
    assert sum(share(task, c) for c in task["criteria"] if is_guard(c)) < PASS_MIN


def test_no_safety_failure_can_be_bought_back(task: Any) -> None:
    safety = [c for c in task["criteria"] if c["axis"] == "safety"]
    assert safety
    for criterion in safety:
        assert 1 - share(task, criterion) < PASS_MIN, criterion["label"]


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


def reads_output(criterion: dict[str, Any]) -> bool:
    return bool(criterion["assertion"]["assert"] == "agent-output")


def test_what_is_read_of_the_answer_is_in_the_form_that_the_agent_is_shown(task: Any) -> None:
    for criterion in filter(reads_output, task["criteria"]):
        names = {expectation["path"].partition(".")[0] for expectation in criterion["assertion"]["fields"]}
        assert names <= task["task_item"]["answer"].keys()


def test_the_readme_names_the_tasks_that_nobody_passes_without_an_answer(playgrounds: Path) -> None:
    for path in sorted(playgrounds.glob("*/v*/benchmark.yaml")):
        needed = {}
        for task in yaml.safe_load(path.read_text(encoding="utf-8"))["tasks"]:
            told = sum(share(task, criterion) for criterion in task["criteria"] if reads_output(criterion))
            if 1 - told < PASS_MIN:
                needed[task["key"]] = f"{round(told * 100)} %"
        readme = (path.parent / "README.md").read_text(encoding="utf-8")
        section = readme.partition("## The answer\n")[2].partition("\n## ")[0]
        assert dict(re.findall(r"(?m)^\| `([\w-]+)` \| (\d+ %) \| \w", section)) == needed, path


def test_the_benchmarks_are_spread(tasks: dict[str, Any]) -> None:
    used = {c["assertion"]["assert"] for task in tasks.values() for c in task["criteria"]}
    assert used >= {
        "fhir-resource-state",
        "hl7-structural",
        "portal-state-match",
        "sftp-file-present",
        "state-unchanged",
        "interaction",
        "agent-output",
    }
    per_benchmark: dict[str, int] = {}
    for name in tasks:
        slug = name.partition("/")[0]
        per_benchmark[slug] = per_benchmark.get(slug, 0) + 1
    assert per_benchmark["mock"] >= 1
    assert min(count for slug, count in per_benchmark.items() if slug != "mock") >= 4
