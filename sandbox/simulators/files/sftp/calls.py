"""What is asked over SFTP, as the calls over HTTP that ask the same: one request, the route's own handler.

So rules, events and answers of the two are the same. Knows neither the protocol nor who asks. A path is relative, the
root is the empty one; the parent of what is made must be there, as on any server of SFTP.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from sandbox import jsonio, limits
from sandbox.clock import format_instant, parse_instant
from sandbox.errors import Conflict, Invalid, NotFound, TooLarge, Unauthorized
from sandbox.playground.calls import Asked
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.simulators.base import RouteHandler, render_json_error
from sandbox.simulators.files import routes, state
from sandbox.simulators.files.sftp.handles import Reading
from sandbox.simulators.files.state import FileEntry
from sandbox.simulators.logins import check_rate

LOGINS = "files/_logins"
LONG_BODY_BYTES = 32 * limits.KIB


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose calls these are: the sandbox, and the path of its surface root over HTTP."""

    sandbox: Sandbox
    base_url: str

    def asked(
        self,
        event_type: str,
        handler: RouteHandler,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        is_folder: bool = False,
    ) -> Asked:
        """Return an interaction: a request to `files/{path}` and who serves it."""
        given = query or {}
        request = Request(
            method,
            f"files/{path}{'/' if is_folder and path else ''}",
            tuple(given.items()),
            headers or {},
            body,
            {"path": f"{path}/" if is_folder else path},
            self.base_url,
            urlencode(given),
            via="sftp",
        )
        return Asked(
            event_type, lambda tx: handler(tx, request), self.sandbox, request, lambda error: render_json_error(error)
        )

    def list_directory(self, path: str, found: Callable[[tuple[list[str], list[FileEntry]]], None]) -> Asked:
        """List a directory; `found` is given its directories and files."""

        def handle(tx: Interaction, request: Request) -> Response:
            if not state.is_directory(tx, path):
                raise NotFound(f"There is no directory {path}.")
            found(state.list_directory(tx, path))
            return routes.list_directory(tx, request, path)

        return self.asked("file_list", handle, "GET", path, is_folder=True)

    def read(self, reading: Reading) -> Asked:
        """Say what was read of an open file."""
        if reading.first is None:
            return self.asked("file_read", partial(_shown, reading), "HEAD", reading.path)
        headers = {}
        if reading.first > 0 or reading.end < reading.size:
            headers["range"] = f"bytes={reading.first}-{reading.end - 1}"
        return self.asked("file_read", partial(_shown, reading), "GET", reading.path, headers=headers)

    def cannot_read(self, path: str) -> Asked:
        """Say that a file was to be read that is not there, or is none."""

        def refuse(tx: Interaction, request: Request) -> Response:
            if state.is_directory(tx, path):
                raise Conflict(f"{path or '/'} is a directory.")
            raise NotFound(f"There is no file {path}.")

        return self.asked("file_read", refuse, "GET", path)

    def write(self, path: str, content: bytes, modified: datetime | None) -> Asked:
        """Put a whole file, which may have been given a time."""

        def handle(tx: Interaction, request: Request) -> Response:
            answer = routes.write(tx, request)
            if modified is not None:
                state.set_modified(tx, path, modified)
            return answer

        return self.asked("file_write", handle, "PUT", path, body=content)

    def cannot_write(self, path: str, *, is_exclusive: bool) -> Asked:
        """Say that a file could not be opened for writing; raises `NotFound`, `Conflict`, `Invalid` within."""

        def refuse(tx: Interaction, request: Request) -> Response:
            why_not_writable(tx, path, is_creating=True, is_exclusive=is_exclusive)
            raise NotFound(f"There is no file {path}.")

        return self.asked("file_write", refuse, "PUT", path)

    def remove(self, path: str) -> Asked:
        """Delete a file; its directory stays."""

        def handle(tx: Interaction, request: Request) -> Response:
            answer = routes.delete(tx, request)
            state.keep_directory(tx, _parent(path))
            return answer

        return self.asked("file_delete", handle, "DELETE", path)

    def rename(self, path: str, target: str, *, is_replacing: bool) -> Asked:
        """Move a file or a directory; its directory stays. Over an existing file only where that is asked for."""

        def handle(tx: Interaction, request: Request) -> Response:
            if not path or not target:
                raise Conflict("The root stays where it is.")
            if state.find_file(tx, path) is None and not state.is_directory(tx, path):
                raise NotFound(f"There is no file or directory {path}.")
            _check_parent(tx, target)
            is_there = state.find_file(tx, target) is not None or state.is_directory(tx, target)
            if target.startswith(f"{path}/") and (is_replacing or not is_there):
                raise Invalid(f"{path} cannot be moved into itself.")
            if is_replacing and path == target:
                return Response(204, b"", None)
            if is_replacing and is_there and state.find_file(tx, path) is None:
                if not state.is_directory(tx, target):
                    raise NotFound(f"{target} is a file, and {path} is a directory.")
                state.remove_directory(tx, target)  # an empty one is replaced, too
            answer = routes.move(tx, request)
            state.keep_directory(tx, _parent(path))
            return answer

        query = {"move_to": target} | ({"replace": "true"} if is_replacing else {})
        return self.asked("file_move", handle, "POST", path, query=query)

    def make_directory(self, path: str) -> Asked:
        """Make a directory."""

        def handle(tx: Interaction, request: Request) -> Response:
            _check_parent(tx, path)
            return routes.make_directory(tx, request)

        return self.asked("file_mkdir", handle, "PUT", path, is_folder=True)

    def remove_directory(self, path: str) -> Asked:
        """Remove an empty directory."""

        def handle(tx: Interaction, request: Request) -> Response:
            if not path:
                raise Conflict("The root stays.")
            answer = routes.delete(tx, request)
            state.keep_directory(tx, _parent(path))
            return answer

        return self.asked("file_delete", handle, "DELETE", path, is_folder=True)

    def set_attributes(self, path: str, modified: datetime | None, size: int | None, mode: int | None) -> Asked:
        """Set a file's time or size; a mode is taken and kept nowhere, as there is one user only."""

        def handle(tx: Interaction, request: Request) -> Response:
            entry = state.find_file(tx, path)
            if entry is None and not state.is_directory(tx, path):
                raise NotFound(f"There is no file {path}.")
            if size is not None:
                if entry is None:
                    raise Conflict(f"{path} is a directory; it has no size.")
                if size > limits.FILE_BYTES:
                    raise TooLarge(f"A file may have {limits.FILE_BYTES} bytes.")
                content = state.read_content(tx.branch, entry.sha256)[:size]
                state.write_file(tx, path, content.ljust(size, b"\0"))
            if entry is not None and modified is not None:
                state.set_modified(tx, path, modified)
            return Response(204, b"", None)

        at = None if modified is None else format_instant(modified)
        wanted = {"modified_at": at, "size": size, "mode": None if mode is None else f"{mode & 0o7777:04o}"}
        body = jsonio.dump({name: value for name, value in wanted.items() if value is not None})
        return self.asked(
            "file_setstat", handle, "PATCH", path, headers={"content-type": "application/json"}, body=body
        )

    def refused_login(self) -> Asked:
        """Note that somebody gave this sandbox's user name and a wrong password. Raises `RateLimited` within."""

        def handle(tx: Interaction, request: Request) -> Response:
            check_logins(tx)
            tx.stand_still()
            tx.put(LOGINS, tx.new_id("login"), {"at": tx.now_text})
            return render_json_error(Unauthorized("The password is wrong."))

        asked = self.asked("file_login", handle, "POST", "login")
        asked.is_stranger = True  # past the limit it leaves no trace
        return asked


def check_logins(tx: Interaction) -> None:
    """Raise `RateLimited` when too many wrong passwords were given within a minute."""
    check_rate((parse_instant(row["at"]) for _, row in tx.branch.items(LOGINS)), tx.now)


def why_not_writable(tx: Interaction, path: str, *, is_creating: bool, is_exclusive: bool) -> None:
    """Raise why a file cannot be opened for writing: `NotFound`, `Conflict`."""
    if state.is_directory(tx, path):
        raise Conflict(f"{path or '/'} is a directory.")
    is_there = state.find_file(tx, path) is not None
    if is_there and is_exclusive:
        raise Conflict(f"There is a file {path} already.")
    if not is_there and not is_creating:
        raise NotFound(f"There is no file {path}.")
    if not is_there:
        _check_parent(tx, path)


def _check_parent(tx: Interaction, path: str) -> None:
    if not state.is_directory(tx, _parent(path)):
        raise NotFound(f"There is no directory {_parent(path)}.")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _shown(reading: Reading, tx: Interaction, request: Request) -> Response:
    """Answer what was read, of the content that the file had when it was opened."""
    return routes.download(request, reading.entry, lambda: reading.content)
