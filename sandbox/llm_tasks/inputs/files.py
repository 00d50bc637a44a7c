"""A file that comes with a run: what its first bytes tell of it, and the name it is stored under."""

import mimetypes
import struct
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from sandbox import ids

_SIGNATURES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that came with a run."""

    original_filename: str
    stored_filename: str
    content_type: str
    content: bytes


def stored_name(original: str, content_type: str) -> str:
    """Return a random name that keeps the extension."""
    extension = PurePosixPath(original.replace("\\", "/")).suffix.lower()
    if not extension or len(extension) > 12 or not extension[1:].isalnum():
        extension = mimetypes.guess_extension(content_type) or ""
    return f"{ids.new_uuid()}{extension}"


def sniff(content: bytes) -> str | None:
    r"""Return the content type that the first bytes tell, None when they tell none.

    >>> sniff(b"%PDF-1.7"), sniff(b"RIFF\0\0\0\0WEBPVP8 "), sniff(b"hello")
    ('application/pdf', 'image/webp', None)
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if content.startswith(start)), None)


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
