"""What the proofs download when they run: packages of npm and PyPI, kept under `.cache/` in the checkout.

Each folder is installed once, whatever the number of tests and processes, and again when its list of packages changes.
Nothing is skipped when a tool is missing: the proof fails and says what to install.
"""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
INSTALL_S = 900


class MissingTool(Exception):
    """A program that the proofs need is not there."""


def tool(name: str) -> str:
    """Return the path of a program; raises `MissingTool`."""
    found = shutil.which(name)
    if found is None:
        raise MissingTool(f"{name} is not on the PATH. These proofs run real clients; install Node.js 20.19 or later.")
    return found


def npm_folder(package_json: Path) -> Path:
    """Return a folder whose `node_modules` holds exactly what a package.json pins."""

    def install(folder: Path) -> None:
        shutil.copy(package_json, folder / "package.json")
        options = "--no-audit --no-fund --no-package-lock --ignore-scripts --omit=optional --omit=peer --omit=dev"
        _run([tool("npm"), "install", "--loglevel=error", *options.split()], folder)

    tool("node")
    return _installed(CACHE / "npm" / package_json.parent.name, package_json.read_text(), install)


def python_of(name: str, *requirements: str) -> Path:
    """Return the interpreter of a virtual environment of its own that holds these packages."""

    def install(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
        _run([str(folder / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check", *requirements], folder)

    key = "\n".join([*requirements, sys.version])
    return _installed(CACHE / "python" / name, key, install) / "venv/bin/python"


def _installed(folder: Path, key: str, install: Callable[[Path], None]) -> Path:
    marker = folder / ".installed"
    with _locked(folder.with_name(folder.name + ".lock")):
        if not marker.exists() or marker.read_text() != key:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            install(folder)
            marker.write_text(key)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock among processes; it is free again when its holder ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed in {folder}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
