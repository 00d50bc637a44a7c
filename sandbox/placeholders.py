"""`{name.path}` in the strings of a JSON value, replaced by what stands for it: one way, whatever the name.

A string that is one placeholder and nothing else takes the value with its type; inside a longer string the value
must be text, a number or a boolean. Keys of objects are left alone.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

from sandbox.equality import to_text
from sandbox.errors import Invalid
from sandbox.jsonio import Json


class Unfit(Invalid):
    """A value that cannot stand where its placeholder does; `path` is what follows the name."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def fill(value: Json, name: str, look_up: Callable[[str], Json]) -> Json:
    """Return the value with every `{name.path}` replaced by `look_up(path)`; the path is empty for `{name}`.

    Raises `Unfit`, and what `look_up` raises.

    >>> fill({"a": ["{with.x}", "no. {with.x}"]}, "with", {"x": 5}.get)
    {'a': [5, 'no. 5']}
    """
    if isinstance(value, str):
        return fill_text(value, name, look_up)
    if isinstance(value, list):
        return [fill(item, name, look_up) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, name, look_up) for key, item in value.items()}
    return value


def fill_text(text: str, name: str, look_up: Callable[[str], Json]) -> Json:
    """Fill one string."""
    whole = _pattern(name).fullmatch(text)
    return look_up(whole.group(1) or "") if whole is not None else fill_within(text, name, look_up)


def fill_within(text: str, name: str, look_up: Callable[[str], Json], write: Callable[[str], str] = str) -> str:
    """Fill a string that stays one; `write` says how a value is written into it."""

    def replacement(match: re.Match[str]) -> str:
        value = to_text(look_up(match.group(1) or ""))
        if value is None:
            said = f"{match.group()} is not text or a number, so it cannot stand inside a longer string"
            raise Unfit(match.group(1) or "", said)
        return write(value)

    return _pattern(name).sub(replacement, text)


def paths_in(value: Json, name: str) -> Iterator[str]:
    """Yield what follows the name in every placeholder of a value, without the dot."""
    if isinstance(value, str):
        yield from (match.group(1) or "" for match in _pattern(name).finditer(value))
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from paths_in(item, name)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"\{{{name}(?:\.([^{{}}]*))?\}}")
