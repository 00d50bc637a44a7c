"""Whole numbers and pages, over HTTP: the API's lists, the portal's and the task API's read them alike."""

from typing import Any

import pytest

LONG = "000000001" + "0" * 5000
ORGANIZATION = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
async def lists(live: Any, kit: Any) -> Any:
    """GET on a list of the API and on one of the portal."""
    run = await live.started()

    async def get(query: str) -> list[Any]:
        return [
            await live.call("GET", f"/benchmarks?{query}", kit.api_key),
            await run.call("GET", f"portal/patients?{query}"),
        ]

    return get


@pytest.mark.parametrize(
    ("limit", "shown"),
    [("1", 1), ("0000000001", 1), ("100", 100), ("101", 100), ("1000000000", 100), ("9" * 40, 100), (LONG, 100)],
)
async def test_a_page_size_means_the_same_in_every_list(lists, limit, shown):
    for answer in await lists(f"limit={limit}"):
        assert (answer.status, answer.json["_meta"]["limit"]) == (200, shown), answer


@pytest.mark.parametrize("limit", ["0", "00", "-1", "1.5", "%C2%B2", "x"])
async def test_what_is_no_page_size_is_refused_alike(lists, limit):
    first, second = await lists(f"limit={limit}")
    assert (first.status, first.error["code"]) == (second.status, second.error["code"]) == (400, "VALIDATION_ERROR")
    assert first.error["message"] == second.error["message"]
    assert first.error["details"] == second.error["details"]


@pytest.mark.parametrize("cursor", ["x", "%20", "W10", "WyJuZXh0Il0!", "e30", "WyJuZXh0IiwxXQ"])
async def test_a_foreign_cursor_is_refused_alike(lists, cursor):
    first, second = await lists(f"cursor={cursor}")
    if cursor == "%20":  # the portal has a word for parameters without a value
        assert (first.status, second.status) == (400, 400)
        return
    assert (first.status, first.error["code"]) == (second.status, second.error["code"]) == (400, "BAD_REQUEST")
    assert first.error["details"] == second.error["details"] == {"cursor": ["is not valid"]}


@pytest.mark.parametrize("limit", [LONG, "00000000199999", "101", "0", "%C2%B2", "9" * 40])
async def test_no_page_of_the_task_api_is_larger_than_its_limit(live, kit, limit):
    for path in ("/api/v1/org", f"/api/v1/org/{ORGANIZATION}/project"):
        answer = await live.call("GET", f"{path}?page_limit={limit}", kit.api_key)
        assert answer.status == 422, (path, answer)
        assert answer.json["detail"][0]["loc"] == ["query", "page_limit"]


async def test_a_stream_goes_on_after_any_number(live):
    run = await live.started()
    await run.complete()
    assert [name for _, name, _ in await live.follow(run.tasks[0], last=10**40)] == ["end"]
