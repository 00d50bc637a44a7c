"""Every task is proven over real HTTP: its solution, an idle agent, its near miss, another way."""

from pathlib import Path

import pytest

from sandbox.rehearsal.agents import IdleAgent, load_reference
from sandbox.rehearsal.runner import Options, rehearse_once
from sandbox.serving import serving_url
from sandbox.settings import Settings
from sandbox.testing.client import SandboxClient

ROOT = Path(__file__).parents[2] / "playgrounds"
VERSIONS = sorted(path.parent for path in ROOT.glob("*/v*/benchmark.yaml"))

every_benchmark = pytest.mark.parametrize("folder", VERSIONS, ids=lambda f: f"{f.parent.name}@{f.name[1:]}")


class Unwatched:
    """Nobody watches."""

    def run_created(self, run, task_count): ...

    def task_started(self, name): ...

    def task_ended(self, result): ...

    def run_abandoned(self, run, problem): ...


@pytest.fixture
async def rehearse(tmp_path):
    async def run(folder, agent, **options):
        reference = f"{folder.parent.name}@{folder.name[1:]}"
        settings = Settings(port=0, data_dir=tmp_path / "data", is_watching=False)
        async with (
            serving_url(settings) as url,
            SandboxClient(url, solver_key="vrl_slv_local", api_key="vk_local") as client,
        ):
            return await rehearse_once(client, reference, agent, Options(**options), Unwatched())

    return run


def shown(result):
    return [
        (t.key, t.score, t.failure, [(c.label, c.details) for c in t.checks if not c.passed]) for t in result.task_runs
    ]


@every_benchmark
async def test_the_solution_scores_one(rehearse, folder):
    result = await rehearse(folder, load_reference("solution", folder / "solution.py"))
    assert all(t.score == 1.0 and t.verdict == "pass" for t in result.task_runs), shown(result)
    assert result.score == 1.0


@every_benchmark
async def test_the_solution_scores_one_in_a_seeded_run_too(rehearse, folder):
    result = await rehearse(folder, load_reference("solution", folder / "solution.py"), seed=7)
    assert all(t.score == 1.0 for t in result.task_runs), shown(result)


@every_benchmark
async def test_an_idle_agent_does_not_pass(rehearse, folder):
    result = await rehearse(folder, IdleAgent())
    assert not any(t.is_pass for t in result.task_runs), shown(result)
    for task in result.task_runs:
        assert any(not c.passed for c in task.checks), task.key


@every_benchmark
async def test_the_near_miss_stays_below_the_pass_mark(rehearse, folder):
    result = await rehearse(folder, load_reference("near-miss", folder / "near_miss.py"))
    assert all(t.failure is None and t.score is not None and t.score < 0.9 for t in result.task_runs), shown(result)


@pytest.mark.parametrize(
    "folder", [f for f in VERSIONS if (f / "alternative.py").exists()], ids=lambda f: f"{f.parent.name}@{f.name[1:]}"
)
async def test_the_other_way_scores_one(rehearse, folder):
    result = await rehearse(folder, load_reference("alternative", folder / "alternative.py"))
    assert all(t.score == 1.0 for t in result.task_runs), shown(result)


def test_every_benchmark_has_its_agents_and_its_record():
    assert VERSIONS
    for folder in VERSIONS:
        for name in ("solution.py", "near_miss.py", "README.md"):
            assert (folder / name).is_file(), folder / name
