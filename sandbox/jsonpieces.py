"""Long JSON texts, decoded and written a piece at a time.

A call of the decoder in C holds the interpreter to its end, and letting go of what it made does as well. So of a long
text, lists, objects and strings that do not fit into a window are walked here, and C is given what is in them, one by
one. The values, and what is said of a text that is no JSON, are those of `json.JSONDecoder`. So it is with writing.
"""

import json
import re
from collections.abc import Callable
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Final, TypeAlias

from sandbox import limits

Json: TypeAlias = Any
Scan = Callable[[str, int], tuple[Json, int]]

WINDOW: Final = 64 << 10
STRING_WINDOW: Final = 4 * WINDOW
PIECE: Final = 4_000  # values that are written at once
_CHARS: Final = 64  # of a string count as one value
_WHOLE: Final = re.compile(r'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
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
        if mark == '"':
            found = self._string(at)
            self.values.append(found[0])
            return found
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

    def _string(self, at: int) -> tuple[str, int]:
        """Return the string that is opened at `at`, and its end. Raises what `scanstring` raises."""
        text, start = self._text, at + 1
        parts: list[str] = []
        while True:
            match = _WHOLE.match(text, start, start + self._window * (STRING_WINDOW // WINDOW))
            end = match.end() if match is not None else start
            if end in (start, len(text)):
                return self._rest_of_string(parts, start, at)
            part = text[start:end]
            if "\\" in part:
                part = scanstring(part + '"', 0, True)[0]
                if "\ud800" <= part[-1:] <= "\udbff" and text[end : end + 1] == "\\":  # half of a pair
                    part, end = part[:-1], end - len("\\ud800")
                    if not part:
                        return self._rest_of_string(parts, start, at)
            parts.append(part)
            if text[end : end + 1] == '"':
                return "".join(parts), end + 1
            start = end

    def _rest_of_string(self, parts: list[str], start: int, at: int) -> tuple[str, int]:
        """Let C say what is wrong where nothing could be read, or read a last pair."""
        try:
            rest, end = scanstring(self._text, start, True)
        except json.JSONDecodeError as error:
            place = at if error.msg.startswith("Unterminated") else error.pos
            raise json.JSONDecodeError(error.msg, self._text, place) from None
        return "".join([*parts, rest]), end

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


def encode(value: Json, dump: Callable[[Json], bytes], piece: int = PIECE) -> list[bytes]:
    """Write a value in pieces, which one after the other are what `dump`, which writes compactly, makes of it whole.

    >>> encode({"a": [1, [2, 3]], "b": 4}, lambda v: json.dumps(v, separators=(",", ":")).encode(), piece=3)
    [b'{"a":', b'[', b'1', b',', b'[2,3]', b']', b',"b":', b'4', b'}']
    """
    written: list[bytes] = []
    _write(value, written.append, dump, piece)
    return written


def _write(value: Json, add: Callable[[bytes], None], dump: Callable[[Json], bytes], piece: int) -> None:
    kind = type(value)
    if kind not in (dict, list, str) or _left(value, piece) >= 0:
        add(dump(value))
    elif kind is dict:
        mark = b"{"
        for key, item in value.items():
            add(mark + dump(key) + b":")
            _write(item, add, dump, piece)
            mark = b","
        add(b"}")
    elif kind is list:
        _write_list(value, add, dump, piece)
    else:
        size = piece * _CHARS
        add(b'"')
        for start in range(0, len(value), size):
            add(dump(value[start : start + size])[1:-1])
        add(b'"')


def _write_list(items: list[Json], add: Callable[[bytes], None], dump: Callable[[Json], bytes], piece: int) -> None:
    """Write a list: small items as many at a time as make a piece, what is larger by itself."""

    def write(start: int, stop: int) -> None:
        if 0 < start < stop:
            add(b",")
        if stop - start == 1:
            _write(items[start], add, dump, piece)
        elif start < stop:
            add(dump(items[start:stop])[1:-1])

    add(b"[")
    start, left = 0, piece
    for number, item in enumerate(items):
        left = _left(item, left)
        if left >= 0:
            continue
        write(start, number)
        start, left = number, _left(item, piece)
        if left < 0:
            write(number, number + 1)
            start, left = number + 1, piece
    write(start, len(items))
    add(b"]")


def _left(value: Json, left: int) -> int:
    """Return how many values may still be written with this one, less than 0 where it is too many."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return left - 1 - (len(value) // _CHARS if kind is str else 0)
    left -= 1
    for item in value:
        if left < 0:
            return left
        kind = type(item)
        if kind is str:  # most are, and a call for each is what takes long
            left -= 1 + len(item) // _CHARS
        elif kind is dict or kind is list:
            left = _left(item, left)
        else:
            left -= 1
    return left
