"""What the task API was to store and could not is not there in memory either, and it goes on once there is room."""

import pytest

from sandbox.api.context import WRITER
from tests.record.medium import Medium, failure


@pytest.fixture
async def tagged(api):
    task = await api.create()
    tag = (await api.post("task/tag", {"name": "first"})).json
    assert (await api.post(f"task/{task['id']}", {"tags": [tag["id"]]})).status == 200
    return task, tag


async def everything(api, task):
    paths = ("task", f"task/{task['id']}", "task/tag", "reporting-groups", "api_key", f"task/{task['id']}/run")
    answers = [await api.get(path) for path in paths]
    return [(answer.status, answer.body) for answer in answers]


async def test_nothing_of_what_a_full_disk_refused_is_there(api, tagged):
    task, tag = tagged
    key = (await api.post("api_key", {"name": "k"})).json
    before = await everything(api, task)
    medium = Medium(api.app[WRITER])
    medium.error = failure("SQLITE_FULL", "database or disk is full")
    draft = await api.draft("Other")
    refused = [
        await api.post("task", draft),
        await api.post(f"task/{task['id']}", {"name": "Renamed", "system_prompt": "Other.", "tags": []}),
        await api.call("DELETE", f"task/{task['id']}"),
        await api.post("task/tag", {"name": "second"}),
        await api.call("DELETE", f"task/tag/{tag['id']}"),
        await api.post("reporting-groups", {"name": "g"}),
        await api.post("api_key", {"name": "k2"}),
        await api.post(f"api_key/{key['id']}/revoke"),
        await api.run(task),
    ]
    assert [answer.status for answer in refused] == [507] * len(refused), refused
    medium.error = None
    assert await everything(api, task) == before
    assert (await api.as_(key["key"]).run(task)).status == 200
    assert (await api.post("task", draft)).status == 200
    assert (await api.get("/readyz")).status == 200
