"""What is wrong with a definition or a seed: always a file, a line and a key."""

from dataclasses import dataclass


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
