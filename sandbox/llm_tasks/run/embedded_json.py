"""The one JSON value in what a model said: behind its thoughts, between its sentences, in a fence.

Never guesses: an answer that holds several different values is refused, and so is one whose value is no strict
JSON, however good a part of it may be. Must not know engines or output formats.
"""

import json
import re
from typing import Final

from sandbox import jsonio
from sandbox.errors import Malformed, SandboxError
from sandbox.jsonio import Json

# What models write around what they thought; a chat template may have swallowed the tag that opens it.
_TAGS: Final = "think|thinking|thought|reasoning"
_OPEN: Final = re.compile(rf"<(?:{_TAGS})>", re.IGNORECASE)
_CLOSE: Final = re.compile(rf"</(?:{_TAGS})>", re.IGNORECASE)
_NEXT: Final = re.compile(rf"[{{\[]|</?(?:{_TAGS})>", re.IGNORECASE)
# Braces that belong to a sentence, such as {name} and {{name}}; a JSON object has quotes or nothing in it.
_PLACEHOLDER: Final = re.compile(r'\{{1,2}\s*[^\s{}"\[\]][^{}"\[\]]*\}{1,2}')
_FENCED: Final = re.compile(r"\s*```[^\n`]*\n(.*?)\n?```\s*", re.DOTALL)
_BOM: Final = "\ufeff"
# Characters that may be gone over in vain: to fail at a place costs as many as stand before it.
_WORK_CHARS: Final = 1_000_000_000
# Only where a value ends is asked of it, so numbers need not be made.
_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str)


def without_thoughts(text: str) -> str:
    r"""Return a text without a byte-order mark and without the thoughts it begins with.

    >>> without_thoughts("\ufeff<think>Ana? Bo?</think>\n\nAna"), without_thoughts("a <think>b</think>")
    ('Ana', 'a <think>b</think>')
    """
    rest = text.removeprefix(_BOM)
    while (opened := _OPEN.match(rest, len(rest) - len(rest.lstrip()))) is not None:
        closed = _CLOSE.search(rest, opened.end())
        if closed is None:
            break
        rest = rest[closed.end() :].lstrip()
    return rest


def without_fence(text: str) -> str:
    r"""Return what is in the fence that is the whole of a text, or the text.

    >>> without_fence("```CSV\na,b\n1,2\n```")
    'a,b\n1,2'
    """
    found = _FENCED.fullmatch(text)
    return found[1] if found is not None and "```" not in found[1] else text


def find_json(text: str) -> Json:
    r"""Return the JSON value that a text is or holds, outside of its thoughts.

    In prose an object counts, and an array that holds one; the same value said twice is one. Raises `Malformed`: there
    is none, there are several, or it is no strict JSON; `TooLarge` as `jsonio.parse` does.

    >>> find_json('Sure! ```JSON\n{"a": 1}\n``` Anything else?')
    {'a': 1}
    """
    plain = text.strip().strip(_BOM).strip()
    try:
        return jsonio.parse(plain)
    except SandboxError as error:
        problem = error
    values = [jsonio.parse(part) for part in _values_in(plain)]
    if not values:
        raise problem
    different = {jsonio.canonical(value) for value in values}
    if len(different) > 1:
        raise Malformed(
            f"The body holds {len(different)} different JSON values, and which of them is meant cannot be told; "
            "answer with one."
        )
    return values[0]


def _values_in(text: str) -> list[str]:
    """Return the text of every object, and array of objects, outside of thoughts and of one another.

    Raises `Malformed` for JSON that is broken: what is whole within it may be the wrong part.
    """
    found: list[str] = []
    at = work = 0
    while (following := _NEXT.search(text, at)) is not None:
        start, at = following.span()
        if text[start] == "<":
            if text[start + 1] == "/":
                found.clear()  # all that was said before it was thought
            else:
                closed = _CLOSE.search(text, at)
                at = closed.end() if closed is not None else len(text)
            continue
        placeholder = _PLACEHOLDER.match(text, start)
        if placeholder is not None:
            at = placeholder.end()
            continue
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            end = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
            work += end
            if text[start] == "{" or "{" in text[start:end] or work > _WORK_CHARS:
                at = _end_of_thought(text, start)
                found.clear()
        else:
            if isinstance(value, dict) or any(isinstance(item, dict) for item in value):
                found.append(text[start:at])
    return found


def _end_of_thought(text: str, broken: int) -> int:
    """Return where the thought ends that broken JSON stands in; raises `Malformed` when it stands in none."""
    closed = _CLOSE.search(text, broken)
    if closed is None or _OPEN.search(text, broken, closed.start()) is not None:
        shown = " ".join(text[broken : broken + 60].split())
        raise Malformed(f"The body holds JSON that is broken: {shown}")
    return closed.end()
