"""Search without a server: resources in, ids or a Bundle out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from sandbox import jsonio
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Response
from sandbox.playground.playground import Playground
from sandbox.simulators.fhir.search import SearchRequest, find, search

SEARCH_BASE = "http://sandbox.test/fhir"


class FrozenClock:
    def __init__(self, moment):
        self.moment = moment

    def now(self):
        return self.moment


class Committed:
    def __await__(self):
        return iter(())


@dataclass
class Events:
    rows: list = field(default_factory=list)

    async def prepare(self, event):
        """Nothing is large here."""

    def submit(self, event, undo, prepared=None):
        self.rows.append(event)
        return Committed()


def with_meta(resource):
    meta = {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00.000Z", **resource.get("meta", {})}
    return {**resource, "meta": meta}


@dataclass
class Ehr:
    """A playground with some resources; `query` is what stands after the base: `Patient?name=eve`."""

    playground: Playground

    @property
    def branch(self):
        return self.playground.branch

    @staticmethod
    def split(query):
        path, _, text = query.partition("?")
        pairs = tuple(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
        parts = [part for part in path.split("/") if part]
        if len(parts) == 3:
            return None if parts[2] == "*" else parts[2], pairs, (parts[0], parts[1])
        return (parts[0] if parts else None), pairs, None

    def bundle(self, query, *, is_lenient=False):
        kind, pairs, compartment = self.split(query)
        request = SearchRequest(kind, pairs, SEARCH_BASE, is_lenient, compartment)
        body = []

        def handle(tx):
            body.append(search(tx, request))
            return Response()

        self.playground.interact("fhir_request", handle)
        return jsonio.parse(body[0])

    def follow(self, url):
        assert url.startswith(SEARCH_BASE)
        return self.bundle(url.removeprefix(SEARCH_BASE).removeprefix("/"))

    def ids(self, query):
        kind, pairs, _ = self.split(query)
        return find(self.branch, kind, pairs, SEARCH_BASE, now=self.playground.clock.now())

    def write(self, *resources, delete=()):
        def handle(tx):
            for resource in resources:
                tx.put(f"fhir/{resource['resourceType']}", resource["id"], with_meta(resource))
            for reference in delete:
                kind, _, key = reference.partition("/")
                assert tx.delete(f"fhir/{kind}", key)
            return Response()

        self.playground.interact("fhir_request", handle)


def ids_of(bundle, mode="match"):
    rows = [e for e in bundle.get("entry", ()) if e["search"]["mode"] == mode]
    return [e["resource"].get("id") for e in rows]


@pytest.fixture
def ehr():
    """Make a playground: `ehr(resources)` seeds them, `ehr(resources, own=True)` writes them into it."""

    def make(resources, *, own=False, now=datetime(2024, 6, 1, tzinfo=UTC), seed=7):
        rows: dict = {}
        for resource in () if own else resources:
            rows.setdefault(f"fhir/{resource['resourceType']}", {})[resource["id"]] = with_meta(resource)
        playground = Playground(
            "pg_1", "one", None, Branch(Seed.of(rows)), (), FrozenClock(now), Events(), random_seed=seed
        )
        made = Ehr(playground)
        if own and resources:
            made.write(*resources)
        return made

    return make


@pytest.fixture
def matched():
    return ids_of
