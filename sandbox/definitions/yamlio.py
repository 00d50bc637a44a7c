"""YAML (and JSON, its subset) with line numbers: where each key of a document stands."""

from typing import Any

import yaml

from sandbox.definitions.problems import DefinitionError

Path = tuple[str | int, ...]


# libyaml reads a definition several times faster, and is in every wheel of PyYAML.
_Fastest: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fastest):  # type: ignore[misc]
    """Safe YAML in which dates stay text and a key may stand only once."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Located:
    """A parsed document and the line of every path in it."""

    def __init__(self, value: Any, lines: dict[Path, int]) -> None:
        self.value = value
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
            if node is not None:
                _walk(node, (), lines, file)
            value = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise DefinitionError.at(file, f"is not valid YAML: {error.problem}", line=line) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DefinitionError.at(file, f"is not valid YAML: {error}") from None
    except RecursionError:
        raise DefinitionError.at(file, "is nested too deeply") from None
    return Located(value, lines)


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int], file: str) -> None:
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
            _walk(value_node, (*path, key), lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, file)
