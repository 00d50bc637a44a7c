"""Reading pictures with the real tools: tesseract, and pdftoppm for scanned PDFs.

The server works without them, so a machine without them may leave these out; CI may not.
"""

import io
import os
import shutil
import subprocess

import aiohttp
import pytest

from sandbox.llm_tasks.inputs.documents import read_document

LINES = ("REFERRAL", "Patient: Maria Chen", "Date of birth: 03/12/1984", "Member ID: M100234", "Reason: chronic cough")


@pytest.fixture(scope="module", autouse=True)
def _tools():
    missing = [name for name in ("tesseract", "pdftoppm") if shutil.which(name) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"CI needs {' and '.join(missing)}; .ci/run installs them")
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")


def drawn(draw):
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(500, 300), invariant=1)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A fax page as a PNG."""
    folder = tmp_path_factory.mktemp("ocr")

    def draw(canvas):
        canvas.setFont("Helvetica", 22)
        for number, line in enumerate(LINES):
            canvas.drawString(30, 250 - 48 * number, line)

    (folder / "page.pdf").write_bytes(drawn(draw))
    subprocess.run(
        ["pdftoppm", "-r", "150", "-png", "-singlefile", folder / "page.pdf", folder / "page"], check=True, timeout=60
    )
    return (folder / "page.png").read_bytes()


def test_a_picture(picture):
    found = read_document(picture, "image/png", "fax.png")
    assert found.method == "ocr"
    assert [line for line in found.text.splitlines() if line.strip()] == list(LINES)


def test_a_scanned_pdf(picture):
    from reportlab.lib.utils import ImageReader

    scan = drawn(lambda canvas: canvas.drawImage(ImageReader(io.BytesIO(picture)), 0, 0, 500, 300))
    found = read_document(scan, "application/pdf", "scan.pdf")
    assert found.method == "ocr"
    assert "Member ID: M100234" in found.text


async def test_an_image_task(api, picture):
    wanted = {"patient": "str", "date_of_birth": "str", "member_id": "str"}
    task = await api.create(file_input_mode="image", user_prompt="Read the fax.", output_format=wanted)
    form = aiohttp.FormData()
    form.add_field("task_file", picture, filename="fax.png", content_type="image/png")
    answer = await api.call("POST", f"task/{task['id']}/run", data=form)
    assert answer.json["response"] == {"patient": "Maria Chen", "date_of_birth": "03/12/1984", "member_id": "M100234"}
