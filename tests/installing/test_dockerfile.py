"""What the Dockerfile claims, as far as that can be told without a daemon that builds it."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sandbox.cli import app
from sandbox.settings import DEFAULT_PORT
from sandbox.testing.server import running_server

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@dataclass(frozen=True)
class Instruction:
    """One instruction; `stage` counts from 0."""

    name: str
    text: str
    stage: int

    @property
    def words(self) -> list[str]:
        value: list[str] = json.loads(self.text) if self.text.startswith("[") else self.text.split()
        return value


def read() -> list[Instruction]:
    text = (ROOT / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", "", "\n".join(x for x in text.splitlines() if not x.startswith("#"))).splitlines()
    found, stage = [], -1
    for line in filter(None, lines):
        name, _, rest = line.partition(" ")
        assert re.fullmatch("ARG|FROM|WORKDIR|COPY|RUN|ENV|USER|VOLUME|EXPOSE|HEALTHCHECK|ENTRYPOINT", name), line
        stage += name == "FROM"
        found.append(Instruction(name, rest.strip(), stage))
    return found


FILE = read()
LAST = [i for i in FILE if i.stage == max(i.stage for i in FILE)]


def the(name: str) -> Instruction:
    (found,) = [i for i in LAST if i.name == name]
    return found


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What the first stage copies, and nothing else."""
    folder = tmp_path / "source"
    folder.mkdir()
    for instruction in FILE:
        if instruction.name == "COPY" and "--from=" not in instruction.text:
            *sources, target = instruction.words
            for source in sources:
                path = ROOT / source
                assert path.exists(), f"COPY {source}"
                to = folder / target / source if target.endswith("./") else folder / target
                if path.is_dir():
                    shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(path, to)
    return folder


def test_what_is_copied_is_enough_for_the_same_wheel(context: Path, wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheels")]
    subprocess.run(command, cwd=context, check=True, capture_output=True)
    (made,) = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(made) as ours, zipfile.ZipFile(wheel) as expected:
        assert sorted(ours.namelist()) == sorted(expected.namelist())
    assert (context / "constraints.txt").is_file()


def test_stages_and_base_images() -> None:
    images = [i.words for i in FILE if i.name == "FROM"]
    names = [words[2] for words in images if len(words) == 3 and words[1].upper() == "AS"]
    assert {words[0] for words in images} == {"python:${PYTHON}-slim"}, "no registry is named"
    copied = [word.removeprefix("--from=") for i in LAST if i.name == "COPY" for word in i.words if "--from" in word]
    assert copied == names == ["build"]
    (version,) = [i.text.removeprefix("PYTHON=") for i in FILE if i.name == "ARG"]
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, version.split("."))) >= tuple(map(int, oldest.split(".")))


def test_it_does_not_run_as_root_and_owns_its_record() -> None:
    user = the("USER").text
    (made,) = [i.text for i in LAST if i.name == "RUN"]
    assert user not in ("root", "0") and re.search(rf"useradd .*\b{user}\b", made)
    assert f"install -d -o {user} -g {user} {the('VOLUME').text}" in made
    names = [i.name for i in LAST]
    assert names.index("RUN") < names.index("USER") < names.index("ENTRYPOINT")


def test_what_it_starts_is_a_server_that_others_can_reach() -> None:
    program, command, *arguments = the("ENTRYPOINT").words
    assert (program, command) == ("sandbox", "serve") and program in PROJECT["project"]["scripts"]
    group: Any = typer.main.get_command(app)
    given = group.commands[command].make_context(command, arguments).params
    assert given["host"] == "0.0.0.0" and str(given["data_dir"]) == the("VOLUME").text == the("WORKDIR").text
    assert int(the("EXPOSE").text) == given["port"] == DEFAULT_PORT


def health_command(port: int) -> list[str]:
    text = the("HEALTHCHECK").text
    program, *arguments = json.loads(text[text.index("CMD") + 3 :])
    assert program == "python"
    changed = [argument.replace(f":{DEFAULT_PORT}/", f":{port}/") for argument in arguments]
    assert changed != arguments
    return [sys.executable, *changed]


def test_the_health_check_tells_a_server_from_none(unused_tcp_port: int) -> None:
    with running_server() as server:
        port = int(server.url.rpartition(":")[2])
        assert subprocess.run(health_command(port), capture_output=True, check=False).returncode == 0
    assert subprocess.run(health_command(unused_tcp_port), capture_output=True, check=False).returncode != 0


def test_it_is_explained() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "docker build" in text and "docker run" in text and "SANDBOX_API_KEY" in text
    readme = (ROOT / "README.md").read_text()
    for command in re.findall(r"(?m)^#   (docker .*)$", text):
        assert command in readme, command
