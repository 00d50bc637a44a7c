"""What the settings page says about starting and stopping a server."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox import cli
from sandbox.record.lock import DirectoryLock
from sandbox.settings import Settings, base_url
from tests.own_ports import OWN_PORTS

TINY = """
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
        ("SANDBOX_STRICT", "maybe"),
        ("SANDBOX_STRICT", "2"),
        ("SANDBOX_LLM_RECORD", "always"),
        ("SANDBOX_OPENAI_BASE_URL", "localhost:8000"),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["rehearse", "mock@1"]], ids=lambda c: c[0])
def test_a_variable_that_cannot_be_read_is_named(run, command, name, value):
    status, printed = run(*command, **{name: value})
    assert status == 1
    assert printed.startswith(name) and f'"{value}"' in printed and "Traceback" not in printed


@pytest.mark.parametrize("name", ["SANDBOX_STRICT", "SANDBOX_LLM_RECORD"])
@pytest.mark.parametrize(
    ("text", "is_on"),
    [(text, True) for text in ("on", "1", "TRUE", "Yes", " on ")]
    + [(text, False) for text in ("off", "0", "False", "no", "")],
)
def test_a_switch_is_on_or_off(name, text, is_on):
    settings = Settings.from_environment({name: text})
    assert (settings.is_strict or settings.llm_is_recording) is is_on


NO_URLS = [
    "notaurl",
    "example.org",
    "//example.org",
    "ftp://example.org",
    "http://",
    "http://x:99999",
    "http://[",
    "http:// x",
]
NO_URLS += ["http://x/?a=b", "http://x/#a", "http://me:secret@x", "http://x\n.org"]


@pytest.mark.parametrize("text", NO_URLS)
def test_an_address_for_clients_that_is_none_is_refused(run, tmp_path, text):
    status, printed = run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--url-base", text)
    assert status == 1 and not (tmp_path / "data").exists()
    assert printed.startswith("--url-base must be the URL of a server, such as https://")


def test_an_address_for_clients_loses_its_final_slash():
    assert base_url("--url-base", " https://x.example:8443/base/ ") == "https://x.example:8443/base"
    assert base_url("--url-base", None) is None


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


@pytest.fixture
def server(tmp_path) -> Iterator[Callable[..., Any]]:
    """Start a server as a process of its own on no definitions; stopped at the end."""
    started = []
    for name in ("playgrounds", "seeds"):
        (tmp_path / name).mkdir()

    def start(*arguments, **environment):
        command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")]
        command += ["--playgrounds", str(tmp_path / "playgrounds"), "--seeds", str(tmp_path / "seeds"), *arguments]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SANDBOX_")}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=inherited | OWN_PORTS | environment
        )
        started.append(process)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("sandbox ready at "), process.communicate()
        return process, first.split()[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=60)


def test_the_ready_file_says_where_and_with_which_keys_and_goes_with_the_server(server, tmp_path):
    file = tmp_path / "ready.json"
    file.write_text("left behind by one that was killed")
    process, url = server("--ready-file", str(file), SANDBOX_SOLVER_KEY="vrl_slv_mine")
    found = json.loads(file.read_text())
    assert found == {"url": url, "pid": process.pid, "api_key": "vk_local", "solver_key": "vrl_slv_mine"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with urllib.request.urlopen(f"{found['url']}/readyz") as answer:
        assert answer.status == 200
    stop(process)
    assert process.returncode == 0 and not file.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "playgrounds", "seeds"]


def test_a_ready_file_of_another_server_is_left_to_it(server, tmp_path):
    file = tmp_path / "ready.json"
    process, _ = server("--ready-file", str(file))
    file.write_text('{"pid": 1}')
    stop(process)
    assert file.read_text() == '{"pid": 1}'


def test_a_ready_file_that_cannot_be_written_is_named(run, tmp_path):
    file = tmp_path / "missing" / "ready.json"
    status, printed = run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--ready-file", str(file))
    assert status == 1 and printed == f"--ready-file {file} cannot be written: No such file or directory.\n"


def add_tiny(root):
    seeds = root / "seeds" / "little" / "fhir"
    seeds.mkdir(parents=True)
    (seeds / "a.json").write_text('{"resourceType": "Patient", "id": "ana"}')
    folder = root / "playgrounds" / "tiny" / "v1"
    folder.mkdir(parents=True)
    (folder / "benchmark.yaml").write_text(TINY)


def test_a_key_that_cannot_be_shown_again_is_null_and_a_variable_the_shell_fills_in(server, tmp_path):
    file = tmp_path / "ready.json"
    arguments = ("--host", "0.0.0.0", "--ready-file", str(file))
    process, _ = server(*arguments)
    made = json.loads(file.read_text())
    stop(process)
    assert made["api_key"].startswith("vk_") and made["solver_key"].startswith("vrl_slv_")
    add_tiny(tmp_path)
    process, _ = server(*arguments)
    again = json.loads(file.read_text())
    printed = "".join(
        iter(process.stdout.readline, "      -H 'Content-Type: application/json' -d '{\"benchmark\": \"tiny@1\"}'\n")
    )
    stop(process)
    assert (again["api_key"], again["solver_key"]) == (None, None)
    assert '-H "Authorization: Bearer $SOLVER_KEY"' in printed and made["solver_key"] not in printed


def ask(url, *requests):
    """Send requests as they are, one connection each, and read the answers to their end."""
    host, port = url.removeprefix("http://").split(":")
    for head in requests:
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + b"\r\nConnection: close\r\n\r\n")
            while connection.recv(65536):
                pass


def test_every_request_has_a_line_when_asked_for_and_no_secret_in_it(server):
    process, url = server("--access-log", "--log-level", "error")
    secrets = ["vk_local", "vrl_slv_local", "vrl_run_abcdef", "vrl_cs_abcdef", "s3cret"]
    ask(
        url,
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer vk_local",
        "GET /benchmark-runs?token=s3cret&limit=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer vk_local",
        "GET /v1/benchmark-runs/vrl_run_abcdef/fhir/Patient HTTP/1.1\r\nHost: localhost",
        "GET /v1/benchmark-runs/vrl%5Fslv%5Flocal HTTP/1.1\r\nHost: localhost",
        "GET /t/s3cret/hl7/inbox HTTP/1.1\r\nHost: localhost",
        "DELETE /sandboxes/sb_1/files/vrl_cs_abcdef%0Aforged HTTP/1.1\r\nHost: localhost",
        "NO HTTP AT ALL",
    )
    _, logged = stop(process)
    lines = logged.splitlines()
    requests = [re.split(r"\s+", line.partition("]")[2].strip())[:3] for line in lines]
    assert requests[:6] == [
        ["GET", "/readyz", "200"],
        ["GET", "/benchmark-runs", "200"],
        ["GET", "/v1/benchmark-runs/vrl_run_***/fhir/Patient", "401"],
        ["GET", "/v1/benchmark-runs/vrl_slv_***", "401"],
        ["GET", "/t/***/hl7/inbox", "404"],
        ["DELETE", "/sandboxes/sb_1/files/vrl_cs_***%0Aforged", "401"],
    ]
    assert len(lines) == 7 and requests[6][2] == "400"
    assert all(re.search(r"ms=[\d.]+ .*request_id=req_\w+", line) for line in lines)
    assert not [secret for secret in secrets if secret in logged]


def test_without_being_asked_no_request_is_logged(server):
    process, url = server("--log-level", "debug")
    ask(url, "GET /readyz HTTP/1.1\r\nHost: localhost")
    assert stop(process)[1] == ""


@pytest.mark.parametrize(("level", "is_said"), [("debug", True), ("info", True), ("warning", False), ("error", False)])
def test_the_level_says_what_is_logged(server, tmp_path, level, is_said):
    process, url = server("--log-level", level)
    add_tiny(tmp_path)
    deadline = time.monotonic() + 30
    while b"tiny@1" not in urllib.request.urlopen(f"{url}/readyz").read():
        assert time.monotonic() < deadline
    logged = stop(process)[1]
    assert ("definitions reloaded" in logged) is is_said


def test_an_unknown_level_is_refused_with_those_there_are(run):
    status, printed = run("serve", "--log-level", "loud")
    assert status == 2 and "debug" in printed and "warning" in printed
