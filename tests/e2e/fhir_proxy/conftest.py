"""A proxy before an upstream: another sandbox server, or a few lines that misbehave."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

TOKEN = "PROXY_TEST_UPSTREAM_TOKEN"


@dataclass
class Proxies:
    """Starts proxies; `start(upstream=…, **config)` gives the EHR of a started task run behind one."""

    kit: Any
    tmp_path: Any
    stack: ExitStack
    count: int = 0

    def server(self, criteria: list[Any] | None = None, tasks: int = 1, concurrency: int = 1, **config: Any) -> Any:
        self.count += 1
        home = self.tmp_path / f"proxy{self.count}"
        self.kit.write_benchmark(
            home, "proxy", config=config, criteria=criteria or [], tasks=tasks, concurrency=concurrency
        )
        return self.stack.enter_context(self.kit.running_server(playgrounds=[home], seeds=[self.kit.seeds]))

    def start(self, criteria: list[Any] | None = None, **config: Any) -> Any:
        return self.kit.start(self.server(criteria, **config), "proxy")


@pytest.fixture
def proxies(kit: Any, tmp_path: Any) -> Iterator[Proxies]:
    with ExitStack() as stack:
        yield Proxies(kit, tmp_path, stack)


@pytest.fixture
def upstream_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Give the configuration of a proxy to another sandbox's EHR; its token comes from the environment."""

    def configure(ehr: Any) -> Any:
        monkeypatch.setenv(TOKEN, ehr.token)
        return {"upstream": ehr.base, "headers": {"Authorization": f"Bearer ${{{TOKEN}}}"}}

    return configure


@dataclass
class Fake:
    """An upstream that answers what it is told, and remembers what it was asked."""

    url: str = ""
    answer: Callable[[Any], tuple[int, dict[str, str], bytes]] = lambda request: (200, {}, b"{}")
    seen: list[Any] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    def says(self, status: int, body: Any, kind: str = "application/fhir+json", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": kind, **headers}
        self.answer = lambda request: (status, sent, content)


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = {name.lower(): value for name, value in self.headers.items()}
            made.seen.append((self.command, self.path, sent, body))
            status, headers, content = made.answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.handle_any
            raise AttributeError(name)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}/base"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.held.set()
    server.shutdown()
    server.server_close()
    thread.join()
