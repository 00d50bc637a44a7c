"""How SFTP says things: paths, refusals with the codes that OpenSSH's server gives, attributes, lines of a listing.

Imported with the first connection only. Must not know sessions.
"""

import stat
from datetime import UTC, datetime
from typing import Final

import asyncssh
from asyncssh import SFTPAttrs, SFTPName
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR

from sandbox import jsonio
from sandbox.errors import Conflict, Forbidden, Invalid, NotFound, SandboxError
from sandbox.playground.calls import Outcome
from sandbox.simulators.files.paths import check_path

BLOCK_BYTES: Final = 4096
OWNER: Final = 1000
_FILE_MODE: Final = stat.S_IFREG | 0o644
_FOLDER_MODE: Final = stat.S_IFDIR | 0o755
_LAST_SECOND: Final = (1 << 32) - 1


def resolve(path: bytes) -> str:
    """Return the path below the root that a client means; the root is the empty one. Nothing is above the root.

    Raises `Invalid` for a name that no file here can have.

    >>> resolve(b"/inbox/../outbound/./a.txt"), resolve(b"../../etc/passwd"), resolve(b".")
    ('outbound/a.txt', 'etc/passwd', '')
    """
    try:
        text = path.decode()
    except UnicodeDecodeError:
        raise Invalid("The path is not valid UTF-8.") from None
    names: list[str] = []
    for name in text.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    return check_path("/".join(names)) if names else ""


def check_outcome(outcome: Outcome) -> None:
    """Raise what an interaction's answer says is wrong."""
    response = outcome.response
    if response.status < 400:
        return
    kind = {error.status: error for error in (NotFound, Invalid, Forbidden, Conflict)}.get(
        response.status, SandboxError
    )
    raise refusal_of(kind(_message(response.body)))


def _message(body: bytes) -> str:
    return str(jsonio.parse(body)["error"]["message"])


def refusal_of(error: SandboxError) -> asyncssh.SFTPError:
    """Return an error as OpenSSH's server gives it, with its own words."""
    if isinstance(error, NotFound):
        return asyncssh.SFTPNoSuchFile(error.message)
    if isinstance(error, Invalid):
        return asyncssh.SFTPBadMessage(error.message)
    if isinstance(error, Forbidden):
        return asyncssh.SFTPPermissionDenied(error.message)
    return asyncssh.SFTPFailure(error.message)


def moment(seconds: float) -> datetime:
    """Return the moment of a time attribute, as far as version 3 can write it."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)


def _seconds(at: datetime) -> int:
    return min(max(int(at.timestamp()), 0), _LAST_SECOND)


def file_attributes(size: int, modified: datetime) -> SFTPAttrs:
    """Describe a file of so many bytes."""
    at = _seconds(modified)
    return SFTPAttrs(
        type=FILEXFER_TYPE_REGULAR,
        size=size,
        uid=OWNER,
        gid=OWNER,
        permissions=_FILE_MODE,
        atime=at,
        mtime=at,
        nlink=1,
    )


def folder_attributes(modified: datetime) -> SFTPAttrs:
    """Describe a directory."""
    at = _seconds(modified)
    return SFTPAttrs(
        type=FILEXFER_TYPE_DIRECTORY,
        size=BLOCK_BYTES,
        uid=OWNER,
        gid=OWNER,
        permissions=_FOLDER_MODE,
        atime=at,
        mtime=at,
        nlink=2,
    )


def listing_line(name: str, attrs: SFTPAttrs, modified: datetime, now: datetime) -> SFTPName:
    """Return a line of a listing, as `ls -l` writes it: the time of day for the last half year, else the year."""
    is_recent = 0 <= (now - modified).days < 183
    at = f"{modified:%b} {modified.day:2d} " + (f"{modified:%H:%M}" if is_recent else f" {modified:%Y}")
    line = (
        f"{stat.filemode(attrs.permissions or 0)} {attrs.nlink:4d} sandbox  sandbox  {attrs.size or 0:8d} {at} {name}"
    )
    return SFTPName(name.encode(), line.encode(), attrs)
