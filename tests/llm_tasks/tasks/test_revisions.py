import math
from collections import Counter

import pytest

from sandbox.errors import NotFound
from sandbox.llm_tasks.errors import RuleBroken
from sandbox.llm_tasks.run.choose_revision import choose_revision, named_revision
from sandbox.llm_tasks.tasks.entities import Revision, Share, Tag, Task
from sandbox.llm_tasks.tasks.fields import REVISION_DEFAULTS
from sandbox.llm_tasks.tasks.models import TaskUpdate
from sandbox.llm_tasks.tasks.next_revision import check_shares, makes_revision, values_of

RUNS = 10_000
Z = 3.290527  # 99.9 % of a normal distribution lies within


def task_of(*weights, tests=()):
    revisions = [Revision(f"r{i}", "t", "2026", {**REVISION_DEFAULTS, "test": i in tests}) for i in range(len(weights))]
    shares = tuple(Share(f"r{i}", w) for i, w in enumerate(weights))
    return Task(
        "t", "p", "T", None, True, False, False, "json", "owner_only", "2026", revisions=revisions, active=shares
    )


@pytest.mark.parametrize("weights", [(0.7, 0.3), (0.5, 0.25, 0.25), (0.01, 0.99), (0.1,) * 10, (0.0, 1.0)])
@pytest.mark.parametrize("seed", [0, 7])
def test_over_ten_thousand_runs_the_split_is_that_of_the_weights(weights, seed):
    task = task_of(*weights)
    counts = Counter(choose_revision(task, seed, task.id, n).id for n in range(RUNS))
    for i, weight in enumerate(weights):
        margin = Z * math.sqrt(RUNS * weight * (1 - weight)) + 0.5
        assert abs(counts[f"r{i}"] - RUNS * weight) <= margin, (weights, counts)


def test_the_same_seed_chooses_the_same_and_another_does_not():
    task = task_of(0.5, 0.5)

    def choices(seed):
        return [choose_revision(task, seed, task.id, n).id for n in range(64)]

    assert choices(1) == choices(1) != choices(2)


def test_a_revision_without_weight_is_never_chosen():
    task = task_of(0.0, 1.0, 0.0)
    assert {choose_revision(task, 0, n).id for n in range(1000)} == {"r1"}


def test_a_task_without_an_active_revision_is_not_run():
    task = task_of(1.0)
    task.active = ()
    with pytest.raises(NotFound, match="no active revision"):
        choose_revision(task, 0)


def test_an_id_wins_over_a_tag_and_a_tag_means_the_newest():
    task = task_of(1.0, 0.0, 0.0)
    task.revisions[1].tags, task.revisions[2].tags = ["a"], ["a"]
    tags = {"a": Tag("a", "p", "task_revision", "staging", None, None, "2026")}
    assert named_revision(task, revision_id="r0", tag="staging", tags=tags).id == "r0"
    assert named_revision(task, revision_id=None, tag="staging", tags=tags).id == "r1"
    assert named_revision(task, revision_id=None, tag=None, tags=tags) is None
    for asked in ({"revision_id": "r9", "tag": None}, {"revision_id": None, "tag": "production"}):
        with pytest.raises(NotFound):
            named_revision(task, **asked, tags=tags)


@pytest.mark.parametrize("weights", [(0.5, 0.4), (0.5, 0.500002), (1.0, 1.0), (0.0,)])
def test_weights_must_sum_to_one(weights):
    task = task_of(*weights)
    with pytest.raises(RuleBroken, match="sum to") as caught:
        check_shares(task, task.active)
    assert caught.value.context["reason"] == "INVALID_TRAFFIC_WEIGHTS"


def test_weights_may_be_a_rounding_away_from_one():
    task = task_of(*(1 / 3 for _ in range(3)))
    assert check_shares(task, task.active) == task.active
    near = task_of(0.5, 0.5000009)
    assert check_shares(near, near.active)


def test_a_test_revision_is_never_live():
    task = task_of(1.0, tests=(0,))
    with pytest.raises(RuleBroken) as caught:
        check_shares(task, task.active)
    assert caught.value.context["reason"] == "TEST_REVISION_NOT_ACTIVATABLE"


def test_unknown_and_repeated_revisions_are_refused():
    task = task_of(1.0)
    with pytest.raises(NotFound):
        check_shares(task, [Share("r9", 1.0)])
    with pytest.raises(RuleBroken, match="twice"):
        check_shares(task, [Share("r0", 0.5), Share("r0", 0.5)])


@pytest.mark.parametrize(
    ("body", "makes"),
    [
        ({"system_prompt": "x"}, True),
        ({"annotation": None}, True),
        ({"system_prompt": None}, False),
        ({"test": False}, True),
        ({"description": "x"}, False),
        ({"name": "x", "enabled": False, "active_revisions": []}, False),
        ({"unknown": 1}, False),
    ],
)
def test_which_bodies_make_a_revision(body, makes):
    assert makes_revision(TaskUpdate.model_validate(body)) is makes


def test_a_new_revision_takes_over_what_the_body_does_not_say():
    base = {**REVISION_DEFAULTS, "system_prompt": "old", "annotation": "note", "llm_config": {"top_p": 1}, "test": True}
    values = values_of(TaskUpdate.model_validate({"user_prompt": "new", "annotation": None, "llm_config": None}), base)
    assert (values["system_prompt"], values["user_prompt"], values["annotation"], values["llm_config"]) == (
        "old",
        "new",
        None,
        {"top_p": 1},
    )
    assert values["test"] is False


@pytest.mark.parametrize(
    ("body", "before", "after"),
    [
        ({"image_required": True}, "none", "image"),
        ({"image_required": "true"}, "any", "image"),
        ({"image_required": True}, "image_or_pdf", "image_or_pdf"),
        ({"image_required": False}, "image", "none"),
        ({"image_required": False}, "pdf", "pdf"),
        ({"image_required": True, "file_input_mode": "pdf"}, "none", "pdf"),
        ({}, "any", "any"),
    ],
)
def test_the_older_spelling_of_a_required_picture(body, before, after):
    base = {**REVISION_DEFAULTS, "file_input_mode": before}
    assert values_of(TaskUpdate.model_validate(body), base)["file_input_mode"] == after
