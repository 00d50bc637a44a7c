"""What an assertion may name, so that a definition can be judged before anything runs.

A simulator says what its checks' paths may be (`Check.path_type`), what its state holds and which
requests it takes (`Surface`); `scoring/inspection.py` asks. Nothing here reads a playground.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from sandbox.equality import to_number
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.paths import Segment, parse_path
from sandbox.suggest import did_you_mean

Kind: TypeAlias = Literal["text", "number", "boolean", "list", "object", "any"]
Finding: TypeAlias = tuple[tuple[str | int, ...], str]
"""What is wrong with an assertion: the keys that lead to it, and a message."""

_ARTICLES: Final[Mapping[str, str]] = {"text": "text", "number": "a number", "boolean": "true or false"}
_JSON_KINDS: Final[Mapping[str, Kind]] = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}


@dataclass(frozen=True, slots=True)
class PathType:
    """What lies at a path. `codes` is the closed list of texts it may be, None for an open one;
    `find_problem` says what else is wrong with a text there (a date that is none)."""

    kind: Kind
    codes: frozenset[str] | None = None
    find_problem: Callable[[str], str | None] | None = None


ANY: Final = PathType("any")
TEXT: Final = PathType("text")

PathTyper: TypeAlias = Callable[[Any, str], PathType]
"""From an assertion and a path to what lies there; raises `Invalid` for a path that nothing can have."""


@dataclass(frozen=True, slots=True)
class Surface:
    """One surface of the environment.

    `collections` are those its state has; `find_path_problem` says why no request below the surface
    root can have a path that matches a glob, None when one can.
    """

    name: str
    collections: frozenset[str]
    find_path_problem: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a definition offers to an assertion: its surfaces, the form of the task's answer (None where
    the definition declares none), and its LLM tasks with their output formats."""

    surfaces: Mapping[str, Surface]
    answer: Json = None
    llm_tasks: Mapping[str, Json] = field(default_factory=dict)


def no_findings(assertion: Any, surroundings: Surroundings) -> Iterable[Finding]:
    """Find nothing: for checks whose assertions have nothing but paths."""
    return ()


def schema_path_type(schema: Mapping[str, Any], path: str) -> PathType:
    """Return what a JSON Schema says of a dotted path; raises `Invalid`, with the nearest name, for one it rules out.

    >>> row = {"properties": {"codes": {"type": "array", "items": {"type": "string"}}, "on": {"type": "boolean"}}}
    >>> schema_path_type(row, "codes.0").kind, schema_path_type(row, "on").kind
    ('text', 'boolean')
    """
    return _walk(schema, schema, parse_path(path), path)


def _walk(node: Mapping[str, Any], root: Mapping[str, Any], segments: tuple[Segment, ...], path: str) -> PathType:
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
    if choices:
        return _walk(choices[0], root, segments, path) if len(choices) == 1 else ANY
    if not segments:
        codes = node.get("enum") or ([node["const"]] if "const" in node else None)
        kind = _JSON_KINDS.get(node.get("type", ""), "text" if codes else "any")
        return PathType(kind, frozenset(codes) if codes and kind == "text" else None)
    first, rest = segments[0], segments[1:]
    if node.get("type") == "array":
        if not (first.is_any or first.name.isdecimal()):
            name = path.split(f".{first.name}")[0]
            raise Invalid(f"{path}: {name} is a list; write a number or * before {first.name}")
        return _walk(node.get("items", {}), root, rest, path)
    properties = node.get("properties")
    if properties is None:
        if node.get("type") in ("string", "integer", "number", "boolean"):
            raise Invalid(f"{path}: there is nothing below a {_JSON_KINDS[node['type']]}")
        return ANY
    if first.is_any:
        return ANY
    if first.name in properties:
        return _walk(properties[first.name], root, rest, path)
    if node.get("additionalProperties"):
        return ANY
    raise Invalid(f'{path}: there is no "{first.name}"{did_you_mean(first.name, properties)}')


def find_value_problem(type_: PathType, value: Json) -> str | None:
    """Return why nothing of a type can ever equal a value, None when something can.

    >>> find_value_problem(PathType("text"), False)
    'false is never equal to text; YAML reads a bare no so: put it in quotes'
    >>> find_value_problem(PathType("number"), "5.0") is None, find_value_problem(PathType("text"), 5) is None
    (True, True)
    >>> find_value_problem(PathType("text", frozenset({"booked", "pending"})), "bookd")
    '"bookd" is none of the codes it may hold; did you mean "booked"?'
    """
    if value is None or type_.kind == "any":
        return None
    match type_.kind, value:
        case "boolean", bool():
            return None
        case "boolean", _:
            return f"{_shown(value)} is never equal to true or false; write one of them, without quotes"
        case "list", list():
            return None
        case "list", _:
            return f"it is a list, which never equals {_shown(value)}; write a number or * after it, or `contains`"
        case "object", dict():
            return None
        case "object", _:
            return f"it is an object, which never equals {_shown(value)}; name one of its members"
        case "text", bool():
            said = "yes" if value else "no"
            return f"{_shown(value)} is never equal to text; YAML reads a bare {said} so: put it in quotes"
        case "number", bool():
            return f"{_shown(value)} is never equal to a number"
        case _, list() | dict():
            return f"{_ARTICLES[type_.kind]} never equals {_shown(value)}"
        case "number", str():
            return None if to_number(value) is not None else f"{_shown(value)} is never equal to a number"
        case "text", str():
            return _text_problem(type_, value)
    return None


def _text_problem(type_: PathType, value: str) -> str | None:
    if type_.codes is not None and value not in type_.codes:
        return f'"{value}" is none of the codes it may hold{did_you_mean(value, type_.codes)}'
    return type_.find_problem(value) if type_.find_problem is not None else None


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f'"{value}"' if isinstance(value, str) else str(value)
