"""Every solution copes with every level of mess over real HTTP, or the benchmark's README says why not."""

import shutil
from pathlib import Path

import pytest
import yaml

from sandbox.definitions.mess import MESSIEST
from sandbox.rehearsal.agents import load_reference
from sandbox.rehearsal.proofs import RULES, prove
from sandbox.rehearsal.runner import Options, rehearse_once
from sandbox.serving import serving_url
from sandbox.settings import Settings
from sandbox.testing.client import SandboxClient
from tests.alone import serving_only

ROOT = Path(__file__).parents[2] / "playgrounds"
VERSIONS = sorted(path.parent for path in ROOT.glob("*/v*/benchmark.yaml"))
LEVELS = range(1, MESSIEST + 1)
OTHER_SEEDS = range(1, 6)
# Tasks that a careful colleague cannot settle at some level: `slug@version` and level to keys. The README says why.
NOT_AT_LEVEL: dict[tuple[str, int], set[str]] = {}

every_benchmark = pytest.mark.parametrize("folder", VERSIONS, ids=lambda f: f"{f.parent.name}@{f.name[1:]}")


class Unwatched:
    """Nobody watches."""

    def run_created(self, run, task_count): ...

    def task_started(self, name): ...

    def task_ended(self, result): ...

    def run_abandoned(self, run, problem): ...


@pytest.fixture
async def client(tmp_path, request):
    async with serving_only(tmp_path, reference_of(request.node.callspec.params["folder"])) as connected:
        yield connected


def reference_of(folder):
    return f"{folder.parent.name}@{folder.name[1:]}"


async def unsolved(client, folder, options):
    result = await rehearse_once(
        client, reference_of(folder), load_reference("solution", folder / "solution.py"), options, Unwatched()
    )
    return {task.key for task in result.task_runs if task.score != 1.0}, result.mess


@every_benchmark
async def test_the_solution_copes_with_the_highest_level(client, folder):
    excused = NOT_AT_LEVEL.get((reference_of(folder), MESSIEST), set())
    assert await unsolved(client, folder, Options(mess=MESSIEST)) == (excused, MESSIEST)


@pytest.mark.slow
@every_benchmark
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.agent != "nonsense"], ids=lambda rule: rule.agent)
async def test_every_agent_fares_as_it_must_at_every_level(client, folder, level, rule):
    proof = await prove(client, reference_of(folder), rule, [ROOT], Options(mess=level), Unwatched())
    excused = NOT_AT_LEVEL.get((reference_of(folder), level), set())
    assert {fault.partition(":")[0] for fault in proof.faults} == (excused if "1.0" in rule.demand else set()), (
        proof.faults
    )


@pytest.mark.slow
@every_benchmark
@pytest.mark.parametrize("seed", OTHER_SEEDS)
async def test_it_is_not_for_a_lucky_draw(tmp_path, folder, seed):
    """The highest level of other seeds, whose draws hit other charts."""
    copied = tmp_path / "playgrounds" / folder.parent.name / folder.name
    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("__pycache__", "solution_state.json"))
    definition = yaml.safe_load((folder / "benchmark.yaml").read_text(encoding="utf-8"))
    definition["environment"]["mess"] = {"level": MESSIEST, "seed": seed}
    (copied / "benchmark.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    settings = Settings(
        port=0,
        data_dir=tmp_path / "data",
        is_watching=False,
        playgrounds=(copied.parents[1],),
        seeds=(ROOT.parent / "seeds",),
    )
    async with (
        serving_url(settings) as url,
        SandboxClient(url, solver_key="vrl_slv_local", api_key="vk_local") as client,
    ):
        excused = NOT_AT_LEVEL.get((reference_of(folder), MESSIEST), set())
        assert await unsolved(client, copied, Options()) == (excused, MESSIEST)


def test_who_is_excused_is_explained():
    for (reference, level), keys in NOT_AT_LEVEL.items():
        slug, _, version = reference.partition("@")
        readme = (ROOT / slug / f"v{version}" / "README.md").read_text(encoding="utf-8")
        assert f"mess {level}" in readme
        assert all(key in readme for key in keys)
