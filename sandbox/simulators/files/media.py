"""Which media type a file name stands for. The table is our own: the machine's would vary."""

from typing import Final

DEFAULT: Final = "application/octet-stream"

_BY_SUFFIX: Final = {
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
    "ndjson": "application/x-ndjson",
    "pdf": "application/pdf",
    "png": "image/png",
    "rtf": "application/rtf",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "x12": "application/edi-x12",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
}


def guess_type(path: str) -> str:
    """Return the media type for a path's suffix.

    >>> guess_type("inbox/A.PDF"), guess_type("inbox/README")
    ('application/pdf', 'application/octet-stream')
    """
    return _BY_SUFFIX.get(path.rpartition("/")[2].rpartition(".")[2].lower(), DEFAULT)
