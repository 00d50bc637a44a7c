"""Reading a file of a definition or dataset: a regular file, of a size that can be, and inside of what was given.

Definitions and data come from other people, too. A link in them that leads out would have the server read, and
serve, what its user never gave it; a pipe or device would never end.
"""

import stat
from pathlib import Path

from sandbox import limits
from sandbox.definitions.problems import DefinitionError


def read_inside(path: Path, root: Path, shown: str, *, limit: int = limits.DEFINITION_BYTES) -> bytes:
    """Return a file's content. `root` is the directory that the user gave; `shown` names the file in problems.

    Raises `DefinitionError` for a link that leads out of `root`, for what is no file, for more than `limit` bytes.
    """
    try:
        real = path.resolve()
        if not real.is_relative_to(root.resolve()):
            raise DefinitionError.at(shown, f"is a link that leads out of {root.name}/; put the file itself there")
        found = real.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DefinitionError.at(shown, "is not a file")
        size = found.st_size
        if size > limit:
            raise DefinitionError.at(shown, f"has {size} bytes; the limit is {limit}")
        return real.read_bytes()
    except OSError as error:
        raise DefinitionError.at(shown, f"cannot be read: {error.strerror}") from None
