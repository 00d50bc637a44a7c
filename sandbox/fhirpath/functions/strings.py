"""Functions on strings (FHIRPath 2.0, String Manipulation; Additional String Functions)."""

import base64
import binascii
import html
import json
import re
from collections.abc import Callable
from typing import Any, Final

from sandbox import patterns
from sandbox.fhirpath.code import BOOLEAN, INTEGER, STRING
from sandbox.fhirpath.context import Apply, Env, Types
from sandbox.fhirpath.functions.call import Call, Entry, of_value
from sandbox.fhirpath.nodes import Item
from sandbox.fhirpath.types import kind_of

_CHARACTERS_A_UNIT: Final = 64
_LONGEST: Final = 1_000_000


def _text(call: Call, focus: list[Item]) -> str | None:
    value = call.value(focus)
    if value is None or isinstance(value, str):
        return value
    raise call.problem(f"is called on a string, and met {kind_of(focus[0])}")


def _function(
    least: int,
    most: int,
    apply: Callable[..., Item],
    kinds: tuple[tuple[type, str], ...] = (),
    types: Types = None,
    *,
    is_list: bool = False,
) -> Entry:
    """Return the entry of a function of a string and single arguments; an empty one makes the result empty.

    Arguments past `least` may be empty or left out.
    """

    def make(call: Call) -> Apply:
        runs = [call.argument(place) for place in range(call.count)]

        def run(env: Env, focus: list[Item]) -> list[Item]:
            text = _text(call, focus)
            values = [call.single(r, env, *kinds[place]) for place, r in enumerate(runs)]
            if text is None or any(value is None for value in values[:least]):
                return []
            env.context.spend(1 + len(text) // _CHARACTERS_A_UNIT)
            found = apply(call, text, *values)
            if is_list:
                env.context.spend(len(found))
                return list(found)
            if isinstance(found, str):
                env.context.spend(len(found) // _CHARACTERS_A_UNIT)
            return [] if found is None else [found]

        return run

    return of_value(least, most, make, types)


_A_STRING: Final = (str, "a string")
_A_NUMBER: Final = (int, "a whole number")


def _substring(call: Call, text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(0, length)]


def _replace(call: Call, text: str, pattern: str, substitution: str) -> str:
    count = text.count(pattern) if pattern else len(text) + 1
    if len(text) + count * len(substitution) > _LONGEST:
        raise call.problem(f"makes a string of more than {_LONGEST:,} characters")
    return text.replace(pattern, substitution)


def _pattern(call: Call, pattern: str, flags: str | None) -> patterns.Pattern:
    if flags and set(flags) - {"i", "m"}:
        raise call.problem('knows the flags "i" and "m"')
    try:
        return patterns.compiled(
            pattern, ignore_case="i" in (flags or ""), multi_line="m" in (flags or ""), dot_all=True
        )
    except patterns.BadPattern as error:
        raise call.problem(f"cannot read the regular expression '{pattern}': {error}") from None


def _matches(call: Call, text: str, pattern: str, flags: str | None = None) -> bool:
    return _pattern(call, pattern, flags).search(text)


def _matches_full(call: Call, text: str, pattern: str, flags: str | None = None) -> bool:
    return _pattern(call, pattern, flags).full_match(text)


_GROUP: Final = re.compile(r"\$(?:\{(\w+)\}|(\d+)|(\$))")


def _replace_matches(call: Call, text: str, pattern: str, substitution: str, flags: str | None = None) -> str:
    if not pattern:
        return text
    found = _pattern(call, pattern, flags)

    def expand(groups: Callable[[str | int], str | None]) -> str:
        def one(match: "re.Match[str]") -> str:
            name, number, dollar = match.groups()
            if dollar:
                return "$"
            key: str | int = int(number) if number else int(name) if name.isdigit() else name
            try:
                return groups(key) or ""
            except (IndexError, KeyError):
                raise call.problem(f"names a group that the regular expression does not have: {key}") from None

        return _GROUP.sub(one, substitution)

    result = found.replace(text, expand, _LONGEST)
    if result is None:
        raise call.problem(f"makes a string of more than {_LONGEST:,} characters")
    return result


def _encode(call: Call, text: str, form: str) -> str:
    data = text.encode()
    if form == "hex":
        return data.hex()
    if form == "base64":
        return base64.b64encode(data).decode()
    if form == "urlbase64":
        return base64.urlsafe_b64encode(data).decode()
    if form == "ascii":
        return text.encode("ascii", "replace").decode()
    raise call.problem(f'knows "hex", "base64", "urlbase64" and "ascii", not "{form}"')


def _decode(call: Call, text: str, form: str) -> str | None:
    try:
        if form == "hex":
            return bytes.fromhex(text).decode()
        if form == "base64":
            return base64.b64decode(text, validate=True).decode()
        if form == "urlbase64":
            return base64.b64decode(text, b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        return None
    raise call.problem(f'knows "hex", "base64" and "urlbase64", not "{form}"')


def _escape(call: Call, text: str, target: str) -> str:
    if target == "html":
        return html.escape(text).replace("&#x27;", "&#39;")
    if target == "json":
        return json.dumps(text, ensure_ascii=False)[1:-1]
    raise call.problem(f'knows "html" and "json", not "{target}"')


def _unescape(call: Call, text: str, target: str) -> str | None:
    if target == "html":
        return html.unescape(text)
    if target == "json":
        try:
            found: Any = json.loads(f'"{text}"')
        except ValueError:
            return None
        return str(found)
    raise call.problem(f'knows "html" and "json", not "{target}"')


def _split(call: Call, text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _join(call: Call) -> Apply:
    separator = call.argument(0) if call.count else None

    def join(env: Env, focus: list[Item]) -> list[Item]:
        if not focus:
            return []
        between = call.single(separator, env, str, "a string") if separator is not None else ""
        parts = [_text(call, [item]) or "" for item in focus]
        joined = (between or "").join(parts)
        env.context.spend(1 + len(joined) // _CHARACTERS_A_UNIT)
        return [joined]

    return join


_WHITE: Final = " \t\r\n"
_TWO: Final = (_A_STRING, _A_STRING)
_THREE: Final = (_A_STRING, _A_STRING, _A_STRING)

ENTRIES: Final[dict[str, Entry]] = {
    "indexOf": _function(1, 1, lambda call, text, part: text.find(part), (_A_STRING,), INTEGER),
    "lastIndexOf": _function(1, 1, lambda call, text, part: text.rfind(part), (_A_STRING,), INTEGER),
    "substring": _function(1, 2, _substring, (_A_NUMBER, _A_NUMBER), STRING),
    "startsWith": _function(1, 1, lambda call, text, part: text.startswith(part), (_A_STRING,), BOOLEAN),
    "endsWith": _function(1, 1, lambda call, text, part: text.endswith(part), (_A_STRING,), BOOLEAN),
    "contains": _function(1, 1, lambda call, text, part: part in text, (_A_STRING,), BOOLEAN),
    "upper": _function(0, 0, lambda call, text: text.upper(), types=STRING),
    "lower": _function(0, 0, lambda call, text: text.lower(), types=STRING),
    "replace": _function(2, 2, _replace, _TWO, STRING),
    "matches": _function(1, 2, _matches, _TWO, BOOLEAN),
    "matchesFull": _function(1, 2, _matches_full, _TWO, BOOLEAN),
    "replaceMatches": _function(2, 3, _replace_matches, _THREE, STRING),
    "length": _function(0, 0, lambda call, text: len(text), types=INTEGER),
    "toChars": _function(0, 0, lambda call, text: list(text), types=STRING, is_list=True),
    "encode": _function(1, 1, _encode, (_A_STRING,), STRING),
    "decode": _function(1, 1, _decode, (_A_STRING,), STRING),
    "escape": _function(1, 1, _escape, (_A_STRING,), STRING),
    "unescape": _function(1, 1, _unescape, (_A_STRING,), STRING),
    "trim": _function(0, 0, lambda call, text: text.strip(_WHITE), types=STRING),
    "split": _function(1, 1, _split, (_A_STRING,), STRING, is_list=True),
    "join": of_value(0, 1, _join, STRING),
}
