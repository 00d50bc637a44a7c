"""A playground with the FHIR simulator, spoken to as a client would, without a server."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote

import pytest

from sandbox import jsonio
from sandbox.definitions.datasets import Dataset
from sandbox.playground.branch import Branch, Document, Seed, SeedCollection
from sandbox.playground.events import Request
from sandbox.playground.playground import Playground, Sandbox
from sandbox.simulators.fhir import FhirSimulator

BASE_URL = "http://ehr.test/v1/benchmark-runs/br_1"
BASE = BASE_URL + "/fhir"


class FakeClock:
    def __init__(self):
        self.moment = datetime(2026, 4, 23, 9, tzinfo=UTC)

    def now(self):
        return self.moment

    def advance(self, seconds):
        self.moment += timedelta(seconds=seconds)


class _Done:
    def __await__(self):
        return iter(())


@dataclass
class FakeRecorder:
    events: list = field(default_factory=list)

    async def prepare(self, event):
        """Nothing is large here."""

    def submit(self, event, undo, prepared=None):
        self.events.append(event)
        return _Done()


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict
    content_type: str | None

    @property
    def json(self):
        return jsonio.parse(self.body)

    @property
    def issues(self):
        """Each issue as (severity, code, expression, diagnostics); checks that it is an OperationOutcome."""
        assert self.content_type == "application/fhir+json"
        value = self.json
        assert value["resourceType"] == "OperationOutcome"
        rows = []
        for issue in value["issue"]:
            assert set(issue) <= {"severity", "code", "diagnostics", "expression"}
            assert issue["diagnostics"]
            rows.append((issue["severity"], issue["code"], issue.get("expression", [None])[0], issue["diagnostics"]))
        return rows

    @property
    def codes(self):
        return [code for _, code, _, _ in self.issues]

    @property
    def text(self):
        return " ".join(diagnostics for *_, diagnostics in self.issues)

    @property
    def id(self):
        return self.json["id"]

    @property
    def entries(self):
        return self.json.get("entry", [])


class Ehr:
    """A client of one playground."""

    def __init__(self, seed=None, random_seed=1):
        self.simulator = FhirSimulator()
        self.clock = FakeClock()
        self.recorder = FakeRecorder()
        secrets = {"client_secret": "s3cret"}
        self.sandbox = Sandbox("sb_1", "sim_1", "Fhir", "EHR", "fhir", {}, secrets)
        self.playground = Playground(
            "pg_1", "task", "tr_1", Branch(seed or Seed()), (self.sandbox,), self.clock, self.recorder,
            random_seed=random_seed,
        )  # fmt: skip

    @property
    def branch(self):
        return self.playground.branch

    def route(self, method, path):
        for route in self.simulator.routes:
            if route.method in (method, "*") and (route.path == path or route.path.endswith("{path:.*}")):
                return route
        raise AssertionError(f"no route for {method} {path}")

    def call(self, method, url, body=None, headers=None):
        path, _, query = url.partition("?")
        path = "fhir" + (("/" + unquote(path)) if path else "")
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if body is not None and not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            sent.setdefault("content-type", "application/fhir+json")
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        request = Request(method, path, pairs, sent, body or b"", base_url=BASE_URL, raw_query=query)
        route = self.route(method, path)
        outcome = self.playground.interact(
            route.event_type,
            lambda tx: route.handler(tx, request),
            sandbox=self.sandbox,
            request=request,
            on_error=lambda error: self.simulator.render_error(error, request),
        )
        response = outcome.response
        return Reply(response.status, response.body, dict(response.headers), response.content_type)

    def get(self, url, **headers):
        return self.call("GET", url, headers=_named(headers))

    def post(self, url, body=None, **headers):
        return self.call("POST", url, body, _named(headers))

    def put(self, url, body=None, **headers):
        return self.call("PUT", url, body, _named(headers))

    def patch(self, url, body=None, **headers):
        return self.call("PATCH", url, body, _named(headers))

    def delete(self, url, **headers):
        return self.call("DELETE", url, headers=_named(headers))

    def transaction(self, *entries, kind="transaction", **headers):
        return self.post("", {"resourceType": "Bundle", "type": kind, "entry": list(entries)}, **headers)

    def state_hash(self):
        return self.branch.state_hash()


def _named(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def ehr():
    return Ehr()


@pytest.fixture
def make_ehr():
    return Ehr


@pytest.fixture
def make_dataset():
    def make(files):
        encoded = {}
        for path, content in files.items():
            encoded[path] = content if isinstance(content, bytes) else jsonio.dump(content)
        return Dataset("clinic", encoded)

    return make


@pytest.fixture
def patient():
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": "BCB1"}],
        "name": [{"family": "Chen", "given": ["Maria"]}],
        "gender": "female",
        "birthDate": "1980-02-29",
    }


@pytest.fixture
def seeded():
    """Build a seed from resources that are valid."""

    def make(*resources):
        collections = {}
        for resource in resources:
            meta = {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00.000Z"}
            value = {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta, **resource}
            value["meta"] = {**meta, **resource.get("meta", {})}
            rows = collections.setdefault("fhir/" + resource["resourceType"], {})
            rows[resource["id"]] = Document(json=jsonio.dump(value))
        return Seed({name: SeedCollection(rows) for name, rows in collections.items()})

    return make
