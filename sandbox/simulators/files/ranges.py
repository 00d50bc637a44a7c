"""Byte ranges of a download: RFC 9110 §14 (Range), §15.3.7 (206), §15.5.17 (416). Pure."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from sandbox.errors import RangeNotSatisfiable

MAX_RANGES: Final = 32
_SPEC: Final = re.compile(r"(\d{1,18})?-(\d{1,18})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `first` to `last`, both included."""

    first: int
    last: int

    def content_range(self, size: int) -> str:
        """Write the Content-Range value.

        >>> ByteRange(0, 9).content_range(100)
        'bytes 0-9/100'
        """
        return f"bytes {self.first}-{self.last}/{size}"


def parse_range(header: str, size: int) -> tuple[ByteRange, ...] | None:
    """Return the ranges to send, or None when the header is to be ignored and all is sent.

    Ignored are another unit, bad syntax, more than `MAX_RANGES` ranges or more than two that
    overlap (RFC 9110 §14.2 allows it, and asks to beware of the last two), and anything asked of
    an empty file's end, which has no Content-Range.
    Raises `RangeNotSatisfiable` when no range touches the content.

    >>> parse_range("bytes=-5", 100), parse_range("bytes=90-200", 100), parse_range("lines=1-2", 100)
    ((ByteRange(first=95, last=99),), (ByteRange(first=90, last=99),), None)
    """
    unit, equals, text = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    specs = [spec.strip(" \t") for spec in text.split(",")]
    specs = [spec for spec in specs if spec]  # empty list elements are to be ignored, §5.6.1
    if not specs or len(specs) > MAX_RANGES:
        return None
    found: list[ByteRange] = []
    is_suffix_of_nothing = False
    for spec in specs:
        match = _SPEC.fullmatch(spec)
        if match is None or spec == "-":
            return None
        first, last = match.groups()
        if first is None:
            length = int(last)
            if length and size:
                found.append(ByteRange(max(0, size - length), size - 1))
            is_suffix_of_nothing |= bool(length) and not size
        elif last is not None and int(last) < int(first):
            return None
        elif int(first) < size:
            found.append(ByteRange(int(first), min(int(last), size - 1) if last is not None else size - 1))
    if not found:
        if is_suffix_of_nothing:
            return None
        headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        raise RangeNotSatisfiable(f"The file has {size} bytes; no range of {header[:100]} lies in it.", headers=headers)
    return None if _overlaps(found) > 2 else tuple(found)


def _overlaps(ranges: list[ByteRange]) -> int:
    """Count the ranges that share bytes with another one."""
    return sum(any(a is not b and a.first <= b.last and b.first <= a.last for b in ranges) for a in ranges)


def multipart(content: bytes, ranges: tuple[ByteRange, ...], content_type: str) -> tuple[bytes, str]:
    r"""Write several ranges as `multipart/byteranges`; return the body and its content type.

    The boundary depends on the content alone, and does not occur in it.

    >>> multipart(b"abc", (ByteRange(0, 0), ByteRange(2, 2)), "text/plain")[0].count(b"Content-Range: bytes ")
    2
    """
    boundary = hashlib.sha256(content).hexdigest()[:32]
    while boundary.encode() in content:
        boundary = hashlib.sha256(boundary.encode()).hexdigest()[:32]
    lines = []
    for part in ranges:
        head = (
            f"--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {part.content_range(len(content))}\r\n\r\n"
        )
        lines += [head.encode(), content[part.first : part.last + 1], b"\r\n"]
    lines.append(f"--{boundary}--\r\n".encode())
    return b"".join(lines), f"multipart/byteranges; boundary={boundary}"
