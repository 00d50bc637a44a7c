"""One SFTP session: what the protocol asks, on the tree of one sandbox. Imported with the first connection only.

Version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions. Errors are those that OpenSSH's server gives. A
file that is written stays in memory until it is closed, or flushed (`fsync@openssh.com`): that is when it is stored,
and the answer waits for it. When the connection ends, what was being written is stored as far as it came.
"""

import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import asyncssh
from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs

from sandbox import limits
from sandbox.errors import Invalid, SandboxError
from sandbox.logs import get_logger
from sandbox.playground.calls import Asked, Outcome
from sandbox.playground.playground import Interaction
from sandbox.simulators.files import state
from sandbox.simulators.files.sftp.calls import LONG_BODY_BYTES, Caller, why_not_writable
from sandbox.simulators.files.sftp.handles import Reading, Room, Writing
from sandbox.simulators.files.sftp.protocol import (
    BLOCK_BYTES,
    OWNER,
    check_outcome,
    file_attributes,
    folder_attributes,
    listing_line,
    moment,
    refusal_of,
    resolve,
)
from sandbox.simulators.files.state import FileEntry
from sandbox.simulators.wires import Guest

T = TypeVar("T")


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
        return file_attributes(opened.size, opened.modified)

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
            check_outcome(outcome)
        return self._names(name, asked, outcome, listed)

    async def _names(
        self, directory: str, asked: Asked, outcome: Outcome | None, listed: list[tuple[list[str], list[FileEntry]]]
    ) -> AsyncIterator[SFTPName]:
        if outcome is None:
            check_outcome(await self._raising_later(self._guest.interact(asked)))
        else:
            await outcome.committed
        folders, files = listed[-1]
        tx = self._look()
        birth, now = state.birth_of(tx), tx.now
        left = self._left_in(directory)
        written = [FileEntry(o.path, o.size, "", o.modified, "") for o in self._written() if _is_in(directory, o.path)]
        if left or written:  # else they are as they were listed, however many
            shown = {entry.path: entry for entry in (*left, *files, *written)}
            files = sorted(shown.values(), key=lambda entry: entry.path)
        for name in (".", "..", *(folder.rpartition("/")[2] for folder in folders)):
            yield listing_line(name, folder_attributes(birth), birth, now)
        for entry in files:
            yield listing_line(entry.name, file_attributes(entry.size, entry.modified), entry.modified, now)

    def _left_in(self, directory: str) -> list[FileEntry]:
        return [self._left] if self._left is not None and _is_in(directory, self._left.path) else []

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
        await self._flush(name, is_writing=is_writing)
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
            tx.now if entry is None else entry.modified,
            is_appending=bool(pflags & asyncssh.FXF_APPEND),
            is_readable=bool(pflags & asyncssh.FXF_READ),
        )
        if entry is not None and not pflags & asyncssh.FXF_TRUNC:
            self._raising(lambda: opened.fill(state.read_content(tx.branch, entry.sha256)))
        else:
            opened.is_changed, opened.modified = True, tx.now
        return opened

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Return bytes of an open file."""
        opened = _opened(file_obj)
        if isinstance(opened, Writing) and not opened.is_readable:
            raise asyncssh.SFTPNoSuchFile("The file was opened for writing only.")  # what OpenSSH makes of EBADF
        return opened.read(offset, size)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Take bytes of a file that is being written."""
        now, opened = self._look().now, _writable(file_obj)
        try:
            count = opened.write(offset, data)
        except SandboxError as error:
            raise refusal_of(error) from None
        opened.modified = now
        return count

    async def fsync(self, file_obj: object) -> None:
        """Store what was written so far, as one change."""
        opened = _opened(file_obj)
        if isinstance(opened, Writing) and opened.is_changed and not opened.is_gone:
            await self._store(opened)

    async def close(self, file_obj: object) -> None:
        """Close a file: one event, unless all of it is stored by a flush already."""
        opened = _opened(file_obj)
        with suppress(ValueError):
            self._open.remove(opened)
        try:
            if isinstance(opened, Reading):
                await self._do(self._caller.read(opened), is_long=opened.size > LONG_BODY_BYTES)
            elif opened.is_gone:
                pass
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

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        """Set the size or the time of a file that is being written, stored with it; of another, the time, at once."""
        if isinstance(file_obj, Reading):
            if attrs.size is not None:
                raise asyncssh.SFTPBadMessage("The file was opened for reading only; its size stays.")
            await self.setstat(b"/" + file_obj.path.encode(), attrs)
            if attrs.mtime is not None:
                file_obj.entry = replace(file_obj.entry, modified=moment(attrs.mtime))
            return
        now, opened = self._look().now, _writable(file_obj)
        if attrs.size is not None:
            size = attrs.size
            if size != opened.size:
                self._raising(lambda: opened.resize(size))
                opened.modified, opened.set_modified = now, None
        if attrs.mtime is not None:
            opened.set_modified = opened.modified = moment(attrs.mtime)

    # -- changing the tree -------------------------------------------------------------------------

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Set a file's time or size; one event."""
        name = self._existing(path)
        if {attrs.uid, attrs.gid} - {None, OWNER}:
            raise asyncssh.SFTPPermissionDenied("There is one owner here, who owns everything.")
        if self._left is not None and self._left.path == name and state.find_file(self._look(), name) is None:
            return
        being_written = next((opened for opened in self._written() if opened.path == name), None)
        if being_written is not None:
            await self.fsetstat(being_written, attrs)
            return
        modified = None if attrs.mtime is None else moment(attrs.mtime)
        await self._do(self._caller.set_attributes(name, modified, attrs.size, attrs.permissions))

    lsetstat = setstat

    async def remove(self, path: bytes) -> None:
        """Delete a file."""
        name = self._existing(path)
        await self._flush(name)
        await self._change(self._caller.remove(name))
        self._forget(name)

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Make a directory."""
        await self._change(self._caller.make_directory(self._new(path)))

    async def rmdir(self, path: bytes) -> None:
        """Remove an empty directory."""
        await self._change(self._caller.remove_directory(self._existing(path)))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Move, over nothing that exists."""
        await self._move(self._existing(oldpath), self._new(newpath), is_replacing=False)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Move, in place of a file of that name."""
        await self._move(self._existing(oldpath), self._new(newpath), is_replacing=True)

    async def _move(self, name: str, target: str, *, is_replacing: bool) -> None:
        await self._flush(name)
        await self._flush(target)
        await self._change(self._caller.rename(name, target, is_replacing=is_replacing))
        if name == target:
            return
        self._forget(target)
        for opened in self._written():
            if opened.path == name or opened.path.startswith(f"{name}/"):
                opened.path = target + opened.path[len(name) :]  # what is open follows, as on any server

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

    def _written(self) -> list[Writing]:
        """Return the files that are being written, as long as they have a name."""
        return [opened for opened in self._open if isinstance(opened, Writing) and not opened.is_gone]

    async def _flush(self, name: str, *, is_writing: bool = False) -> None:
        """Store what is being written under a name, or below it, for what is done there next to find it.

        Raises `SFTPFailure` where the same file is to be written a second time: neither would know of the other.
        """
        for opened in self._written():
            if is_writing and opened.path == name:
                raise asyncssh.SFTPFailure(f"{name} is open for writing in this session; close it first.")
            if opened.is_changed and (opened.path == name or opened.path.startswith(f"{name}/")):
                await self._store(opened)

    def _forget(self, name: str) -> None:
        """Note that the file of that name is no more, whoever has it open."""
        for opened in self._written():
            opened.is_gone = opened.path == name

    def _attributes(self, name: str) -> SFTPAttrs:
        being_written = next((opened for opened in self._written() if opened.path == name), None)
        if being_written is not None:
            return file_attributes(being_written.size, being_written.modified)
        tx = self._look()
        entry = state.find_file(tx, name)
        if entry is None and self._left is not None and self._left.path == name:
            entry = self._left
        if entry is not None:
            return file_attributes(entry.size, entry.modified)
        if state.is_directory(tx, name):
            return folder_attributes(state.birth_of(tx))
        raise asyncssh.SFTPNoSuchFile(f"There is no file or directory {name}.")

    def _space(self) -> SFTPVFSAttrs:
        tx = self._look()
        free = max(0, limits.FILE_TREE_BYTES - state.size_of_tree(tx)) // BLOCK_BYTES
        return SFTPVFSAttrs(
            bsize=BLOCK_BYTES,
            frsize=BLOCK_BYTES,
            blocks=limits.FILE_TREE_BYTES // BLOCK_BYTES,
            bfree=free,
            bavail=free,
            namemax=255,
        )

    async def _change(self, asked: Asked) -> None:
        self._left = None
        await self._do(asked)

    async def _do(self, asked: Asked, *, is_long: bool = False) -> None:
        self._look()
        check_outcome(await self._raising_later(self._guest.interact(asked, is_long=is_long)))

    def _raising(self, work: Callable[[], T]) -> T:
        """Do something; what the tree refuses is refused as SFTP does."""
        try:
            return work()
        except SandboxError as error:
            raise refusal_of(error) from None

    async def _raising_later(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except SandboxError as error:
            raise refusal_of(error) from None


def _opened(file_obj: object) -> Reading | Writing:
    assert isinstance(file_obj, Reading | Writing)
    return file_obj


def _writable(file_obj: object) -> Writing:
    opened = _opened(file_obj)
    if not isinstance(opened, Writing):
        raise asyncssh.SFTPNoSuchFile("The file was opened for reading only.")
    return opened


def _is_in(directory: str, path: str) -> bool:
    """Whether a path lies directly in a directory; the root is the empty path."""
    return posixpath.dirname(path) == directory
