"""A sample of the example set, from the copy kept with the simulator's tests: no download."""

import gzip
from pathlib import Path

import pytest

from sandbox import jsonio

KEPT = Path(__file__).parents[2] / "r4" / "validation" / "data" / "examples.ndjson.gz"
EVERY = 3


@pytest.fixture(scope="module")
def sample():
    resources = [jsonio.parse(line) for line in gzip.decompress(KEPT.read_bytes()).splitlines()[::EVERY]]
    # The examples of Subscriptions have an endpoint on a host that is not allowed, and are refused for it.
    return [resource for resource in resources if resource["resourceType"] != "Subscription"]


def test_put_and_get(empty, sample, put_and_get):
    assert len(sample) >= 60
    assert len({resource["resourceType"] for resource in sample}) > 40
    for resource in sample:
        put_and_get(empty, resource)
