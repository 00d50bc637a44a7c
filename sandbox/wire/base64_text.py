"""Base64 in texts (RFC 4648 §4): scenario steps, request bodies, FHIR's base64Binary. The one reading of it.

White space is passed over wherever it stands, as the tools that write Base64 break their lines (RFC 2045 §6.8, and R4's
base64Binary); everything else has to be there as the RFC says, padding included.
"""

import base64
import re
from typing import Final

_PACKED: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}").fullmatch
_SPACES: Final = {ord(char): None for char in " \t\r\n"}


def _pack(text: str) -> str | None:
    packed = text.translate(_SPACES)
    return packed if len(packed) % 4 == 0 and _PACKED(packed) else None


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
    return None if packed is None else base64.b64decode(packed)
