"""What holds for every test."""

import gzip
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from sandbox import jsonio
from tests.own_ports import OWN_PORTS

os.environ.update(OWN_PORTS)
# A shell that starts the suite in the background has it ignore Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def examples():
    """Every kind of resource R4 has, one or more of each, as the specification's own examples give them."""
    data = Path(__file__).parent / "r4" / "validation" / "data"
    lines = gzip.decompress((data / "examples.ndjson.gz").read_bytes()).splitlines()
    found = [jsonio.parse(line) for line in lines + (data / "own_examples.ndjson").read_bytes().splitlines()]
    for example in found:
        if example["resourceType"] == "Subscription":
            example["status"] = "off"  # the endpoint of one that asks is on a host that is not allowed
    return found
