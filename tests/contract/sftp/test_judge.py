"""OpenSSH's own sftp-server as judge: random calls to both, answers and status codes compared.

Calls go by the protocol itself, so that no client smooths anything over. Not compared is what differs by intention:
owners, modes, the times of directories, and dots in a path, which are taken away before anything is looked for.
"""

import asyncio
import random
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.message import Message
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_EXTENDED,
    CMD_FSETSTAT,
    CMD_FSTAT,
    CMD_LSTAT,
    CMD_MKDIR,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_READLINK,
    CMD_REMOVE,
    CMD_RENAME,
    CMD_RMDIR,
    CMD_SETSTAT,
    CMD_STAT,
    CMD_WRITE,
    SFTP_FLAG_APPEND,
    SFTP_FLAG_CREATE,
    SFTP_FLAG_EXCL,
    SFTP_FLAG_READ,
    SFTP_FLAG_TRUNC,
    SFTP_FLAG_WRITE,
    int64,
)

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
SEQUENCES, CALLS = 30, 30
NAMES = ["a", "b", "d", "d/x", "d/e", "d/e/y", "a/x", "none/x", "./d/x", "b/e", "b/x"]
FLAGS = [
    SFTP_FLAG_READ,
    SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_TRUNC,
    SFTP_FLAG_WRITE | SFTP_FLAG_CREATE,
    SFTP_FLAG_WRITE,
    SFTP_FLAG_WRITE | SFTP_FLAG_APPEND,
    SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_APPEND,
    SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_EXCL,
    SFTP_FLAG_READ | SFTP_FLAG_WRITE,
    SFTP_FLAG_READ | SFTP_FLAG_WRITE | SFTP_FLAG_CREATE,
]


class Refused(Exception):
    """A status code that is not OK."""


class Raw(paramiko.SFTPClient):
    """The protocol, with status codes as they come."""

    def _convert_status(self, msg: Message) -> None:
        code = msg.get_int()
        if code:
            raise Refused(code)

    def _log(self, level: int, msg: Any, *args: Any) -> None:
        """Log nothing: a socket has no number as a channel has."""

    def ask(self, command: int, *arguments: Any) -> Any:
        """Return an answer's message, or the status code of a refusal."""
        try:
            return self._request(command, *arguments)[1]
        except Refused as refused:
            return refused.args[0]


def attributes(**values: Any) -> paramiko.SFTPAttributes:
    """Return attributes to set."""
    made = paramiko.SFTPAttributes()
    if "size" in values:
        made._flags |= made.FLAG_SIZE
        made.st_size = values["size"]
    if "mtime" in values:
        made._flags |= made.FLAG_AMTIME
        made.st_atime = made.st_mtime = values["mtime"]
    return made


def described(answer: Any) -> Any:
    """Return type, size and, of a file, what was set of its time."""
    if isinstance(answer, int):
        return answer
    found = paramiko.SFTPAttributes._from_msg(answer)
    is_folder = (found.st_mode or 0) & 0o170000 == 0o040000
    at = found.st_mtime if (found.st_mtime or 0) < 1_500_000_000 else "lately"
    return "folder" if is_folder else ("file", found.st_size, at)


def listed(raw: Raw, path: str) -> Any:
    """Return the names in a directory."""
    opened = raw.ask(CMD_OPENDIR, path)
    if isinstance(opened, int):
        return opened
    handle, names = opened.get_binary(), []
    while not isinstance(answer := raw.ask(CMD_READDIR, handle), int):
        for _ in range(answer.get_int()):
            names.append(answer.get_text())
            answer.get_text()
            paramiko.SFTPAttributes._from_msg(answer)
    raw.ask(CMD_CLOSE, handle)
    return sorted(names)


def used(raw: Raw, path: str, flags: int, steps: list[tuple[Any, ...]]) -> Any:
    """Open a file, do something with it, and close it; return all that was answered."""
    if flags == SFTP_FLAG_READ and described(raw.ask(CMD_STAT, path)) == "folder":
        return "folder"  # OpenSSH opens it, and refuses every read of it as ours refuses to open it
    opened = raw.ask(CMD_OPEN, path, flags, attributes())
    if isinstance(opened, int):
        return opened
    handle = opened.get_binary()
    answers = []
    for step in steps:
        if step[0] == "write":
            answers.append(raw.ask(CMD_WRITE, handle, int64(step[1]), step[2]))
        elif step[0] == "read":
            answer = raw.ask(CMD_READ, handle, int64(step[1]), step[2])
            answers.append(answer if isinstance(answer, int) else answer.get_binary())
        elif step[0] == "fstat":
            answers.append(described(raw.ask(CMD_FSTAT, handle)))
        elif step[0] == "fsetstat":
            answers.append(raw.ask(CMD_FSETSTAT, handle, attributes(**step[1])))
        else:  # a call by path, while the file is open
            answers.append(done(raw, step))
    answers.append(raw.ask(CMD_CLOSE, handle))
    return [a if not isinstance(a, Message) else "?" for a in answers]


def done(raw: Raw, call: tuple[Any, ...]) -> Any:
    """Make one call and return what can be compared."""
    kind, path, *more = call
    if kind == "open":
        return used(raw, path, *more)
    if kind == "list":
        return listed(raw, path)
    if kind in ("stat", "lstat"):
        return described(raw.ask(CMD_STAT if kind == "stat" else CMD_LSTAT, path))
    if kind == "setstat":
        return raw.ask(CMD_SETSTAT, path, attributes(**more[0]))
    if kind == "rename":
        return raw.ask(CMD_RENAME, path, more[0])
    if kind == "posix-rename":
        return raw.ask(CMD_EXTENDED, "posix-rename@openssh.com", path, more[0])
    if kind == "mkdir":
        return raw.ask(CMD_MKDIR, path, attributes())
    return raw.ask({"rmdir": CMD_RMDIR, "remove": CMD_REMOVE, "readlink": CMD_READLINK}[kind], path)


def drawn(chance: random.Random, root: str) -> tuple[Any, ...]:
    """Return a call below a root."""
    path, target = (f"{root}/{chance.choice(NAMES)}" for _ in range(2))
    kind = chance.choice(
        ["open"] * 6 + ["rename", "posix-rename"] * 2 + ["mkdir", "mkdir", "list", "stat", "setstat", "remove", "rmdir"]
    )
    if kind == "open":
        flags, steps = chance.choice(FLAGS), list[tuple[Any, ...]]()
        for _ in range(chance.randrange(4)):
            step = chance.choice(["write", "write", "read", "fstat", "fsetstat", "by path"])
            if step == "by path":
                beside = drawn_beside(chance, path, target, root)
                if flags != SFTP_FLAG_READ or beside[0] != "setstat":  # what is read is the file as it was when opened
                    steps.append(beside)
            elif step == "write":
                steps.append((step, chance.choice([0, 0, 3, 10]), chance.randbytes(chance.randrange(1, 9))))
            elif step == "read":
                steps.append((step, chance.randrange(4), chance.randrange(1, 20)))
            elif step == "fstat":
                steps.append((step,))
            else:
                steps.append((step, chance.choice([{"size": 5}, {"mtime": 1_200_000_000}])))
        return kind, path, flags, steps
    if kind in ("rename", "posix-rename"):
        return kind, path, target
    if kind == "setstat":
        return kind, path, chance.choice([{"size": 2}, {"size": 7}, {"mtime": 1_300_000_000}])
    return kind, path


def drawn_beside(chance: random.Random, path: str, target: str, root: str) -> tuple[Any, ...]:
    """Return a call by path while the file is open: on itself, or on what is around it."""
    return chance.choice(
        [
            ("stat", path),
            ("list", root),
            ("list", f"{root}/d"),
            ("open", path, SFTP_FLAG_READ, [("read", 0, 30)]),
            ("setstat", path, {"size": 4}),
            ("setstat", path, {"mtime": 1_400_000_000}),
            ("remove", path),
            ("rename", path, target),
            ("posix-rename", path, target),
            ("posix-rename", target, path),
            ("rename", f"{root}/d", f"{root}/b"),
        ]
    )


@contextmanager
def judge(folder: Path) -> Iterator[Raw]:
    """OpenSSH's server, on a folder."""
    (folder / "outbound").mkdir(parents=True)
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([SFTP_SERVER, "-d", str(folder), "-u", "022"], stdin=theirs, stdout=theirs)
    theirs.close()
    try:
        yield Raw(ours)  # type: ignore[arg-type]
    finally:
        ours.close()
        process.wait(10)


@contextmanager
def sandbox(drop: Any) -> Iterator[Raw]:
    """Ours."""
    with paramiko.Transport((drop.host, drop.port)) as transport:
        transport.connect(username=drop.credentials["username"], password=drop.credentials["password"])
        channel = transport.open_session()
        channel.invoke_subsystem("sftp")
        yield Raw(channel)


def compared(drop: Any, folder: Path, calls_of: Callable[[], Iterator[list[tuple[Any, ...]]]]) -> None:
    with sandbox(drop) as mine, judge(folder) as theirs:
        for calls in calls_of():
            for number, call in enumerate(calls):
                answers = [done(raw, call) for raw in (theirs, mine)]
                answers = ["?" if isinstance(a, Message) else a for a in answers]
                assert answers[0] == answers[1], f"{call}: {answers} after {calls[:number]}"


@pytest.mark.skipif(not Path(SFTP_SERVER).exists(), reason="openssh-sftp-server is not installed")
async def test_random_calls_are_answered_as_openssh_answers_them(drop: Any, tmp_path: Path) -> None:
    def calls_of() -> Iterator[list[tuple[Any, ...]]]:
        for seed in range(SEQUENCES):
            chance = random.Random(seed)
            root = f"outbound/{seed}"
            yield [("mkdir", root), *(drawn(chance, root) for _ in range(CALLS))]

    await asyncio.to_thread(compared, drop, tmp_path / "judge", calls_of)
