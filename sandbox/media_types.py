"""Media types and their parameters (RFC 9110 §8.3): how a Content-Type is read, kept and decoded by.

A leaf: it knows neither requests nor files.
"""

import codecs
import re
from typing import Final

CHARS_MAX: Final = 255

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}")
_PARAMETER: Final = re.compile(rf"[ \t]*;[ \t]*(?:({_TOKEN})=({_TOKEN}|{_QUOTED}))?")


def read_media_type(text: str) -> str | None:
    """Return a Content-Type in the form that is kept, None when it is none.

    Type and names of parameters are in lower case, the parameters' values as they came. A parameter given twice
    means nothing, nor does more than `CHARS_MAX` characters.

    >>> read_media_type("Text/Plain;Charset=windows-1252"), read_media_type("text"), read_media_type("a/b; c")
    ('text/plain; charset=windows-1252', None, None)
    """
    text = text.strip(" \t")
    found = _TYPE.match(text)
    if found is None or len(text) > CHARS_MAX:
        return None
    parameters: dict[str, str] = {}
    at = found.end()
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None or (parameter[1] or "").lower() in parameters:
            return None
        if parameter[1] is not None:
            parameters[parameter[1].lower()] = parameter[2]
        at = parameter.end()
    return "; ".join([found[0].lower(), *(f"{name}={value}" for name, value in parameters.items())])


def essence(content_type: str) -> str:
    """Return a media type without its parameters, in lower case.

    >>> essence("Text/CSV; header=present")
    'text/csv'
    """
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str) -> str | None:
    """Return the charset that a Content-Type names, None when it names none.

    >>> charset_of('text/plain; charset="ISO-8859-1"'), charset_of("text/plain")
    ('ISO-8859-1', None)
    """
    for parameter in _PARAMETER.finditer(content_type):
        if parameter[1] is not None and parameter[1].lower() == "charset":
            return re.sub(r"\\(.)", r"\1", parameter[2].strip('"'))
    return None


def decode_text(content: bytes, content_type: str) -> str | None:
    r"""Return a content as text, in the charset of its type, UTF-8 where it names none.

    What does not fit the charset becomes U+FFFD. Returns None for a charset that is not known.

    >>> decode_text(b"Jos\xe9", "text/plain; charset=windows-1252"), decode_text(b"x", "text/plain; charset=klingon")
    ('José', None)
    """
    charset = charset_of(content_type)
    if charset is None or content.startswith(codecs.BOM_UTF8):
        return content.decode("utf-8-sig", "replace")
    try:
        return content.decode(charset, "replace").removeprefix("\ufeff")
    except (LookupError, ValueError):  # unknown, no encoding of text, or one that cannot replace
        return None
