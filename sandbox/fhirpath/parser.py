"""From tokens to a tree (FHIRPath 2.0, Appendix B, and the table of precedence in Operator Precedence).

Long chains of names and of one operator make wide nodes, not deep ones; what nests is bounded.
"""

from typing import Final

from sandbox.fhirpath.ast import (
    Binary,
    External,
    Function,
    Index,
    Literal,
    Member,
    Node,
    Path,
    Special,
    Step,
    TypeTest,
    Unary,
)
from sandbox.fhirpath.errors import SyntaxProblem
from sandbox.fhirpath.lexer import Token, tokens, unquoted
from sandbox.fhirpath.values import (
    CALENDAR_UNITS,
    LONG_MAX,
    MAX_DIGITS,
    Long,
    Quantity,
    decimal,
    parse_date,
    parse_date_time,
    parse_time,
)

MAX_LENGTH: Final = 20_000
MAX_DEPTH: Final = 60

_LEVELS: Final[tuple[tuple[str, ...], ...]] = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "~", "!=", "!~"),
    ("<=", "<", ">", ">="),
    ("|",),
    ("is", "as"),
    ("+", "-", "&"),
    ("*", "/", "div", "mod"),
)
_LEVEL_OF: Final = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_TYPES: Final = _LEVEL_OF["is"]
_WIDE: Final = frozenset({"and", "or", "|", "&", "+"})
# Keywords that may still name an element (the grammar's `identifier`).
_RESERVED: Final = frozenset({"and", "or", "xor", "implies", "div", "mod", "true", "false"})
_INTEGER_MAX: Final = 2**31 - 1


def parse(expression: str) -> Node:
    """Parse an expression; raises `SyntaxProblem` with the place."""
    if len(expression) > MAX_LENGTH:
        raise SyntaxProblem(f"it has {len(expression):,} characters; the limit is {MAX_LENGTH:,}")
    if not expression.strip():
        raise SyntaxProblem("it is empty")
    return _Parser(tokens(expression)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        token = self.tokens[self.at]
        if token.text == text and token.kind in ("symbol", "name"):
            self.at += 1
            return True
        return False

    def expect(self, text: str, what: str) -> Token:
        if not (self.next.text == text and self.next.kind == "symbol"):
            raise self.unexpected(what)
        return self.take()

    def unexpected(self, wanted: str) -> SyntaxProblem:
        seen = f'not "{self.next.text}"' if self.next.kind != "end" else "but it ends"
        return SyntaxProblem(f"{wanted} is expected here, {seen}", self.next.position)

    def whole(self) -> Node:
        node = self.expression()
        if self.next.kind != "end":
            raise self.unexpected("an operator or the end")
        return node

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SyntaxProblem(f"it nests deeper than {MAX_DEPTH} levels", self.next.position)
        node = self.binary(0)
        self.depth -= 1
        return node

    def binary(self, lowest: int) -> Node:
        """Read operators that bind at least as tightly as a level; all are left-associative."""
        left = self.unary()
        nested = 0
        while (level := self.level()) >= lowest:
            token = self.take()
            operator = token.text
            if level == _TYPES:
                left = TypeTest(operator, left, self.type_specifier(), token.position)
            else:
                right = self.binary(level + 1)
                if operator in _WIDE and isinstance(left, Binary) and left.operator == operator and nested:
                    left = Binary(operator, (*left.operands, right), left.position)
                    continue
                left = Binary(operator, (left, right), token.position)
            nested += 1
            if nested > MAX_DEPTH:
                raise SyntaxProblem(f"it nests deeper than {MAX_DEPTH} levels", token.position)
        return left

    def level(self) -> int:
        """Return how tightly the operator that follows binds, -1 where none does."""
        token = self.next
        return _LEVEL_OF.get(token.text, -1) if token.kind in ("symbol", "name") else -1

    def unary(self) -> Node:
        signs = []
        while self.next.kind == "symbol" and self.next.text in "+-":
            signs.append(self.take())
            if len(signs) > MAX_DEPTH:
                raise SyntaxProblem(f"it nests deeper than {MAX_DEPTH} levels", signs[-1].position)
        node = self.term()
        for sign in reversed(signs):
            node = Unary(sign.text, node, sign.position)
        return node

    def term(self) -> Node:
        position = self.next.position
        start: Node | None = None
        steps: list[Step] = []
        first = self.primary()
        if isinstance(first, Member | Function):
            steps.append(first)
        else:
            start = first
        while True:
            if self.accept("."):
                steps.append(self.invocation())
            elif self.next.kind == "symbol" and self.next.text == "[":
                place = self.take().position
                steps.append(Index(self.expression(), place))
                self.expect("]", '"]"')
            else:
                break
        if start is not None and not steps:
            return start
        return Path(start, tuple(steps), position)

    def primary(self) -> "Node | Member | Function":
        token = self.next
        if token.kind == "symbol" and token.text == "(":
            self.take()
            node = self.expression()
            self.expect(")", '")"')
            return node
        if token.kind == "symbol" and token.text == "{":
            self.take()
            self.expect("}", '"}"')
            return Literal(None, token.position)
        if token.kind == "symbol" and token.text == "%":
            self.take()
            return self.external(token.position)
        if token.kind == "special":
            self.take()
            return Special(token.text[1:], token.position)
        if token.kind == "name" and token.text in ("true", "false"):
            self.take()
            return Literal(token.text == "true", token.position)
        if token.kind in ("name", "delimited"):
            return self.named()
        return self.literal()

    def external(self, position: int) -> External:
        token = self.take()
        if token.kind == "name":
            name = token.text
            # %vs-x and %ext-x may be written without quotes in older texts.
            while name in ("vs", "ext") and self.next.text == "-":
                raise SyntaxProblem(f"write %`{name}-…` with backticks", position)
            return External(name, position)
        if token.kind in ("delimited", "string"):
            return External(unquoted(token), position)
        self.at -= 1
        raise self.unexpected("the name of a variable")

    def invocation(self) -> Step:
        token = self.next
        if token.kind == "special":
            self.take()
            return Special(token.text[1:], token.position)
        if token.kind not in ("name", "delimited"):
            raise self.unexpected("a name")
        return self.named(is_step=True)

    def named(self, *, is_step: bool = False) -> Member | Function:
        token = self.take()
        if token.kind == "name" and token.text in _RESERVED and not is_step:
            self.at -= 1
            raise self.unexpected("a term")
        name = unquoted(token) if token.kind == "delimited" else token.text
        if not (self.next.kind == "symbol" and self.next.text == "("):
            return Member(name, token.position)
        self.take()
        arguments: list[Node] = []
        descending: list[bool] = []
        if not self.accept(")"):
            while True:
                arguments.append(self.expression())
                is_ordered = name == "sort" and self.next.kind == "name" and self.next.text in ("asc", "desc")
                descending.append(is_ordered and self.take().text == "desc")
                if self.accept(")"):
                    break
                self.expect(",", '"," or ")"')
        return Function(name, tuple(arguments), token.position, tuple(descending))

    def type_specifier(self) -> str:
        parts = []
        while True:
            token = self.take()
            if token.kind not in ("name", "delimited"):
                self.at -= 1
                raise self.unexpected("the name of a type")
            parts.append(unquoted(token) if token.kind == "delimited" else token.text)
            if len(parts) == 2 or not self.accept("."):
                return ".".join(parts)

    def literal(self) -> Literal:
        token = self.take()
        position = token.position
        if token.kind in ("number", "long") and len(token.text) > MAX_DIGITS:
            raise SyntaxProblem(f"a number has at most {MAX_DIGITS} digits", position)
        if token.kind == "string":
            return Literal(unquoted(token), position)
        if token.kind == "number":
            return self.number(token)
        if token.kind == "long":
            if int(token.text[:-1]) > LONG_MAX:
                raise SyntaxProblem(f"a Long is at most {LONG_MAX}", position)
            return Literal(Long(token.text[:-1]), position)
        readers = {"date": parse_date, "datetime": parse_date_time, "time": parse_time}
        if token.kind in readers:
            value = readers[token.kind](
                token.text.lstrip("@").removeprefix("T") if token.kind == "time" else token.text[1:]
            )
            if value is None:
                raise SyntaxProblem(f"{token.text} is no date or time that exists", position)
            return Literal(value, position)
        self.at -= 1
        raise self.unexpected("a term")

    def number(self, token: Token) -> Literal:
        following = self.next
        if following.kind == "string":
            self.take()
            return Literal(Quantity(decimal(token.text), unquoted(following)), token.position)
        if following.kind == "name" and following.text in CALENDAR_UNITS:
            self.take()
            return Literal(
                Quantity(decimal(token.text), CALENDAR_UNITS[following.text], is_calendar=True), token.position
            )
        if "." in token.text:
            return Literal(decimal(token.text), token.position)
        if int(token.text) > _INTEGER_MAX:
            return Literal(decimal(token.text), token.position)
        return Literal(int(token.text), token.position)
