"""The dashboard's pages over HTTP: a browser that keeps its cookies and reads what it is shown."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import aiohttp
import pytest
from yarl import URL

NAVIGATION = {
    "Accept": "text/html",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


@dataclass(frozen=True)
class Shown:
    """A page that was shown."""

    status: int
    headers: Any
    text: str
    url: str

    @property
    def plain(self) -> str:
        """What a person reads: no markup, white space in a line."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.text)).split())

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found is not None, self
        return found[1]

    def hrefs(self, pattern: str) -> list[str]:
        return [unescape(h) for h in re.findall(r'href="([^"]*)"', self.text) if re.search(pattern, unescape(h))]


@dataclass
class Browser:
    """One person's browser."""

    live: Any
    http: aiohttp.ClientSession

    async def see(self, path: str, **headers: str) -> Shown:
        """Go to a page, wherever that leads."""
        sent = {**NAVIGATION, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.http.get(URL(self.live.url + path, encoded=True), headers=sent) as answer:
            text = (await answer.read()).decode("utf-8", "replace")
            return Shown(answer.status, answer.headers, text, str(answer.url.relative()))

    async def send(self, path: str, fields: dict[str, str], **headers: str) -> Shown:
        """Send a form as a page of this server does, and see where that leads."""
        sent = {"Origin": self.live.url, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.http.post(self.live.url + path, data=fields, headers=sent) as answer:
            text = (await answer.read()).decode("utf-8", "replace")
            return Shown(answer.status, answer.headers, text, str(answer.url.relative()))

    async def do(self, path: str, /, **fields: str) -> Shown:
        """Send a form with its session's secret."""
        page = await self.see("/ui")
        return await self.send(path, {"csrf": page.csrf, **fields})


@pytest.fixture
async def browse() -> AsyncIterator[Any]:
    """`browse(live)`: a browser of its own."""
    sessions = []

    def open_browser(live: Any) -> Browser:
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        sessions.append(session)
        return Browser(live, session)

    yield open_browser
    for session in sessions:
        await session.close()


@pytest.fixture
async def browser(live: Any, browse: Any) -> Browser:
    """A browser in front of the test's server."""
    found: Browser = browse(live)
    return found
