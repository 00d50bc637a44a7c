"""MSH-18 in all its forms: what is read, what is said of what cannot be read, and the bytes kept."""

import base64

import pytest

HEADER = "MSH|^~\\&|REG|MERCY|EHR|CLINIC|20260423091500||ADT^A08^ADT_A01|C1|P|{version}||||||{charsets}"
JIS_NAME = b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"  # 山田^太郎
ROMAN_NAME = JIS_NAME.replace(b"\x1b(B", b"\x1b(J")
KANA_NAME = b"\x1b)I\xd4\xcf\xc0\xde^\xc0\xdb\xb3"  # ﾔﾏﾀﾞ^ﾀﾛｳ
PATIENT = ("PID.5.1", "PID.5.2", "PID.11.1")


def message(name: bytes, charsets: str, *, version: str = "2.5", street: bytes = b"1 Main St") -> bytes:
    header = HEADER.format(version=version, charsets=charsets).encode()
    patient = b"PID|1||100234^^^MERCY^MR||" + name + b"||19840212|F|||" + street + b"^^Kyoto"
    return b"\r".join([header, b"EVN||20260423", patient, b"PV1|1|O", b""])


def bytes_of(row):
    return base64.b64decode(row["payload_base64"]) if "payload_base64" in row else row["payload"].encode(row["charset"])


def warnings_of(ack: bytes):
    """The texts of the acknowledgment's warnings, from 2.5 on."""
    lines = ack.decode("ascii").split("\r")
    return [line.split("|")[8] for line in lines if line.startswith("ERR|") and line.split("|")[4] == "W"]


@pytest.mark.parametrize(
    ("charsets", "name", "expected"),
    [
        ("ISO IR87", JIS_NAME, "山田^太郎"),
        ("~ISO IR87", JIS_NAME, "山田^太郎"),
        ("ISO IR6~ISO IR87", JIS_NAME, "山田^太郎"),
        ("ISO IR14~ISO IR87", ROMAN_NAME, "山田^太郎"),
        ("~ISO IR87~ISO IR159", b"\x1b$(D0!\x1b(B^\x1b$B;3\x1b(B", "丂^山"),
        ("ISO IR6~ISO IR13~ISO IR87", KANA_NAME, "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("ISO IR13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("ISO 2022 IR 6~ISO 2022 IR 87", JIS_NAME, "山田^太郎"),
        ("~KS X 1001", b"\x1b$)C\xb1\xe8^\xc8\xf1\xc1\xdf", "김^희중"),
        ("~8859/5", b"\x1b-L\xb8\xd2\xd0\xdd\xde\xd2^\xb8\xd2\xd0\xdd", "Иванов^Иван"),
        ("8859/1~8859/7", b"M\xfcller^\x1b-F\xc1\xed\xed\xe1", "M\u00fcller^\u0391\u03bd\u03bd\u03b1"),
        ("GB 18030-2000", "王^小东".encode("gb18030"), "王^小东"),
        ("8859/2", "Wałęsa^Zofia".encode("iso8859-2"), "Wałęsa^Zofia"),
        ("ASCII~8859/15", "Œuvre^Zoé".encode("iso8859-15"), "Œuvre^Zoé"),
        ("UTF-8", "Müller^Zoé".encode(), "Müller^Zoé"),
        ("UNICODE UTF-8", "Müller^Zoé".encode(), "Müller^Zoé"),
        ("ISO-8859-1", "Müller^Zoé".encode("latin-1"), "Müller^Zoé"),
        *(
            (spelling, "O\u2019Brien^Zoé €".encode("cp1252"), "O\u2019Brien^Zoé €")
            for spelling in "Windows-1252 WINDOWS-1252 windows1252 WIN-1252 CP1252 cp-1252 ANSI".split()
        ),
        ("8859/1", "O\u2019Brien^Zoé".encode("cp1252"), "O\u2019Brien^Zoé"),
    ],
)
async def test_declared_characters_are_read(feed, charsets, name, expected):
    body = message(name, charsets)
    ack = await feed.send_raw(body)
    assert b"\rMSA|AA|C1" in ack
    row = (await feed.sent())[0]
    assert row["payload"].split("\r")[2].split("|")[5] == expected
    assert bytes_of(row) == body
    assert warnings_of(ack) == []


SWITCHED = [
    message(JIS_NAME, "~ISO IR87").decode("latin-1"),
    message(ROMAN_NAME, "ISO IR14~ISO IR87").decode("latin-1"),
    message(b"\\M2442\\;3ED\\C2842\\^\\M2442\\B@O:\\C284A\\", "~ISO IR87").decode(),
    message(b"\\M242842\\;3ED\\C2842\\^\\M2442\\B@O:\\C2842\\", "~ISO IR87").decode(),
]


@pytest.mark.parametrize("text", SWITCHED)
@pytest.mark.parametrize("is_raw", [False, True])
async def test_switched_characters_are_scored_as_read(serve, disk, kit, text, is_raw):
    fields = [
        {"path": path, "expected": wanted} for path, wanted in zip(PATIENT, ("山田", "太郎", "1 Main St"), strict=True)
    ]
    check = kit.criterion("patient", "hl7-structural", correlate_by={"message_type": "ADT^A08"}, fields=fields)
    disk.benchmark(kit.benchmark("kyoto", kit.task("a", check)))
    async with serve() as live:
        run = await live.started("kyoto")
        if is_raw:
            sent = {"body": text.encode("latin-1"), "headers": {"Content-Type": "application/hl7-v2"}}
        else:
            sent = {"json": {"payload": text}}
        assert (await run.call("POST", "hl7/outbound", **sent)).status == 200
        row = (await run.call("GET", "hl7/outbound")).json[0]
        assert bytes_of(row) == text.encode("latin-1")
        if not is_raw:
            assert row["payload"] == text
        assert (row["accepted"], row["notes"]) == (True, [])
        await run.complete()
        assert (await run.task_state())[3] == 1


@pytest.mark.parametrize("charset", ["utf-8", "US-ASCII", "iso-2022-jp"])
async def test_switches_are_read_whatever_the_content_type_names(feed, charset):
    body = message(ROMAN_NAME, "~ISO IR87")
    ack = await feed.send_raw(body, f"text/plain; charset={charset}")
    row = (await feed.sent())[0]
    assert row["payload"].split("\r")[2].split("|")[5] == "山田^太郎"
    assert bytes_of(row) == body
    assert warnings_of(ack) == []


async def test_delimiters_within_two_byte_characters_divide_nothing(feed):
    name = b"\x1b$B\\|^~\\&\x1b(B"  # codes made of the delimiters' own bytes
    ack = await feed.send_raw(message(name + b"^" + JIS_NAME[:7] + b"\x1b(B", "~ISO IR87"))
    row = (await feed.sent())[0]
    assert row["payload"].split("\r")[2].split("|")[5] == "檄滌椄^山田"
    assert warnings_of(ack) == []


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le"])
async def test_wide_unicode_is_recognized(feed, codec):
    body = message("山田^太郎".encode(), "UNICODE UTF-16").decode().encode(codec)
    ack = await feed.send_raw(body)
    row = (await feed.sent())[0]
    assert row["ack_code"] == "AA"
    assert "山田^太郎" in row["payload"]
    assert bytes_of(row) == body
    assert "MSA|AA|C1" in ack.decode(row["charset"])


UNREAD = [
    (message("Zoé^A".encode("latin-1"), "KLINGON"), "KLINGON"),
    (message(b"A^B", "KLINGON"), "KLINGON"),
    (message("Zoé^A".encode("latin-1"), "UNICODE UTF-8"), "UNICODE UTF-8"),
    (message("Zoé^A".encode("latin-1"), ""), "8859"),
    (message("Zoé^A".encode(), "ASCII"), "ASCII"),
    (message(b"\x1b$B;3E\x1b(B^A", "~ISO IR87"), "ISO IR87"),
    (message(b"\x1b$B\x24\x7c\x1b(B^A", "~ISO IR87"), "ISO IR87"),
    (message(b"\x1b$(G!!\x1b(B^A", "~CNS 11643-1992"), "CNS 11643-1992"),
    (message(b"\x1b$(Z!!\x1b(B^A", "~ISO IR87"), "ESC $ ( Z"),
    (message(b"\\M2442\\;3E\\C2842\\^A", "~ISO IR87"), "ISO IR87"),
]


@pytest.mark.parametrize(("body", "named"), UNREAD)
async def test_what_cannot_be_read_is_said_in_the_acknowledgment(feed, body, named):
    ack = await feed.send_raw(body)
    assert b"\rMSA|AA|C1|" in ack
    assert any(named in warning for warning in warnings_of(ack)), ack
    row = (await feed.sent())[0]
    assert row["errors"] == []
    assert any(named in note for note in row["notes"])
    assert bytes_of(row) == body


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.6", "2.7", "2.8"])
async def test_it_is_said_in_every_version(feed, version):
    ack = await feed.send_raw(message("Zoé^A".encode("latin-1"), "KLINGON", version=version))
    msa = next(line for line in ack.decode("ascii").split("\r") if line.startswith("MSA"))
    assert ("KLINGON" in msa) is (version != "2.7" and version != "2.8")
    assert bool(warnings_of(ack)) is (version > "2.4")


async def test_it_is_said_of_a_refused_message_too(feed):
    ack = await feed.send_raw(message("Zoé^A".encode("latin-1"), "KLINGON").replace(b"PV1|1|O", b"PV1|1"))
    assert b"\rMSA|AE|C1|PV1-2" in ack
    assert [line.split(b"|")[4] for line in ack.split(b"\r") if line.startswith(b"ERR")] == [b"E", b"W"]


async def test_switches_that_are_not_declared_are_read_and_noted(feed):
    await feed.send_raw(message(JIS_NAME, ""))
    row = (await feed.sent())[0]
    assert "山田^太郎" in row["payload"]
    assert any("ISO IR87" in note and "MSH-18" in note for note in row["notes"])
