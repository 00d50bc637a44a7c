"""A partner that takes files the moment they arrive: the sender still finds what it has just sent."""

import asyncssh
import pytest


def taking(path: str) -> dict:
    """A partner that takes a file as soon as it is written."""
    when = {"event": "file_write", "match": {"request.path": f"files/{path}"}}
    return {"action": "pick_up_file", "path": "outbound/*.csv", "move_to": "archive/taken", "when": when}


@pytest.fixture
async def taken(serve, disk, kit, drop_of):
    steps = [taking("outbound/a.csv"), taking("outbound/b.csv")]
    disk.benchmark(kit.benchmark("pick", kit.task("send", kit.says(1), scenario={"steps": steps})))
    async with serve() as live:
        yield await drop_of(live, "pick@1")


async def test_what_was_picked_up_is_seen_until_the_next_write(taken, tmp_path):
    local = tmp_path / "a.csv"
    local.write_bytes(b"a")
    async with taken.sftp() as client:
        await client.put(str(local), "outbound/a.csv", preserve=True)
        assert await taken.content("archive/taken/a.csv") == b"a"
        assert await taken.content("outbound/a.csv") is None
        assert (await client.stat("outbound/a.csv")).size == 1
        assert "a.csv" in await client.listdir("outbound")
        await client.put(str(local), "outbound/b.csv")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.stat("outbound/a.csv")
        assert (await client.stat("outbound/b.csv")).size == 1
    async with taken.sftp() as client:
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.stat("outbound/b.csv")
        assert "b.csv" in await client.listdir("archive/taken")


async def test_a_step_without_a_place_takes_the_file_away(serve, disk, kit, drop_of):
    step = {"action": "pick_up_file", "path": "inbox/**"}
    disk.benchmark(kit.benchmark("gone", kit.task("send", kit.says(1), scenario={"steps": [step]})))
    async with serve() as live:
        drop = await drop_of(live, "gone@1")
        assert (await drop.run.call("GET", "files/inbox")).json == []
