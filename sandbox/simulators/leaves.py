"""What a request says, value by value: how the values in a body are found, told apart and replaced.

Who plays variations of a recorded request (`rehearsal/mutation/`) asks here what there is to vary. A surface whose
bodies are no plain JSON, or whose JSON says more than its shape, brings a `Form` of its own; every other one has
`JsonForm`. Nothing here knows which variations are made.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal, TypeAlias

from sandbox.equality import to_number
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch

Kind: TypeAlias = Literal[
    "number", "date", "code", "unit", "identifier", "reference", "flag", "name", "message", "prose", "write"
]
"""What a value is. A `message` is what somebody is told, in words; `prose` is a remark that nobody acts on; a `write`
is one of several in a request, as an entry of a Bundle."""

Path: TypeAlias = tuple[str | int, ...]


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""Instead of a value: the value is left out."""

# Keys of plain JSON whose text is written for a person who is free to read it.
PROSE_KEYS: Final = frozenset(
    "notes note remarks remark comment comments reason description summary rationale explanation details display "
    "justification".split()
)
_MESSAGE_KEYS: Final = frozenset("body message text content".split())
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")
_PROSE_WORDS: Final = 5


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it is recorded: `path` and `query` relative to the surface root, the body parsed where it is JSON,
    text where it is that, `{"base64": …, "size": …}` for other bytes."""

    method: str
    path: str
    query: str | None
    headers: Mapping[str, str]
    body: Json


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value. `beside` are places that say the same; `choices` what else may stand there; `pool` names the code
    system or the type that another value is to be of. A free value is its writer's choice as long as nobody asks for
    it: prose always is."""

    path: Path
    value: Json
    kind: Kind
    choices: tuple[str, ...] = ()
    pool: str = ""
    beside: tuple[Path, ...] = ()
    is_free: bool = False
    written: str = ""

    @property
    def place(self) -> str:
        """The path as people write it: `written`, where the surface has a manner of its own.

        >>> Leaf(("name", 0, "family"), "Chen", "name").place
        'name.0.family'
        """
        return self.written or ".".join(map(str, self.path))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a dataset knows. `reference` is that of a chart; `numbers` (record, member) are nobody else's;
    the rest describes, and may be shared."""

    reference: str | None
    numbers: tuple[str, ...]
    family: str = ""
    given: str = ""
    birth_date: str = ""
    phones: tuple[str, ...] = ()

    @property
    def marks(self) -> tuple[str, ...]:
        """What names this person and no other."""
        return (*([self.reference] if self.reference else ()), *self.numbers)


class Form:
    """How a surface's requests are read and rewritten; the bodies are plain JSON here."""

    def leaves(self, sent: Sent) -> Iterator[Leaf]:
        """Yield every value of a request that can be told apart from its form."""
        if isinstance(sent.body, dict | list) and not is_bytes(sent.body):
            yield from json_leaves(sent.body)

    def with_value(self, sent: Sent, leaf: Leaf, value: Json) -> Sent:
        """Return the request with another value, or without it (`ABSENT`)."""
        body = sent.body
        for path in (leaf.path, *leaf.beside):
            body = with_json(body, path, value)
        return replace(sent, body=body)

    def owner(self, sent: Sent, branch: Branch) -> str | None:
        """Return a mark (`Person.marks`) of whose record a request is addressed to, where its address is such."""
        return None

    def retargeted(self, sent: Sent, branch: Branch, one: Person, other: Person) -> Sent:
        """Return the request with what it is addressed to changed from one person's to another's, as far as the
        address itself is such; names and numbers in it are the caller's."""
        return sent


def is_bytes(body: Json) -> bool:
    """Tell whether a recorded body stands for bytes that are neither text nor JSON.

    >>> is_bytes({"base64": "JVBERg==", "size": 4}), is_bytes({"size": 4})
    (True, False)
    """
    return isinstance(body, dict) and "base64" in body and body.keys() <= {"base64", "size"}


def json_leaves(value: Json, path: Path = ()) -> Iterator[Leaf]:
    """Yield the values of plain JSON; what they are is told by their shape and their key.

    >>> [(leaf.place, leaf.kind) for leaf in json_leaves({"dose": 5, "on": "2026-04-23", "codes": ["M54.16"]})]
    [('dose', 'number'), ('on', 'date'), ('codes.0', 'identifier')]
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield from json_leaves(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from json_leaves(item, (*path, place))
    elif value is not None and value != "":
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        yield Leaf(path, value, kind_of(value, key))


def kind_of(value: Json, key: str = "") -> Kind:
    """Return what a scalar is, by its shape and the key that it stands under.

    >>> kind_of("booked"), kind_of("Bianchi"), kind_of("RC-100201"), kind_of("6.8"), kind_of(True)
    ('code', 'name', 'identifier', 'number', 'flag')
    """
    if isinstance(value, bool):
        return "flag"
    if not isinstance(value, str):
        return "number"
    name = key.lower()
    if name in PROSE_KEYS:
        return "prose"
    if _DATE.fullmatch(value):
        return "date"
    if name in _MESSAGE_KEYS or len(value.split()) >= _PROSE_WORDS:
        return "message"
    if re.fullmatch(r"-?\d+\.\d+|-?\d{1,3}", value) and to_number(value) is not None:
        return "number"
    if any(char.isdigit() for char in value):
        return "identifier"
    return "name" if any(word[:1].isupper() for word in value.split()) else "code"


def at_json(value: Json, path: Path) -> Json:
    """Return what is at a path, None where nothing is.

    >>> at_json({"name": [{"family": "Chen"}]}, ("name", 0, "family")), at_json({}, ("name", 0))
    ('Chen', None)
    """
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def with_json(value: Json, path: Path, new: Json) -> Json:
    """Return JSON with another value at a path that is there; `ABSENT` leaves it out.

    >>> with_json({"a": [1, 2]}, ("a", 0), 3), with_json({"a": [1, 2]}, ("a", 0), ABSENT)
    ({'a': [3, 2]}, {'a': [2]})
    """
    if not path:
        return None if new is ABSENT else new
    part, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(part, int):
        middle = [] if new is ABSENT and not rest else [with_json(value[part], rest, new)]
        return [*value[:part], *middle, *value[part + 1 :]]
    if new is ABSENT and not rest:
        return {key: item for key, item in value.items() if key != part}
    return {key: with_json(item, rest, new) if key == part else item for key, item in value.items()}
