"""The text of a file: a PDF's text layer, a picture's OCR text where tesseract is there, plain text.

Everything here is synchronous and may take long: call it on a thread. What could not be read is said
in `note`, never raised.
"""

import io
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.llm_tasks.inputs.files import image_size
from sandbox.wire.charsets import decode_text
from sandbox.wire.file_types import sniff
from sandbox.wire.media_types import charset_of, read_media_type

PAGES_MAX: Final = 500
CHARS_MAX: Final = 2_000_000
OCR_TIMEOUT_S: Final = 60
_TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/hl7-v2", "message/")


@dataclass(frozen=True, slots=True)
class DocumentText:
    """What was read. `method` is `text-layer`, `ocr`, `text`, `metadata` or `none`."""

    text: str
    method: str
    note: str | None = None


def read_document(content: bytes, content_type: str, name: str, strategy: str = "fast") -> DocumentText:
    """Return the text of a file; plain text in the charset that its type names, else as UTF-8.

    `strategy` is that of the document processor: `fast` reads the text layer and falls back to OCR,
    `ocr_only` only recognises, `hi_res` and `auto` do both where the text layer is thin.
    """
    kind = sniff(content) or read_media_type(content_type).name
    if kind == "application/pdf":
        return _read_pdf(content, name, strategy)
    if kind.startswith("image/"):
        return _read_image(content, kind, name)
    if kind.startswith(_TEXT_TYPES) or _is_text(content):
        text = decode_text(content, content_type)
        if text is None:
            return DocumentText("", "none", f"{name}: the charset {charset_of(content_type)} is not known")
        return DocumentText(text[:CHARS_MAX], "text")
    return DocumentText("", "none", f"{name}: {kind} has no text that can be read here")


def _is_text(content: bytes) -> bool:
    try:
        text = content[:4096].decode()
    except UnicodeDecodeError as error:
        return error.start > 4000 and b"\0" not in content[:4096]
    return "\0" not in text


def _read_pdf(content: bytes, name: str, strategy: str) -> DocumentText:
    layer, problem = ("", None) if strategy == "ocr_only" else _text_layer(content)
    if layer.strip():
        return DocumentText(layer[:CHARS_MAX], "text-layer")
    text = _ocr_pdf(content)
    if text:
        return DocumentText(text[:CHARS_MAX], "ocr")
    reason = problem or ("there is no text layer" if strategy != "ocr_only" else "OCR was asked for")
    return DocumentText("", "none", f"{name}: {reason}, and OCR {_why_no_ocr('pdftoppm')}")


def _text_layer(content: bytes) -> tuple[str, str | None]:
    import logging

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        pages = PdfReader(io.BytesIO(content)).pages
        return "\n".join(page.extract_text() for page in pages[:PAGES_MAX]).strip(), None
    except Exception as error:
        return "", f"the PDF cannot be read ({type(error).__name__})"


def _ocr_pdf(content: bytes) -> str:
    renderer = shutil.which("pdftoppm")
    if renderer is None or shutil.which("tesseract") is None:
        return ""
    with tempfile.TemporaryDirectory(prefix="sandbox-ocr-") as folder:
        source = Path(folder) / "in.pdf"
        source.write_bytes(content)
        if _run([renderer, "-r", "200", "-png", "-l", "20", str(source), str(Path(folder) / "page")], b"") is None:
            return ""
        return "\n".join(_ocr(page.read_bytes()) for page in sorted(Path(folder).glob("page*.png")))


def _read_image(content: bytes, kind: str, name: str) -> DocumentText:
    text = _ocr(content)
    if text.strip():
        return DocumentText(text[:CHARS_MAX], "ocr")
    size = image_size(content)
    shown = f"{size[0]} x {size[1]} pixels" if size else "size unknown"
    metadata = f"File name: {name}\nContent type: {kind}\nImage size: {shown}\nBytes: {len(content)}"
    return DocumentText(metadata, "metadata", f"{name}: only its metadata was read; OCR {_why_no_ocr()}")


def _ocr(image: bytes) -> str:
    tool = shutil.which("tesseract")
    found = _run([tool, "stdin", "stdout"], image) if tool is not None else None
    return found.decode(errors="replace") if found else ""


def _why_no_ocr(*needed: str) -> str:
    missing = [tool for tool in ("tesseract", *needed) if shutil.which(tool) is None]
    return f"needs {' and '.join(missing)}, not installed" if missing else "found no text"


def _run(command: list[str], given: bytes) -> bytes | None:
    environment = {"PATH": os.environ.get("PATH", ""), "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=OCR_TIMEOUT_S, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
