r"""From Python's regular expressions to RE2's, with the same meaning or not at all.

What Python's own parser reads is written out again: `\d`, `\w` and `\s` are all of Unicode's there, `$` matches before
a last line end too, `.` is what RE2 calls `[^\n]`. Only whether a text matches somewhere is asked, so groups and greed
do not matter. What RE2 has no equal for raises `NotHeld`.
"""

import re
from collections.abc import Iterable
from functools import cache
from re import _constants as sre  # type: ignore[attr-defined]  # Python's own reading of a pattern, since 3.11
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

_REPEATS_MAX: Final = 1_000
_CATEGORIES: Final = {
    sre.CATEGORY_DIGIT: (r"\d", False),
    sre.CATEGORY_NOT_DIGIT: (r"\d", True),
    sre.CATEGORY_SPACE: (r"\s", False),
    sre.CATEGORY_NOT_SPACE: (r"\s", True),
    sre.CATEGORY_WORD: (r"\w", False),
    sre.CATEGORY_NOT_WORD: (r"\w", True),
}
_LAST: Final = 0x10FFFF


class NotHeld(Exception):
    """RE2 has nothing that means the same."""


def translated(pattern: str, flags: int = 0, *, is_ascii: bool) -> str:
    r"""Return RE2's pattern for what Python's finds somewhere in a text; `is_ascii` is what is known of the text.

    >>> translated("a$", is_ascii=True), translated(r".\d", is_ascii=True)
    ('(?:\\x{61}\\n?\\z)', '(?:[^\\n][\\x{30}-\\x{39}])')
    """
    read = _parser.parse(pattern, flags)
    return _Writer(is_ascii).sequence(read, read.state.flags, is_last=True)


class _Writer:
    def __init__(self, is_ascii: bool) -> None:
        self._is_ascii = is_ascii

    def sequence(self, items: Iterable[Any], flags: int, *, is_last: bool) -> str:
        rows = list(items)
        last = len(rows) - 1
        return "(?:" + "".join(self._one(row, flags, is_last and at == last) for at, row in enumerate(rows)) + ")"

    def _one(self, row: Any, flags: int, is_last: bool) -> str:
        kind, value = row
        if kind is sre.LITERAL:
            return self._literal(value, flags)
        if kind is sre.NOT_LITERAL:
            return self._set([(sre.NEGATE, None), (sre.LITERAL, value)], flags)
        if kind is sre.ANY:
            return "(?s:.)" if flags & re.DOTALL else r"[^\n]"
        if kind is sre.IN:
            return self._set(value, flags)
        if kind is sre.BRANCH:
            return "(?:" + "|".join(self.sequence(part, flags, is_last=is_last) for part in value[1]) + ")"
        if kind is sre.SUBPATTERN:
            _, added, removed, part = value
            return self.sequence(part, (flags | added) & ~removed, is_last=is_last)
        if kind is sre.MAX_REPEAT or kind is sre.MIN_REPEAT:
            least, most, part = value
            if least > _REPEATS_MAX or (most is not sre.MAXREPEAT and most > _REPEATS_MAX):
                raise NotHeld
            return f"{self.sequence(part, flags, is_last=False)}{{{least},{'' if most is sre.MAXREPEAT else most}}}"
        if kind is sre.AT:
            return self._place(value, flags, is_last)
        raise NotHeld

    def _place(self, place: Any, flags: int, is_last: bool) -> str:
        if place is sre.AT_BEGINNING:
            return "(?m:^)" if flags & re.MULTILINE else r"\A"
        if place is sre.AT_BEGINNING_STRING:
            return r"\A"
        if place is sre.AT_END_STRING:
            return r"\z"
        if place is sre.AT_END:
            if flags & re.MULTILINE:
                return "(?m:$)"
            if is_last:  # nothing comes behind it, so it may take the line end along
                return r"\n?\z"
        if place in (sre.AT_BOUNDARY, sre.AT_NON_BOUNDARY) and (self._is_ascii or flags & re.ASCII):
            return r"\b" if place is sre.AT_BOUNDARY else r"\B"
        raise NotHeld

    def _literal(self, code: int, flags: int) -> str:
        if not flags & re.IGNORECASE:
            return _character(code)
        if not self._is_ascii or code > 127:
            raise NotHeld  # what is the same letter in another case is each library's own affair
        return f"(?i:{_character(code)})"

    def _set(self, items: Iterable[Any], flags: int) -> str:
        rows = list(items)
        if flags & re.IGNORECASE and not self._is_ascii:
            raise NotHeld
        is_negated = bool(rows) and rows[0][0] is sre.NEGATE
        parts = []
        for kind, value in rows[is_negated:]:
            if kind is sre.LITERAL:
                parts.append(_character(value))
            elif kind is sre.RANGE:
                parts.append(f"{_character(value[0])}-{_character(value[1])}")
            elif kind is sre.CATEGORY and value in _CATEGORIES:
                name, is_other = _CATEGORIES[value]
                parts.append(_written(name, is_other, self._is_ascii or bool(flags & re.ASCII), self._is_ascii))
            else:
                raise NotHeld
            if flags & re.IGNORECASE and kind is not sre.CATEGORY and max(_codes(value)) > 127:
                raise NotHeld
        written = f"[{'^' if is_negated else ''}{''.join(parts)}]"
        return f"(?i:{written})" if flags & re.IGNORECASE else written


def _codes(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _character(code: int) -> str:
    if 0xD800 <= code <= 0xDFFF:
        raise NotHeld
    return f"\\x{{{code:x}}}"


@cache
def _written(name: str, is_other: bool, is_ascii_class: bool, is_ascii_text: bool) -> str:
    r"""Write a class as the ranges of the characters that Python counts in, or of all others."""
    name = name.upper() if is_other else name
    runs = re.compile(f"{name}+", re.ASCII if is_ascii_class and not is_ascii_text else 0).finditer
    parts = [range(128)] if is_ascii_text else [range(0xD800), range(0xE000, _LAST + 1)]  # surrogates are none
    found = [run[0] for part in parts for run in runs("".join(map(chr, part)))]
    return "".join(f"{_character(ord(run[0]))}-{_character(ord(run[-1]))}" for run in found)
