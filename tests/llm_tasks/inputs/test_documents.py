"""Text out of files; the recognition tool is stood in for by a script where it matters."""

import os
import stat

import pytest

from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.inputs.documents import read_document
from sandbox.llm_tasks.inputs.files import image_size

PDF = media.document("Patient name: Ana Reyes")
PNG = media.picture("x")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """An empty PATH but for what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return put


def test_a_pdf_is_read_by_its_text_layer(tools):
    found = read_document(PDF, "application/pdf", "a.pdf")
    assert (found.text, found.method, found.note) == ("Patient name: Ana Reyes", "text-layer", None)


def test_the_content_decides_not_the_name(tools):
    assert read_document(PDF, "text/plain", "a.txt").method == "text-layer"


def test_a_scan_needs_recognition_and_says_so(tools):
    found = read_document(media.document(""), "application/pdf", "scan.pdf")
    assert (found.text, found.method) == ("", "none")
    assert found.note == "scan.pdf: there is no text layer, and OCR needs tesseract and pdftoppm, not installed"


def test_a_broken_pdf_says_so(tools):
    found = read_document(b"%PDF-1.7 garbage", "application/pdf", "b.pdf")
    assert found.method == "none"
    assert "the PDF cannot be read" in found.note


def test_a_scan_is_recognised_where_the_tools_are(tools):
    tools("pdftoppm", "for last; do :; done; printf page > $last-1.png; printf page > $last-2.png")
    tools("tesseract", "read line; echo recognised $line; exit 0")
    found = read_document(media.document(""), "application/pdf", "scan.pdf")
    assert (found.text.split("\n"), found.method) == (["recognised page", "", "recognised page", ""], "ocr")
    forced = read_document(PDF, "application/pdf", "a.pdf", "ocr_only")
    assert forced.method == "ocr"


def test_a_picture_is_recognised_or_described(tools):
    described = read_document(PNG, "image/png", "card.png")
    assert described.method == "metadata"
    assert "Image size: 64 x 64 pixels" in described.text
    assert described.note == "card.png: only its metadata was read; OCR needs tesseract, not installed"
    tools("tesseract", "echo Member ID: M1")
    found = read_document(PNG, "image/png", "card.png")
    assert (found.text.strip(), found.method) == ("Member ID: M1", "ocr")


def test_a_tool_that_fails_is_as_good_as_none(tools):
    tools("tesseract", "exit 1")
    found = read_document(PNG, "image/png", "card.png")
    assert (found.method, found.note) == ("metadata", "card.png: only its metadata was read; OCR found no text")


@pytest.mark.parametrize(
    ("content", "kind", "method"),
    [
        (b"\xef\xbb\xbfhello", "text/plain", "text"),
        (b"a,b\n1,2", "application/octet-stream", "text"),
        (b"\x00\x01\x02", "application/octet-stream", "none"),
        (b"caf\xe9", "text/plain", "text"),
    ],
)
def test_other_files(tools, content, kind, method):
    found = read_document(content, kind, "f")
    assert found.method == method
    assert "\ufeff" not in found.text


@pytest.mark.parametrize("length", [0, 9, 17, 20, 25])
def test_a_cut_picture_has_no_size(length):
    for whole in (
        PNG,
        b"GIF89a\x02\x00\x03\x00",
        b"\xff\xd8\xff\xe0" + b"\0" * 30,
        b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 20,
    ):
        image_size(whole[:length])


def test_sizes_of_pictures():
    jpeg = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x11\x08\x00\x20\x00\x10" + b"\0" * 10
    webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + (15).to_bytes(3, "little") + (31).to_bytes(3, "little")
    assert image_size(jpeg) == (16, 32)
    assert image_size(webp) == (16, 32)


def test_secrets_of_the_server_do_not_reach_the_tool(tools, monkeypatch):
    monkeypatch.setenv("SANDBOX_OPENAI_API_KEY", "sk-secret")
    tools("tesseract", "echo key=$SANDBOX_OPENAI_API_KEY")
    assert read_document(PNG, "image/png", "x.png").text.strip() == "key="
    assert os.environ["SANDBOX_OPENAI_API_KEY"] == "sk-secret"
