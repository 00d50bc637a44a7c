"""What a resource refers to, for operations that gather what belongs together."""

from collections.abc import Iterator

from sandbox.jsonio import Json
from sandbox.r4.validation.literals import Literal, parse_literal


def references_of(value: Json, base: str, *, with_attachments: bool = False) -> Iterator[Literal]:
    """Yield the literal references to resources of this server, contained resources' too, in order of mention.

    With attachments, the URLs of these as well, which mostly lead to a Binary.

    >>> photo = {"photo": [{"url": "Binary/1"}], "link": [{"other": {"reference": "Patient/2"}}]}
    >>> [r.id for r in references_of(photo, "", with_attachments=True)]
    ['1', '2']
    """
    for text in _texts(value, ("reference", "url") if with_attachments else ("reference",)):
        literal = parse_literal(text)
        if literal is not None and literal.base in ("", base):
            yield literal


def _texts(value: Json, keys: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        for key in keys:
            text = value.get(key)
            if isinstance(text, str):
                yield text
        for item in value.values():
            yield from _texts(item, keys)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, keys)
