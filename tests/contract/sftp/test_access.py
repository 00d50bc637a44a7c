"""Who is let in, and to what: passwords, keys, other sandboxes, runs that are over, paths that lead astray, limits."""

import asyncio
import socket

import asyncssh
import pytest

from sandbox import limits

TRICKS = [
    b"/../../etc/passwd",
    b"../../../../etc/passwd",
    b"inbox/../../etc/passwd",
    b"..\\..\\etc\\passwd",
    b"inbox/\x00/etc/passwd",
    b"inbox/a\nb",
    b"inbox/%252e%252e%252fetc",
    b"inbox/\xff\xfe",
    b"//etc/passwd",
    b"~root/.ssh/id_rsa",
    b"inbox/" + b"n" * 300,
    b"d/" * 2_000 + b"e",
]


async def test_a_wrong_password_is_an_event_and_too_many_close_the_door_for_a_minute(serve, drop_of, kit):
    clock = kit.clock()
    async with serve(clock=clock) as live:
        drop = await drop_of(live)
        for _ in range(limits.LOGIN_ATTEMPTS_PER_MINUTE + 2):
            with pytest.raises(asyncssh.PermissionDenied):
                await drop.connect(password="wrong")
        with pytest.raises(asyncssh.PermissionDenied):
            await drop.connect()
        refused = [e for e in await drop.events() if e["type"] == "file_login"]
        assert [e["response"]["status"] for e in refused] == [401] * limits.LOGIN_ATTEMPTS_PER_MINUTE
        assert drop.credentials["password"] not in str(refused)
        clock.advance(61)
        async with drop.sftp() as client:
            assert await client.exists("inbox")


async def test_refused_logins_move_nothing_in_a_seeded_run(serve, drop_of):
    async with serve() as live:
        drop = await drop_of(live, seed=7)
        before = live.playground(drop.run.tasks[0]).now()
        with pytest.raises(asyncssh.PermissionDenied):
            await drop.connect(password="wrong")
        assert live.playground(drop.run.tasks[0]).now() == before


async def test_a_user_nobody_knows_leaves_no_trace(drop):
    with pytest.raises(asyncssh.PermissionDenied):
        await drop.connect(username="root")
    with pytest.raises(asyncssh.PermissionDenied):
        await drop.connect(username="")
    assert await drop.seen() == []


async def test_a_configured_key_opens_the_door(serve, disk, kit, drop_of):
    key, other = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    definition = kit.benchmark("keys", kit.task("a", kit.says(1)))
    files = next(s for s in definition["environment"]["simulators"] if s["type"] == "Files")
    files["config"] = {"authorized_keys": [f"{key.export_public_key().decode().strip()} partner@example.org"]}
    disk.benchmark(definition)
    async with serve() as live:
        drop = await drop_of(live, "keys@1")
        async with drop.sftp(password=None, client_keys=[key]) as client:
            assert await client.exists("inbox")
        with pytest.raises(asyncssh.PermissionDenied):
            await drop.connect(password=None, client_keys=[other])
        async with drop.sftp(client_keys=[other]) as client:  # the password is good all the same
            assert await client.exists("inbox")


async def test_no_credential_of_one_sandbox_opens_another(serve, drop_of):
    async with serve() as live:
        one, other = await drop_of(live), await drop_of(live)
        secrets = ("username", "password")
        assert {one.credentials[n] for n in secrets}.isdisjoint({other.credentials[n] for n in secrets})
        for name, word in (
            (one.credentials["username"], other.credentials["password"]),
            (other.credentials["username"], one.credentials["password"]),
            (one.credentials["username"], one.run.token),
            (one.credentials["username"], "vk_local"),
            (one.run.id, one.run.token),
        ):
            with pytest.raises(asyncssh.PermissionDenied):
                await one.connect(username=name, password=word)
        async with one.sftp() as client, client.open("outbound/mine.txt", "wb") as file:
            await file.write(b"mine")
        async with other.sftp() as client:
            assert not await client.exists("outbound/mine.txt")
        assert await other.content("outbound/mine.txt") is None


async def test_a_run_that_is_over_takes_no_more(serve, drop_of):
    async with serve() as live:
        run = await live.run()
        value = await live.get(f"/v1/benchmark-runs/{run.id}", run.token)
        drop = await drop_of(live)
        early = next(s for s in value["sandboxes"] if s["type"] == "Files")["credentials"]
        with pytest.raises(asyncssh.PermissionDenied):
            await drop.connect(username=early["username"], password=early["password"])
        async with drop.sftp() as client:
            file = await client.open("outbound/late.txt", "wb")
            await file.write(b"late")
            await drop.run.complete()
            for call in (file.close(), client.stat("inbox"), client.open("inbox/fax.txt", "rb"), client.listdir(".")):
                with pytest.raises(asyncssh.SFTPFailure, match="over"):
                    await call
        with pytest.raises(asyncssh.PermissionDenied):
            await drop.connect()


@pytest.mark.parametrize("path", TRICKS, ids=lambda p: repr(p)[:40])
async def test_no_path_leads_out_of_the_tree(drop, path):
    async with drop.sftp() as client:
        before = drop.branch.state_hash()
        for call in (
            client.stat(path),
            client.lstat(path),
            client.open(path, "rb"),
            client.open(path, "r+b"),
            client.scandir(path).__anext__(),
            client.remove(path),
            client.rmdir(path),
            client.utime(path, (1, 1)),
            client.rename(path, b"outbound/x"),
            client.posix_rename(path, b"outbound/x"),
            client.statvfs(path),
            client.readlink(path),
            client.symlink(path, b"outbound/x"),
            client.link(path, b"outbound/x"),
        ):
            with pytest.raises(asyncssh.SFTPError) as refused:
                await call
            assert "Uncaught" not in refused.value.reason
        for call in (client.open(path, "wb"), client.mkdir(path), client.rename(b"inbox/fax.txt", path)):
            with pytest.raises(asyncssh.SFTPError) as refused:
                await call
            assert "Uncaught" not in refused.value.reason
        assert drop.branch.state_hash() == before


async def test_a_file_and_the_tree_have_a_limit(drop, monkeypatch):
    monkeypatch.setattr(limits, "FILE_BYTES", 1000)
    async with drop.sftp() as client:
        file = await client.open("outbound/large.bin", "wb")
        await file.write(b"x" * 1000)
        with pytest.raises(asyncssh.SFTPFailure, match="1000"):
            await file.write(b"y")
        with pytest.raises(asyncssh.SFTPFailure, match="1000"):
            await file.write(b"y", 1 << 60)
        await file.close()
        assert await drop.content("outbound/large.bin") == b"x" * 1000
        for size in (1001, 1 << 60):
            with pytest.raises(asyncssh.SFTPFailure, match="1000"):
                await client.truncate("outbound/large.bin", size)
        monkeypatch.setattr(limits, "FILE_TREE_BYTES", 1500)
        file = await client.open("outbound/more.bin", "wb")
        with pytest.raises(asyncssh.SFTPFailure):
            await file.write(b"x" * 600)
        await file.close()


async def test_a_session_has_so_many_open_files(drop, monkeypatch):
    monkeypatch.setattr(limits, "SFTP_HANDLES", 3)
    async with drop.sftp() as client:
        opened = [await client.open("inbox/fax.txt", "rb") for _ in range(3)]
        with pytest.raises(asyncssh.SFTPFailure, match="3 files"):
            await client.open("inbox/fax.txt", "rb")
        await opened[0].close()
        await client.open("inbox/fax.txt", "rb")


async def test_a_sandbox_has_so_many_sessions(drop, monkeypatch):
    monkeypatch.setattr(limits, "SFTP_SESSIONS", 2)
    async with drop.connect() as connection:
        for _ in range(2):
            assert await (await connection.start_sftp_client()).exists("inbox")
        third = await connection.start_sftp_client()
        with pytest.raises(asyncssh.SFTPFailure, match="2 sessions"):
            await third.stat("inbox")


async def test_a_hundred_half_open_connections_hold_nobody_up(drop):
    waiting = [await asyncio.open_connection(drop.host, drop.port) for _ in range(100)]
    for number, (_, writer) in enumerate(waiting):
        if number % 2:
            writer.write(b"\x00\xff GET / HTTP/1.1\r\n\r\n" * 20)
    async with drop.sftp() as client:
        assert await client.exists("inbox")
    assert (await drop.run.call("GET", "files/inbox")).status == 200
    for _, writer in waiting:
        writer.close()


async def test_past_the_limit_half_open_connections_are_ended(drop, monkeypatch):
    monkeypatch.setattr(limits, "SFTP_HALF_OPEN", 2)
    waiting = [await asyncio.open_connection(drop.host, drop.port) for _ in range(2)]
    for reader, _ in waiting:
        assert (await reader.readline()).startswith(b"SSH-2.0-")
    reader, writer = await asyncio.open_connection(drop.host, drop.port)
    while await reader.read(1000):
        pass
    for _, other in (*waiting, (reader, writer)):
        other.close()


async def test_the_host_key_is_that_of_the_data_directory(serve, drop_of):
    keys = []
    for _ in range(2):
        async with serve() as live:
            drop = await drop_of(live)
            async with drop.connect() as connection:
                shown = connection.get_server_host_key().export_public_key().decode()
            keys.append((shown.split()[1], drop.credentials["host_key"].split()[1]))
            assert drop.credentials["host_key_fingerprint"].startswith("SHA256:")
            file = live.settings.data_dir / "sftp_host_key"
            assert file.stat().st_mode & 0o077 == 0
    assert len({key for pair in keys for key in pair}) == 1


async def test_strict_mode_has_no_sftp(serve, drop_of):
    async with serve(is_strict=True) as live:
        drop = await drop_of(live)
        assert set(drop.credentials) == {"root", "inbox_url", "files_url"}


async def test_a_port_that_was_asked_for_and_is_taken_is_an_error(serve):
    from sandbox.simulators.wires import WireError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(WireError, match="--sftp-port"):
            async with serve(sftp_port=taken.getsockname()[1]):
                pass
