"""A server with a few of the built-in benchmarks alone: it starts much sooner than one with all of them."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import settings
from sandbox.serving import serving_url
from sandbox.settings import Settings
from sandbox.testing.client import SandboxClient

BUILT_IN = Path(__file__).parents[1] / "playgrounds"
_builtin = settings.builtin


def only(folder: Path, *references: str) -> Path:
    """Copy benchmarks, named `slug@version`, below a folder; return the directory to serve them from."""
    for reference in references:
        slug, _, version = reference.partition("@")
        shutil.copytree(BUILT_IN / slug / f"v{version}", folder / "playgrounds" / slug / f"v{version}")
    return folder / "playgrounds"


def have_only(monkeypatch: pytest.MonkeyPatch, folder: Path, *references: str) -> None:
    """Let these be all that is built in, for whoever starts a server in this process without naming a directory."""
    directory = only(folder, *references)
    monkeypatch.setattr(settings, "builtin", lambda name: directory if name == "playgrounds" else _builtin(name))


@asynccontextmanager
async def serving_only(folder: Path, *references: str, **more: Any) -> AsyncIterator[SandboxClient]:
    """Serve them with `more` settings, recording in the folder; yield a client."""
    playgrounds = (only(folder, *references),)
    asked = Settings(port=0, data_dir=folder / "data", playgrounds=playgrounds, is_watching=False, **more)
    async with (
        serving_url(asked) as url,
        SandboxClient(url, solver_key="vrl_slv_local", api_key="vk_local") as client,
    ):
        yield client
