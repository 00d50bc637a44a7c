"""A server of one's own, in this process: on a thread, on a free port, on an empty data directory.

It has an event loop of its own, so that it serves tests with a loop and tests without one alike,
and a test that blocks does not block it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from yarl import URL

from sandbox import keys
from sandbox.client.client import SandboxClient
from sandbox.client.sync import SandboxClientSync
from sandbox.client.threads import LoopThread
from sandbox.client.transport import Answer, HttpTransport
from sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOST = "127.0.0.1"


class SandboxServer:
    """A running server, and a client of it for either kind of test.

    `client` may be awaited in any event loop; it and `sync_client` share the run tokens, so that a
    run created by one can be started by the other.
    """

    def __init__(self, url: str, data_dir: Path, api_key: str, solver_key: str, thread: LoopThread) -> None:
        self.url = url
        self.data_dir = data_dir
        self.api_key = api_key
        self.solver_key = solver_key
        self._transport = _ThreadTransport(thread)
        self.client = SandboxClient(url, solver_key=solver_key, api_key=api_key, transport=self._transport)
        self.sync_client = SandboxClientSync.over(self.client, thread)

    def __repr__(self) -> str:
        return f"<SandboxServer {self.url}>"


class _ThreadTransport:
    """Sends from the server's thread whoever asks, so that connections belong to one loop only."""

    def __init__(self, thread: LoopThread) -> None:
        self._thread = thread
        self._inner = HttpTransport()

    async def send(self, method: str, url: URL, headers: "Mapping[str, str]", body: bytes | None) -> Answer:
        """Send one request and read the whole answer."""
        return await self._thread.bridge(self._inner.send(method, url, headers, body))

    async def receive(self, url: URL, headers: "Mapping[str, str]", take: "Callable[[bytes], object]") -> Answer:
        """GET what may be long, piece by piece."""
        return await self._thread.bridge(self._inner.receive(url, headers, take))

    async def close(self) -> None:
        """Close the connections."""
        await self._thread.bridge(self._inner.close())


@contextmanager
def running_server(
    *,
    playgrounds: Sequence[Path | str] = (),
    seeds: Sequence[Path | str] = (),
    strict: bool = False,
    data_dir: Path | None = None,
) -> Iterator[SandboxServer]:
    """Run a server for as long as the block lasts.

    Without `playgrounds` and `seeds` it has the built-in benchmarks; without a `data_dir` what it
    records is gone with it.
    """
    from sandbox.serving import serving_url

    with ExitStack() as stack:
        if data_dir is None:
            data_dir = Path(stack.enter_context(TemporaryDirectory(prefix="sandbox-")))
        settings = Settings(
            host=HOST,
            port=0,
            data_dir=data_dir,
            playgrounds=tuple(map(Path, playgrounds)),
            seeds=tuple(map(Path, seeds)),
            is_strict=strict,
            is_watching=False,
        )
        thread = stack.enter_context(LoopThread("sandbox-server"))
        running = serving_url(settings)
        url = thread.run(running.__aenter__())
        stack.callback(lambda: thread.run(running.__aexit__(None, None, None)))
        server = SandboxServer(url, data_dir, keys.LOCAL_API_KEY, keys.LOCAL_SOLVER_KEY, thread)
        stack.callback(lambda: thread.run(server.client.close()))
        yield server
