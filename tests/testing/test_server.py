import threading
from pathlib import Path

import pytest
import structlog

from sandbox.definitions.problems import DefinitionError
from sandbox.logs import get_logger, set_level
from sandbox.testing.client import NotFoundError
from sandbox.testing.server import running_server
from tests.alone import have_only


@pytest.fixture(autouse=True)
def few(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    have_only(monkeypatch, tmp_path_factory.mktemp("alone"), "mock@1")


def test_two_servers_share_nothing() -> None:
    with running_server() as first, running_server() as second:
        assert first.url != second.url
        assert repr(first) == f"<SandboxServer {first.url}>"
        run = first.sync_client.create_benchmark_run("mock@1")
        assert second.sync_client.list_benchmark_runs() == []
        with pytest.raises(NotFoundError):
            second.sync_client.cancel_benchmark_run(run.id)


async def test_both_clients_share_the_tokens() -> None:
    with running_server() as server:
        run = await server.client.create_benchmark_run("mock@1")
        blocking = server.sync_client.start_task_run(run.task_runs[0].id)
        assert blocking.request("GET", "fhir/metadata").status == 200
        assert (await server.client.complete_task_run(blocking.task_run_id)).status == "completed"
        assert blocking.is_closed


def test_what_a_server_recorded_stays_where_it_was_told(tmp_path: Path) -> None:
    with running_server(data_dir=tmp_path) as server:
        run = server.sync_client.create_benchmark_run("mock@1")
    with running_server(data_dir=tmp_path) as server:
        assert [r.id for r in server.sync_client.list_benchmark_runs()] == [run.id]


def test_a_server_that_does_not_start_leaves_nothing_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(DefinitionError, match="missing"), running_server(playgrounds=[tmp_path / "missing"]):
        pass
    assert threading.active_count() <= before


def test_an_error_in_the_block_ends_the_server_all_the_same() -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), running_server():
        raise ZeroDivisionError
    assert threading.active_count() <= before


def test_what_it_logs_goes_to_standard_error_and_structlog_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    set_level("info")
    before = structlog.get_config()["processors"]
    with running_server() as server:
        run = server.sync_client.create_benchmark_run("mock@1")
        server.sync_client.cancel_benchmark_run(run.id)
    printed = capsys.readouterr()
    assert printed.out == "" and "benchmark run over" in printed.err and run.id in printed.err
    assert structlog.get_config()["processors"] is before


def test_a_traceback_in_the_log_shows_no_local_variable(capsys: pytest.CaptureFixture[str]) -> None:
    log = get_logger()
    token = "vrl_run_" + "0123456789"
    try:
        raise ValueError("broke") if token else None
    except ValueError:
        log.exception("unexpected error")
    printed = capsys.readouterr().err
    assert "ValueError: broke" in printed and token not in printed
