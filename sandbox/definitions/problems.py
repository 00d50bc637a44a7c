"""What is wrong with a definition or a seed: always a file, a line and a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sandbox.suggest import did_you_mean
from sandbox.wire.field_errors import known_keys


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` is 1-based, 0 when the whole file is meant; `key` is a dotted path.

    >>> str(Problem("v1/benchmark.yaml", 12, "tasks.0.kez", "unknown key"))
    'v1/benchmark.yaml:12: tasks.0.kez: unknown key'
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class DefinitionError(Exception):
    """A definition or seed that cannot be loaded; carries every problem found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems

    @classmethod
    def at(cls, file: str, message: str, *, line: int = 0, key: str = "") -> "DefinitionError":
        """Make the error for a single problem."""
        return cls([Problem(file, line, key, message)])


def say(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    """Say what one of pydantic's errors means to whoever wrote the file; unknown keys with the nearest known one.

    >>> from sandbox.definitions.assertions import CountRange
    >>> say(CountRange, {"type": "extra_forbidden", "loc": ("mni",), "msg": ""})
    'unknown key; did you mean "min"?'
    """
    kind, place = error["type"], tuple(error["loc"])
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(str(place[-1]), known_keys(model, place[:-1]))}"
    if kind == "missing":
        return "is required"
    if kind == "string_type" and isinstance(error.get("input"), bool | int | float):
        return "must be text; write it in quotes"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
