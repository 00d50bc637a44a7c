"""Portals to call as a browser does, without one; a server a file, a run a test."""

from collections.abc import Iterator

import pytest

from sandbox.testing.server import SandboxServer
from tests.portal_site import PlainBrowser, Portal, running_portal, start_portal

IDLE_S = 900


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_portal() as made:
        yield made


@pytest.fixture(scope="module")
def timed_server() -> Iterator[SandboxServer]:
    """One whose sessions end, and that sends one-time codes."""
    with running_portal(sessions={"idle_seconds": IDLE_S, "one_time_code": True, "code_seconds": 600}) as made:
        yield made


@pytest.fixture
def portal(server: SandboxServer) -> Portal:
    return start_portal(server)


@pytest.fixture
def browser(portal: Portal) -> PlainBrowser:
    """A browser that is logged in."""
    made = PlainBrowser()
    assert made.log_in(portal).url == f"{portal.url}home"
    return made
