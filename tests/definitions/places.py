"""What a value holds, and where."""

from collections.abc import Iterator
from typing import Any


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every path into a value, with what lies there."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, f"{path}.{index}")
