"""Whether a command can be run at all: asked before a run is created, so that a slip of the pen is no score.

Only what is certain is refused. What cannot be told without running it (a script within a script) shows by the status
that shells keep for it, `NOT_RUN`.
"""

import re
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from sandbox.errors import Invalid
from sandbox.suggest import nearest

# POSIX, shell command language, 2.8.2: found but not executable, and not found.
NOT_RUN: Final = frozenset({126, 127})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_EXPANDED: Final = re.compile(r"[$`*?\[\](){}~!]")
_COMPOUND: Final = re.compile(r"[;&|<>\n]")
_RUNS_FILES: Final = re.compile(r"(?:python|pypy)[\d.]*|(?:ba|da|z|k)?sh|perl|ruby|php|Rscript")


def refuse_misspelt(command: str, names: Iterable[str]) -> None:
    """Raise `Invalid` for a command that cannot be run; `names` are what may have been meant instead."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Invalid(f"The agent {command!r} is no shell command: {str(error).lower()}.") from None
    while words and _ASSIGNMENT.fullmatch(words[0]):
        del words[0]
    if not words or _EXPANDED.search(words[0]) or _COMPOUND.search(words[0]):
        return
    if not _is_command(words[0]):
        meant = nearest(words[0], names) if len(words) == 1 else None
        hint = f" Did you mean {meant}?" if meant else " --agent is solution, near-miss, alternative, idle, "
        rest = "" if meant else "module:function or a shell command."
        raise Invalid(f"There is no command {words[0]} to run as the agent.{hint}{rest}")
    if not _COMPOUND.search(command) and (script := _script_of(words)) is not None and not Path(script).exists():
        raise Invalid(f"The agent {command!r} cannot be run: there is no file {script}.")


def _is_command(word: str) -> bool:
    """Whether the shell knows a word as a command: a file, a builtin, a keyword."""
    asked = subprocess.run(["sh", "-c", 'command -v -- "$1"', "sh", word], capture_output=True, check=False)
    return asked.returncode == 0


def _script_of(words: Sequence[str]) -> str | None:
    """Return the file that an interpreter is given to run, where that is plain to see."""
    if len(words) < 2 or _RUNS_FILES.fullmatch(Path(words[0]).name) is None:
        return None
    return None if words[1].startswith("-") or _EXPANDED.search(words[1]) else words[1]
