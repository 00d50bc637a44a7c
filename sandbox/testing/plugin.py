"""The pytest plugin: `sandbox_server`, a server per test, and `benchmark_run`, runs on it.

Every pytest run of everybody who installed the distribution loads this module, so it imports
nothing; the server's code is imported by the fixtures.
"""

import sys
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

if TYPE_CHECKING:
    from sandbox.client.models import BenchmarkRun
    from sandbox.testing.server import SandboxServer

BenchmarkRunFactory: TypeAlias = "Callable[..., BenchmarkRun]"
_MARKER: Final = (
    "sandbox(playgrounds=[], seeds=[], strict=False): how `sandbox_server` is started for this test; "
    "directories are relative to the root directory and replace the built-in ones"
)
_OPTIONS: Final = frozenset({"playgrounds", "seeds", "strict"})
_EXPLAINED_MAX: Final = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what the configuration file may say for all tests."""
    parser.addini("sandbox_playgrounds", "Directories of benchmarks for `sandbox_server`.", "paths", default=[])
    parser.addini("sandbox_seeds", "Directories of datasets for `sandbox_server`.", "paths", default=[])
    parser.addini("sandbox_strict", "Start `sandbox_server` in strict mode.", "bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """Begin a failed assertion's message with what did not pass, where a result is at hand."""
    outcome = yield
    error = outcome.excinfo[1] if outcome.excinfo is not None else None
    if isinstance(error, AssertionError) and (told := _explanations(error)):
        error.args = (f"{told}\n{error}",)


def _explanations(error: AssertionError) -> str:
    """Explain the results that did not pass among the variables of the frames the error went through."""
    models, runner = (sys.modules.get(f"sandbox.{name}") for name in ("client.models", "rehearsal.runner"))
    kinds = (getattr(models, "TaskCompletion", ()), *(getattr(runner, n, ()) for n in ("TaskResult", "RunResult")))
    found: dict[int, str] = {}
    traceback = error.__traceback__
    while traceback is not None:
        for value in traceback.tb_frame.f_locals.values():
            if isinstance(value, kinds) and not value.is_pass:
                found.setdefault(id(value), value.explain())
        traceback = traceback.tb_next
    return "\n".join(list(found.values())[:_EXPLAINED_MAX])


@pytest.fixture
def sandbox_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[SandboxServer]":
    """A running server of this test alone: `url`, `api_key`, `solver_key`, `client`, `sync_client`."""
    from sandbox.testing.server import running_server

    with running_server(data_dir=tmp_path_factory.mktemp("sandbox"), **_options_of(request)) as server:
        yield server


@pytest.fixture
def benchmark_run(sandbox_server: "SandboxServer") -> Iterator[BenchmarkRunFactory]:
    """Create runs on `sandbox_server`: `benchmark_run("mock@2", scored=False, agent=None, seed=None)`.

    What is still going on when the test ends is cancelled.
    """
    from sandbox.client.errors import ConflictError

    client = sandbox_server.sync_client
    created = []

    def create(benchmark: str, **options: Any) -> "BenchmarkRun":
        run = client.create_benchmark_run(benchmark, **options)
        created.append(run.id)
        return run

    yield create
    for run_id in created:
        try:
            client.cancel_benchmark_run(run_id)
        except ConflictError:
            continue  # it is over, which is as good


def _options_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    config = request.config
    options: dict[str, Any] = {
        "playgrounds": config.getini("sandbox_playgrounds"),
        "seeds": config.getini("sandbox_seeds"),
        "strict": config.getini("sandbox_strict"),
    }
    marker = request.node.get_closest_marker("sandbox")
    if marker is None:
        return options
    if marker.args or (unknown := marker.kwargs.keys() - _OPTIONS):
        wrong = ", ".join(sorted(unknown)) if not marker.args else "positional arguments"
        raise pytest.UsageError(f"@pytest.mark.sandbox takes {', '.join(sorted(_OPTIONS))}, not {wrong}.")
    for name in ("playgrounds", "seeds"):
        if name in marker.kwargs:
            options[name] = [config.rootpath / directory for directory in marker.kwargs[name]]
    options["strict"] = marker.kwargs.get("strict", options["strict"])
    return options
