"""The example set, read once."""

import pytest

from sandbox import jsonio
from tests.e2e.fhir_examples.examples import Example, official_parameters, read_examples, rejected


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    return read_examples()


@pytest.fixture(scope="session")
def parameters(examples: list[Example]) -> list[object]:
    return official_parameters(examples)


@pytest.fixture(scope="session")
def refused() -> dict[str, object]:
    return rejected()


@pytest.fixture(scope="module")
def empty_server(kit, tmp_path_factory):
    """A server with an EHR that holds nothing."""
    folder = kit.write_benchmark(tmp_path_factory.mktemp("playgrounds"), "empty-ehr")
    with kit.running_server(playgrounds=[folder], seeds=[kit.seeds]) as server:
        yield server


@pytest.fixture
def empty(kit, empty_server):
    return kit.start(empty_server, "empty-ehr")


@pytest.fixture(scope="session")
def put_and_get():
    """PUT a resource and GET it; check that it is equal but for what a server sets."""

    def without_server_meta(text: bytes) -> bytes:
        value = jsonio.parse(text)
        meta = {k: v for k, v in value.pop("meta", {}).items() if k not in ("versionId", "lastUpdated")}
        return jsonio.canonical({**value, **({"meta": meta} if meta else {})})

    def check(ehr, resource) -> None:
        sent = jsonio.dump(resource)
        path = f"{resource['resourceType']}/{resource['id']}"
        answer = ehr.call("PUT", path, sent)
        assert answer.status in (200, 201), (path, answer)
        read = ehr.call("GET", path)
        assert read.status == 200
        assert without_server_meta(read.body) == without_server_meta(sent), path

    return check
