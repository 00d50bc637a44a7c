"""Doors: what a client can do with the credentials that a run hands out, and with nothing else."""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Doors:
    """One started run, seen by a client that has a sandbox's credentials and no key of the server."""

    live: Any
    run: Any

    def credentials(self, kind: str, index: int = 0) -> dict[str, Any]:
        """What the run handed out for one of its sandboxes."""
        found = [
            s for s in self.run.value["sandboxes"] if s["type"] == kind and s["task_run_id"] == self.run.tasks[index]
        ]
        return dict(found[0]["credentials"])

    def sandbox_id(self, kind: str, index: int = 0) -> str:
        found = [
            s for s in self.run.value["sandboxes"] if s["type"] == kind and s["task_run_id"] == self.run.tasks[index]
        ]
        return str(found[0]["id"])

    def roots(self, kind: str, index: int = 0) -> list[str]:
        """Every path below which the sandbox's surface is."""
        sandbox = self.sandbox_id(kind, index)
        return [
            f"/v1/benchmark-runs/{self.run.id}",
            f"/v1/task-runs/{self.run.tasks[index]}",
            f"/sandboxes/{sandbox}",
            f"/services/{sandbox}",
        ]

    async def call(self, method: str, url: str, token: str | None = None, **more: Any) -> Any:
        return await self.live.call(method, url.removeprefix(self.live.url), token, **more)

    async def ask(self, url: str, form: dict[str, str], **headers: str) -> Any:
        """Send a token request."""
        return await self.call("POST", url, body=urlencode(form), headers={**FORM, **headers})

    async def token(self, index: int = 0, scope: str = "", url: str | None = None) -> str:
        """Log in as the sandbox's client, by HTTP Basic."""
        held = self.credentials("Fhir", index)
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        answer = await self.ask(
            url or held["token_url"], form, Authorization=basic(held["client_id"], held["client_secret"])
        )
        assert answer.status == 200, answer
        return str(answer.json["access_token"])

    async def log_in(self, root: str | None = None, index: int = 0, **changes: Any) -> Any:
        """Log in to the portal."""
        held = self.credentials("Payer", index)
        body = {"username": held["username"], "password": held["password"], **changes}
        return await self.call("POST", f"{root}/portal/login" if root else f"{held['api_url']}/login", json=body)

    async def events(self, index: int = 0) -> list[Any]:
        return await self.run.events(index)


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def cookie_of(answer: Any) -> dict[str, str]:
    """The Cookie header of a client that keeps what a log-in set."""
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


@pytest.fixture(scope="session")
def kept() -> Any:
    return cookie_of


@pytest.fixture(scope="session")
def http_basic() -> Any:
    return basic


@pytest.fixture
async def doors(live: Any) -> Doors:
    return Doors(live, await live.started())


@pytest.fixture(scope="session")
def knock() -> type[Doors]:
    return Doors
