"""How a file drop is shown: files by path, with what is in them; a listing as JSON."""

from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.files.index import TREE
from sandbox.simulators.files.state import CONTENT, content_type_of
from sandbox.simulators.showing import Link, Views


def title(collection: str, value: Json) -> str:
    """Return a file's size and type.

    >>> title("files/tree", {"size": 12, "content_type": "text/plain"})
    '12 bytes, text/plain'
    """
    if not isinstance(value, dict) or "size" not in value:
        return ""
    kind = value.get("content_type")
    return f"{value['size']} bytes" + (f", {kind}" if isinstance(kind, str) else "")


def find_content(collection: str, key: str, value: Json) -> tuple[Link, str] | None:
    """Return where a file's bytes are, and its type.

    >>> find_content("files/tree", "a.pdf", {"sha256": "ab", "size": 1})
    (Link(collection='files/_content', key='ab'), 'application/pdf')
    """
    if collection != TREE or not isinstance(value, dict) or "sha256" not in value:
        return None
    return Link(CONTENT, value["sha256"]), content_type_of(key, {"content_type": None, **value})


VIEWS: Final = Views(title=title, find_content=find_content, lists={TREE: "Files"})
