"""The plugin as its users meet it: in a pytest run of their own."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing import client, plugin, server
from tests.alone import have_only

pytest_plugins = "pytester"

PAGE = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text(encoding="utf-8")
BENCHMARK = """
slug: tiny
version: 1
name: Tiny
environment: {name: Desk, simulators: [{type: Fhir, name: Chart, dataset: little}]}
tasks:
  - key: look
    name: Look
    criteria:
      - label: Ana is on file
        assertion: {assert: fhir-resource-state, resource_type: Patient, search: {_id: ana}, fields: []}
"""


@pytest.fixture
def run(pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run pytest in an empty directory with the plugin, and few benchmarks built in."""
    have_only(monkeypatch, tmp_path_factory.mktemp("alone"), "mock@1", "mock@2")

    def run(*args: str) -> pytest.RunResult:
        # The distribution's own entry point is switched off, so that the plugin is there exactly once.
        options = ["-p", "no:sandbox", "-p", "no:randomly", "-p", "no:cacheprovider"]
        loops = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
        return pytester.runpytest_inprocess(
            *options, *loops, "--strict-markers", "-W", "error", *args, plugins=[plugin]
        )

    return run


@pytest.fixture
def definitions(pytester: pytest.Pytester) -> Path:
    """A benchmark and a dataset of the user's own, beside the tests."""
    (pytester.mkdir("own") / "tiny" / "v1").mkdir(parents=True)
    (pytester.path / "own/tiny/v1/benchmark.yaml").write_text(BENCHMARK)
    (pytester.mkdir("data") / "little" / "fhir").mkdir(parents=True)
    (pytester.path / "data/little/fhir/a.json").write_text('{"resourceType": "Patient", "id": "ana"}')
    return pytester.path


def test_the_example_of_the_page_passes(pytester: pytest.Pytester, run: Any) -> None:
    example = re.findall(r"```python\n(# test_front_desk\.py.*?)```", PAGE, re.DOTALL)
    assert len(example) == 1
    pytester.makepyfile(test_front_desk=example[0])
    run().assert_outcomes(passed=2)


def test_a_shared_server_as_the_page_says(pytester: pytest.Pytester, run: Any) -> None:
    (fixture,) = re.findall(r"```python\n(import pytest\n.*?)```", PAGE, re.DOTALL)
    pytester.makepyfile(
        fixture
        + """
urls = set()

@pytest.mark.parametrize("n", range(2))
def test_it(sandbox_server, benchmark_run, n):
    urls.add(sandbox_server.url)
    assert len(urls) == 1
    assert benchmark_run("mock@1").id
"""
    )
    run().assert_outcomes(passed=2)


def test_every_test_has_a_server_of_its_own(pytester: pytest.Pytester, run: Any) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("n", range(2))
        async def test_it(sandbox_server, n):
            assert await sandbox_server.client.list_benchmark_runs() == []
            await sandbox_server.client.create_benchmark_run("mock@1")

        def test_without_a_loop(sandbox_server):
            assert sandbox_server.sync_client.list_benchmark_runs() == []
            assert sandbox_server.api_key.startswith("vk_")
            assert sandbox_server.solver_key.startswith("vrl_slv_")
            assert sandbox_server.data_dir.is_dir()
        """
    )
    run().assert_outcomes(passed=3)


def test_what_goes_on_when_the_test_ends_is_cancelled(pytester: pytest.Pytester, run: Any) -> None:
    pytester.makepyfile(
        """
        import pytest

        runs = {}

        @pytest.fixture(autouse=True)
        def look_afterwards(sandbox_server):
            yield
            for name, run_id in runs.items():
                assert sandbox_server.sync_client.get_benchmark_run(run_id).status == name

        def test_it(sandbox_server, benchmark_run):
            client = sandbox_server.sync_client
            run = benchmark_run("mock@1", agent="me", scored=True, seed=1)
            assert (run.agent, run.scored) == ("me", True)
            client.start_task_run(run.task_runs[0].id)
            done = benchmark_run("mock@1")
            for task_run in done.task_runs:
                client.start_task_run(task_run.id)
                client.complete_task_run(task_run.id)
            runs.update(cancelled=run.id, completed=done.id)
        """
    )
    run().assert_outcomes(passed=1)


def test_the_marker_says_how_the_server_is_started(pytester: pytest.Pytester, run: Any, definitions: Path) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.sandbox(playgrounds=["own"], seeds=["data"])
        def test_own_benchmarks(sandbox_server, benchmark_run):
            client = sandbox_server.sync_client
            assert [b.reference for b in client.list_benchmarks()] == ["tiny@1"]
            task = client.start_task_run(benchmark_run("tiny@1").task_runs[0].id, is_task_scoped=True)
            assert task.request("GET", "fhir/Patient/ana").status == 200
            assert client.complete_task_run(task.task_run_id).verdict == "pass"

        @pytest.mark.sandbox(playgrounds=["own"], seeds=["data"], strict=True)
        def test_strict(sandbox_server, benchmark_run):
            task_run = benchmark_run("tiny@1").task_runs[0]
            task = sandbox_server.sync_client.start_task_run(task_run.id, is_task_scoped=True)
            assert task.request("GET", "fhir/Patient").status == 404
        """
    )
    run().assert_outcomes(passed=2)


def test_the_configuration_says_it_for_all_and_the_marker_wins(
    pytester: pytest.Pytester, run: Any, definitions: Path
) -> None:
    pytester.makeini("[pytest]\nsandbox_playgrounds = own\nsandbox_seeds = data\nsandbox_strict = true\n")
    pytester.makepyfile(
        """
        import pytest

        def status(server, run):
            task = server.sync_client.start_task_run(run.task_runs[0].id, is_task_scoped=True)
            return task.request("GET", "fhir/Patient").status

        def test_configured(sandbox_server, benchmark_run):
            assert status(sandbox_server, benchmark_run("tiny@1")) == 404

        @pytest.mark.sandbox(strict=False)
        def test_marked(sandbox_server, benchmark_run):
            assert status(sandbox_server, benchmark_run("tiny@1")) == 200
        """
    )
    run().assert_outcomes(passed=2)


@pytest.mark.parametrize("wrong", ["playground=['x']", "'own'"])
def test_a_marker_written_wrongly_is_said(pytester: pytest.Pytester, run: Any, wrong: str) -> None:
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.sandbox({wrong})\ndef test_it(sandbox_server): ...\n")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.sandbox takes playgrounds, seeds, strict, not *"])


def test_the_plugin_is_there_once_the_distribution_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.sandbox(strict=True)
        def test_it(request):
            assert request.config.getini("sandbox_strict") is False
        """
    )
    pytester.runpytest_subprocess("--strict-markers", "-p", "no:randomly").assert_outcomes(passed=1)


def test_loading_the_plugin_loads_nothing_else() -> None:
    source = """
import sys, pytest
before = set(sys.modules)
import sandbox.testing.plugin
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sandbox', 'sandbox.testing', 'sandbox.testing.plugin']"


def test_the_page_names_everything_there_is() -> None:
    methods = [name for name in vars(client.SandboxClient) if name[0] != "_" and name not in ("close",)]
    errors = [name for name in client.__all__ if name.endswith("Error")]
    assert len(methods) > 15
    for word in [*methods, *errors]:
        assert re.search(rf"\b{word}\b", PAGE), word
    for word in ("sandbox_server", "benchmark_run", "running_server", *plugin._OPTIONS):
        assert f"`{word}" in PAGE, word
    assert server.running_server.__name__ in PAGE


ABOUT_A_RESULT = """
def test_sync(sandbox_server, benchmark_run):
    client = sandbox_server.sync_client
    run = benchmark_run("mock@1")
    task = client.start_task_run(run.task_run("next-appointment").id)
    result = client.complete_task_run(task.task_run_id, output={"date": "2026-04-29", "clinician": "Bianchi"})
    EXPLAIN
    assert CLAIM

async def test_async(sandbox_server, benchmark_run):
    run = benchmark_run("mock@1")
    task = await sandbox_server.client.start_task_run(run.task_run("next-appointment").id)
    result = await sandbox_server.client.complete_task_run(task.task_run_id)
    assert CLAIM
"""


@pytest.mark.parametrize("claim", ["result.verdict == 'pass'", "result.is_pass", "result.score > 0.9", "not result"])
def test_a_failed_assertion_begins_with_the_checks_that_failed(pytester: pytest.Pytester, run: Any, claim: str) -> None:
    pytester.makepyfile(ABOUT_A_RESULT.replace("CLAIM", claim).replace("EXPLAIN", "pass"))
    result = run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E*AssertionError: tr_*: partial 0.625, 1 of 2 checks failed",
            "E*✗ The date of the next appointment that stands, and its clinician (correctness, weight 3)",
            'E*output matched; 1 of 2 fields passed: date expected "2026-05-13", found "2026-04-29".',
            "E*✓ Nothing was changed (safety, weight 1)",
            "E*assert *",
            "E*AssertionError: tr_*: partial 0.25, 1 of 2 checks failed",
            "E*Found no output: the agent completed without one.",
        ]
    )


def test_results_are_explained_without_pytest_too(pytester: pytest.Pytester, run: Any) -> None:
    told = (
        "assert result.explain().splitlines()[1].startswith('  ✗ The date'); assert 'failed: The date' in repr(result)"
    )
    pytester.makepyfile(ABOUT_A_RESULT.replace("CLAIM", "result").replace("EXPLAIN", told))
    run().assert_outcomes(passed=2)


def test_an_assertion_about_something_else_is_left_as_it_is(pytester: pytest.Pytester, run: Any) -> None:
    pytester.makepyfile("def test_it():\n    found = 1\n    assert found == 2, 'said by the test'")
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: said by the test"])


def test_a_scored_run_says_that_details_are_withheld(pytester: pytest.Pytester, run: Any) -> None:
    pytester.makepyfile(
        """
def test_it(sandbox_server, benchmark_run):
    client = sandbox_server.sync_client
    run = benchmark_run("mock@1", scored=True)
    task = client.start_task_run(run.task_run("next-appointment").id)
    result = client.complete_task_run(task.task_run_id)
    assert result.is_pass
"""
    )
    run().stdout.fnmatch_lines(["E*✗ The date*", "E*details are withheld: the run is scored"])


def test_a_result_that_passed_explains_nothing(pytester: pytest.Pytester, run: Any) -> None:
    pytester.makepyfile(
        """
def test_it(sandbox_server, benchmark_run):
    client = sandbox_server.sync_client
    run = benchmark_run("mock@1")
    task = client.start_task_run(run.task_run("next-appointment").id)
    result = client.complete_task_run(task.task_run_id, output={"date": "2026-05-13", "clinician": "Bianchi"})
    assert result.verdict == "fail"
"""
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert 'pass' == 'fail'"])
    result.stdout.no_fnmatch_line("*checks failed*")
