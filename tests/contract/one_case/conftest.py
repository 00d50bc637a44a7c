"""A server a file, a task run a test."""

from collections.abc import Iterator

import pytest

from sandbox.testing.server import SandboxServer
from tests.doors import Doors, enter, running_doors


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with running_doors() as made:
        yield made


@pytest.fixture
def doors(server: SandboxServer) -> Doors:
    return enter(server)
