"""JSON in and out: strict, bounded, and exact to the digit.

`parse` refuses what a careful receiver refuses (duplicate keys, NaN, text that is not UTF-8, more
than `limits.JSON_DEPTH` levels) and keeps the text of every decimal, so that `4.10` is written
back as `4.10`. `dump` and `canonical` understand what `parse` returns.
"""

import json
import re
from codecs import BOM_UTF8, getincrementaldecoder
from typing import Any, Final, NoReturn, TypeAlias, cast

import orjson

from sandbox import jsonpieces, limits, work
from sandbox.errors import Malformed, TooLarge

Json: TypeAlias = Any

_READ: Final = 20  # characters that are read for a unit of work
_AT_ONCE: Final = 256 << 10  # bytes or characters that are given to one call of C
_WRITTEN: Final = 200  # bytes that are written for one
_COPIED_CHARS: Final = 20  # that a list or an object stands for, about


class ExactFloat(float):
    """A float that remembers how it was written.

    >>> value = parse(b'{"v": 4.10}')["v"]
    >>> (value == 4.1, value.text)
    (True, '4.10')
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "ExactFloat":
        """Keep `text`, which must be a JSON number."""
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __reduce__(self) -> tuple[type["ExactFloat"], tuple[str]]:
        """Copy and pickle by the text."""
        return ExactFloat, (self.text,)


def _default(value: object) -> object:
    if isinstance(value, ExactFloat):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"The body is not valid JSON: {name} is not a JSON number.")


def _parse_int(text: str) -> int | float:
    return int(text) if len(text) < 19 and text != "-0" else ExactFloat(text)


def _unique_pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len(pairs) > limits.JSON_FIELDS:
        raise TooLarge(f"The JSON has an object of more than {limits.JSON_FIELDS:,} fields.")
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Malformed(f'The body is not valid JSON: the key "{key}" appears twice in one object.')
            seen.add(key)
    return result


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_pairs,
    parse_float=ExactFloat,
    parse_int=_parse_int,
    parse_constant=_refuse_constant,
)
_SCAN: Final = _DECODER.scan_once  # type: ignore[attr-defined]


def parse(body: bytes | str) -> Json:
    """Parse a JSON text strictly, keeping decimals to the digit.

    Raises `Malformed` (not UTF-8, not JSON, duplicate keys, lone surrogates) and `TooLarge`
    (deeper than `limits.JSON_DEPTH`, more than `limits.JSON_VALUES` values, more than `limits.JSON_FIELDS` fields in an
    object).

    >>> parse(b'{"a": [1, 2.50]}')
    {'a': [1, 2.5]}
    """
    if isinstance(body, str):
        text = body
    else:
        try:
            text = _decoded(body.removeprefix(BOM_UTF8))
        except UnicodeDecodeError as error:
            raise Malformed(f"The body is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    work.spend(len(text) // _READ)
    opened = _count(text, "[") + _count(text, "{")
    if opened > limits.JSON_DEPTH:
        _check_depth(text, counts=opened + _count(text, ",") > limits.JSON_VALUES)
    try:
        if len(text) <= jsonpieces.WINDOW:
            value = _DECODER.decode(text)
            pieces = [value]
        else:
            value, pieces = jsonpieces.decode(text, _SCAN, _unique_pairs)
            work.current().hold(pieces, len(text))
    except json.JSONDecodeError as error:
        message = f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise Malformed(message) from None
    if _has_escapes(text):
        for piece in pieces:
            _check_surrogates(piece)
    return value


def _decoded(body: bytes) -> str:
    """Decode UTF-8 a window at a time: one call over a long text would hold the interpreter to its end."""
    if len(body) > _AT_ONCE:
        decoder = getincrementaldecoder("utf-8")()
        try:
            parts = [decoder.decode(body[start : start + _AT_ONCE]) for start in range(0, len(body), _AT_ONCE)]
            return "".join([*parts, decoder.decode(b"", final=True)])
        except UnicodeDecodeError:
            pass  # said below, with its place in the whole
    return body.decode()


def _count(text: str, mark: str) -> int:
    """Count a mark a window at a time, as `_decoded` reads."""
    return sum([text.count(mark, start, start + _AT_ONCE) for start in range(0, len(text), _AT_ONCE)])


def _has_escapes(text: str) -> bool:
    """Whether a character may be written by its number; looked for as `_decoded` reads."""
    starts = range(0, len(text), _AT_ONCE)
    return any(text.find("\\u", start, start + _AT_ONCE + 1) >= 0 for start in starts)


def _check_surrogates(value: Json) -> None:
    try:
        dump(value)
    except (TypeError, UnicodeEncodeError):
        raise Malformed("The body is not valid JSON: a string holds half of a surrogate pair.") from None


# A string, to its end or the text's, or what opens and closes lists and objects; commas too where values are counted.
_MARKS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)
_MARKS_AND_COMMAS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]},]', re.DOTALL)


def _check_depth(text: str, *, counts: bool) -> None:
    depth = values = 0
    for match in (_MARKS_AND_COMMAS if counts else _MARKS).finditer(text):
        mark = text[match.start()]
        if mark == '"':
            continue
        if mark == "[" or mark == "{":
            depth += 1
            if depth > limits.JSON_DEPTH:
                raise TooLarge(f"The JSON is nested deeper than {limits.JSON_DEPTH} levels.")
        elif mark != ",":
            depth -= 1
            continue
        values += 1
        if counts and values > limits.JSON_VALUES:
            raise TooLarge(f"The JSON holds more than {limits.JSON_VALUES:,} values; send it in parts.")


def skim(text: str) -> Json:
    """Parse JSON that this server wrote itself, quickly, for whoever wants its names and not its decimals to the digit.

    >>> skim('[["fhir/Patient","ana",1,0,null]]')
    [['fhir/Patient', 'ana', 1, 0, None]]
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a number that only the exact reading takes
        return parse(text)


def dump(value: Json) -> bytes:
    """Write compact JSON in key order of insertion.

    >>> dump(parse(b'{"v": 4.10}'))
    b'{"v":4.10}'
    """
    text = orjson.dumps(value, default=_default)
    work.spend(len(text) // _WRITTEN)
    return text


def dump_to_keep(value: Json) -> bytes:
    """Write JSON as `dump` does, for a text that stays in memory.

    orjson writes into a buffer of some kilobytes and returns it with its unused rest; a copy is as long as its text.
    """
    return bytes(memoryview(dump_long(value)))


def dump_long(value: Json) -> bytes:
    """Write JSON as `dump` does; beside the loop, a piece at a time: one call would hold the interpreter to its end.

    >>> dump_long({"a": [1] * 3, "b": {}})
    b'{"a":[1,1,1],"b":{}}'
    """
    return b"".join(jsonpieces.encode(value, dump)) if work.current().is_beside else dump(value)


def copied(value: Json) -> Json:
    """Copy a value, its lists and objects all the way down.

    >>> whole = {"a": [1]}
    >>> copied(whole) == whole, copied(whole)["a"] is whole["a"]
    (True, False)
    """
    pieces: list[object] = []
    found = _copied(value, pieces)
    work.current().hold(pieces, len(pieces) * _COPIED_CHARS)
    return found


def _copied(value: Json, pieces: list[object]) -> Json:
    if isinstance(value, dict):
        value = {key: _copied(item, pieces) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_copied(item, pieces) for item in value]
    else:
        return value
    work.spend(1)
    pieces.append(value)
    return value


def dump_pretty(value: Json) -> bytes:
    """Write JSON for people, two spaces a level."""
    text = orjson.dumps(value, default=_default, option=orjson.OPT_INDENT_2)
    work.spend(len(text) // _WRITTEN)
    return text


def canonical(value: Json) -> bytes:
    """Write the one JSON text that equal values share: keys sorted, no white space.

    >>> canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})
    True
    """
    text = orjson.dumps(value, default=_default, option=orjson.OPT_SORT_KEYS)
    work.spend(len(text) // _WRITTEN)
    return text


def fragment(raw: bytes) -> Json:
    """Embed JSON text that is known to be valid into a value for `dump`: a part of an answer, counted as such."""
    work.current().spend_bytes(len(raw))
    return cast(Json, orjson.Fragment(raw))
