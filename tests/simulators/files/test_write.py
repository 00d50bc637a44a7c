"""Upload, delete, move, and the scenario step."""

import base64

import pytest
from pydantic import ValidationError

from sandbox import limits
from sandbox.errors import Conflict, TooLarge
from sandbox.simulators.files import state


def test_put_creates_then_replaces(world, read):
    world.clock.advance(5)
    first = world.call("PUT", "files/outbound/note.txt", b"one")
    assert first.status == 201
    assert first.headers["Location"] == "/v1/benchmark-runs/br_1/files/outbound/note.txt"
    assert read(first)["modified_at"] == "2026-04-23T09:00:05.000Z"
    assert world.last.type == "file_write"
    second = world.call("PUT", "files/outbound/note.txt", b"two", {"content-type": "Application/JSON; charset=utf-8"})
    assert (second.status, read(second)["content_type"]) == (200, "application/json; charset=utf-8")
    response = world.call("GET", "files/outbound/note.txt")
    assert (response.body, response.headers["ETag"]) == (b"two", second.headers["ETag"])


@pytest.mark.parametrize("sent", ["", "application/octet-stream", "application/x-www-form-urlencoded"])
def test_a_type_nobody_chose_is_told_by_the_name(world, read, sent):
    assert read(world.call("PUT", "files/x.csv", b"a,b", {"content-type": sent}))["content_type"] == "text/csv"


def test_a_content_type_that_is_none(world):
    assert world.call("PUT", "files/x.csv", b"", {"content-type": "text/html\x0b"}).status in (201, 400)
    assert world.call("PUT", "files/y.csv", b"", {"content-type": "no type"}).status == 400
    assert world.branch.get(state.TREE, "y.csv") is None


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"if-none-match": "*"}, "inbox/new.txt", 201),
        ({"if-none-match": "*"}, "inbox/a.txt", 412),
        ({"if-match": "*"}, "inbox/a.txt", 200),
        ({"if-match": "*"}, "inbox/new.txt", 412),
        ({"if-match": '"stale"'}, "inbox/a.txt", 412),
        ({"content-range": "bytes 0-1/10"}, "inbox/a.txt", 400),
    ],
)
def test_conditional_put(world, headers, path, status):
    before = world.branch.state_hash()
    assert world.call("PUT", f"files/{path}", b"new", headers).status == status
    assert (world.branch.state_hash() == before) is (status >= 400)


@pytest.mark.parametrize("path", ["inbox", "outbound", "archive", "inbox/referrals", "inbox/a.txt/below", "inbox/new/"])
def test_a_file_is_no_directory_and_a_directory_no_file(world, read, path):
    before = world.branch.state_hash()
    response = world.call("PUT", f"files/{path}", b"x")
    assert (response.status, read(response)["error"]["code"]) == (409, "CONFLICT")
    assert world.branch.state_hash() == before


def test_a_directory_lives_while_it_has_files(world):
    assert world.call("DELETE", "files/inbox/referrals").status == 409
    assert world.call("DELETE", "files/inbox/referrals/").status == 409
    assert world.call("DELETE", "files/inbox/referrals/b.pdf").status == 204
    assert world.last.type == "file_delete"
    assert world.call("GET", "files/inbox/referrals").status == 404
    assert world.call("PUT", "files/inbox/referrals", b"a file now").status == 201
    assert world.call("DELETE", "files/inbox").status == 409


def test_delete(world):
    assert world.call("DELETE", "files/inbox/a.txt", headers={"if-match": '"stale"'}).status == 412
    assert world.call("DELETE", "files/inbox/a.txt").status == 204
    assert world.call("DELETE", "files/inbox/a.txt").status == 404
    assert world.call("DELETE", "files/inbox/a.txt/").status == 404


def test_content_is_kept_once_and_goes_with_its_last_file(world):
    world.call("PUT", "files/one", b"same")
    world.call("PUT", "files/two", b"same")
    [sha] = {world.branch.get(state.TREE, name)["sha256"] for name in ("one", "two")}
    world.call("DELETE", "files/one")
    assert world.branch.get(state.CONTENT, sha) == b"same"
    world.call("PUT", "files/two", b"other")
    assert world.branch.get(state.CONTENT, sha) is None
    assert world.call("GET", "files/two").body == b"other"


def test_put_of_the_same_content_keeps_it(world):
    world.call("PUT", "files/one", b"same")
    assert world.call("PUT", "files/one", b"same").status == 200
    assert world.call("GET", "files/one").body == b"same"


def test_move_a_file(world, read):
    response = world.call("POST", "files/inbox/a.txt?move_to=archive/2026/a.txt")
    assert (response.status, read(response)["path"]) == (200, "archive/2026/a.txt")
    assert read(response)["modified_at"] == "2026-04-23T09:00:00.000Z"
    assert world.call("GET", "files/inbox/a.txt").status == 404
    assert world.call("GET", "files/archive/2026/a.txt").body == b"0123456789"
    assert world.last.changes == ()


def test_move_a_directory(world, read):
    world.call("PUT", "files/inbox/referrals/deep/c.txt", b"c")
    moved = read(world.call("POST", "files/inbox/referrals/?move_to=archive/referrals/"))
    assert [entry["path"] for entry in moved] == ["archive/referrals/b.pdf", "archive/referrals/deep/c.txt"]
    assert [entry["path"] for entry in read(world.call("GET", "files/inbox"))] == ["inbox/a.txt"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("inbox/a.txt", "", 400),
        ("inbox/a.txt", "move_to=", 400),
        ("inbox/a.txt", "move_to=../x", 400),
        ("inbox/a.txt", "move_to=/x", 400),
        ("inbox/a.txt", "move_to=x/", 400),
        ("inbox/a.txt", "move_to=x&overwrite=true", 400),
        ("inbox/a.txt", "move_to=inbox/a.txt", 409),
        ("inbox/a.txt", "move_to=inbox/a.txt/b", 409),
        ("inbox/a.txt", "move_to=inbox/referrals/b.pdf", 409),
        ("inbox/a.txt", "move_to=inbox/referrals", 409),
        ("inbox/a.txt", "move_to=inbox/referrals/b.pdf/x", 409),
        ("inbox/referrals", "move_to=inbox/referrals/deeper", 409),
        ("inbox/referrals", "move_to=inbox/a.txt", 409),
        ("inbox", "move_to=elsewhere", 409),
        ("inbox/a.txt/", "move_to=x", 404),
        ("inbox/none.txt", "move_to=x", 404),
        (
            "inbox/referrals",
            "move_to=" + "d" * 200 + "/" + "e" * 200 + "/" + "f" * 200 + "/" + "g" * 200 + "/" + "h" * 215,
            400,
        ),
    ],
)
def test_moves_that_cannot_be(world, path, query, status):
    before = world.branch.state_hash()
    assert world.call("POST", f"files/{path}?{query}").status == status
    assert world.branch.state_hash() == before


def test_a_move_takes_no_body(world):
    assert world.call("POST", "files/inbox/a.txt?move_to=b.txt", b"content").status == 400


def test_limits_at_and_one_past(world, monkeypatch):
    monkeypatch.setattr(limits, "FILE_BYTES", 20)
    monkeypatch.setattr(limits, "FILE_TREE_BYTES", 100)
    kept = sum(row["size"] for _, row in world.branch.items(state.TREE))
    assert world.call("PUT", "files/a", b"x" * 21).status == 413
    assert world.call("PUT", "files/a", b"x" * 20).status == 201
    left = 100 - kept - 20
    assert world.call("PUT", "files/b", b"y" * (left + 1)).status == 413
    assert world.branch.get(state.TREE, "b") is None
    assert world.call("PUT", "files/b", b"y" * left).status == 201
    assert world.call("PUT", "files/c", b"z").status == 413
    assert world.call("PUT", "files/b", b"z" * left).status == 200
    assert world.call("PUT", "files/empty", b"").status == 201


def test_the_real_file_limit(world):
    assert world.call("PUT", "files/big", bytes(limits.FILE_BYTES)).status == 201
    assert world.call("PUT", "files/big", bytes(limits.FILE_BYTES + 1)).status == 413
    [put] = [route for route in world.simulator.routes if route.method == "PUT"]
    assert put.body_limit == limits.FILE_BYTES


# -- drop_file_inbox ---------------------------------------------------------------------------


def test_drop_file_inbox(world, read):
    world.clock.advance(60)
    world.step("drop_file_inbox", path="faxes/new.txt", content="hello")
    world.step("drop_file_inbox", path="inbox/raw.bin", content_base64=base64.b64encode(b"\x00\xff").decode())
    listed = {entry["path"]: entry for entry in read(world.call("GET", "files/inbox"))}
    assert listed["inbox/faxes/new.txt"]["modified_at"] == "2026-04-23T09:01:00.000Z"
    assert world.call("GET", "files/inbox/raw.bin").body == b"\x00\xff"
    world.step("drop_file_inbox", path="faxes/new.txt", content="")
    assert world.call("GET", "files/inbox/faxes/new.txt").body == b""


@pytest.mark.parametrize(
    "args",
    [
        {"path": "a"},
        {"path": "a", "content": "x", "content_base64": "eA=="},
        {"path": "a", "content_base64": "not base64!"},
        {"path": "../a", "content": "x"},
        {"path": "/a", "content": "x"},
        {"path": "", "content": "x"},
        {"path": "a/", "content": "x"},
        {"path": "a\\b", "content": "x"},
        {"path": "a", "content": "x", "mode": 1},
        {"content": "x"},
    ],
)
def test_drop_file_inbox_is_checked_when_loaded(world, args):
    with pytest.raises(ValidationError):
        world.simulator.actions["drop_file_inbox"].model.model_validate(args)


def test_drop_file_inbox_that_fails_changes_nothing(world, monkeypatch):
    before = world.branch.state_hash()
    with pytest.raises(Conflict):
        world.step("drop_file_inbox", path="a.txt/b.txt", content="x")
    monkeypatch.setattr(limits, "FILE_BYTES", 1)
    with pytest.raises(TooLarge):
        world.step("drop_file_inbox", path="c.txt", content="xy")
    assert world.branch.state_hash() == before
