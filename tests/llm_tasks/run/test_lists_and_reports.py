"""Lists of runs, reports, tags and reporting groups."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.errors import Unprocessable
from sandbox.llm_tasks.http.dates import read_moment
from sandbox.record.writer import Statement

UNKNOWN = "00000000-0000-4000-8000-00000000dead"
NOW = datetime(2026, 4, 23, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "is_end", "wanted"),
    [
        ("2026-04-20", False, "2026-04-20T00:00:00+00:00"),
        ("2026-04-20", True, "2026-04-20T23:59:59.999999+00:00"),
        ("2026-04-20T12:00:00Z", True, "2026-04-20T12:00:00+00:00"),
        ("2026-04-20T12:00:00+02:00", False, "2026-04-20T10:00:00+00:00"),
        ("now", False, "2026-04-23T10:30:00+00:00"),
        ("Today", False, "2026-04-23T00:00:00+00:00"),
        ("yesterday", True, "2026-04-22T23:59:59.999999+00:00"),
        ("24 hours ago", False, "2026-04-22T10:30:00+00:00"),
        ("1 week ago", False, "2026-04-16T10:30:00+00:00"),
    ],
)
def test_dates_are_absolute_or_relative(text, is_end, wanted):
    assert read_moment("start_date", text, NOW, is_end=is_end).isoformat() == wanted


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "999999 years ago", "2026-04-20T99:00"])
def test_what_is_no_date_is_named(text):
    with pytest.raises(Unprocessable, match="is not a date"):
        read_moment("start_date", text, NOW)


@pytest.fixture
async def aged(api):
    """A task with four runs that are said to be 0, 1, 8 and 40 days old, the last an error."""
    task = await api.create(model="sandbox-fault", llm_config={"faults": [{"kind": "error", "runs": [4]}]})
    runs = [(await api.run(task, {"text": f"Name: N{i}"})).json for i in range(4)]
    from sandbox.api.context import WRITER

    writer = api.app[WRITER]
    for run, days in zip(runs, (0, 1, 8, 40), strict=True):
        moment = datetime.fromisoformat(run["created"]) - timedelta(days=days)
        statement: Statement = (
            "UPDATE llm_runs SET created = ? WHERE id = ?",
            (moment.isoformat(timespec="microseconds"), run["id"]),
        )
        await writer.write([statement])
    return task, runs


async def test_a_tasks_runs_are_filtered(api, aged):
    task, runs = aged
    ids = [run["id"] for run in runs]

    async def listed(**params):
        return [r["id"] for r in (await api.get(f"task/{task['id']}/run", **params)).json["results"]]

    assert await listed() == ids
    assert await listed(status="error") == ids[3:]
    assert await listed(status="success") == ids[:3]
    assert await listed(start_date="2 days ago") == ids[:2]
    assert await listed(end_date="2 days ago") == ids[2:]
    assert await listed(start_date="10 days ago", end_date="7 days ago") == [ids[2]]
    assert await listed(task_revision_id=task["revisions"][0]["id"]) == ids
    assert await listed(task_revision_id=UNKNOWN) == []
    for params in (
        {"status": "odd"},
        {"start_date": "soon"},
        {"cursor": UNKNOWN},
        {"start_date": "now", "end_date": "yesterday"},
    ):
        assert (await api.get(f"task/{task['id']}/run", **params)).status == 422
    assert (await api.get(f"task/{task['id']}/run", task_revision_id="x")).status == 400


async def test_a_projects_runs_are_those_of_the_last_week(api, aged):
    task, runs = aged
    ids = [run["id"] for run in runs]
    assert [r["id"] for r in (await api.get("task_run")).json["results"]] == ids[:2]
    older = await api.get("task_run", end_date="5 days ago")
    assert [r["id"] for r in older.json["results"]] == [ids[2]]
    everything = await api.get("task_run", start_date="2000-01-01", task_id=task["id"], include_event_trigger_id="true")
    assert [r["id"] for r in everything.json["results"]] == ids
    assert (await api.get("task_run", task_id=UNKNOWN)).json["results"] == []


async def test_runs_of_a_deleted_task_are_left_out(api):
    gone, kept = await api.create(name="Gone"), await api.create(name="Kept")
    await api.run(gone)
    run = (await api.run(kept)).json
    await api.call("DELETE", f"task/{gone['id']}")
    assert [r["id"] for r in (await api.get("task_run")).json["results"]] == [run["id"]]
    assert [e["task_id"] for e in (await api.get("task_run/recent_by_task")).json["results"]] == [kept["id"]]


async def test_pages_of_runs_follow_one_another(api):
    task = await api.create()
    ids = [(await api.run(task)).json["id"] for _ in range(7)][::-1]
    for path in (f"task/{task['id']}/run", "task_run"):
        seen, cursor = [], None
        for _ in range(4):
            page = (await api.get(path, page_limit=2, **({"cursor": cursor} if cursor else {}))).json
            seen += [r["id"] for r in page["results"]]
            cursor = page["pagination"]["next_cursor"]
            assert page["pagination"]["has_next"] is (cursor is not None)
        assert (seen, cursor) == (ids, None)


async def test_the_newest_runs_of_every_task(api):
    first, second = await api.create(name="One"), await api.create(name="Two")
    for _ in range(7):
        await api.run(first)
    run = (await api.run(second)).json
    entries = (await api.get("task_run/recent_by_task")).json["results"]
    assert [(e["task_name"], len(e["recent_runs"])) for e in entries] == [("Two", 1), ("One", 5)]
    assert entries[0]["recent_runs"] == [run]
    page = (await api.get("task_run/recent_by_task", page_limit=1)).json
    assert page["results"] == entries[:1]
    assert page["pagination"] == {"next_cursor": second["id"], "has_next": True, "page_limit": 1}
    rest = (await api.get("task_run/recent_by_task", page_limit=1, cursor=second["id"])).json
    assert (rest["results"], rest["pagination"]["has_next"]) == (entries[1:], False)
    assert (await api.get("task_run/recent_by_task", cursor=UNKNOWN)).status == 422


async def test_reports_add_up(api, aged):
    task, runs = aged
    path = f"task/{task['id']}"
    tokens = (await api.get(f"{path}/token_report")).json
    assert tokens["task_id"] == task["id"]
    assert tokens["total_tokens"] == sum(r["total_tokens"] for r in runs)
    assert tokens["total_input_tokens"] + tokens["total_output_tokens"] == tokens["total_tokens"]
    assert tokens["total_task_runs"] == tokens["task_revisions"][0]["total_task_runs"] == 4
    credits = (await api.get(f"{path}/credit_report", start_date="2 days ago")).json
    assert (credits["total_credits"], credits["total_task_runs"]) == ("0.00", 2)
    assert credits["date_range"]["end"] is None
    usage = (await api.get(f"{path}/usage_report")).json
    assert (usage["aggregation"], usage["status"], sum(usage["total_counts"].values())) == ("day", "ALL", 4)
    assert len(usage["total_counts"]) == 4
    errors = (await api.get(f"{path}/usage_report", errors_only="true", aggregation="week")).json
    assert (errors["status"], sum(errors["total_counts"].values())) == ("ERROR", 1)
    timing = (await api.get(f"{path}/timing_report", aggregation="hour")).json
    points = [p for r in timing["task_revisions"] for p in r["data"].values()]
    assert sum(p["total_task_runs"] for p in points) == 4
    assert all(p["avg_llm_call_timing"] >= 0 for p in points)
    assert (await api.get(f"{path}/timing_report", aggregation="week")).status == 422
    whole = (await api.get("task_run/usage_report", task_id=task["id"])).json
    assert sum(whole["total_counts"].values()) == 4
    assert (await api.get("task_run/timing_report")).json["aggregation"] == "day"


async def test_weeks_begin_on_monday(api, aged):
    task, _ = aged
    weeks = (await api.get(f"task/{task['id']}/usage_report", aggregation="week")).json["total_counts"]
    assert all(datetime.fromisoformat(at).weekday() == 0 for at in weeks)


async def test_reports_tell_test_revisions_and_groups_apart(api):
    task = await api.create()
    await api.post("reporting-groups", {"name": "pilot"})
    tried = (await api.post(f"task/{task['id']}", {"test": True, "system_prompt": "t"})).headers["X-New-Revision-ID"]
    await api.run(task, revision_id=tried)
    await api.run(task, reporting_group="pilot")
    await api.run(task)
    report = (await api.get(f"task/{task['id']}/token_report", show_reporting_group="true")).json
    live = task["revisions"][0]["id"]
    found = {(r["task_revision_id"], r["reporting_group"]): r["total_task_runs"] for r in report["task_revisions"]}
    assert found == {("test", None): 1, (live, "pilot"): 1, (live, None): 1}
    plain = (await api.get(f"task/{task['id']}/credit_report")).json["task_revisions"]
    assert [(r["task_revision_id"], "reporting_group" in r) for r in plain] == [(live, False), ("test", False)]


# -- tags ----------------------------------------------------------------------------------------


async def test_the_life_of_a_tag(api):
    task = await api.create()
    parent = (await api.post("task/tag", {"name": "area"})).json
    tag = (await api.post("task/tag", {"name": "intake", "parent_id": parent["id"], "description": "d"})).json
    assert set(tag) == {
        "id", "name", "description", "parent_id", "entity_type", "project_id", "created_at", "children",
        "is_project_tag", "is_global_tag", "tagged_entities",
    }  # fmt: skip
    assert (await api.get(f"task/tag/{parent['id']}")).json["children"] == [tag]
    added = (await api.post(f"task/tag/{tag['id']}/add", {"entities": [task["id"]]})).json
    assert added["tagged_entities"] == [task["id"]]
    assert [t["id"] for t in (await api.get("task", tag_id=tag["id"])).json["results"]] == [task["id"]]
    assert (await api.get(f"task/{task['id']}")).json["tags"] == [added]
    renamed = await api.post(f"task/tag/{tag['id']}", {"name": "front"})
    assert (renamed.json["name"], renamed.json["description"]) == ("front", "d")
    removed = await api.post(f"task/tag/{tag['id']}/remove", {"entities": [task["id"]]})
    assert removed.json["tagged_entities"] == []
    await api.post(f"task/{task['id']}", {"tags": [tag["id"]]})
    assert (await api.call("DELETE", f"tags/{parent['id']}")).status == 200
    assert (await api.get(f"task/tag/{tag['id']}")).json["parent_id"] is None
    assert (await api.call("DELETE", f"task/tag/{tag['id']}")).status == 200
    assert (await api.get(f"task/{task['id']}")).json["tags"] == []
    assert (await api.get("task/tag")).json["results"] == []


@pytest.mark.parametrize("name", ["", "a b", "a-b", "x" * 16])
async def test_a_tags_name_is_short_and_plain(api, name):
    assert (await api.post("task/tag", {"name": name})).status == 422


async def test_wrong_tags(api):
    await api.post("task/tag", {"name": "x" * 15})
    again = await api.post("task/tag", {"name": "x" * 15})
    assert (again.status, again.reason) == (400, "DUPLICATE_TAG_NAME")
    assert (await api.post("task_revision/tag", {"name": "x" * 15})).status == 200
    assert (await api.post("patient/tag", {"name": "y"})).status == 404
    assert (await api.post("task/tag", {"name": "y", "parent_id": UNKNOWN})).status == 404
    assert (await api.get(f"task/tag/{UNKNOWN}")).status == 404
    assert (await api.call("DELETE", f"tags/{UNKNOWN}")).status == 404
    assert (await api.post("task", {**await api.draft(), "tags": [UNKNOWN]})).status == 404
    tag = (await api.post("task/tag", {"name": "ok"})).json
    assert (await api.post(f"task/tag/{tag['id']}/add", {"entities": [UNKNOWN]})).status == 404


async def test_tags_may_be_given_with_the_task(api):
    task_tag = (await api.post("task/tag", {"name": "a"})).json["id"]
    revision_tag = (await api.post("task_revision/tag", {"name": "b"})).json["id"]
    task = await api.create(tags=[task_tag], revision_tags=[revision_tag])
    assert [t["id"] for t in task["tags"]] == [task_tag]
    assert [t["id"] for t in task["revisions"][0]["tags"]] == [revision_tag]
    await api.post(f"task/{task['id']}", {"system_prompt": "v2"})
    shown = (await api.get(f"task/{task['id']}", revision_tag_id=revision_tag)).json["revisions"]
    assert [r["id"] for r in shown] == [task["revisions"][0]["id"]]


# -- reporting groups ----------------------------------------------------------------------------


async def test_the_life_of_a_reporting_group(api):
    group = (await api.post("reporting-groups", {"name": "pilot", "metadata": {"site": 1}})).json
    assert (await api.get(f"reporting-groups/{group['id']}")).json == group
    assert (await api.get("reporting-groups")).json["results"] == [group]
    again = await api.post("reporting-groups", {"name": "pilot"})
    assert (again.status, again.reason) == (400, "DUPLICATE_REPORTING_GROUP")
    task = await api.create()
    run = (await api.run(task, reporting_group="pilot")).json
    assert (await api.call("DELETE", f"reporting-groups/{group['id']}")).status == 200
    assert (await api.get(f"reporting-groups/{group['id']}")).status == 404
    assert (await api.get(f"task/{task['id']}/run/{run['id']}")).json["reporting_group"]["name"] == "pilot"
    assert (await api.post("reporting-groups", {"name": " "})).status == 422
    assert (await api.post("reporting-groups", {"name": "x" * 64})).status == 200
    assert (await api.post("reporting-groups", {"name": "x" * 65})).status == 422


async def test_everything_is_there_after_a_restart(serve):
    async with serve() as api:
        tag = (await api.post("task_revision/tag", {"name": "live"})).json
        group = (await api.post("reporting-groups", {"name": "g"})).json
        task = await api.create(description="kept")
        await api.post(f"task/{task['id']}", {"system_prompt": "v2", "revision_tags": [tag["id"]]})
        run = (await api.run(task)).json
        shown = (await api.get(f"task/{task['id']}")).json
    async with serve() as api:
        assert (await api.get(f"task/{task['id']}")).json == shown
        assert (await api.get(f"task/{task['id']}/run/{run['id']}")).json == run
        assert (await api.get("reporting-groups")).json["results"] == [group]
        assert [t["name"] for t in (await api.get("task_revision/tag")).json["results"]] == ["live"]
