"""YAML (and JSON, its subset) with line numbers: where each key of a document stands."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import yaml

from sandbox import limits
from sandbox.clock import monotonic_s
from sandbox.definitions.problems import DefinitionError, Problem

Path = tuple[str | int, ...]
_TEXT_OF_ONE: Final = 1_000  # characters of a text that count as one more value


# libyaml reads a definition several times faster, and is in every wheel of PyYAML.
_Fastest: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fastest):  # type: ignore[misc]
    """Safe YAML in which dates stay text and a key may stand only once."""


def _bound(text: bytes | str, file: str) -> None:
    """Refuse a text of more keys and values, deeper, or longer to read than `limits` allow, before it is composed."""
    nodes = depth = 0
    until = monotonic_s() + limits.DEFINITION_LOAD_S
    for event in yaml.parse(text, Loader=_Fastest):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        if nodes > limits.DEFINITION_NODES:
            raise DefinitionError.at(file, f"has more than {limits.DEFINITION_NODES} keys and values", line=line)
        if depth > limits.JSON_DEPTH:
            raise DefinitionError.at(file, f"is nested deeper than {limits.JSON_DEPTH}", line=line)
        if monotonic_s() > until:
            raise DefinitionError.at(file, f"takes longer than {limits.DEFINITION_LOAD_S} s to read", line=line)


_SURPRISING = {
    "tag:yaml.org,2002:bool": re.compile(r"(?i:yes|no|on|off|y|n)"),
    "tag:yaml.org,2002:int": re.compile(r"[-+]?0[0-7_]+|.*[:_].*"),
    "tag:yaml.org,2002:float": re.compile(r".*[:_].*"),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Located:
    """A parsed document and the line of every path in it.

    `surprises` are the plain scalars that YAML 1.1 reads as something else than most people do, with
    their path and the text: `no` as false, `0123` as 83, `10:30` as 630, and decimals of more digits than are kept.
    """

    def __init__(self, value: Any, lines: dict[Path, int], surprises: Sequence[tuple[Path, str, Any]] = ()) -> None:
        self.value = value
        self.surprises = tuple(surprises)
        self.written = self
        self._lines = lines
        self._origins: Mapping[Path, Path] = {}

    def rearranged(self, value: Any, origins: Mapping[Path, Path]) -> "Located":
        """Return the document as it is after parts of it were put elsewhere: `origins` says where each was written.

        `written` is the document as it was.
        """
        found = Located(value, self._lines, self.surprises)
        found.written, found._origins = self, origins
        return found

    def place_of(self, path: Path) -> Path:
        """Return where a path was written."""
        for length in range(len(path), 0, -1):
            origin = self._origins.get(path[:length])
            if origin is not None:
                return (*origin, *path[length:])
        return path

    def problem(self, file: str, path: Path, message: str) -> Problem:
        """Return a problem at a path, named as it was written."""
        return Problem(file, self.line_of(path), ".".join(map(str, self.place_of(path))), message)

    def line_of(self, path: Path) -> int:
        """Return the 1-based line of a path, or of its nearest ancestor that has one."""
        path = self.place_of(path)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def load_located(text: bytes | str, file: str) -> Located:
    r"""Parse a YAML or JSON text.

    Raises `DefinitionError` naming file and line: broken syntax, a key that appears twice, more keys and values,
    nesting or time than `limits` allow. An alias counts as all that it stands for, as that is what it costs later.

    >>> located = load_located("a: 1\nb:\n  - c: 2\n", "x.yaml")
    >>> located.value, located.line_of(("b", 0, "c"))
    ({'a': 1, 'b': [{'c': 2}]}, 3)
    """
    if len(text) > limits.DEFINITION_BYTES:
        raise DefinitionError.at(file, f"has {len(text)} bytes; the limit is {limits.DEFINITION_BYTES}")
    try:
        _bound(text, file)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[Path, int] = {}
            found: list[tuple[Path, yaml.ScalarNode]] = []
            if node is not None:
                _measure(node, {}, set(), 1, file)
                _walk(node, (), lines, found, file)
            value = loader.construct_document(node) if node is not None else None
            surprises = [(path, scalar.value, loader.construct_object(scalar)) for path, scalar in found]
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise DefinitionError.at(file, f"is not valid YAML: {error.problem}", line=line) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DefinitionError.at(file, f"is not valid YAML: {error}") from None
    except RecursionError:
        raise DefinitionError.at(file, "is nested too deeply") from None
    except (ValueError, TypeError, LookupError, OverflowError) as error:  # a value that is not what its tag says
        raise DefinitionError.at(file, f"holds a value that cannot be read: {error}") from None
    return Located(value, lines, surprises)


def _measure(node: yaml.Node, known: dict[int, int], above: set[int], depth: int, file: str) -> int:
    """Return how many keys and values a node stands for; raises `DefinitionError` past the limit."""
    size = known.get(id(node))
    if size is not None:
        return size
    if id(node) in above:
        raise DefinitionError.at(file, "holds an alias of what it is in", line=node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        size = 1 + len(node.value) // _TEXT_OF_ONE
    else:
        if depth > limits.JSON_DEPTH:
            line = node.start_mark.line + 1
            raise DefinitionError.at(file, f"is nested deeper than {limits.JSON_DEPTH} by its aliases", line=line)
        above.add(id(node))
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(item,) for item in node.value]
        size = 1 + sum(_measure(item, known, above, depth + 1, file) for pair in pairs for item in pair)
        above.discard(id(node))
    if size > limits.DEFINITION_NODES:
        said = f"has more than {limits.DEFINITION_NODES} keys and values, with what its aliases stand for"
        raise DefinitionError.at(file, said, line=node.start_mark.line + 1)
    known[id(node)] = size
    return size


def _walk(
    node: yaml.Node, path: Path, lines: dict[Path, int], found: list[tuple[Path, yaml.ScalarNode]], file: str
) -> None:
    """Note the line of every path, and the scalars that surprise."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in seen and key != "<<":
                raise DefinitionError.at(file, "stands twice", line=line, key=".".join(map(str, (*path, key))))
            seen.add(key)
            lines[(*path, key)] = line
            _walk(value_node, (*path, key), lines, found, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, found, file)
    elif isinstance(node, yaml.ScalarNode) and not node.style:
        pattern = _SURPRISING.get(node.tag)
        if pattern is not None and (pattern.fullmatch(node.value) or _loses_digits(node)):
            found.append((path, node))


def _loses_digits(node: yaml.ScalarNode) -> bool:
    """Whether a decimal has more digits than the number it is read as."""
    try:
        return node.tag == "tag:yaml.org,2002:float" and Decimal(node.value) != Decimal(repr(float(node.value)))
    except (ArithmeticError, ValueError):  # written as JSON does not write a number
        return False
