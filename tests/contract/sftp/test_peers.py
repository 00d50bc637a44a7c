"""Clients that nobody here wrote: OpenSSH's `sftp` and `scp`, and paramiko."""

import asyncio
import hashlib
import os

import asyncssh
import pytest

MIB = 1024 * 1024


async def test_openssh_sftp(drop, openssh):
    (openssh.folder / "claims.csv").write_bytes(b"id,amount\n1,10\n")
    code, out, err = await openssh.sftp(
        "ls -l",
        "cd inbox",
        "ls",
        "get referral.txt",
        "cd ../outbound",
        "mkdir batch",
        "put claims.csv batch/claims.csv",
        "put -p claims.csv batch/kept.csv",
        "rename batch/claims.csv batch/sent.csv",
        "chmod 600 batch/sent.csv",
        "df",
        "-get none.txt",
        "-rm none.txt",
        "rm batch/kept.csv",
        "ls batch",
    )
    assert (code, "sent.csv" in out) == (0, True), (out, err)
    assert (openssh.folder / "referral.txt").read_bytes() == b"Please see Ana Reyes.\n"
    assert await drop.content("outbound/batch/sent.csv") == b"id,amount\n1,10\n"
    assert "not found" in err.lower()


async def test_openssh_sftp_resumes(drop, openssh):
    (openssh.folder / "long.bin").write_bytes(b"0123456789" * 10_000)
    answer = await drop.run.call("PUT", "files/outbound/long.bin", body=b"0123456789" * 4_000)
    assert answer.status == 201
    code, _, err = await openssh.sftp("reput long.bin outbound/long.bin", "get outbound/long.bin back.bin")
    assert (code, err) == (0, "")
    assert (openssh.folder / "back.bin").read_bytes() == b"0123456789" * 10_000


@pytest.mark.parametrize("flags", [(), ("-O",), ("-p",)], ids=["sftp", "legacy", "preserving"])
async def test_openssh_scp_ends_with_success(drop, openssh, flags):
    sent = os.urandom(2 * MIB + 17)
    (openssh.folder / "claims.bin").write_bytes(sent)
    code, _, err = await openssh("scp", *flags, "claims.bin", f"{drop.address}:outbound/claims.bin")
    assert (code, err) == (0, "")
    code, _, err = await openssh("scp", *flags, f"{drop.address}:outbound/claims.bin", "back.bin")
    assert (code, err) == (0, "")
    assert (openssh.folder / "back.bin").read_bytes() == sent
    answer = await drop.content("outbound/claims.bin")
    assert hashlib.sha256(answer).digest() == hashlib.sha256(sent).digest()


async def test_openssh_scp_copies_folders(drop, openssh):
    (openssh.folder / "batch").mkdir()
    for number in range(3):
        (openssh.folder / "batch" / f"{number}.txt").write_text(str(number))
    assert (await openssh("scp", "-r", "batch", f"{drop.address}:outbound/"))[0] == 0
    assert [await drop.content(f"outbound/batch/{number}.txt") for number in range(3)] == [b"0", b"1", b"2"]
    assert (await openssh("scp", "-r", f"{drop.address}:outbound/batch", "back"))[0] == 0
    assert sorted(path.name for path in (openssh.folder / "back").iterdir()) == ["0.txt", "1.txt", "2.txt"]


async def test_there_is_no_shell_no_command_and_no_forwarding(drop, openssh):
    for options, command in (([], ["id"]), (["-s"], ["netconf"]), (["-T"], [])):
        code, out, _ = await openssh("ssh", *options, drop.address, *command)
        assert (code != 0, out) == (True, "")
    async with drop.connect() as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.run("id")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", 22)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("", 0, "127.0.0.1", 22)


async def test_paramiko(drop, tmp_path):
    import paramiko

    local = tmp_path / "claims.csv"
    local.write_bytes(b"id,amount\n" * 20_000)

    def work():
        with paramiko.SSHClient() as ssh:
            ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            ssh.connect(
                drop.host,
                drop.port,
                drop.credentials["username"],
                drop.credentials["password"],
                look_for_keys=False,
                allow_agent=False,
            )
            sftp = ssh.open_sftp()
            assert sorted(sftp.listdir()) == ["archive", "inbox", "outbound"]
            assert sftp.stat("inbox").st_mode & 0o40000
            assert sftp.put(str(local), "outbound/claims.csv").st_size == local.stat().st_size
            sftp.get("outbound/claims.csv", str(tmp_path / "back.csv"))
            sftp.chdir("outbound")
            with sftp.open("note.txt", "w") as file:
                file.write("a")
            with sftp.open("note.txt", "a") as file:
                file.write("b")
            sftp.rename("note.txt", "sent.txt")
            sftp.posix_rename("sent.txt", "claims.csv")
            sftp.utime("claims.csv", (1_600_000_000, 1_600_000_000))
            with pytest.raises(FileNotFoundError):
                sftp.stat("none")
            with pytest.raises(OSError):
                sftp.mkdir("/inbox")
            sftp.remove("claims.csv")
            sftp.close()

    await asyncio.to_thread(work)
    assert (tmp_path / "back.csv").read_bytes() == local.read_bytes()
    types = [s[0] for s in await drop.seen()]
    assert types.count("file_write") == 3
