"""A file that is written piece by piece and is there only once it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write; at the end of the block it takes the place of one that is there. Raises `OSError`.

    Where the block raises, what is there stays as it was.
    """
    being_written = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with being_written.open("xb") as file:
            yield file
        being_written.replace(path)
    finally:
        with suppress(OSError):
            being_written.unlink()
