"""A file of a run: the name it is stored under, and the size of a picture."""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from sandbox import ids
from sandbox.wire.file_types import sniff, suffix_of

IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of a run: one that came with it, or the one that it generated."""

    original_filename: str
    stored_filename: str
    content_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The content's hash, under which it is stored."""
        return hashlib.sha256(self.content).hexdigest()


def stored_name(original: str, content_type: str) -> str:
    """Return a random name that keeps the extension."""
    extension = PurePosixPath(original.replace("\\", "/")).suffix.lower()
    if not extension or len(extension) > 12 or not extension[1:].isalnum():
        extension = suffix_of(content_type)
    return f"{ids.new_uuid()}{extension}"


def image_size(content: bytes) -> tuple[int, int] | None:
    r"""Return width and height from a picture's header, None when they cannot be told.

    >>> image_size(b"GIF89a\x02\x00\x03\x00")
    (2, 3)
    """
    kind = sniff(content)
    try:
        if kind == "image/png":
            return struct.unpack(">II", content[16:24])
        if kind == "image/gif":
            return struct.unpack("<HH", content[6:10])
        if kind == "image/jpeg":
            return _jpeg_size(content)
        if kind == "image/webp" and content[12:16] == b"VP8X":
            return (1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little"))
    except (struct.error, IndexError):
        pass
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in (0xC0, 0xC1, 0xC2):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None
