"""`make run` and `make test` on machines of every kind: with fake Pythons, in a copy of what make reads.

A fake Python answers the script's question about itself as its file says, makes an environment that is such a fake
again, and writes down what pip was asked to install.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("Makefile", "pyproject.toml", "constraints.txt", ".ci/environment.sh")
TOOLS = ("make", "sh", "sed", "cat", "cksum", "mkdir", "rm", "dirname", "cp", "chmod", "env")

FAKE = """#!/bin/sh
version={version} makes={makes}
case "$1 $2" in
"-c "*) printf '%s\\n' "$version" "{path}" {is_new_enough} "$makes" ;;
"-m venv")
    echo venv >>"$LOG"
    mkdir -p "$3/bin"
    [ -z "$DIE_IN_VENV" ] || exit 1
    sed "s|{path}|$PWD/$3/bin/python|" "$0" >"$3/bin/python"
    : >"$3/pip-is-there"
    chmod 755 "$3/bin/python" ;;
"-m pip")
    [ -e "$(dirname "$0")/../pip-is-there" ] || {{ echo "No module named pip" >&2; exit 1; }}
    [ "$3" = install ] || exit 0
    for last; do :; done
    echo "pip $last" >>"$LOG"
    echo "Collecting aiohttp>=3.11 (from playground-sandbox==0.1.0)"
    echo "Collecting fhir.resources[x]>=8 (from playground-sandbox==0.1.0)"
    echo "Requirement already satisfied: attrs in .venv"
    echo "Processing /some/wheels/orjson-3.13.0-cp311-cp311-linux.whl (from playground-sandbox==0.1.0)"
    [ -z "$DIE_IN_PIP" ] || {{ echo "ERROR: no network" >&2; exit 1; }}
    echo "Installing collected packages: aiohttp, fhir.resources"
    for name in sandbox pytest; do
        printf '#!/bin/sh\\necho %s runs "$@"\\n' "$name" >"$(dirname "$0")/$name"
        chmod 755 "$(dirname "$0")/$name"
    done ;;
esac
"""


@dataclass
class Machine:
    """A checkout in an empty directory, and a PATH with nothing on it but tools and the Pythons that were put there."""

    root: Path
    bin: Path
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    def python(self, name: str, version: str = "3.11.7", *, makes_environments: bool = True) -> Path:
        path = self.bin / name
        is_new_enough = int(tuple(map(int, version.split(".")[:2])) >= (3, 11))
        text = FAKE.format(version=version, path=path, makes=int(makes_environments), is_new_enough=is_new_enough)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.bin / "make"), *arguments],
            cwd=self.root,
            env={"PATH": str(self.bin), "LOG": str(self.log), "DIE_IN_VENV": "", "DIE_IN_PIP": "", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def done(self) -> list[str]:
        """What was made and installed since it was asked last."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    root, bin_ = tmp_path / "a checkout", tmp_path / "bin"
    bin_.mkdir()
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (bin_ / tool).symlink_to(found)
    return Machine(root, bin_, tmp_path / "log")


def test_run_installs_what_running_needs_and_test_the_rest_each_once(machine: Machine) -> None:
    machine.python("python3")
    first = machine.make("run")
    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith("sandbox runs serve\n")
    assert machine.done == ["venv", "pip .[fast,mcp]"]
    assert machine.make("run").returncode == 0 and machine.done == []
    assert "pytest runs" in machine.make("test").stdout and machine.done == ["pip .[dev]"]
    for target in ("run", "test", "run"):
        assert machine.make(target).returncode == 0
    assert machine.done == []


def test_what_the_suite_needs_is_enough_to_run(machine: Machine) -> None:
    machine.python("python3")
    assert machine.make("test").returncode == 0 and machine.done == ["venv", "pip .[dev]"]
    assert machine.make("run").returncode == 0 and machine.done == []


def test_progress_is_shown_package_by_package(machine: Machine) -> None:
    machine.python("python3")
    shown = machine.make("run").stdout
    assert "about 65 packages" in shown
    assert "    1  aiohttp\n    2  fhir.resources\n    3  orjson-3.13.0-cp311-cp311-linux.whl\n" in shown
    assert "already satisfied" not in shown


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_other_pins_are_installed_into_the_environment_there_is(machine: Machine, file: str) -> None:
    machine.python("python3")
    machine.make("test")
    assert machine.done == ["venv", "pip .[dev]"]
    with (machine.root / file).open("a") as pins:
        pins.write("# other\n")
    assert machine.make("run").returncode == 0 and machine.done == ["pip .[fast,mcp]"]
    assert machine.make("test").returncode == 0 and machine.done == ["pip .[dev]"]
    assert machine.make("run", "test").returncode == 0 and machine.done == []


def test_an_old_python_is_named_in_a_sentence(machine: Machine) -> None:
    machine.python("python3", "3.10.12")
    result = machine.make("run")
    assert result.returncode != 0
    assert "This needs Python 3.11 or later" in result.stderr and "python3 is Python 3.10.12" in result.stderr
    assert "make PYTHON=" in result.stderr
    assert machine.done == [] and not (machine.root / ".venv").exists()


def test_no_python_at_all_is_said(machine: Machine) -> None:
    result = machine.make("run")
    assert result.returncode != 0 and "no Python was found" in result.stderr


@pytest.mark.parametrize("name", ["python3.11", "python3.12", "python3.13"])
def test_a_newer_python_beside_an_old_one_is_taken(machine: Machine, name: str) -> None:
    machine.python("python3", "3.10.12")
    newer = machine.python(name, f"{name.removeprefix('python')}.4")
    result = machine.make("run")
    assert result.returncode == 0, result.stderr
    assert f"Making .venv with {newer}" in result.stdout


def test_a_python_that_cannot_make_environments_is_passed_over_or_said(machine: Machine) -> None:
    machine.python("python3", "3.12.3", makes_environments=False)
    result = machine.make("run")
    assert result.returncode != 0 and "python3-venv" in result.stderr
    machine.python("python3.11")
    assert machine.make("run").returncode == 0


def test_a_python_that_is_named_is_the_only_one_tried(machine: Machine) -> None:
    machine.python("python3")
    old = machine.python("other", "3.10.1")
    result = machine.make("run", f"PYTHON={old}")
    assert result.returncode != 0 and f"PYTHON={old}" in result.stderr and "3.10.1" in result.stderr
    named = machine.python("mine", "3.13.0")
    assert f"Making .venv with {named}" in machine.make("run", "PYTHON=mine").stdout


@pytest.mark.parametrize("dying", ["DIE_IN_VENV", "DIE_IN_PIP"])
@pytest.mark.parametrize("target", ["run", "test"])
def test_what_was_interrupted_is_made_anew(machine: Machine, dying: str, target: str) -> None:
    machine.python("python3")
    assert machine.make(target, **{dying: "yes"}).returncode != 0
    assert "venv" in machine.done
    (machine.root / ".venv" / "left-behind").touch()
    result = machine.make(target)
    assert result.returncode == 0, result.stderr
    assert machine.done[0] == "venv" and not (machine.root / ".venv" / "left-behind").exists()


def test_what_pip_says_is_wrong_is_seen(machine: Machine) -> None:
    machine.python("python3")
    result = machine.make("run", DIE_IN_PIP="yes")
    assert "ERROR: no network" in result.stderr and "Run make again" in result.stderr
    assert "sandbox runs" not in result.stdout


def break_pip(venv: Path) -> None:
    """As an interrupted `python -m venv` leaves it."""
    (venv / "pip-is-there").unlink()
    (venv / ".installed-run").unlink()


def lose_python(venv: Path) -> None:
    """As an upgrade of the machine's Python leaves it."""
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nowhere/python3.11")


def move(venv: Path) -> None:
    """As a checkout that was copied has it."""
    stamp = venv / ".installed-run"
    stamp.write_text(stamp.read_text().replace("a checkout", "another checkout"))


def make_old(venv: Path) -> None:
    """As a `python3` that is too old left it before that was asked."""
    python = venv / "bin" / "python"
    python.write_text(python.read_text().replace("version=3.11.7", "version=3.10.1").replace('python" 1', 'python" 0'))
    (venv / ".installed-run").unlink()


@pytest.mark.parametrize("damage", [break_pip, lose_python, move, make_old])
def test_an_environment_that_is_not_whole_is_made_anew(machine: Machine, damage: Callable[[Path], None]) -> None:
    machine.python("python3")
    machine.make("run")
    assert machine.done == ["venv", "pip .[fast,mcp]"]
    damage(machine.root / ".venv")
    result = machine.make("run")
    assert result.returncode == 0, result.stderr
    assert machine.done == ["venv", "pip .[fast,mcp]"] and "is made anew" in result.stdout


def test_an_environment_of_ones_own_is_kept(machine: Machine) -> None:
    machine.python("python3")
    machine.make("run")
    assert machine.done == ["venv", "pip .[fast,mcp]"]
    (machine.root / ".venv" / ".installed-run").unlink()
    (machine.root / ".venv" / "mine").touch()
    assert machine.make("run").returncode == 0
    assert machine.done == ["pip .[fast,mcp]"] and (machine.root / ".venv" / "mine").exists()
