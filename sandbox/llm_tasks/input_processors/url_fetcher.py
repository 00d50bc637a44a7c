"""`url_fetcher`: a page by its URL, as Markdown. Loopback and the hosts on the allow-list only.

Every redirect is judged like the first address, so that an allowed page cannot lead elsewhere.
"""

import asyncio
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import ClassVar, Final, Literal
from urllib.parse import urljoin, urlsplit

import aiohttp
from pydantic import Field

from sandbox import limits
from sandbox.jsonio import Json
from sandbox.keys import is_loopback
from sandbox.llm_tasks.input_processors.base import Config, Output, ProcessorFailed
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.wire.charsets import find_charset

PAGE_BYTES_MAX: Final = 5 * limits.MIB
REDIRECTS_MAX: Final = 5
TIMEOUT_MAX_S: Final = 60.0
_BLOCKS: Final = frozenset(
    "p div section article header footer table tr ul ol br main aside blockquote pre form".split()
)
_HIDDEN: Final = frozenset("script style noscript template svg head".split())


class FetcherConfig(Config):
    """How a page is fetched. Both modes read the page directly here."""

    fetch_mode: Literal["default", "direct"] = "default"
    fallback_text: str | None = None
    timeout: float = Field(default=20, gt=0, le=TIMEOUT_MAX_S)
    max_length: int | None = Field(default=None, ge=1)


class UrlFetcher:
    """Fetches pages."""

    name: ClassVar[str] = "url_fetcher"
    description: ClassVar[str] = "Replaces a URL by the page's text as Markdown; loopback and allowed hosts only."
    config_model: ClassVar[type[Config]] = FetcherConfig
    reads_files: ClassVar[bool] = False

    def __init__(self, allowed_hosts: tuple[str, ...]) -> None:
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._session: aiohttp.ClientSession | None = None

    async def process(
        self, value: Json, config: FetcherConfig, values: Mapping[str, Json], files: tuple[RunFile, ...]
    ) -> Output:
        """Return the page as Markdown. Raises `ProcessorFailed`."""
        if not isinstance(value, str):
            raise ProcessorFailed("the value is not a URL")
        try:
            text, content_type = await asyncio.wait_for(self._fetch(value.strip()), config.timeout)
        except TimeoutError:
            raise ProcessorFailed(f"{value[:200]} did not answer within {config.timeout:g} s") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise ProcessorFailed(f"{value[:200]} cannot be fetched: {type(error).__name__}") from None
        shown = to_markdown(text) if "html" in content_type else text
        return Output(shown[: config.max_length] if config.max_length else shown)

    async def _fetch(self, url: str) -> tuple[str, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"User-Agent": "sandbox-url-fetcher"})
        for _ in range(REDIRECTS_MAX + 1):
            self._judge(url)
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status in (301, 302, 303, 307, 308) and "Location" in answer.headers:
                    url = urljoin(url, answer.headers["Location"])
                    continue
                if answer.status >= 400:
                    raise ProcessorFailed(f"{url[:200]} answered {answer.status}")
                raw = b""
                async for part in answer.content.iter_any():
                    raw += part
                    if len(raw) > PAGE_BYTES_MAX:
                        raise ProcessorFailed(f"{url[:200]} is larger than {PAGE_BYTES_MAX} bytes")
                return _decoded(raw, answer.charset), answer.content_type
        raise ProcessorFailed(f"{url[:200]} redirects more than {REDIRECTS_MAX} times")

    def _judge(self, url: str) -> None:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme not in ("http", "https") or not host:
            raise ProcessorFailed(f"{url[:200]} is not an http URL")
        if not is_loopback(host) and host not in self._allowed:
            raise ProcessorFailed(f"{host} is neither loopback nor on the list of allowed hosts")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _decoded(raw: bytes, charset: str | None) -> str:
    return raw.decode(find_charset(charset or "utf-8") or "utf-8", "replace")


class _Markdown(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.parts.append("\n\n" + "#" * int(tag[1]) + " ")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in ("td", "th"):
            self.parts.append(" | ")
        elif tag in ("b", "strong"):
            self.parts.append("**")
        elif tag == "a":
            self._links.append(dict(attrs).get("href"))
            self.parts.append("[")
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.parts.append("\n")
        elif tag in ("b", "strong"):
            self.parts.append("**")
        elif tag == "a" and self._links:
            link = self._links.pop()
            self.parts.append(f"]({link})" if link else "]")
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(" ".join(data.split(" ")).replace("\n", " "))


def to_markdown(html: str) -> str:
    r"""Turn a page into Markdown: headings, lists, links, bold and table cells; scripts and styles left out.

    >>> to_markdown("<h1>Title</h1><p>Some <b>bold</b> text</p><script>x()</script>")
    '# Title\n\nSome **bold** text'
    """
    parser = _Markdown()
    parser.feed(html)
    parser.close()
    lines = [" ".join(line.split()) for line in "".join(parser.parts).splitlines()]
    text = "\n".join(lines).strip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text
