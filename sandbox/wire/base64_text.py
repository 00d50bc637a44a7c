"""Base64 in texts (RFC 4648 §4): scenario steps, request bodies, FHIR's base64Binary. The one reading of it.

White space is passed over wherever it stands, as the tools that write Base64 break their lines (RFC 2045 §6.8, and R4's
base64Binary); everything else has to be there as the RFC says, padding included.

A long text is read a window at a time: one call of C over all of it would hold the interpreter to its end.
"""

import base64
import re
from typing import Final

_INNER: Final = re.compile(r"[A-Za-z0-9+/]*").fullmatch
_LAST: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}").fullmatch
_SPACES: Final = {ord(char): None for char in " \t\r\n"}
_WINDOW: Final = 256 << 10  # whole groups of four


def _pack(text: str) -> list[str] | None:
    """Return the text without its white space in windows, None for what is no Base64."""
    if any(space in text for space in " \t\r\n"):
        text = "".join([part.translate(_SPACES) for part in _windows(text)])
    windows = _windows(text)
    is_packed = len(text) % 4 == 0 and all(_INNER(part) for part in windows[:-1]) and _LAST(windows[-1])
    return windows if is_packed else None


def _windows(text: str) -> list[str]:
    return [text[start : start + _WINDOW] for start in range(0, len(text), _WINDOW)] or [""]


def is_base64(text: str) -> bool:
    """Whether a text is Base64; an empty one is.

    >>> is_base64("Zm9v"), is_base64("Zm9"), is_base64("Zm9v====")
    (True, False, False)
    """
    return _pack(text) is not None


def read_base64(text: str) -> bytes | None:
    r"""Return the bytes that a text holds, None for what is no Base64.

    >>> read_base64("aGVs\n bG8="), read_base64("aGVsbG8"), read_base64("")
    (b'hello', None, b'')
    """
    packed = _pack(text)
    return None if packed is None else b"".join([base64.b64decode(part) for part in packed])
