"""Which media type a file's name or its first bytes stand for, and which suffix a type has.

The one table for files, attachments and what comes with a run of an LLM task. It is our own: the machine's would vary.
"""

from typing import Final

UNKNOWN: Final = "application/octet-stream"

# Of several suffixes of one type the first is the one that a file of this type is given.
_BY_SUFFIX: Final = {
    "bmp": "image/bmp",
    "csv": "text/csv",
    "dcm": "application/dicom",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "edi": "application/edi-x12",
    "gif": "image/gif",
    "gz": "application/gzip",
    "hl7": "x-application/hl7-v2+er7",
    "htm": "text/html",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "log": "text/plain",
    "md": "text/markdown",
    "mp3": "audio/mpeg",
    "ndjson": "application/x-ndjson",
    "pdf": "application/pdf",
    "png": "image/png",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webp": "image/webp",
    "x12": "application/edi-x12",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
}
_USUAL: Final = {
    "image/jpeg": "jpg",
    "text/html": "html",
    "text/plain": "txt",
    "image/tiff": "tiff",
    "application/yaml": "yaml",
}
_SUFFIX_OF: Final = {**{kind: suffix for suffix, kind in reversed(_BY_SUFFIX.items())}, **_USUAL}
_SIGNATURES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def guess_type(path: str) -> str:
    """Return the media type for a path's suffix.

    >>> guess_type("inbox/A.PDF"), guess_type("inbox/README")
    ('application/pdf', 'application/octet-stream')
    """
    return _BY_SUFFIX.get(path.rpartition("/")[2].rpartition(".")[2].lower(), UNKNOWN)


def suffix_of(media_type: str) -> str:
    """Return the suffix that files of a type have, with its dot; empty where none is known.

    >>> suffix_of("image/jpeg"), suffix_of("application/x-unheard-of")
    ('.jpg', '')
    """
    suffix = _SUFFIX_OF.get(media_type)
    return f".{suffix}" if suffix else ""


def sniff(content: bytes) -> str | None:
    r"""Return the media type that the first bytes tell, None when they tell none.

    >>> sniff(b"%PDF-1.7"), sniff(b"RIFF\0\0\0\0WEBPVP8 "), sniff(b"hello")
    ('application/pdf', 'image/webp', None)
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if content.startswith(start)), None)
