"""Reading ER7: line ends, frames, delimiters, escapes, character sets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import limits
from sandbox.errors import SandboxError, TooLarge
from sandbox.simulators.hl7.charsets import decode
from sandbox.simulators.hl7.delimiters import DEFAULT_DELIMITERS, Delimiters, escape, unescape
from sandbox.simulators.hl7.message import Unreadable, normalized, parse
from sandbox.simulators.hl7.state import Payload

HEADER = "MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

delimiters = st.lists(st.sampled_from(PUNCTUATION), min_size=5, max_size=6, unique=True).map(
    lambda chars: Delimiters(*chars)
)


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_line_ends(ending: str) -> None:
    message = parse(HEADER + ending + "PID|1" + ending)
    assert [segment.name for segment in message.segments] == ["MSH", "PID"]
    assert any("line feeds" in note for note in message.notes) is (ending != "\r")


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("\ufeff" + HEADER, "byte order mark"),
        (" \r\n" + HEADER, "White space"),
        ("\x0b" + HEADER + "\r\x1c\r", "MLLP"),
        (HEADER + "\r\x1c", "MLLP"),
        (HEADER + "\r\r\rPID|1", "Blank lines"),
    ],
)
def test_what_is_overlooked_is_noted(text: str, noted: str) -> None:
    message = parse(text)
    assert message.control_id == "1"
    assert [note for note in message.notes if noted in note], message.notes


def test_a_clean_message_has_no_notes() -> None:
    assert parse(HEADER + "\rPID|1\r").notes == ()


@pytest.mark.parametrize(
    "text", ["", " ", "MSH", "MSHX^~\\&", "MSH|", "MSH||", "MSH|^^~\\", "MSH| ~\\&|", "PID|1", "\x0b\x1c"]
)
def test_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


def test_segment_limit() -> None:
    assert len(parse(HEADER + "\rNTE|1" * (limits.HL7_SEGMENTS - 1)).segments) == limits.HL7_SEGMENTS
    with pytest.raises(TooLarge, match="10000 segments"):
        parse(HEADER + "\rNTE|1" * limits.HL7_SEGMENTS)


def test_msh_counts_its_separator() -> None:
    header = parse(HEADER).header
    assert (header.raw(1), header.raw(2), header.raw(3), header.raw(12), header.raw(40)) == (
        "|",
        "^~\\&",
        "A",
        "2.5",
        "",
    )


def test_trigger_event_from_evn() -> None:
    assert parse(HEADER.replace("ADT^A01", "ADT") + "\rEVN|A04").type == "ADT^A04"


@given(st.text(), delimiters)
def test_escaping_round_trips(text: str, chosen: Delimiters) -> None:
    escaped = escape(text, chosen)
    assert unescape(escaped, chosen) == text
    plain = escaped.replace(chosen.escape, "")
    assert not set(plain) & {chosen.field, chosen.component, chosen.repetition, chosen.subcomponent, "\r", "\n"}


def test_without_escape_character_nothing_breaks_out() -> None:
    assert escape("a|b^c\r", Delimiters(escape="", subcomponent="")) == "a b c "


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
        ("one\\.br\\two", "one\ntwo"),
        ("one\\.sp2\\two\\.sk3\\three", "one\n\ntwo   three"),
        ("\\H\\loud\\N\\ quiet", "loud quiet"),
        ("\\X48656C6C6F\\", "Hello"),
        ("\\XE9\\ \\XC3A9\\", "é é"),
        ("\\X4\\", "\\X4\\"),
        ("C:\\temp\\new", "C:\\temp\\new"),
        ("\\b\\F\\", "\\b|"),
        ("100\\", "100\\"),
        ("\\Zlocal\\", "\\Zlocal\\"),
        ("\\.in+4\\text", "text"),
    ],
)
def test_unescape(text: str, plain: str) -> None:
    assert unescape(text, DEFAULT_DELIMITERS) == plain


def test_a_huge_skip_is_bounded() -> None:
    assert len(unescape("\\.sk999999999\\", DEFAULT_DELIMITERS)) == 1000


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"\x1b$B", b"\x1b(J", b";3", b"\xb1", b"\r", b"MSH|", b"\x1b"])).map(b"".join),
    st.sampled_from([None, "utf-8", "latin-1", "ascii", "utf-16", "shift_jis", "no-such", "base64", "\x00"]),
)
def test_bytes_are_never_lost(bytes_of: Any, body: bytes, declared: str | None) -> None:
    payload = Payload.of_bytes(body, declared)
    assert bytes_of(payload.kept) == body
    assert payload.body == body
    payload.text.encode("utf-8")  # no lone surrogates: it can be stored as JSON


@pytest.mark.parametrize(
    ("msh_18", "body", "charset"),
    [
        ("", "é".encode(), "utf-8"),
        ("", b"\xe9", "iso8859-1"),
        ("8859/1", b"\xe9", "iso8859-1"),
        ("8859/15", b"\xa4", "iso8859-15"),
        ("UNICODE UTF-8", "é".encode(), "utf-8"),
        ("UNICODE UTF-8", b"\xe9", "iso8859-1"),
        ("ASCII", "é".encode(), "utf-8"),
        ("ISO IR6~8859/1", "é".encode(), "utf-8"),
        ("BIG-5", "中".encode("big5"), "big5"),
    ],
)
def test_character_set(msh_18: str, body: bytes, charset: str) -> None:
    header = f"{HEADER}||||||{msh_18}\rNTE|1||".encode()
    assert decode(header + body).charset == charset


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, "MSH" + text, "MSH|^~\\&" + text):
        try:
            message = parse(candidate)
        except SandboxError:
            continue
        assert message.header.name == "MSH"
        assert normalized(candidate).startswith("MSH")


@given(st.text(alphabet=PUNCTUATION + "AZ09 \r\n\ufeff\x0b\x1c", max_size=60))
def test_normalizing_is_idempotent(text: str) -> None:
    assert normalized(normalized(text)) == normalized(text)
