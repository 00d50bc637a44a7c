"""Python's regular expressions in linear time: what `matches` means in criteria, scenarios, answers and faults.

Their meaning is that of Python's `re`, to the character. What RE2 can hold is translated for it (`translate.py`) and
takes no longer than the text is long. What it cannot (look-around, references to groups, …) is run by Python in a
process of its own, under a time limit (`worker.py`).
"""

import re
from functools import lru_cache
from typing import Final

from sandbox import work
from sandbox.errors import TooCostly
from sandbox.patterns import MAX_LENGTH, BadPattern, Pattern, compiled
from sandbox.regexes import worker
from sandbox.regexes.translate import NotHeld, translated

__all__ = ["Regex", "compile_regex", "find_problem"]

_LONGEST: Final = 1_000_000  # of a translation: all letters of Unicode are many ranges
_CHARACTERS: Final = 20  # that are matched for a unit of work


class Regex:
    """A pattern of Python's, to search texts for."""

    __slots__ = ("_ascii", "_full", "_ignores_case", "_pattern")

    def __init__(self, pattern: str, *, ignore_case: bool) -> None:
        self._pattern = pattern
        self._ignores_case = ignore_case
        flags = re.IGNORECASE if ignore_case else 0
        self._ascii = _held(pattern, flags, is_ascii=True)
        self._full: Pattern | bool | None = False  # not looked at yet

    @property
    def is_linear(self) -> bool:
        """Whether it takes no longer than a text of ASCII is long."""
        return self._ascii is not None

    def search(self, text: str) -> bool:
        """Whether it matches somewhere. Raises `TooCostly` when that cannot be told in time."""
        work.spend(1 + len(text) // _CHARACTERS)
        held = self._ascii if text.isascii() else self._for_all()
        if held is not None:
            try:
                return held.search(text)
            except UnicodeEncodeError:  # half of a surrogate pair
                pass
        found = worker.search(self._pattern, text, ignore_case=self._ignores_case)
        if found is None:
            raise TooCostly(
                f"The regular expression {self._pattern[:100]!r} takes longer than {worker.LIMIT_S:g} s on this text. "
                "Write it without look-around and references to groups: then it cannot."
            )
        return found

    def _for_all(self) -> Pattern | None:
        if isinstance(self._full, bool):
            self._full = _held(self._pattern, re.IGNORECASE if self._ignores_case else 0, is_ascii=False)
        return self._full


def _held(pattern: str, flags: int, *, is_ascii: bool) -> Pattern | None:
    try:
        return compiled(translated(pattern, flags, is_ascii=is_ascii), longest=_LONGEST)
    except (NotHeld, BadPattern):
        return None


@lru_cache(maxsize=512)
def compile_regex(pattern: str, *, ignore_case: bool = False) -> Regex:
    r"""Compile a pattern. Raises `re.error` for what Python cannot read, `BadPattern` for what is too long.

    >>> compile_regex(r"^\d+$").search("12\n"), compile_regex(r"(.)\1").search("abb")
    (True, True)
    """
    if len(pattern) > MAX_LENGTH:
        raise BadPattern(f"it is longer than {MAX_LENGTH:,} characters")
    re.compile(pattern)  # says what is wrong; nothing is matched by it here
    return Regex(pattern, ignore_case=ignore_case)


def find_problem(pattern: object) -> str | None:
    """Return why something is no regular expression, None when it is one.

    >>> find_problem("("), find_problem("a+")
    ('missing ), unterminated subpattern at position 0', None)
    """
    if not isinstance(pattern, str):
        return "it is not a text"
    try:
        compile_regex(pattern)
    except (re.error, BadPattern, RecursionError, OverflowError) as error:
        return str(error)
    return None
