"""Pages: both documented envelopes, limits, cursors there and back, ties, and cursors that are not ours."""

import base64
import json
from typing import Any

import pytest


@pytest.fixture
async def world(serve, disk, kit):
    """A server whose clock stands still, so that everything is a tie: five runs, one of them with events."""
    disk.benchmark(kit.benchmark("many", *(kit.task(f"t{i}", *(kit.says(i) for _ in range(5))) for i in range(5))))
    async with serve(clock=kit.clock()) as live:
        runs = [await live.run("many") for _ in range(5)]
        await runs[0].start()
        for i in range(4):
            assert (await runs[0].call("PUT", f"files/f{i}.txt", body=b"x")).status == 201
        benchmark = (await live.get("/benchmarks/many@1"))["id"]
        files = next(s["id"] for s in runs[0].value["sandboxes"] if s["type"] == "Files")
        await runs[1].start()
        await runs[1].complete()
        lists = {
            f"/benchmark-runs?benchmark_id={benchmark}": 5,
            f"/task-runs?benchmark_run_id={runs[2].id}": 5,
            f"/criterion-runs?task_run_id={runs[1].tasks[0]}": 5,
            f"/playgrounds?benchmark_run_id={runs[2].id}": 5,
            f"/sandboxes?playground_id={runs[2].value['task_runs'][0]['playground_id']}": 5,
            f"/tasks?benchmark_id={benchmark}": 5,
            "/benchmarks": 2,
            f"/task-runs/{runs[0].tasks[0]}/events": 5,
            f"/task-runs/{runs[0].tasks[0]}/events?order=asc": 5,
            f"/sandboxes/{files}/events": 4,
            f"/sandboxes/{files}/events?order=asc": 4,
        }
        yield live, lists


def also(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


async def test_both_envelopes(world):
    live, lists = world
    for path, count in lists.items():
        page = await live.get(path)
        assert set(page) == {"data", "next_cursor", "_meta"}
        assert page["_meta"] == {"next": None, "prev": None, "limit": 20}, path
        assert page["next_cursor"] is None
        assert len(page["data"]) == count, path


async def test_there_and_back(world):
    live, lists = world
    for path, count in lists.items():
        everything = (await live.get(path))["data"]
        assert len({row["id"] for row in everything}) == count
        for limit in (1, 2, 3, count):
            pages, cursor = [], None
            while True:
                page = await live.get(also(path, f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")))
                assert page["_meta"]["limit"] == limit and page["next_cursor"] == page["_meta"]["next"]
                assert (page["_meta"]["prev"] is None) == (not pages), path
                pages.append(page)
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            assert [row for page in pages for row in page["data"]] == everything, (path, limit)
            assert len(pages) == -(-count // limit)
            back, page = [], pages[-1]
            while page["_meta"]["prev"] is not None:
                page = await live.get(also(path, f"limit={limit}&cursor={page['_meta']['prev']}"))
                back.append(page["data"])
            assert back == [page["data"] for page in pages[-2::-1]], (path, limit)
            if len(pages) > 1:  # and forth again from where one came back to
                again = await live.get(also(path, f"limit={limit}&cursor={page['_meta']['next']}"))
                assert again["data"] == pages[1]["data"]


async def test_newest_first(serve, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        ids = []
        for _ in range(3):
            ids.append((await live.run()).id)
            clock.advance(1)
        assert [row["id"] for row in (await live.get("/benchmark-runs"))["data"]] == ids[::-1]


async def test_order_of_events(world):
    live, lists = world
    for path in lists:
        if "events" not in path:
            continue
        seqs = [row["seq"] for row in (await live.get(path))["data"]]
        assert seqs == sorted(seqs, reverse="asc" not in path)
        assert (await live.call("GET", also(path.partition("?")[0], "order=up"), "vk_local")).status == 400


async def test_a_page_does_not_shift_when_rows_are_added(live):
    ids = [(await live.run()).id for _ in range(4)][::-1]
    first = await live.get("/benchmark-runs?limit=2")
    await live.run()
    second = await live.get(f"/benchmark-runs?limit=2&cursor={first['next_cursor']}")
    assert [row["id"] for row in first["data"] + second["data"]] == ids


async def test_limits_taken(world):
    live, lists = world
    for limit, applied in {"1": 1, "100": 100, "101": 100, "9" * 21: 100}.items():
        for path in lists:
            page = await live.get(also(path, f"limit={limit}"))
            assert page["_meta"]["limit"] == applied, (path, limit)


async def test_limits_refused(world):
    live, lists = world
    for limit in ("0", "-1", "abc", "", "1.5", "1e2", "%20", "+5", "%D9%A3", "%C2%B2", "0x10", "%00"):
        for path in lists:
            answer = await live.call("GET", also(path, f"limit={limit}"), "vk_local")
            assert answer.status == 400, (path, limit, answer)
            assert "limit" in answer.error["details"]


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


NOT_CURSORS = [
    "x",
    "%00",
    "%ff",
    "====",
    "a" * 5000,
    "..%2f..%2fetc",
    "%E2%82%AC",
    encoded({}),
    encoded([]),
    encoded(["a"]),
    encoded(["a", "b"]),
    encoded(["a", 1, True]),
    encoded([1, "b", True]),
    encoded(["a", "b", 1]),
    encoded(["a", "b", None]),
    encoded(["a", "b", True, 4]),
    encoded("abc"),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    base64.urlsafe_b64encode(b"[" * 100).decode().rstrip("="),
]


async def test_cursors_refused(world):
    live, lists = world
    for cursor in NOT_CURSORS:
        for path in lists:
            answer = await live.call("GET", also(path, f"cursor={cursor}"), "vk_local")
            assert (answer.status, answer.error["code"]) == (400, "BAD_REQUEST"), (path, cursor, answer)
            assert "cursor" in answer.error["details"]


async def test_cursors_of_events_refused(world):
    live, lists = world
    paths = [path for path in lists if "events" in path]
    for seq in ("x", "", "-1", "1.5", "\u00b2", "\u0663", "9" * 30, "1 OR 1=1"):
        for cursor in (encoded(["", seq, True]), encoded(["", seq, False])):
            for path in paths:
                answer = await live.call("GET", also(path, f"cursor={cursor}"), "vk_local")
                assert (answer.status, answer.error["code"]) == (400, "BAD_REQUEST"), (path, seq, answer)


async def test_cursors_that_point_nowhere(world):
    """Readable, but past either end: an empty page, never an error or a whole list."""
    live, lists = world
    for path in lists:
        if "events" in path:
            continue
        past = await live.get(also(path, f"cursor={encoded(['0000', '', False])}"))
        assert past["data"] == [] and past["next_cursor"] is None
        before = await live.get(also(path, f"cursor={encoded(['9999', 'z', True])}"))
        assert before["data"] == []


async def test_required_filters(live):
    for path in ("/task-runs", "/criterion-runs", "/tasks"):
        answer = await live.call("GET", path, "vk_local")
        assert answer.status == 400 and answer.error["details"], path
    for path in ("/task-runs?benchmark_run_id=x", "/criterion-runs?task_run_id=x", "/tasks?benchmark_id=x"):
        assert (await live.call("GET", path, "vk_local")).status == 404
    for path in ("/benchmark-runs?benchmark_id=x", "/playgrounds?benchmark_run_id=x", "/sandboxes?playground_id=x"):
        assert (await live.get(path))["data"] == []
