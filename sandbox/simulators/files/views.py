"""How a file drop is shown: files by path, with what is in them; a listing as JSON."""

from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.files.state import TREE
from sandbox.simulators.showing import Views


def title(collection: str, value: Json) -> str:
    """Return a file's size and type.

    >>> title("files/tree", {"size": 12, "content_type": "text/plain"})
    '12 bytes, text/plain'
    """
    if not isinstance(value, dict) or "size" not in value:
        return ""
    kind = value.get("content_type")
    return f"{value['size']} bytes" + (f", {kind}" if isinstance(kind, str) else "")


VIEWS: Final = Views(title=title, lists={TREE: "Files"})
