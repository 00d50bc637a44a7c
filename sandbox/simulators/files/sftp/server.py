"""Who connects and who is let in: the SSH side of the file drop, by asyncssh.

A user name is a sandbox's, its password or one of its configured keys opens it. There is no shell, no command but
`scp`, no forwarding. Imported with the first connection only.
"""

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Final

import asyncssh

from sandbox import limits
from sandbox.errors import SandboxError
from sandbox.simulators.files.sftp.calls import Caller, check_logins
from sandbox.simulators.files.sftp.handles import Room
from sandbox.simulators.files.sftp.host_key import normal_public_key
from sandbox.simulators.files.sftp.session import Session
from sandbox.simulators.wires import Gate, Guest
from sandbox.wire.authorization import is_same_secret

_CLOSE_S: Final = 5.0
_KEEPALIVE_S: Final = 60
# Those that are fast here; every client has one of them.
_CIPHERS: Final = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")


class Server:
    """All connections of one port."""

    def __init__(self, gate: Gate, host_key: bytes) -> None:
        self._gate = gate
        self._host_key = asyncssh.import_private_key(host_key)
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._room = Room()
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._half_open: set[asyncssh.SSHServerConnection] = set()
        self._sessions: dict[Session, str] = {}
        self._ended = asyncio.Event()
        logging.getLogger("asyncssh").setLevel(logging.WARNING)

    async def listen(self, listening: socket.socket) -> None:
        """Accept connections."""
        self._acceptor = await asyncssh.listen(
            sock=listening,
            server_factory=lambda: _Visitor(self),
            server_host_keys=[self._host_key],
            sftp_factory=self._open_session,
            allow_scp=True,
            allow_pty=False,
            agent_forwarding=False,
            x11_forwarding=False,
            encryption_algs=_CIPHERS,
            compression_algs=["none"],
            gss_host=None,
            login_timeout=limits.SFTP_LOGIN_S,
            keepalive_interval=_KEEPALIVE_S,
            sftp_version=3,
            server_version="sandbox",
        )

    def find(self, username: str) -> Guest | None:
        """Return whom a user name stands for."""
        return self._gate.find("files", lambda sandbox: sandbox.secrets.get("username") == username)

    def count_sessions(self, guest: Guest) -> int:
        """Return how many sessions a sandbox has open."""
        return sum(sandbox_id == guest.sandbox.id for sandbox_id in self._sessions.values())

    def welcome(self, connection: asyncssh.SSHServerConnection) -> bool:
        """Count a connection in; False when there are too many."""
        is_too_many = len(self._connections) >= limits.SFTP_CONNECTIONS
        if is_too_many or len(self._half_open) >= limits.SFTP_HALF_OPEN:
            return False
        self._connections.add(connection)
        self._half_open.add(connection)
        return True

    def logged_in(self, connection: asyncssh.SSHServerConnection) -> None:
        """Note that a connection has shown who it is."""
        self._half_open.discard(connection)

    def gone(self, connection: asyncssh.SSHServerConnection) -> None:
        """Note that a connection has ended."""
        self._connections.discard(connection)
        self._half_open.discard(connection)

    def _open_session(self, channel: "asyncssh.SSHServerChannel[bytes]") -> Session:
        guest: Guest = channel.get_extra_info("guest")
        is_too_many = self.count_sessions(guest) >= limits.SFTP_SESSIONS
        session = Session(channel, guest, Caller(guest.sandbox, guest.base_url), self._room, self._end_session)
        if is_too_many:
            session.refuse(f"A sandbox may have {limits.SFTP_SESSIONS} sessions at once.")
        self._sessions[session] = guest.sandbox.id
        return session

    def _end_session(self, session: Session) -> None:
        self._sessions.pop(session, None)
        if not self._sessions:
            self._ended.set()

    async def close(self) -> None:
        """End every connection; sessions store what was being written before they end."""
        if self._acceptor is not None:
            self._acceptor.close()
        for connection in list(self._connections):
            connection.abort()
        self._ended.clear()
        if self._sessions:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._ended.wait()


class _Visitor(asyncssh.SSHServer):
    """One connection, from the first byte to its end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None
        self._guest: Guest | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Count it in, or end it."""
        self._connection = conn
        if not self._server.welcome(conn):
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it out."""
        if self._connection is not None:
            self._server.gone(self._connection)

    def begin_auth(self, username: str) -> bool:
        """Find whom the user name stands for; whoever it is has to prove it."""
        self._guest = self._server.find(username)
        return True

    def auth_completed(self) -> None:
        """Let the session know who it is."""
        if self._connection is not None:
            self._connection.set_extra_info(guest=self._guest)
            self._server.logged_in(self._connection)

    def password_auth_supported(self) -> bool:
        """Every sandbox has a password."""
        return True

    def public_key_auth_supported(self) -> bool:
        """A sandbox may have keys."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Compare with the sandbox's own; a wrong one is an event, and too many close the door for a minute."""
        guest = self._guest
        if guest is None or not guest.is_welcome:
            return False
        if is_same_secret(password, guest.sandbox.secrets.get("password")):
            return self._may_enter(guest)
        with suppress(SandboxError):
            await guest.interact(Caller(guest.sandbox, guest.base_url).refused_login())
        return False

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Look for the key among those of the sandbox's configuration."""
        guest = self._guest
        if guest is None or not guest.is_welcome:
            return False
        known = guest.sandbox.config.get("authorized_keys") or ()
        shown = normal_public_key(key.export_public_key().decode())
        return any(normal_public_key(line) == shown for line in known) and self._may_enter(guest)

    def _may_enter(self, guest: Guest) -> bool:
        try:
            check_logins(guest.look())
        except SandboxError:
            return False
        return True
