"""Content negotiation and preferences (R4, RESTful API: content types, `_format`, `Prefer`)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from sandbox.errors import Invalid, NotAcceptable, UnsupportedMedia
from sandbox.r4.names import MEDIA_TYPE
from sandbox.wire.charsets import check_utf_8
from sandbox.wire.media_types import MediaType, acceptance, pairs_of, read_accept, read_media_type, split_list

JSON_TYPES: Final = frozenset({MEDIA_TYPE, "application/json", "text/json", "application/json+fhir"})
FHIR_VERSIONS: Final = ("4.0", "4.0.1")
_VERSION: Final = "fhirversion"
# What is answered with, in the order of preference, and under which names it may be asked for.
_OFFERED: Final = (
    (MEDIA_TYPE, (MEDIA_TYPE, "application/json+fhir")),
    ("application/json", ("application/json", "text/json")),
)
_TAG: Final = re.compile(r'\*|(?:W/)?"([^"]*)"|(?:W/)?([A-Za-z0-9\-.]{1,64})').fullmatch

Return = Literal["minimal", "representation", "OperationOutcome"]
_RETURNS: Final[tuple[Return, ...]] = ("minimal", "representation", "OperationOutcome")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What `Prefer` asks for; `returns` is None when it does not say."""

    returns: Return | None = None
    is_lenient: bool = False


@lru_cache(maxsize=256)
def preferences(header: str) -> Preferences:
    """Read a `Prefer` header; what we do not know is ignored, and of two the first counts, as RFC 7240 asks.

    >>> preferences("return=minimal; handling=lenient")
    Preferences(returns='minimal', is_lenient=True)
    """
    found: dict[str, str] = {}
    for member in split_list(header):
        for name, value in pairs_of(member):
            found.setdefault(name, value)
    returns = next((known for known in _RETURNS if known == found.get("return")), None)
    return Preferences(returns, found.get("handling", "").lower() == "lenient")


@lru_cache(maxsize=256)
def response_type(accept: str, wanted: str | None) -> str:
    """Return the media type to answer with; `wanted` is `_format`, which wins over `Accept`.

    Raises `NotAcceptable` when the caller takes no JSON.

    >>> response_type("application/json", None), response_type("text/html, */*", None)
    ('application/json', 'application/fhir+json')
    """
    if wanted is not None:
        asked = read_media_type(wanted)
        if asked.name == "json" or asked.name.replace(" ", "+") in JSON_TYPES:
            if not is_served_version(asked):
                raise _other_version(asked)
            return MEDIA_TYPE
        raise NotAcceptable(f'The format "{wanted}" is not served; use _format=json.', expression="http._format")
    accepted = read_accept(accept)
    if not accepted:
        return MEDIA_TYPE
    found = []
    for media, names in _OFFERED:
        match = acceptance(accepted, names, is_served_version)
        if match is not None and match[0] > 0:
            found.append((-match[0], match[1], media))
    if found:
        return min(found, key=lambda row: row[:2])[2]
    for member in accepted:
        if member.media_type.name in JSON_TYPES and not is_served_version(member.media_type):
            raise _other_version(member.media_type)
    raise NotAcceptable(f'Nothing in "Accept: {accept}" is served; this server answers {MEDIA_TYPE} only.')


def is_served_version(media_type: MediaType) -> bool:
    """Whether a media type's `fhirVersion`, if it has one, is R4 (R4, RESTful API, "FHIR Version Parameter")."""
    return media_type.parameters.get(_VERSION, FHIR_VERSIONS[0]) in FHIR_VERSIONS


def _other_version(media_type: MediaType) -> NotAcceptable:
    return NotAcceptable(f"FHIR version {media_type.parameters[_VERSION]} is not served; this is 4.0.")


def check_json_body(media_type: str, what: str, content_type: str = "") -> None:
    """Refuse a body that is not sent as JSON; a missing content type is taken as JSON.

    `content_type` is the whole header: another character set than UTF-8 and another version of FHIR
    are refused as well. Raises `UnsupportedMedia`.
    """
    if media_type and media_type not in JSON_TYPES:
        raise UnsupportedMedia(f'A body of type "{media_type}" is not read for {what}; send {MEDIA_TYPE}.')
    sent = read_media_type(content_type)
    check_utf_8(content_type, "FHIR")
    if not is_served_version(sent):
        raise UnsupportedMedia(f"FHIR version {sent.parameters[_VERSION]} is not read for {what}; this is 4.0.")


def is_true(query: Sequence[tuple[str, str]], name: str) -> bool:
    """Whether a flag parameter is true; raises `Invalid` when it is neither true nor false."""
    for key, value in query:
        if key == name:
            if value not in ("true", "false"):
                raise Invalid(f'{name} must be true or false, not "{value}".', expression=f"http.{name}")
            return value == "true"
    return False


def tag_versions(header: str) -> list[str | None] | None:
    """Return the versions that a list of entity tags names, None for `*`; None for what is no such list.

    A bare version, as some clients send it, is read as a tag (RFC 9110, 8.8.3, has the quoted forms).

    >>> tag_versions('W/"3"'), tag_versions('"3", 4'), tag_versions("*"), tag_versions('W/"3')
    (['3'], ['3', '4'], [None], None)
    """
    found = [_TAG(part.strip()) for part in header.split(",")]
    return [tag[1] if tag[1] is not None else tag[2] for tag in found if tag] if all(found) else None


def etag_of(version: int) -> str:
    """Return the entity tag of a resource's version (R4, RESTful API, "Managing Resource Contention").

    >>> etag_of(3)
    'W/"3"'
    """
    return f'W/"{version}"'


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header's value, empty when it was not sent."""
    return headers.get(name, "")


def is_utf8(query: str) -> bool:
    """Whether the percent-encoded bytes of a query are UTF-8.

    >>> is_utf8("name=Zo%C3%AB"), is_utf8("name=Zo%EB")
    (True, False)
    """
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        return False
    return True
