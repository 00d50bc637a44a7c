"""The ready file: where a server listens and which keys open it, for a program that has started one.

It exists while the server takes requests, and only its owner may read it, since it holds keys.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sandbox import jsonio
from sandbox.private_file import write_private
from sandbox.settings import SettingError


@contextmanager
def ready_file(path: Path, content: Mapping[str, Any]) -> Iterator[None]:
    """Write `content` as JSON, whole or not at all, and take it away at the end if it is still what was written.

    Raises `SettingError` when it cannot be written.
    """
    text = jsonio.dump_pretty(content) + b"\n"
    try:
        write_private(path, text)
    except OSError as error:
        raise SettingError(f"--ready-file {path} cannot be written: {error.strerror}.") from None
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_bytes() == text:
                path.unlink()
