"""The life cycle as a picture in text, drawn from its table: `python -m sandbox.payer.picture` writes it for docs."""

import sys
from typing import Final

from sandbox.payer.lifecycle import By, Transition, life_cycle

_LINES: Final[dict[By, str]] = {"provider": "─", "payer": "═", "clock": "·"}
_WIDTH: Final = 34


def picture() -> str:
    """Return the picture: each state with its ways out; a line says whose doing each is."""
    table = life_cycle()
    widest = max(map(len, table.states))
    lines = ["── the provider does   ══ the payer decides   ·· the clock reaches", ""]
    for name in table.states:
        ways = [t for t in table.transitions if t.source == name and not (t.is_same and t.by == "provider")]
        stays = list(
            dict.fromkeys(t.on for t in table.transitions if t.source == name and t.is_same and t.by == "provider")
        )
        if not ways:
            lines.append(f"{name:<{widest}} ■")
        for place, way in enumerate(ways):
            lines.append(f"{name if place == 0 else '':<{widest}} {_arrow(way)}")
        if stays:
            lines.append(f"{'':<{widest}} ↺ {', '.join(stays)}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _arrow(way: Transition) -> str:
    """Draw one way out.

    >>> _arrow(Transition("submit", "draft", "submit", "provider", "submitted"))
    '── submit ────────────────────────▶ submitted'
    """
    line = _LINES[way.by]
    label = way.after if way.by == "clock" and way.after is not None else way.on
    return f"{f'{line * 2} {label} ':{line}<{_WIDTH}}▶ {way.to}"


if __name__ == "__main__":
    sys.stdout.write(picture())
