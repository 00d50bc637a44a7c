"""A file that holds keys: written whole or not at all, readable by its owner only."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_MODE: Final = 0o600


def write_private(path: Path, text: bytes) -> None:
    """Write a file in one piece, in the place of one that is there. Raises `OSError`."""
    being_written = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(being_written, "xb", opener=lambda name, flags: os.open(name, flags, _MODE)) as file:
            file.write(text)
        being_written.replace(path)
    finally:
        with suppress(OSError):
            being_written.unlink()
