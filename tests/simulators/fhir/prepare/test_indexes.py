"""Indexes of a large dataset are made on another thread before the search that needs them."""

import threading

import pytest

from sandbox.playground.branch import Branch, Document, Seed, SeedCollection
from sandbox.playground.events import Request
from sandbox.simulators.fhir import FhirSimulator
from sandbox.simulators.fhir.prepare import indexes
from sandbox.simulators.fhir.search import find


class Watched(dict):
    """Documents that remember which threads walked over them."""

    def __init__(self, rows):
        super().__init__(rows)
        self.threads = []

    def items(self):
        self.threads.append(threading.get_ident())
        return super().items()


@pytest.fixture
def rows(monkeypatch):
    monkeypatch.setattr(indexes, "LARGE", 4)
    return {
        "Patient": Watched(
            {f"p{n}": Document({"resourceType": "Patient", "id": f"p{n}", "gender": "male"}) for n in range(3)}
        ),
        "Observation": Watched(
            {
                f"o{n}": Document(
                    {"resourceType": "Observation", "id": f"o{n}", "subject": {"reference": f"Patient/p{n}"}}
                )
                for n in range(3)
            }
        ),
    }


@pytest.fixture
def seed(rows):
    return Seed({f"fhir/{name}": SeedCollection(documents) for name, documents in rows.items()})


def get(path, *query):
    return Request(method="GET", path=f"fhir/{path}", query=query, base_url="http://sandbox.test")


async def test_the_search_finds_what_a_thread_made(seed, rows):
    request = get("Patient", ("gender", "male"), ("_sort", "birthdate"), ("_revinclude", "Observation:subject"))
    work = indexes.make_ahead(request, seed)
    assert work is not None
    await work
    threads = rows["Patient"].threads + rows["Observation"].threads
    assert len(threads) == 3
    assert threading.get_ident() not in threads
    assert find(Branch(seed), "Patient", request.query) == ["p0", "p1", "p2"]
    assert len(rows["Patient"].threads) == 2  # nothing was made again
    assert indexes.make_ahead(request, seed) is None
    other_value = get("Patient", ("gender", "female"), ("_sort", "-birthdate"), ("_revinclude", "Observation:subject"))
    assert indexes.make_ahead(other_value, seed) is None


@pytest.mark.parametrize(
    "request_",
    [
        get("Observation", ("subject:Patient.gender", "male")),
        get("Patient/p1/Observation", ("status", "final")),
        Request(
            method="POST",
            path="fhir/Observation/_search",
            body=b"status=final",
            headers={"content-type": "application/x-www-form-urlencoded"},
            base_url="http://sandbox.test",
        ),
    ],
)
async def test_chains_compartments_and_forms(seed, rows, request_):
    work = indexes.make_ahead(request_, seed)
    assert work is not None
    await work
    assert rows["Observation"].threads
    assert threading.get_ident() not in rows["Observation"].threads + rows["Patient"].threads
    assert indexes.make_ahead(request_, seed) is None


@pytest.mark.parametrize(
    "request_",
    [
        get("Patient/p1"),
        get("Patient"),
        get("metadata"),
        get("Practitioner", ("name", "x")),
        Request(method="POST", path="fhir/Patient", base_url="http://sandbox.test", body=b"{}"),
        Request(method="POST", path="fhir", base_url="http://sandbox.test", body=b"{}"),
    ],
)
def test_what_needs_no_index_waits_for_none(seed, request_):
    assert indexes.make_ahead(request_, seed) is None


async def test_a_search_that_is_refused_is_left_to_be_refused(seed):
    request = get("Patient", ("favourite-colour", "red"), ("gender", "male"), ("_count", "many"))
    await indexes.make_ahead(request, seed)
    wrong = Request(
        method="POST",
        path="fhir/Patient/_search",
        body=b"\xff",
        headers={"content-type": "application/x-www-form-urlencoded"},
        base_url="http://sandbox.test",
    )
    assert indexes.make_ahead(wrong, seed) is None


def test_a_small_dataset_is_indexed_when_it_is_searched(seed, monkeypatch):
    monkeypatch.setattr(indexes, "LARGE", 7)
    assert indexes.make_ahead(get("Patient", ("gender", "male")), seed) is None


async def test_the_surface_asks_before_it_handles_a_call(seed, rows):
    route = next(r for r in FhirSimulator().routes if r.path == "fhir/{path:.*}")
    request = get("Patient", ("gender", "male"))
    work = route.prepare(request, seed)
    assert work is not None
    assert await work is None
    assert route.prepare(request, seed) is None
