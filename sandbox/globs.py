"""Globs over slash-separated names: request paths and `collection/key`.

`*` is anything within one step, `**` any number of steps, `?` one character, `[ab]` one of a set
(`[!ab]` none of it). Upper and lower case differ. Knows nothing of files on disk.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from sandbox.patterns import Pattern, compiled

_TOKEN: Final = re.compile(r"(\*\*/|/\*\*(?=$)|\*+|\?|\[!?\]?[^\]]*\]|.)", re.DOTALL)
_OPEN: Final = frozenset("*?[")
_RANGE: Final = re.compile(r"(.)(?:-(.))?", re.DOTALL)


@lru_cache(maxsize=1024)
def compile_glob(glob: str) -> Pattern:
    """Translate a glob into a pattern for `full_match`.

    >>> bool(compile_glob("fhir/*/1").full_match("fhir/Patient/1"))
    True
    >>> bool(compile_glob("fhir/*").full_match("fhir/Patient/1"))
    False
    >>> [bool(compile_glob("fhir/**").full_match(name)) for name in ("fhir", "fhir/Patient", "fhir/Patient/1")]
    [True, True, True]
    """
    return compiled("".join(_translate(token) for token in _TOKEN.findall(glob)), dot_all=True)


def glob_matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """Return whether a name matches any of the globs.

    >>> glob_matcher(["a/*", "b"])("a/1")
    True
    """
    patterns = [compile_glob(glob) for glob in globs]
    return lambda name: any(pattern.full_match(name) for pattern in patterns)


def could_match(glob: str, template: str) -> bool:
    """Whether some name matches a glob and is of a template's form: `portal/prior-auths/{id}`, `fhir/{path:.*}`.

    >>> could_match("portal/*/1", "portal/prior-auths/{id}"), could_match("portal/prior-auth", "portal/prior-auths")
    (True, False)
    >>> could_match("fhir/Patient/**", "fhir/{path:.*}"), could_match("files/**/x", "files")
    (True, False)
    """
    return _could_meet(glob.split("/"), template.split("/"))


def _could_meet(glob: list[str], template: list[str]) -> bool:
    if not glob:
        return not template
    first, rest = glob[0], glob[1:]
    if first == "**":
        return _could_meet(rest, template) or (bool(template) and _could_meet(glob, template[1:]))
    if "**" in first or (template and template[0].startswith("{") and ":" in template[0]):
        return True  # both may stand for any number of steps
    if not template:
        return False
    is_met = template[0].startswith("{") or (
        first == template[0] if _OPEN.isdisjoint(first) else bool(compile_glob(first).full_match(template[0]))
    )
    return is_met and _could_meet(rest, template[1:])


def _translate(token: str) -> str:
    if token == "**/":
        return "(?:.*/)?"
    if token == "/**":
        return "(?:/.*)?"
    if token.startswith("**"):
        return ".*"
    if token == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token.startswith("[") and len(token) > 1:
        return _character_set(token)
    return re.escape(token)


def _character_set(token: str) -> str:
    body = token[1:-1]
    negation, body = ("^/", body[1:]) if body.startswith("!") else ("", body)
    if not body:
        return re.escape(token)
    ranges = [(first, last or first) for first, last in _RANGE.findall(body)]
    if any(first > last for first, last in ranges):  # a range that runs backwards: take the characters as they are
        ranges = [(character, character) for character in body]
    inside = "".join(rf"\x{{{ord(first):x}}}-\x{{{ord(last):x}}}" for first, last in ranges)
    return f"[{negation}{inside}]"
