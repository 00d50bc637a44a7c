"""Long JSON texts, decoded a piece at a time.

A call of the decoder in C holds the interpreter to its end, and letting go of what it made does as well. So of a long
text, lists and objects that do not fit into a window are walked here, and C is given what is in them, one by one. The
values, and what is said of a text that is no JSON, are those of `json.JSONDecoder`.
"""

import json
from collections.abc import Callable
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Final, TypeAlias

from sandbox import limits

Json: TypeAlias = Any
Scan = Callable[[str, int], tuple[Json, int]]

WINDOW: Final = 64 << 10
_SPACE: Final = " \t\n\r"
_CUT: Final = 3  # of "1e+5" the window may end after the "+", and the number would be 1


class Pieces:
    """Decodes one text; `values` are what was made of its pieces, in order, and all that is in the whole but these is
    shallow."""

    def __init__(self, text: str, scan: Scan, close: Callable[[list[tuple[str, Json]]], Json], window: int) -> None:
        self.values: list[Json] = []
        self._text = text
        self._scan = scan
        self._close = close
        self._window = window
        self._from = 0
        self._part = text[:window]

    def decode(self) -> Json:
        """Return the value. Raises `json.JSONDecodeError`, and what `scan` and `close` raise."""
        value, at = self._value(self._skip(0))
        at = self._skip(at)
        if at != len(self._text):
            raise json.JSONDecodeError("Extra data", self._text, at)
        return value

    def _value(self, at: int) -> tuple[Json, int]:
        found = self._scanned(at)
        if found is None and at != self._from:
            self._from, self._part = at, self._text[at : at + self._window]
            found = self._scanned(at)
        if found is not None:
            self.values.append(found[0])
            return found
        mark = self._text[at : at + 1]
        if mark == "{":
            return self._object(at + 1)
        if mark == "[":
            return self._list(at + 1)
        try:
            found = self._scan(self._text, at)
        except StopIteration as stop:
            raise json.JSONDecodeError("Expecting value", self._text, stop.value) from None
        self.values.append(found[0])
        return found

    def _scanned(self, at: int) -> tuple[Json, int] | None:
        """Return a value and its end; None for one that is broken, or does not end within the window."""
        if not self._from <= at < self._from + len(self._part):
            return None
        try:
            value, end = self._scan(self._part, at - self._from)
        except (StopIteration, json.JSONDecodeError):
            return None
        is_at_end = self._from + len(self._part) == len(self._text)
        if not is_at_end and end > len(self._part) - _CUT:
            return None
        return value, self._from + end

    def _object(self, at: int) -> tuple[Json, int]:
        text = self._text
        pairs: list[tuple[str, Json]] = []
        at = self._skip(at)
        if text[at : at + 1] == "}":
            return self._close(pairs), at + 1
        while True:
            if text[at : at + 1] != '"':
                raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
            key, at = scanstring(text, at + 1, True)
            at = self._skip(at)
            if text[at : at + 1] != ":":
                raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
            value, at = self._value(self._skip(at + 1))
            pairs.append((key, value))
            if len(pairs) > limits.JSON_FIELDS:
                return self._close(pairs), at  # which refuses them
            at = self._skip(at)
            if text[at : at + 1] == "}":
                return self._close(pairs), at + 1
            at = self._comma(at)

    def _list(self, at: int) -> tuple[Json, int]:
        text = self._text
        items: list[Json] = []
        at = self._skip(at)
        if text[at : at + 1] == "]":
            return items, at + 1
        while True:
            item, at = self._value(at)
            items.append(item)
            at = self._skip(at)
            if text[at : at + 1] == "]":
                return items, at + 1
            at = self._comma(at)

    def _comma(self, at: int) -> int:
        if self._text[at : at + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", self._text, at)
        return self._skip(at + 1)

    def _skip(self, at: int) -> int:
        text = self._text
        while text[at : at + 1] in _SPACE and at < len(text):
            at += 1
        return at


def decode(
    text: str, scan: Scan, close: Callable[[list[tuple[str, Json]]], Json], window: int = WINDOW
) -> tuple[Json, list[Json]]:
    """Decode a text; return its value, and the values of the pieces that it was made of.

    `scan` is a decoder's `scan_once`, `close` makes an object of its pairs. Raises what they raise, and
    `json.JSONDecodeError`.

    >>> decode('[1, [2, 3], "four"]', json.JSONDecoder().scan_once, dict, window=5)
    ([1, [2, 3], 'four'], [1, 2, 3, 'four'])
    """
    pieces = Pieces(text, scan, close, window)
    return pieces.decode(), pieces.values
