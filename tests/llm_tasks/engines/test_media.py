import io
import struct
import wave

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.inputs.files import image_size
from sandbox.wire.file_types import sniff


def test_a_picture_is_a_png_of_its_size():
    content = media.picture("a cat")
    assert (sniff(content), image_size(content)) == ("image/png", (media.SIDE, media.SIDE))
    assert content == media.picture("a cat") != media.picture("a dog")
    assert struct.unpack(">I", content[8:12]) == (13,)


def test_a_picture_can_be_opened():
    with Image.open(io.BytesIO(media.picture("x"))) as opened:
        opened.load()
        assert (opened.format, opened.size) == ("PNG", (media.SIDE, media.SIDE))


def test_a_sound_is_a_wav():
    with wave.open(io.BytesIO(media.sound("hello"))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
        assert 0.5 < sound.getnframes() / sound.getframerate() < 2


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet="abc (){}\\éß\n", max_size=400))
def test_a_document_holds_its_text(text):
    pages = PdfReader(io.BytesIO(media.document(text)), strict=True).pages
    shown = "".join("".join(page.extract_text().split()) for page in pages)
    assert shown == "".join(text.split())


def test_a_long_document_has_pages():
    content = media.document("\n".join(f"line {i}" for i in range(150)))
    assert len(PdfReader(io.BytesIO(content)).pages) == 3
