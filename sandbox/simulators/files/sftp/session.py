"""One SFTP session: what the protocol asks, on the tree of one sandbox. Imported with the first connection only.

Version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions. Errors are those that OpenSSH's server gives. A
file that is written stays in memory until it is closed, or flushed (`fsync@openssh.com`): that is when it is stored,
and the answer waits for it. When the connection ends, what was being written is stored as far as it came.
"""

import posixpath
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeVar

import asyncssh
from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR

from sandbox import jsonio, limits
from sandbox.errors import Conflict, Forbidden, Invalid, NotFound, SandboxError
from sandbox.logs import get_logger
from sandbox.playground.calls import Asked, Outcome
from sandbox.playground.playground import Interaction
from sandbox.simulators.files import state
from sandbox.simulators.files.paths import check_path
from sandbox.simulators.files.sftp.calls import LONG_BODY_BYTES, Caller, why_not_writable
from sandbox.simulators.files.sftp.handles import Reading, Room, Writing
from sandbox.simulators.files.state import FileEntry
from sandbox.simulators.wires import Guest

T = TypeVar("T")

_BLOCK: Final = 4096
_OWNER: Final = 1000
_FILE_MODE: Final = stat.S_IFREG | 0o644
_FOLDER_MODE: Final = stat.S_IFDIR | 0o755
_LAST_SECOND: Final = (1 << 32) - 1

log = get_logger()


class Session(asyncssh.SFTPServer):
    """The files of one guest, for one client."""

    def __init__(
        self,
        chan: "asyncssh.SSHServerChannel[bytes]",
        guest: Guest,
        caller: Caller,
        room: Room,
        on_end: Callable[["Session"], None],
    ) -> None:
        super().__init__(chan)
        self._guest = guest
        self._caller = caller
        self._room = room
        self._on_end = on_end
        self._open: list[Reading | Writing] = []
        self._left: FileEntry | None = None
        self._refusal: str | None = None

    def refuse(self, reason: str) -> None:
        """Serve nothing, and say why."""
        self._refusal = reason

    # -- reading -----------------------------------------------------------------------------------

    async def stat(self, path: bytes) -> SFTPAttrs:
        """Describe a file or directory; no event."""
        name = self._existing(path)
        await self._settle()
        return self._attributes(name)

    lstat = stat

    def fstat(self, file_obj: object) -> SFTPAttrs:
        """Describe an open file."""
        opened = _opened(file_obj)
        return _file_attributes(opened.size, opened.modified)

    def realpath(self, path: bytes) -> bytes:
        """Return the absolute form of a path; no event. It need not exist."""
        return b"/" + self._existing(path).encode()

    def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        """List a directory: one event."""
        name = self._existing(path)
        listed: list[tuple[list[str], list[FileEntry]]] = []
        asked = self._caller.list_directory(name, listed.append)
        outcome = self._raising(lambda: self._guest.attempt(asked))
        if outcome is not None:
            _check(outcome)
        return self._names(name, asked, outcome, listed)

    async def _names(
        self, directory: str, asked: Asked, outcome: Outcome | None, listed: list[tuple[list[str], list[FileEntry]]]
    ) -> AsyncIterator[SFTPName]:
        if outcome is None:
            _check(await self._raising_later(self._guest.interact(asked)))
        else:
            await outcome.committed
        folders, files = listed[-1]
        tx = self._look()
        birth, now = state.birth_of(tx), tx.now
        left = self._left
        if left is not None and posixpath.dirname(left.path) == directory and left.path not in {f.path for f in files}:
            files = sorted([*files, left], key=lambda entry: entry.path)
        for name in (".", "..", *(folder.rpartition("/")[2] for folder in folders)):
            yield _named(name, _folder_attributes(birth), birth, now)
        for entry in files:
            yield _named(entry.name, _file_attributes(entry.size, entry.modified), entry.modified, now)

    def statvfs(self, path: bytes) -> SFTPVFSAttrs:
        """Say how much room there is; no event."""
        self._attributes(self._existing(path))
        return self._space()

    def fstatvfs(self, file_obj: object) -> SFTPVFSAttrs:
        """Say how much room there is; no event."""
        return self._space()

    # -- open files --------------------------------------------------------------------------------

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        """Open a file; its event comes when it is closed, or at once where it cannot be opened."""
        if len(self._open) >= limits.SFTP_HANDLES:
            raise asyncssh.SFTPFailure(f"A session may have {limits.SFTP_HANDLES} files open.")
        is_writing = bool(pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND))
        name = self._new(path) if is_writing and pflags & asyncssh.FXF_CREAT else self._existing(path)
        await self._settle()
        opened = await (self._open_to_write(name, pflags) if is_writing else self._open_to_read(name))
        self._open.append(opened)
        return opened

    async def _open_to_read(self, name: str) -> Reading:
        tx = self._look()
        entry = state.find_file(tx, name)
        if entry is None:
            await self._do(self._caller.cannot_read(name))
            raise asyncssh.SFTPNoSuchFile(f"There is no file {name}.")
        return Reading(name, entry, state.read_content(tx.branch, entry.sha256))

    async def _open_to_write(self, name: str, pflags: int) -> Writing:
        self._left = None
        tx = self._look()
        is_creating, is_exclusive = bool(pflags & asyncssh.FXF_CREAT), bool(pflags & asyncssh.FXF_EXCL)
        try:
            why_not_writable(tx, name, is_creating=is_creating, is_exclusive=is_exclusive)
        except SandboxError:
            await self._do(self._caller.cannot_write(name, is_exclusive=is_exclusive))
            raise asyncssh.SFTPNoSuchFile(f"There is no file {name}.") from None
        entry = state.find_file(tx, name)
        room_in_tree = limits.FILE_TREE_BYTES - state.size_of_tree(tx) + (entry.size if entry else 0)
        opened = Writing(
            name,
            self._room,
            min(limits.FILE_BYTES, room_in_tree),
            tx.now,
            is_appending=bool(pflags & asyncssh.FXF_APPEND),
            is_readable=bool(pflags & asyncssh.FXF_READ),
        )
        if entry is not None and not pflags & asyncssh.FXF_TRUNC:
            self._raising(lambda: opened.fill(state.read_content(tx.branch, entry.sha256)))
        else:
            opened.is_changed = True
        return opened

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Return bytes of an open file."""
        opened = _opened(file_obj)
        if isinstance(opened, Writing) and not opened.is_readable:
            raise asyncssh.SFTPPermissionDenied("The file was opened for writing only.")
        return opened.read(offset, size)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Take bytes of a file that is being written."""
        opened = self._writable(file_obj)
        return self._raising(lambda: opened.write(offset, data))

    async def fsync(self, file_obj: object) -> None:
        """Store what was written so far, as one change."""
        opened = _opened(file_obj)
        if isinstance(opened, Writing) and opened.is_changed:
            await self._store(opened)

    async def close(self, file_obj: object) -> None:
        """Close a file: one event, unless all of it is stored by a flush already."""
        opened = _opened(file_obj)
        with suppress(ValueError):
            self._open.remove(opened)
        try:
            if isinstance(opened, Reading):
                await self._do(self._caller.read(opened), is_long=opened.size > LONG_BODY_BYTES)
            elif opened.is_changed:
                await self._store(opened)
            elif opened.set_modified is not None:
                await self._do(self._caller.set_attributes(opened.path, opened.set_modified, None, None))
        except asyncssh.SFTPError as error:
            if not self.channel.is_closing():
                raise
            log.warning("a file was being used over SFTP when its connection ended", reason=error.reason)
        finally:
            if isinstance(opened, Writing):
                opened.release()

    async def _store(self, opened: Writing) -> None:
        content = bytes(opened.content)
        opened.is_changed = False
        try:
            await self._do(
                self._caller.write(opened.path, content, opened.set_modified), is_long=len(content) > LONG_BODY_BYTES
            )
        except BaseException:
            opened.is_changed = True
            raise
        opened.set_modified = None
        if self._guest.is_welcome and state.find_file(self._look(), opened.path) is None:
            # Somebody picked it up at once. Clients look for what they have just sent, and would take it for lost.
            self._left = FileEntry(opened.path, len(content), "", opened.modified, "")

    def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        """Set the size or the time of a file that is being written; stored with it."""
        opened = self._writable(file_obj)
        if attrs.size is not None:
            size = attrs.size
            self._raising(lambda: opened.resize(size))
        if attrs.mtime is not None:
            opened.set_modified = opened.modified = _moment(attrs.mtime)

    # -- changing the tree -------------------------------------------------------------------------

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Set a file's time or size; one event."""
        name = self._existing(path)
        if self._left is not None and self._left.path == name and state.find_file(self._look(), name) is None:
            return
        modified = None if attrs.mtime is None else _moment(attrs.mtime)
        await self._do(self._caller.set_attributes(name, modified, attrs.size, attrs.permissions))

    lsetstat = setstat

    async def remove(self, path: bytes) -> None:
        """Delete a file."""
        await self._change(self._caller.remove(self._existing(path)))

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Make a directory."""
        await self._change(self._caller.make_directory(self._new(path)))

    async def rmdir(self, path: bytes) -> None:
        """Remove an empty directory."""
        await self._change(self._caller.remove_directory(self._existing(path)))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Move, over nothing that exists."""
        await self._change(self._caller.rename(self._existing(oldpath), self._new(newpath), is_replacing=False))

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Move, in place of a file of that name."""
        await self._change(self._caller.rename(self._existing(oldpath), self._new(newpath), is_replacing=True))

    def readlink(self, path: bytes) -> bytes:
        """Refuse: nothing here is a link."""
        self._attributes(self._existing(path))
        raise asyncssh.SFTPBadMessage("It is no link; there are none here.")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse."""
        raise asyncssh.SFTPOpUnsupported("There are no links here.")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse."""
        raise asyncssh.SFTPOpUnsupported("There are no links here.")

    def exit(self) -> None:
        """End the session. The client is told that all went well: OpenSSH's `scp` takes no word for a failure."""
        self._on_end(self)
        if self.channel.get_subsystem() is not None:
            with suppress(OSError):
                self.channel.exit(0)

    # -- helpers -----------------------------------------------------------------------------------

    def _existing(self, path: bytes) -> str:
        """Return the path of what is to be there. A path that nothing can have is the path of nothing."""
        try:
            return resolve(path)
        except Invalid as error:
            raise asyncssh.SFTPNoSuchFile(error.message) from None

    def _new(self, path: bytes) -> str:
        """Return the path of what is to be made."""
        return self._raising(lambda: resolve(path))

    def _look(self) -> Interaction:
        if self._refusal is not None:
            raise asyncssh.SFTPFailure(self._refusal)
        return self._raising(self._guest.look)

    async def _settle(self) -> None:
        self._look()
        await self._raising_later(self._guest.settle())

    def _attributes(self, name: str) -> SFTPAttrs:
        being_written = next((o for o in self._open if isinstance(o, Writing) and o.path == name), None)
        if being_written is not None:
            return _file_attributes(being_written.size, being_written.modified)
        tx = self._look()
        entry = state.find_file(tx, name)
        if entry is None and self._left is not None and self._left.path == name:
            entry = self._left
        if entry is not None:
            return _file_attributes(entry.size, entry.modified)
        if state.is_directory(tx, name):
            return _folder_attributes(state.birth_of(tx))
        raise asyncssh.SFTPNoSuchFile(f"There is no file or directory {name}.")

    def _writable(self, file_obj: object) -> Writing:
        self._look()
        opened = _opened(file_obj)
        if not isinstance(opened, Writing):
            raise asyncssh.SFTPPermissionDenied("The file was opened for reading only.")
        return opened

    def _space(self) -> SFTPVFSAttrs:
        tx = self._look()
        free = max(0, limits.FILE_TREE_BYTES - state.size_of_tree(tx)) // _BLOCK
        return SFTPVFSAttrs(
            bsize=_BLOCK,
            frsize=_BLOCK,
            blocks=limits.FILE_TREE_BYTES // _BLOCK,
            bfree=free,
            bavail=free,
            namemax=255,
        )

    async def _change(self, asked: Asked) -> None:
        self._left = None
        await self._do(asked)

    async def _do(self, asked: Asked, *, is_long: bool = False) -> None:
        self._look()
        _check(await self._raising_later(self._guest.interact(asked, is_long=is_long)))

    def _raising(self, work: Callable[[], T]) -> T:
        """Do something; what the tree refuses is refused as SFTP does."""
        try:
            return work()
        except SandboxError as error:
            raise _refusal(error) from None

    async def _raising_later(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except SandboxError as error:
            raise _refusal(error) from None


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


def _opened(file_obj: object) -> Reading | Writing:
    assert isinstance(file_obj, Reading | Writing)
    return file_obj


def _check(outcome: Outcome) -> None:
    """Raise what an interaction's answer says is wrong."""
    response = outcome.response
    if response.status < 400:
        return
    kind = {error.status: error for error in (NotFound, Invalid, Forbidden, Conflict)}.get(
        response.status, SandboxError
    )
    raise _refusal(kind(_message(response.body)))


def _message(body: bytes) -> str:
    return str(jsonio.parse(body)["error"]["message"])


def _refusal(error: SandboxError) -> asyncssh.SFTPError:
    """Return an error as OpenSSH's server gives it, with its own words."""
    if isinstance(error, NotFound):
        return asyncssh.SFTPNoSuchFile(error.message)
    if isinstance(error, Invalid):
        return asyncssh.SFTPBadMessage(error.message)
    if isinstance(error, Forbidden):
        return asyncssh.SFTPPermissionDenied(error.message)
    return asyncssh.SFTPFailure(error.message)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)


def _seconds(moment: datetime) -> int:
    return min(max(int(moment.timestamp()), 0), _LAST_SECOND)


def _file_attributes(size: int, modified: datetime) -> SFTPAttrs:
    at = _seconds(modified)
    return SFTPAttrs(
        type=FILEXFER_TYPE_REGULAR,
        size=size,
        uid=_OWNER,
        gid=_OWNER,
        permissions=_FILE_MODE,
        atime=at,
        mtime=at,
        nlink=1,
    )


def _folder_attributes(modified: datetime) -> SFTPAttrs:
    at = _seconds(modified)
    return SFTPAttrs(
        type=FILEXFER_TYPE_DIRECTORY,
        size=_BLOCK,
        uid=_OWNER,
        gid=_OWNER,
        permissions=_FOLDER_MODE,
        atime=at,
        mtime=at,
        nlink=2,
    )


def _named(name: str, attrs: SFTPAttrs, modified: datetime, now: datetime) -> SFTPName:
    """Return a line of a listing, as `ls -l` writes it: the time of day for the last half year, else the year."""
    is_recent = 0 <= (now - modified).days < 183
    at = f"{modified:%b} {modified.day:2d} " + (f"{modified:%H:%M}" if is_recent else f" {modified:%Y}")
    line = (
        f"{stat.filemode(attrs.permissions or 0)} {attrs.nlink:4d} sandbox  sandbox  {attrs.size or 0:8d} {at} {name}"
    )
    return SFTPName(name.encode(), line.encode(), attrs)
