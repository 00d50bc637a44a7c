"""Every operation of SFTP on the tree: what it does, what it answers, what is recorded of it."""

import asyncssh
import pytest

REFERRAL = b"Please see Ana Reyes.\n"


async def test_what_is_read_and_listed_is_one_event_each(drop):
    async with drop.sftp() as client:
        assert sorted(await client.listdir(".")) == [".", "..", "archive", "inbox", "outbound"]
        assert sorted(await client.listdir("inbox")) == [".", "..", "fax.txt", "referral.txt"]
        async with client.open("inbox/referral.txt", "rb") as file:
            assert (await file.stat()).size == len(REFERRAL)
            assert await file.read() == REFERRAL
        async with client.open("/inbox/referral.txt", "rb") as file:
            assert await file.read(4, 7) == REFERRAL[7:11]
        async with client.open("/inbox/referral.txt", "rb"):
            pass
        assert (await client.stat("inbox/referral.txt")).size == len(REFERRAL)
        assert await client.realpath("inbox/../archive") == "/archive"
    assert await drop.seen() == [
        ("file_list", "GET", "files/", 200),
        ("file_list", "GET", "files/inbox/", 200),
        ("file_read", "GET", "files/inbox/referral.txt", 200),
        ("file_read", "GET", "files/inbox/referral.txt", 206),
        ("file_read", "HEAD", "files/inbox/referral.txt", 200),
    ]
    events = await drop.events()
    assert {e["via"] for e in events} == {"sftp"}
    assert events[2]["response"]["body"] == REFERRAL.decode()
    assert events[3]["response"]["body"] == REFERRAL[7:11].decode()


async def test_what_is_written_is_one_change_at_close(drop):
    async with drop.sftp() as client:
        async with client.open("outbound/claim.csv", "wb") as file:
            await file.write(b"claim,")
            assert (await client.stat("outbound/claim.csv")).size == 6
            assert await drop.content("outbound/claim.csv") is None
            await file.write(b"amount\n")
        assert await drop.content("outbound/claim.csv") == b"claim,amount\n"
        async with client.open("outbound/claim.csv", "ab") as file:
            await file.write(b"C1,10\n")
        async with client.open("outbound/claim.csv", "r+b") as file:
            await file.seek(0)
            await file.write(b"CLAIM")
    writes = [e for e in await drop.events() if e["type"] == "file_write"]
    assert [e["response"]["status"] for e in writes] == [201, 200, 200]
    assert writes[-1]["request"]["body"] == "CLAIM,amount\nC1,10\n"
    assert [[c["collection"] for c in e["changes"]].count("files/tree") for e in writes] == [1, 1, 1]
    assert await drop.content("outbound/claim.csv") == b"CLAIM,amount\nC1,10\n"


async def test_a_flush_stores_what_was_written_so_far(drop):
    async with drop.sftp() as client:
        file = await client.open("outbound/long.bin", "wb")
        await file.write(b"first half")
        await file.fsync()
        assert await drop.content("outbound/long.bin") == b"first half"
        await file.close()
    assert [s[0] for s in await drop.seen() if s[0] == "file_write"] == ["file_write"]


async def test_renaming_replaces_only_where_that_is_asked_for(drop):
    async with drop.sftp() as client:
        await client.rename("inbox/fax.txt", "archive/fax.txt")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.rename("archive/fax.txt", "archive/old.txt")
        await client.posix_rename("archive/fax.txt", "archive/old.txt")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.rename("inbox/none.txt", "archive/none.txt")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.rename("inbox/referral.txt", "archive/nowhere/none.txt")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.rename("inbox", "in")
    assert await drop.content("archive/old.txt") == b"hello"
    assert [s[0] for s in await drop.seen()][:6] == ["file_move"] * 6


async def test_directories_are_made_emptied_and_removed(drop):
    async with drop.sftp() as client:
        await client.mkdir("outbound/claims")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.mkdir("outbound/claims")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.mkdir("outbound/a/b")
        assert await client.isdir("outbound/claims")
        async with client.open("outbound/claims/1.x12", "wb") as file:
            await file.write(b"ISA")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.rmdir("outbound/claims")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.remove("outbound/claims")
        await client.rename("outbound/claims", "outbound/sent")
        await client.remove("outbound/sent/1.x12")
        assert await client.listdir("outbound/sent") == [".", ".."]
        await client.rmdir("outbound/sent")
        assert not await client.exists("outbound/sent")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.rmdir("outbound/sent")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.rmdir("inbox")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.remove("inbox/none")
    types = [s[0] for s in await drop.seen()]
    assert (types.count("file_mkdir"), types.count("file_delete")) == (3, 7)


async def test_a_directory_stays_when_its_last_file_is_moved_or_deleted(drop):
    """A client that empties a folder file by file expects the folder to be there still."""
    answer = await drop.run.call("PUT", "files/outbound/batch/1.txt", body=b"1")
    assert answer.status == 201
    async with drop.sftp() as client:
        await client.remove("outbound/batch/1.txt")
        assert await client.listdir("outbound/batch") == [".", ".."]
    answer = await drop.run.call("DELETE", "files/outbound/batch/")
    assert answer.status == 204


async def test_times_are_kept_and_modes_are_accepted(drop, tmp_path):
    local = tmp_path / "kept.txt"
    local.write_bytes(b"kept")
    async with drop.sftp() as client:
        await client.utime("inbox/referral.txt", (1_600_000_000, 1_600_000_000))
        assert (await client.stat("inbox/referral.txt")).mtime == 1_600_000_000
        await client.chmod("inbox/referral.txt", 0o600)
        await client.truncate("inbox/referral.txt", 6)
        await client.put(str(local), "outbound/kept.txt", preserve=True)
        assert (await client.stat("outbound/kept.txt")).mtime == int(local.stat().st_mtime)
    assert await drop.content("inbox/referral.txt") == b"Please"
    assert [s[0] for s in await drop.seen()].count("file_setstat") >= 3


async def test_what_there_is_not_is_refused_as_openssh_does(drop):
    async with drop.sftp() as client:
        for refused, call in (
            (asyncssh.SFTPNoSuchFile, client.stat("none")),
            (asyncssh.SFTPNoSuchFile, client.open("none/none", "wb")),
            (asyncssh.SFTPNoSuchFile, client.open("none", "rb")),
            (asyncssh.SFTPNoSuchFile, client.open("inbox/referral.txt/below", "wb")),
            (asyncssh.SFTPFailure, client.open("inbox", "wb")),
            (asyncssh.SFTPFailure, client.open("inbox", "rb")),
            (asyncssh.SFTPFailure, client.open("inbox/fax.txt", "xb")),
            (asyncssh.SFTPNoSuchFile, client.listdir("none")),
            (asyncssh.SFTPOpUnsupported, client.symlink("inbox/fax.txt", "link")),
            (asyncssh.SFTPOpUnsupported, client.link("inbox/fax.txt", "link")),
            (asyncssh.SFTPBadMessage, client.readlink("inbox/fax.txt")),
            (asyncssh.SFTPPermissionDenied, client.chown("inbox/fax.txt", 0, 0)),
        ):
            with pytest.raises(refused):
                await call
        space = await client.statvfs(".")
        assert (space.blocks * space.frsize, space.bavail < space.blocks) == (512 * 1024 * 1024, True)


async def test_what_is_due_by_the_clock_is_seen_before_anything_is_read(serve, disk, kit, drop_of):
    late = {"action": "drop_file_inbox", "path": "late.txt", "content": "late", "after_seconds": 60}
    disk.benchmark(kit.benchmark("later", kit.task("wait", kit.says(1), scenario={"steps": [late]})))
    clock = kit.clock()
    async with serve(clock=clock) as live:
        drop = await drop_of(live, "later@1")
        async with drop.sftp() as client:
            assert not await client.exists("inbox/late.txt")
            clock.advance(61)
            assert await client.exists("inbox/late.txt")
