"""What the settings page says about starting and stopping a server."""

import signal
import socket
import subprocess
import sys

import pytest

from sandbox import cli
from sandbox.record.lock import DirectoryLock

WELL_KNOWN = {"SANDBOX_API_KEY": "vk_local", "SANDBOX_SOLVER_KEY": "vrl_slv_local"}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line in this process; return the exit status and what was printed."""
    for name in (*WELL_KNOWN, "SANDBOX_RUN_TOKEN_LIFETIME_S", "SANDBOX_MAX_ACTIVE_PLAYGROUNDS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("playgrounds", "seeds"):
        (tmp_path / name).mkdir()

    def call(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        given = ["--playgrounds", str(tmp_path / "playgrounds"), "--seeds", str(tmp_path / "seeds")]
        monkeypatch.setattr(sys, "argv", ["sandbox", *arguments, *(given if arguments[0] == "serve" else ())])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return call


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_RUN_TOKEN_LIFETIME_S", "a day"),
        ("SANDBOX_RUN_TOKEN_LIFETIME_S", "-1"),
        ("SANDBOX_MAX_ACTIVE_PLAYGROUNDS", "0"),
        ("SANDBOX_MAX_ACTIVE_PLAYGROUNDS", "1000000000"),
        ("SANDBOX_LLM_SEED", "1.5"),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["rehearse", "mock@1"]], ids=lambda c: c[0])
def test_a_variable_that_cannot_be_read_is_named(run, command, name, value):
    status, printed = run(*command, **{name: value})
    assert status == 1
    assert printed.startswith(name) and f'"{value}"' in printed and "Traceback" not in printed


def test_an_address_that_is_taken_is_named(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, printed = run("serve", "--port", str(port), "--data-dir", str(tmp_path / "data"))
    assert status == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use." in printed and "--port" in printed


def test_a_data_directory_that_cannot_be_used_is_named(run, tmp_path):
    (tmp_path / "file").write_text("")
    status, printed = run("serve", "--port", "0", "--data-dir", str(tmp_path / "file"))
    assert status == 1
    assert f"The data directory {tmp_path / 'file'} cannot be used" in printed and "--data-dir" in printed


def test_a_second_server_on_a_data_directory_is_refused(run, tmp_path):
    lock = DirectoryLock(tmp_path / "data")
    try:
        status, printed = run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"))
    finally:
        lock.release()
    assert status == 1 and "Another server (process " in printed


def test_definitions_that_are_wrong_are_listed(run, tmp_path):
    (tmp_path / "playgrounds" / "broken" / "v1").mkdir(parents=True)
    (tmp_path / "playgrounds" / "broken" / "v1" / "benchmark.yaml").write_text("slug: broken\nversion: 1\nnmae: x\n")
    status, printed = run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"))
    assert status == 1
    assert "playgrounds/broken/v1/benchmark.yaml:3: nmae: unknown key" in printed


@pytest.mark.parametrize("variable", sorted(WELL_KNOWN))
def test_well_known_keys_are_refused_where_others_can_come(run, tmp_path, variable):
    arguments = ("serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path / "data"))
    status, printed = run(*arguments, **{variable: WELL_KNOWN[variable]})
    assert status == 1 and "the well-known keys are refused" in printed


def test_a_key_with_the_wrong_beginning_is_refused(run, tmp_path):
    status, printed = run("serve", "--port", "0", "--data-dir", str(tmp_path), SANDBOX_API_KEY="secret")
    assert status == 1 and printed == "SANDBOX_API_KEY must begin with vk_.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_with_status_0(tmp_path, number):
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("sandbox ready at http://127.0.0.1:")
        server.send_signal(number)
        _, errors = server.communicate(timeout=60)
    assert server.returncode == 0 and "Traceback" not in errors
