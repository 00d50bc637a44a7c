"""YAML (and JSON, its subset) with line numbers: where each key of a document stands."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import yaml

from sandbox.definitions.problems import DefinitionError

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Safe YAML in which dates stay text and a key may stand only once."""


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
        self._lines = lines

    def line_of(self, path: Path) -> int:
        """Return the 1-based line of a path, or of its nearest ancestor that has one."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def load_located(text: bytes | str, file: str) -> Located:
    r"""Parse a YAML or JSON text.

    Raises `DefinitionError` naming file and line: broken syntax, a key that appears twice.

    >>> located = load_located("a: 1\nb:\n  - c: 2\n", "x.yaml")
    >>> located.value, located.line_of(("b", 0, "c"))
    ({'a': 1, 'b': [{'c': 2}]}, 3)
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[Path, int] = {}
            found: list[tuple[Path, yaml.ScalarNode]] = []
            if node is not None:
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
    return Located(value, lines, surprises)


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
    elif isinstance(node, yaml.ScalarNode) and node.style is None:
        pattern = _SURPRISING.get(node.tag)
        if pattern is not None and (pattern.fullmatch(node.value) or _loses_digits(node)):
            found.append((path, node))


def _loses_digits(node: yaml.ScalarNode) -> bool:
    """Whether a decimal has more digits than the number it is read as."""
    try:
        return node.tag == "tag:yaml.org,2002:float" and Decimal(node.value) != Decimal(repr(float(node.value)))
    except (ArithmeticError, ValueError):  # written as JSON does not write a number
        return False
