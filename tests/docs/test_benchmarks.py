"""The numbers of the built-in benchmarks in the documentation are those that are kept beside them."""

import pytest

from sandbox.builtin import create_registry
from sandbox.definitions.library import load_library
from sandbox.rehearsal.proofs import IDLE_MAX, NONSENSE_MAX
from sandbox.rehearsal.worth import find_worth, to_markdown
from sandbox.settings import Settings


@pytest.fixture(scope="module")
def tasks():
    settings = Settings()
    return find_worth(load_library(settings.playground_dirs, settings.seed_dirs, create_registry()))


def test_the_table_is_what_was_measured(pages, tasks):
    """Made by: sandbox prove all --mutate --write, then sandbox worth."""
    assert f"\n{to_markdown(tasks)}\n" in pages["docs/benchmarks.md"].text


def test_every_task_is_measured_and_within_the_limits(tasks):
    assert tasks
    for task in tasks:
        assert task.idle is not None and task.idle <= IDLE_MAX, task
        assert task.nonsense is not None and task.nonsense <= NONSENSE_MAX, task
        assert task.played and task.killed is not None and task.killed >= 0.95 * task.played, task
