"""Content that somebody chose and a browser may ask for: the headers that keep it from running (RFC 6266, CSP 3).

One home for files, attachments, Binaries and whatever else gives back bytes with the type they came with. What a
browser only shows may be shown; everything else is a download, so that a type nobody has thought of is none that runs.
That no answer is sniffed (`nosniff`) is the edge's work for all answers alike.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from sandbox.wire.media_types import read_media_type

# `sandbox` gives the content an origin of its own, without scripts, forms or windows.
POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
_SHOWN: Final = frozenset(
    "text/plain text/csv text/tab-separated-values application/json application/fhir+json application/pdf image/png "
    "image/jpeg image/gif image/webp image/bmp image/tiff".split()
)
_SHOWN_FAMILIES: Final = frozenset({"audio", "video"})


def is_shown(content_type: str) -> bool:
    """Whether a browser shows content of a type and runs nothing of it.

    >>> [is_shown(t) for t in ("text/plain; charset=utf-8", "audio/mpeg", "text/html", "image/svg+xml", "")]
    [True, True, False, False, False]
    """
    name = read_media_type(content_type).name
    return name in _SHOWN or name.partition("/")[0] in _SHOWN_FAMILIES


def is_served_content(headers: Mapping[str, str]) -> bool:
    """Whether an answer with these headers gives back somebody's content, which is theirs to the byte.

    >>> is_served_content(content_headers("text/plain")), is_served_content({"ETag": '"1"'})
    (True, False)
    """
    return headers.get("Content-Security-Policy") == POLICY


def content_headers(content_type: str, filename: str | None = None, *, is_download: bool = False) -> dict[str, str]:
    """Return what goes with content of a type; `is_download` is for what is never to be shown.

    >>> content_headers("image/svg+xml", "a b.svg")["Content-Disposition"]
    "attachment; filename*=UTF-8''a%20b.svg"
    >>> "Content-Disposition" in content_headers("text/plain")
    False
    """
    headers = {"Content-Security-Policy": POLICY}
    shown = "attachment" if is_download or not is_shown(content_type) else "inline"
    if filename is not None:
        headers["Content-Disposition"] = f"{shown}; filename*=UTF-8''{quote(filename, safe='')}"
    elif shown == "attachment":
        headers["Content-Disposition"] = shown
    return headers
