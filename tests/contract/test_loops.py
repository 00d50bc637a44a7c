"""Which event loop a server runs on."""

import asyncio
import sys

import pytest

from sandbox.serving import run


async def _note_loop(found):
    found.append(type(asyncio.get_running_loop()).__module__)


def test_uvloop_is_taken_where_it_is_installed():
    found = []
    run(_note_loop(found))
    assert found == ["uvloop"]


def test_without_it_the_standard_loop_serves(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    found = []
    run(_note_loop(found))
    assert found[0].startswith("asyncio")


def test_what_starting_raises_comes_through():
    async def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        run(fail())
