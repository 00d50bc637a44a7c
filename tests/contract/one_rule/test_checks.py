"""Checks read values as the systems that they look at do, over HTTP."""

import json

import pytest

FHIR = {"Content-Type": "application/fhir+json"}


def observation(at):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "effectiveDateTime": at,
    }


@pytest.fixture
async def score(serve, disk, kit):
    """Give the score of a criterion on what `FHIR` holds."""

    async def scored(written, **assertion):
        check = kit.criterion("c", "fhir-resource-state", resource_type="Observation", **assertion)
        disk.benchmark(kit.benchmark("dates", kit.task("t", check)))
        async with serve() as live:
            run = await live.started("dates@1")
            for row in written:
                answer = await run.call("POST", "fhir/Observation", body=json.dumps(row), headers=FHIR)
                assert answer.status == 201, answer
            await run.complete()
            return (await run.task_state())[3]

    return scored


@pytest.mark.parametrize(
    ("at", "bounds", "is_within"),
    [
        ("2016-12-31T23:59:60Z", {"min": "2017-01-01T00:00:00Z"}, True),
        ("2016-12-31T23:59:60Z", {"min": "2016-12-31", "max": "2017-01-01"}, True),
        ("2016-12-31T23:59:60Z", {"max": "2016-12-31T23:59:59Z"}, False),
    ],
)
async def test_a_leap_second_has_its_place(score, at, bounds, is_within):
    fields = [{"path": "effectiveDateTime", **bounds}]
    assert await score([observation(at)], fields=fields) == (1.0 if is_within else 0.0)
