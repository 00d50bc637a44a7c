"""Long texts are read a window at a time, and say what the whole would: Base64, and JSON before it is decoded."""

import base64
import itertools

import pytest

from sandbox import jsonio
from sandbox.errors import Malformed, TooLarge
from sandbox.wire.base64_text import is_base64, read_base64

WINDOW = 1 << 20


@pytest.mark.parametrize("size", [WINDOW - 3, WINDOW, WINDOW * 3 // 4, WINDOW * 3 // 4 + 1, WINDOW + 2, 2 * WINDOW])
@pytest.mark.parametrize("line", [0, 76])
def test_base64_over_several_windows_is_the_bytes_that_were_packed(size: int, line: int) -> None:
    content = bytes(itertools.islice(itertools.cycle(range(251)), size))
    text = base64.b64encode(content).decode()
    if line:
        text = "\r\n".join(text[start : start + line] for start in range(0, len(text), line))

    assert is_base64(text)
    assert read_base64(text) == content


@pytest.mark.parametrize("at", [0, 5, WINDOW - 1, WINDOW, WINDOW + 7])
@pytest.mark.parametrize("wrong", ["=", "-", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{GRINNING FACE}"])
def test_what_is_no_base64_is_found_in_every_window(at: int, wrong: str) -> None:
    text = "A" * (2 * WINDOW)

    assert read_base64(text[:at] + wrong + text[at + 1 :]) is None


@pytest.mark.parametrize("pad", ["==", "="])
def test_padding_stands_at_the_very_end_even_on_the_border_of_a_window(pad: str) -> None:
    text = "A" * (WINDOW - len(pad)) + pad

    assert read_base64(text) == bytes(WINDOW // 4 * 3 - len(pad))
    assert read_base64(text + "AAAA") is None


@pytest.mark.parametrize("letter", ["e", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{GRINNING FACE}"])
def test_utf8_is_decoded_across_the_borders_of_windows(letter: str) -> None:
    for before in range(5):
        text = "x" * before + letter * (WINDOW // len(letter.encode()) + 8)

        assert jsonio.parse(f'"{text}"'.encode()) == text


@pytest.mark.parametrize("at", [10, WINDOW - 1, WINDOW, WINDOW + 9])
def test_what_is_not_utf8_is_named_with_its_place_in_the_whole(at: int) -> None:
    body = bytearray(b'"' + b"x" * (WINDOW + 20) + b'"')
    body[at] = 0xFF

    with pytest.raises(Malformed, match=rf"at byte {at}\."):
        jsonio.parse(bytes(body))


def test_marks_are_counted_in_every_window() -> None:
    deep = b" " * (WINDOW - 4) + b"[" * 9 + b" " * WINDOW + b"[" * 200 + b"1" + b"]" * 209

    with pytest.raises(TooLarge, match="nested deeper"):
        jsonio.parse(deep)
