"""The ready file: where a server listens and which keys open it, for a program that has started one.

It exists while the server takes requests, and only its owner may read it, since it holds keys.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sandbox import jsonio
from sandbox.settings import SettingError

_MODE: Final = 0o600


@contextmanager
def ready_file(path: Path, content: Mapping[str, Any]) -> Iterator[None]:
    """Write `content` as JSON, whole or not at all, and take it away at the end if it is still what was written.

    Raises `SettingError` when it cannot be written.
    """
    text = jsonio.dump_pretty(content) + b"\n"
    being_written = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(being_written, "xb", opener=lambda name, flags: os.open(name, flags, _MODE)) as file:
            file.write(text)
        being_written.replace(path)
    except OSError as error:
        raise SettingError(f"--ready-file {path} cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            being_written.unlink()
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_bytes() == text:
                path.unlink()
