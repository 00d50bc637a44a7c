"""Globs over paths of the file tree. Pure; case-sensitive; names that begin with a dot are no exception.

`*` is any run of characters within a name, `?` one of them, `[abc]`, `[a-z]`, `[!a]` one of a set,
and `**` as a whole name any number of directories, none included.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(r"\*+|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)


def compile_glob(glob: str) -> re.Pattern[str]:
    """Translate a glob into a pattern for `fullmatch`.

    >>> [bool(compile_glob("inbox/**/*.pdf").fullmatch(p)) for p in ("inbox/a.pdf", "inbox/x/y/a.pdf", "b/a.pdf")]
    [True, True, False]
    >>> [bool(compile_glob("out/*").fullmatch(p)) for p in ("out/a", "out/a/b")]
    [True, False]
    """
    names = glob.split("/")
    text = ""
    for index, name in enumerate(names):
        is_last = index == len(names) - 1
        if name == "**":
            text += ".+" if is_last else "(?:[^/]+/)*"
        else:
            text += "".join(map(_translate, _TOKEN.findall(name))) + ("" if is_last else "/")
    return re.compile(text, re.DOTALL)


def _translate(token: str) -> str:
    if token.startswith("*"):
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token.startswith("[") and len(token) > 2:
        return _character_set(token[1:-1]) or re.escape(token)
    return re.escape(token)


def _character_set(body: str) -> str | None:
    """Translate what stands between the brackets; None for an empty set or a range that runs backwards."""
    negation, body = ("^/", body[1:]) if body.startswith("!") else ("", body)
    members = []
    while body:
        if len(body) > 2 and body[1] == "-":
            first, last, body = body[0], body[2], body[3:]
            if first > last:
                return None
            members.append(f"{re.escape(first)}-{re.escape(last)}")
        else:
            members.append(re.escape(body[0]))
            body = body[1:]
    return f"[{negation}{''.join(members)}]" if members else None
