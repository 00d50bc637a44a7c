"""Where a URL points: below this server's base, or elsewhere (RFC 3986, 4.2; R4, Bundle.entry.request.url).

The one place that tells an absolute URL from a relative one. It goes by the scheme, which stands before the
first `/`, `?` and `#`: what comes later may hold URLs of its own, as the values of a search do.
"""

import re
from typing import Final, TypeAlias
from urllib.parse import unquote

from sandbox.errors import Invalid

Path: TypeAlias = tuple[str, ...]

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:").match


def is_absolute(url: str) -> bool:
    """Whether a URL begins with a scheme.

    >>> is_absolute("urn:uuid:patient"), is_absolute("Observation?code=http://loinc.org|1234-5")
    (True, False)
    """
    return _SCHEME(url) is not None


def split_url(url: str, base: str) -> tuple[Path, str]:
    """Split a URL at or below the base, or relative to it, into path segments and query; raises `Invalid`.

    >>> split_url("Patient?name=a%20b", "http://x/fhir")
    (('Patient',), 'name=a%20b')
    >>> split_url("http://x/fhir/Observation?code=http://loinc.org|1-8", "http://x/fhir")
    (('Observation',), 'code=http://loinc.org|1-8')
    """
    text = url.strip()
    if base and text.startswith(base) and text[len(base) : len(base) + 1] in ("", "/", "?"):
        text = text[len(base) :]
    elif is_absolute(text) or text.startswith("//"):
        raise Invalid(f'The URL "{url}" is not below this server\'s base {base}.', issue_type="value")
    path, _, query = text.partition("?")
    try:
        segments = tuple(unquote(part, errors="strict") for part in path.strip("/").split("/") if part)
    except UnicodeDecodeError:
        raise Invalid(f'The URL "{url}" is not UTF-8.', issue_type="value") from None
    return segments, query


def split_condition(text: str, base: str) -> tuple[Path, str]:
    """Split a condition (`If-None-Exist`) into the path before its query, mostly none, and the query; raises `Invalid`.

    R4 has the query alone; `?query`, `Type?query` and the whole URL are written too. A `?` after the first `=`
    is part of a value.

    >>> split_condition("identifier=http://x?a|1", ""), split_condition("Patient?identifier=1", "")
    (((), 'identifier=http://x?a|1'), (('Patient',), 'identifier=1'))
    """
    text = text.strip()
    place, mark, query = text.partition("?")
    if not mark or "=" in place:
        return (), text
    return split_url(place, base)[0], query
