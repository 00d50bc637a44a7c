r"""Search values: separators and escapes (R4 search, 3.1.1.4.19).

`,` separates alternatives, `|` and `$` the parts of a value; `\,` `\|` `\$` `\\` stand for the
characters themselves; a backslash before anything else is illegal.
"""

import re
from typing import Final

_ESCAPED: Final = re.compile(r"\\([,|$\\])")


def is_well_escaped(text: str) -> bool:
    r"""Whether every backslash escapes something.

    >>> is_well_escaped(r"a\,b"), is_well_escaped(r"a\b")
    (True, False)
    """
    return "\\" not in _ESCAPED.sub("", text)


def split(text: str, separator: str) -> list[str]:
    r"""Split at separators that are not escaped; the parts keep their escapes.

    >>> split(r"a\,b,c", ",")
    ['a\\,b', 'c']
    """
    if "\\" not in text:
        return text.split(separator)
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return parts


def unescape(text: str) -> str:
    r"""Return the characters that the escapes stand for.

    >>> unescape(r"a\,b\\c")
    'a,b\\c'
    """
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
