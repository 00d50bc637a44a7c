"""Regular expressions that come from definitions, requests or models: searched in linear time.

RE2 holds every pattern but those with look-around or back-references, and never takes longer than the text is
long. What it cannot hold is refused by name rather than run without a bound.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import re2

_MEMORY: Final = 8 << 20
MAX_LENGTH: Final = 10_000


class BadPattern(ValueError):
    """A pattern that cannot be read, or that has no bound in time; the message says which."""


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_compiled",)

    def __init__(self, found: Any) -> None:
        self._compiled = found

    def search(self, text: str) -> bool:
        """Whether it matches somewhere in the text."""
        return self._compiled.search(text) is not None

    def full_match(self, text: str) -> bool:
        """Whether it matches the whole text."""
        return self._compiled.fullmatch(text) is not None

    def replace(self, text: str, expand: Callable[[Callable[[str | int], str | None]], str], limit: int) -> str | None:
        """Replace each match by what `expand` makes of its groups; None past `limit` characters."""
        parts: list[str] = []
        end = length = 0
        for match in self._compiled.finditer(text):
            part = text[end : match.start()] + expand(match.group)
            length += len(part)
            if length > limit:
                return None
            parts.append(part)
            end = match.end()
        return "".join(parts) + text[end:]


@lru_cache(maxsize=256)
def compiled(
    pattern: str,
    *,
    ignore_case: bool = False,
    multi_line: bool = False,
    dot_all: bool = False,
    longest: int = MAX_LENGTH,
) -> Pattern:
    """Compile a pattern; raises `BadPattern`.

    >>> compiled("^a.c$").full_match("abc"), compiled("B", ignore_case=True).search("abc")
    (True, True)
    """
    if len(pattern) > longest:
        raise BadPattern(f"it is longer than {longest:,} characters")
    flags = "".join(flag for flag, on in (("i", ignore_case), ("m", multi_line), ("s", dot_all)) if on)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    text = f"(?{flags}:{pattern})" if flags else pattern
    try:
        return Pattern(re2.compile(text, options))
    except UnicodeEncodeError:
        raise BadPattern("it holds half of a surrogate pair") from None
    except re2.error as error:
        shown = error.args[0] if error.args else error
        why = shown.decode(errors="replace") if isinstance(shown, bytes) else str(shown)
        raise BadPattern(why) from None
