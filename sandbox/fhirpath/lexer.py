"""From the text of an expression to tokens (FHIRPath 2.0, Lexical Elements and Appendix B)."""

import re
from dataclasses import dataclass
from typing import Final

from sandbox.fhirpath.errors import SyntaxProblem

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)
      | (?P<time>@T\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?)
      | (?P<datetime>@\d{4}(?:-\d{2}(?:-\d{2})?)?T(?:\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?)
      | (?P<date>@\d{4}(?:-\d{2}(?:-\d{2})?)?)
      | (?P<long>\d+L\b)
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<delimited>`(?:[^`\\]|\\.)*`)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<special>\$(?:this|index|total)\b)
      | (?P<symbol><=|>=|!=|!~|[-+*/&|=~<>()\[\]{},.%])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE: Final = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its kind (a group of the pattern above, or `end`), its text, and where it begins (0-based)."""

    kind: str
    text: str
    position: int


def tokens(expression: str) -> list[Token]:
    """Split an expression into tokens, an `end` last; raises `SyntaxProblem`.

    >>> [t.text for t in tokens("name.given /* all */ = 'Li'")]
    ['name', '.', 'given', '=', "'Li'", '']
    """
    found = []
    position, end = 0, len(expression)
    while position < end:
        match = _TOKEN.match(expression, position)
        if match is None:
            raise SyntaxProblem(_complaint(expression, position), position)
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, match.group(), position))
        position = match.end()
    found.append(Token("end", "", end))
    return found


def _complaint(expression: str, position: int) -> str:
    rest = expression[position:]
    if rest.startswith("/*"):
        return "this comment never ends"
    if rest[0] == "'":
        return "this string never ends"
    if rest[0] == "`":
        return "this name in backticks never ends"
    if rest[0] == '"':
        return "a string is written in single quotes"
    if rest[0] == "@":
        return "this is no date, dateTime or time, such as @2026-04-23, @2026-04-23T09:00:00Z or @T09:00"
    if rest[0] == "!":
        return "the operators are != and !~; to negate, use .not()"
    return f'"{rest[0]}" has no meaning here'


def unquoted(token: Token) -> str:
    """Return what a string or a delimited name says, its escapes read (FHIRPath 2.0, String).

    A backslash before any other character is left out, as the specification has it.
    """

    def replace(match: "re.Match[str]") -> str:
        code, char = match.groups()
        return chr(int(code, 16)) if code else _SIMPLE.get(char, char)

    text = _ESCAPE.sub(replace, token.text[1:-1])
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise SyntaxProblem("this string holds half of a surrogate pair", token.position) from None
