"""The port of SFTP: opened with the server, served by asyncssh from the first connection on.

asyncssh takes a good part of a second to import, which a server that nobody asks over SFTP need not spend.
"""

import asyncio
import errno
import os
import socket
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final

from sandbox.jsonio import Json
from sandbox.logs import get_logger
from sandbox.playground.playground import Sandbox
from sandbox.simulators.files.sftp.host_key import fingerprint, public_line, read_host_key
from sandbox.simulators.wires import Gate, Post, WireError

if TYPE_CHECKING:
    from sandbox.simulators.files.sftp.server import Server

USUAL_PORT: Final = 2222
_BACKLOG: Final = 128

log = get_logger()


class SftpWire:
    """The open port. `port` is the real one."""

    def __init__(self, gate: Gate, listening: socket.socket, host_key: bytes) -> None:
        self.port: int = listening.getsockname()[1]
        self._gate = gate
        self._socket = listening
        self._host_key = host_key
        self._public = public_line(host_key)
        self._server: Server | None = None
        self._loading: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listening, self._load)

    def credentials(self, sandbox: Sandbox, host: str) -> dict[str, Json]:
        """Return host, port, user and password, and how to know the server again."""
        return {
            "sftp_host": host,
            "sftp_port": self.port,
            "username": sandbox.secrets["username"],
            "password": sandbox.secrets["password"],
            "host_key": self._public,
            "host_key_fingerprint": fingerprint(self._public),
        }

    def _load(self) -> None:
        """Begin to serve: somebody knocks."""
        self._loop.remove_reader(self._socket)
        self._loading = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.to_thread(import_module, "sandbox.simulators.files.sftp.server")
        self._server = server.Server(self._gate, self._host_key)
        await self._server.listen(self._socket)

    async def close(self) -> None:
        """End every connection; what was being written stays as far as it came."""
        if self._loading is None:
            self._loop.remove_reader(self._socket)
        else:
            with suppress(Exception):
                await self._loading
        if self._server is not None:
            await self._server.close()
        self._socket.close()


def open_wire(gate: Gate, post: Post) -> SftpWire | None:
    """Listen for SFTP. None where the host is no address of this machine: HTTP is refused there, too, and says why.

    Raises `WireError`.
    """
    try:
        host_key = read_host_key(post.directory)
    except (ValueError, OSError) as error:
        raise WireError(f"The host key of SFTP in {post.directory} cannot be used: {error}") from error
    try:
        return SftpWire(gate, _listen(post), host_key)
    except _NoAddress:
        return None


class _NoAddress(Exception):
    """The host is unknown, or elsewhere."""


def _listen(post: Post) -> socket.socket:
    for port in (USUAL_PORT, 0) if post.port is None else (post.port,):
        try:
            return _bound(post.host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port == USUAL_PORT and post.port is None:
                continue  # nobody asked for this one
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise _NoAddress from None
            raise WireError(
                f"Cannot listen for SFTP on {post.host}:{port}: {error.strerror or error}. "
                "Choose another port with --sftp-port; --sftp-port 0 takes a free one."
            ) from error
    raise AssertionError("a free port is always found or refused")


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening
