"""The commands with which the README installs the wheel elsewhere, typed as they stand. They fetch packages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = "pyproject.toml README.md LICENSE constraints.txt sandbox playgrounds seeds".split()
USER = """
from sandbox.testing.client import SandboxClient

client = SandboxClient("http://127.0.0.1:8787")
reveal_type(client.url)
client.no_such_method
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_readme_installs_a_command_that_works_away_from_the_checkout(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme[readme.index("## Away from the checkout") :]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    checkout.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, checkout / name)
    home.mkdir()
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/pip").write_text(f'#!/bin/sh\nexec {sys.executable} -m pip "$@"\n')
    (checkout / ".venv/bin/pip").chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "SANDBOX_", "PYTHON"))}
    environment["HOME"] = str(home)
    subprocess.run(["sh", "-euc", block[1]], cwd=checkout, env=environment, check=True)
    shutil.rmtree(checkout)

    def call(*arguments: str) -> str:
        done = subprocess.run(arguments, cwd=home, env=environment, capture_output=True, text=True, check=False)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    command = str(home / ".local/bin/sandbox")
    shipped = len(list((ROOT / "playgrounds").glob("*/v*/benchmark.yaml")))
    assert call(command, "check").startswith(f"0 {shipped} benchmarks")
    assert call(command, "rehearse", "mock@1").startswith("0 ")
    assert "mock@1" in call(command, "runs")
    # A type checker finds types where the wheel is installed.
    (home / "user.py").write_text(USER)
    python = str(home / ".local/share/sandbox/bin/python")
    said = call(sys.executable, "-m", "mypy", "--python-executable", python, "user.py")
    assert 'Revealed type is "builtins.str"' in said or 'Revealed type is "str"' in said, said
    assert 'has no attribute "no_such_method"' in said and "py.typed" not in said, said
