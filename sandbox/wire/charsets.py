"""The character sets that texts come in: a list of those that are some, and not whatever Python has a codec for.

Among Python's are codecs that are no character sets (`idna`, `unicode-escape`), that take longer the longer a text is
times its length (`punycode`), and that read the same bytes in several ways (`utf-7`).
"""

import codecs
from functools import lru_cache
from typing import Final

from sandbox.errors import UnsupportedMedia
from sandbox.wire.media_types import charset_of

CHARSETS: Final = frozenset(
    "ascii utf-8 utf-8-sig utf-16 utf-16-be utf-16-le utf-32 utf-32-be utf-32-le "
    "cp437 cp850 cp852 cp855 cp858 cp866 cp874 cp932 cp949 cp950 "
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 mac-roman "
    "koi8-r koi8-u tis-620 big5 big5hkscs gb2312 gbk gb18030 euc_jp euc_kr shift_jis "
    "iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_kr".split()
) | {f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15, 16)}
"""By the names of Python's codecs."""

_UTF_8: Final = frozenset({"ascii", "utf-8"})


@lru_cache(maxsize=256)
def find_charset(name: str) -> str | None:
    r"""Return the codec of a character set, however its name is written; None for what is none.

    >>> find_charset("Latin-1"), find_charset("UTF8"), find_charset("punycode"), find_charset("klingon")
    ('iso8859-1', 'utf-8', None, None)
    """
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):  # unknown, or a name that nothing can have
        return None
    return found if found in CHARSETS else None


def check_utf_8(content_type: str, what: str) -> None:
    """Raise `UnsupportedMedia` for a body whose `Content-Type` names another character set than UTF-8.

    >>> check_utf_8("application/json; charset=UTF8", "JSON")
    >>> check_utf_8("application/json; charset=utf-16", "JSON")
    Traceback (most recent call last):
    ...
    sandbox.errors.UnsupportedMedia: The character set "utf-16" is not read here; JSON is sent in UTF-8.
    """
    charset = charset_of(content_type)
    if charset is not None and find_charset(charset) not in _UTF_8:
        raise UnsupportedMedia(f'The character set "{charset[:40]}" is not read here; {what} is sent in UTF-8.')


def decode_text(content: bytes, header: str) -> str | None:
    r"""Return a content as text, in the charset of its `Content-Type`, UTF-8 where it names none.

    What does not fit the charset becomes U+FFFD. Returns None for a charset that is not known.

    >>> decode_text(b"Jos\xe9", "text/plain; charset=windows-1252"), decode_text(b"x", "text/plain; charset=klingon")
    ('José', None)
    """
    charset = charset_of(header)
    if charset is None or content.startswith(codecs.BOM_UTF8):
        return content.decode("utf-8-sig", "replace")
    found = find_charset(charset)
    return None if found is None else content.decode(found, "replace").removeprefix("\ufeff")
