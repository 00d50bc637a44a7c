"""JSON as HTML: folded and coloured, every text in it escaped; bounded, and what was left out is said."""

from collections.abc import Callable
from html import escape
from typing import Final

from markupsafe import Markup

from sandbox import jsonio
from sandbox.jsonio import Json

FindHref = Callable[[str, str], str | None]

_OPEN_DEPTH: Final = 3
_OPEN_COUNT: Final = 30
_BUDGET: Final = 48_000
_TEXT_CHARS: Final = 2_000


def render(value: Json, find_href: FindHref | None = None, budget: int = _BUDGET) -> Markup:
    """Return a JSON value as nested `<details>`; `find_href(name, text)` says where the text of a key leads.

    It is cut after about `budget` characters of HTML.

    >>> str(render({"a": "<b>"}))
    '<div class="json"><div><span class="k">a</span> <span class="s">&#34;&lt;b&gt;&#34;</span></div></div>'
    >>> "more values are not shown" in render([*range(9)], budget=60)
    True
    """
    tree = _Tree(find_href, budget)
    if isinstance(value, dict | list) and value:
        tree.children(value, 1, "")
    else:
        tree.leaf("", value, "")
    if tree.left_out:
        tree.parts.append(f'<div class="cut">{tree.left_out:,} more values are not shown</div>')
    return Markup(f'<div class="json">{"".join(tree.parts)}</div>')


class _Tree:
    """One rendering: what was written so far, and how much more may be."""

    def __init__(self, find_href: FindHref | None, budget: int) -> None:
        self.parts: list[str] = []
        self.left_out = 0
        self._find_href = find_href
        self._left = budget

    def children(self, value: Json, depth: int, name: str) -> None:
        """Write what is in an object or a list; what is in a list is called as the list is."""
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            if self._left <= 0:
                self.left_out += 1
                continue
            label = str(key)
            own = label if isinstance(value, dict) else name
            if isinstance(item, dict | list) and item:
                self._fold(label, item, depth, own)
            else:
                self.leaf(label, item, own)

    def _fold(self, label: str, item: Json, depth: int, own: str) -> None:
        is_open = depth < _OPEN_DEPTH and len(item) <= _OPEN_COUNT
        count = f"{{{len(item)}}}" if isinstance(item, dict) else f"[{len(item)}]"
        hint = "" if is_open else _hint(item)
        self._write(
            f'<details{" open" if is_open else ""}><summary><span class="k">{escape(label)}</span> '
            f'<span class="n">{count}</span>{hint}</summary>'
        )
        self.children(item, depth + 1, own)
        self._write("</details>")

    def leaf(self, label: str, value: Json, own: str) -> None:
        """Write a value that has none within it."""
        kind, text = _leaf(value)
        shown = f'<span class="{kind}">{escape(text)}</span>'
        href = self._find_href(own, value) if self._find_href is not None and isinstance(value, str) else None
        if href is not None:
            shown = f'<a href="{escape(href)}">{shown}</a>'
        named = f'<span class="k">{escape(label)}</span> ' if label else ""
        self._write(f"<div>{named}{shown}</div>".replace("&quot;", "&#34;"))

    def _write(self, text: str) -> None:
        self._left -= len(text)
        self.parts.append(text)


def _leaf(value: Json) -> tuple[str, str]:
    if isinstance(value, str):
        if len(value) > _TEXT_CHARS:
            return "s", f'"{value[:_TEXT_CHARS]}… ({len(value):,} characters)"'
        return "s", f'"{value}"'
    text = jsonio.dump(value).decode()
    return ("x" if value is None or isinstance(value, bool | dict | list) else "d"), text


def _hint(item: Json) -> str:
    """Return what tells a folded object from its neighbours."""
    if isinstance(item, list):
        item = next((i for i in item if isinstance(i, dict)), {})
    for name in ("resourceType", "fullUrl", "id", "name", "display", "code", "url", "text", "value", "system"):
        text = item.get(name)
        if isinstance(text, str) and text:
            return f' <span class="h">{escape(text[:60])}</span>'
    resource = item.get("resource")
    return _hint(resource) if isinstance(resource, dict) else ""
