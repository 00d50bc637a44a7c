"""Taking secrets out of what is kept: runs, events, cassettes. Pure."""

from collections.abc import Iterable
from typing import Final, TypeVar

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.playground.events import REDACTED

# Shorter ones are words that may stand in any text.
_CHARS_MIN: Final = 8
_Value = TypeVar("_Value", bound=Json)


def without_secrets(value: _Value, secrets: Iterable[str]) -> _Value:
    """Return a JSON value with every secret replaced, in keys as well.

    >>> without_secrets({"text": "my key is vk_0123456789"}, ["vk_0123456789"])
    {'text': 'my key is [redacted]'}
    """
    text = jsonio.dump(value).decode()
    found = [secret for secret in secrets if len(secret) >= _CHARS_MIN and secret in text]
    if not found:
        return value
    for secret in found:
        text = text.replace(secret, REDACTED)
    return jsonio.parse(text)  # type: ignore[no-any-return]
