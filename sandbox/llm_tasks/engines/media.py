"""Generated files of the offline engines: small, valid, and the same for the same prompt.

They stand in for what a generating model would make, so that an agent's handling of files can be
tested: the picture is a pattern, the sound a few tones, the document holds the text.
"""

import hashlib
import io
import math
import struct
import wave
import zlib
from typing import Final

SIDE: Final = 64
_RATE: Final = 8_000
_TONES: Final = 8
_LINE_CHARS: Final = 90
_LINES_PER_PAGE: Final = 60

CONTENT_TYPES: Final = {
    "image": ("image/png", "png"),
    "audio": ("audio/wav", "wav"),
    "pdf": ("application/pdf", "pdf"),
    "csv": ("text/csv", "csv"),
}


def picture(prompt: str) -> bytes:
    """Return a PNG whose pattern comes from the prompt.

    >>> picture("a cat")[:8] == bytes([137]) + b"PNG" + bytes([13, 10, 26, 10])
    True
    """
    digest = hashlib.sha256(prompt.encode()).digest()
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)
        for x in range(SIDE):
            cell = digest[(min(x, SIDE - 1 - x) // 8 * 8 + y // 8) % len(digest)]
            rows += bytes((cell, digest[y // 8], digest[x // 8 + 8] if cell & 1 else 255))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def sound(prompt: str) -> bytes:
    """Return a WAV of eight tones that come from the prompt.

    >>> sound("hello")[:4]
    b'RIFF'
    """
    digest = hashlib.sha256(prompt.encode()).digest()
    frames = bytearray()
    for tone in digest[:_TONES]:
        pitch = 220 + tone * 2
        for i in range(_RATE // 10):
            frames += struct.pack("<h", int(8_000 * math.sin(2 * math.pi * pitch * i / _RATE)))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(bytes(frames))
    return buffer.getvalue()


def document(text: str) -> bytes:
    """Return a PDF that shows the text, with a text layer.

    >>> document("Hello")[:8]
    b'%PDF-1.4'
    """
    lines = [line[i : i + _LINE_CHARS] for line in text.splitlines() for i in range(0, max(len(line), 1), _LINE_CHARS)]
    pages = [lines[i : i + _LINES_PER_PAGE] for i in range(0, max(len(lines), 1), _LINES_PER_PAGE)]
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        font,
    ]
    for i, page in enumerate(pages):
        shown = b"\n".join(b"(" + _escape(line) + b") Tj T*" for line in page)
        stream = b"BT /F1 10 Tf 50 790 Td 12 TL\n" + shown + b"\nET"
        place = "/MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R {place} /Contents {5 + 2 * i} 0 R >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream")
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _escape(line: str) -> bytes:
    text = line.encode("cp1252", "replace")
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
