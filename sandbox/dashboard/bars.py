"""Small pictures as inline SVG: a score as a bar, tasks as a strip, scores over time as a line. No style attributes,
so that a page needs to allow none."""

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

BAR_WIDTH: Final = 64
_CELL: Final = 12
_CELLS: Final = 40
_KINDS: Final = ("pass", "partial", "fail", "none")
_TREND_WIDTH: Final = 640
_TREND_HEIGHT: Final = 96
_PAD: Final = 8


def score_bar(score: float | None, kind: str = "none") -> Markup:
    """Return a score as a bar, coloured as its verdict is; nothing for none.

    >>> 'width="32"' in score_bar(0.5, "partial"), str(score_bar(None))
    (True, '')
    """
    if score is None:
        return Markup("")
    return Markup(
        '<svg class="bar" width="{}" height="8" viewBox="0 0 {} 8" aria-hidden="true" focusable="false">'
        '<rect class="rest" width="{}" height="8" rx="2"/><rect class="{}" width="{}" height="8" rx="2"/></svg>'
    ).format(BAR_WIDTH, BAR_WIDTH, BAR_WIDTH, kind, f"{max(0.0, min(1.0, score)) * BAR_WIDTH:.0f}")


def strip(cells: Sequence[tuple[str, str]]) -> Markup:
    """Return tasks as cells, each `(verdict, what it says when hovered)`; read aloud as a count of verdicts.

    >>> strip([("pass", "book: pass 1.00"), ("fail", "move: fail 0.00")]).count("<rect")
    2

    Many tasks are a bar of their verdicts instead.

    >>> strip([("pass", "")] * 300 + [("fail", "")] * 100).count("<rect")
    2
    """
    counts: dict[str, int] = {}
    for kind, _ in cells:
        counts[kind] = counts.get(kind, 0) + 1
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    if len(cells) > _CELLS:
        return _shares(counts, len(cells), said)
    rects = Markup("").join(
        Markup('<rect class="{}" x="{}" width="{}" height="14" rx="2"><title>{}</title></rect>').format(
            kind, i * _CELL, _CELL - 2, title
        )
        for i, (kind, title) in enumerate(cells)
    )
    width = len(cells) * _CELL
    return Markup(
        '<svg class="strip" width="{}" height="14" viewBox="0 0 {} 14" role="img" aria-label="{}">{}</svg>'
    ).format(width, width, said, rects)


def _shares(counts: Mapping[str, int], total: int, said: str) -> Markup:
    width, rects, at = _CELLS * _CELL // 2, Markup(""), 0.0
    for kind in sorted(counts, key=lambda kind: (*_KINDS, kind).index(kind)):
        share = counts[kind] / total * width
        rects += Markup('<rect class="{}" x="{}" width="{}" height="14"><title>{} {}</title></rect>').format(
            kind, f"{at:.1f}", f"{share:.1f}", counts[kind], kind
        )
        at += share
    return Markup(
        '<svg class="strip" width="{}" height="14" viewBox="0 0 {} 14" role="img" aria-label="{}">{}</svg>'
    ).format(width, width, said, rects)


def trend(points: Sequence[tuple[float, str, str, str]], label: str) -> Markup:
    """Return scores over runs as a line with points: each `(score, verdict, title, href)`, oldest first.

    >>> trend([(0.5, "partial", "run 1", "/a"), (1.0, "pass", "run 2", "/b")], "solver").count("<circle")
    2
    """
    inner_width, inner_height = _TREND_WIDTH - 2 * _PAD - 24, _TREND_HEIGHT - 2 * _PAD
    step = inner_width / max(1, len(points) - 1)
    places = [
        (_PAD + 24 + i * step, _PAD + (1 - max(0.0, min(1.0, score))) * inner_height)
        for i, (score, *_) in enumerate(points)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = Markup("").join(
        Markup('<a href="{}"><title>{}</title><circle class="{}" cx="{}" cy="{}" r="4"/></a>').format(
            href, title, kind, f"{x:.1f}", f"{y:.1f}"
        )
        for (x, y), (_, kind, title, href) in zip(places, points, strict=True)
    )
    grid = Markup("").join(
        Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="0" y="{}">{}</text>').format(
            _PAD + 24, _TREND_WIDTH - _PAD, f"{y:.1f}", f"{y:.1f}", f"{y + 4:.1f}", text
        )
        for text, y in (("1.0", _PAD), ("0.5", _PAD + inner_height / 2), ("0.0", _PAD + inner_height))
    )
    return Markup(
        '<svg class="trend" viewBox="0 0 {} {}" role="group" aria-label="{}">{}<polyline points="{}"/>{}</svg>'
    ).format(_TREND_WIDTH, _TREND_HEIGHT, label, grid, line, dots)
