"""Bad input on every route of the task API: a 4xx in that API's own form, and nothing made, changed or deleted."""

import json
import re
from typing import Any

import pytest

from sandbox.llm_tasks.http.addresses import is_task_api as is_below
from sandbox.llm_tasks.http.addresses import paths_of
from sandbox.llm_tasks.routes import ROUTES

JSON = {"Content-Type": "application/json"}
UNREADABLE = [
    b"{",
    b"{}{}",
    b"nonsense",
    b'{"a": NaN}',
    b'{"a": "\xff"}',
    b'{"a": "\\ud800"}',
    b"[" * 65 + b"]" * 65,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
]
MISFITS = [b"[]", b'"x"', b"1", b"null", b"true"]
UUID = "00000000-0000-4000-8000-000000000000"


def is_task_api(path: str) -> bool:
    return is_below(path) or path.startswith("/oauth2")


def assert_refused(answer: Any, path: str, note: object = "") -> None:
    where = (path[:200], note, answer)
    assert 400 <= answer.status < 500, where
    assert re.fullmatch(r"req_\w{20,}", answer.headers["X-Request-Id"]), where
    assert answer.headers["Content-Type"].startswith("application/json"), where
    value = answer.json
    if answer.status == 401 and not path.startswith("/oauth2"):
        assert value["error"]["code"] == 401 and value["error"]["message"], where
    elif answer.status == 422:
        assert all(item["loc"] and item["msg"] and item["type"] for item in value["detail"]), where
    else:
        assert value.get("detail") or value.get("error"), where


class Place:
    """The default organization and project, and the routes with everything but the last id filled in rightly."""

    def __init__(self, live: Any, names: dict[str, str], token: str) -> None:
        self.live, self.names, self.token = live, names, token

    def path(self, path: str, **replaced: str) -> str:
        for name, value in {**self.names, **replaced}.items():
            path = path.replace("{" + name + "}", value)
        return path

    async def snapshot(self) -> Any:
        root = self.path("/api/v1/org/{org_id}/project/{project_id}")
        lists = ["task", "task_run", "api_key", "oauth_client", "reporting-groups", "task/tag"]
        found = [await self.live.get(f"{root}/{name}", self.token) for name in lists]
        return [await self.live.get("/api/v1/org", self.token), *found]


@pytest.fixture
async def place(live, kit):
    organization = first(await live.get("/api/v1/org", kit.api_key))
    project = first(await live.get(f"/api/v1/org/{organization['id']}/project", kit.api_key))
    names = {"org_id": organization["id"], "project_id": project["id"], "entity_type": "task"}
    others = set(re.findall(r"\{(\w+)\}", " ".join(path for _, path, _ in ROUTES))) - set(names)
    return Place(live, {**names, **dict.fromkeys(others, UUID)}, kit.api_key)


def first(value: Any) -> Any:
    rows = value if isinstance(value, list) else next(v for v in value.values() if isinstance(v, list))
    return rows[0]


async def test_the_routes_are_the_routers(live):
    found = {(r.method, r.resource.canonical) for r in live.app.router.routes() if is_task_api(r.resource.canonical)}
    assert {key for key in found if key[0] != "HEAD"} == {
        (method, address) for method, path, _ in ROUTES for address in paths_of(path)
    }


async def test_wrong_tokens(place, kit):
    before = await place.snapshot()
    for method, path, _ in ROUTES:
        if path.startswith("/oauth2"):
            continue
        target = place.path(path)
        for token in (None, "", "nonsense", "vk_", "vrl_run_x", kit.solver_key, "é"):
            answer = await place.live.call(method, target, token, body=b"")
            assert_refused(answer, target, note=token)
            assert answer.status == 401, (target, token, answer)
    assert await place.snapshot() == before


async def test_wrong_ids(place, bad):
    before = await place.snapshot()
    for method, path, _ in ROUTES:
        for name in re.findall(r"\{(\w+)\}", path):
            for wrong in bad.IDS if name in path.split("/")[-1] else bad.IDS[:4]:
                target = place.path(path, **{name: wrong})
                answer = await place.live.call(method, target, place.token, body=b"{}", headers=JSON)
                assert_refused(answer, target, note=(method, name, wrong[:50]))
    assert await place.snapshot() == before


async def test_wrong_methods(place):
    before = await place.snapshot()
    allowed: dict[str, set[str]] = {}
    for method, path, _ in ROUTES:
        allowed.setdefault(path, set()).add(method)
    for path, methods in allowed.items():
        for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - methods:
            answer = await place.live.call(wrong, place.path(path), place.token, body=b"")
            assert_refused(answer, path, note=wrong)
    assert await place.snapshot() == before


async def test_wrong_bodies(place):
    """Ids are those of nothing, so a body that is read as an empty one must not do anything either."""
    before = await place.snapshot()
    for method, path, _ in ROUTES:
        if method != "POST":
            continue
        target = place.path(path)
        for body in UNREADABLE + MISFITS:
            answer = await place.live.call(method, target, place.token, body=body, headers=JSON)
            assert_refused(answer, target, note=body[:100])
        for headers in ({"Content-Type": "multipart/form-data"}, {"Content-Type": "multipart/form-data; boundary=x"}):
            answer = await place.live.call(method, target, place.token, body=b"--x\r\nbroken", headers=headers)
            assert_refused(answer, target, note=headers)
    assert await place.snapshot() == before


async def test_wrong_types(place):
    before = await place.snapshot()
    root = place.path("/api/v1/org/{org_id}/project/{project_id}")
    full = {
        "name": "x",
        "system_prompt": "x",
        "user_prompt": "x",
        "llm_model_id": UUID,
        "output_format": {"a": "string"},
        "enabled": True,
        "tags": [],
    }
    for name in full:
        for wrong in ([1, {}, True], {"a": {"b": [[]]}}, 1, "\x00" * 10):
            answer = await place.live.call(
                "POST", f"{root}/task", place.token, body=json.dumps({**full, name: wrong}).encode(), headers=JSON
            )
            assert_refused(answer, f"{root}/task", note=(name, wrong))
    assert await place.snapshot() == before


async def test_oversize_bodies(place, bad):
    for method, path, _ in ROUTES:
        if method == "POST":
            size = 2**40
            request = bad.head(
                method, place.path(path), place.token, f"Content-Length: {size}", "Content-Type: application/json"
            )
            assert_refused(await bad.raw(place.live, request), place.path(path))
