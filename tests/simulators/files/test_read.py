"""Listing and download."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import RangeNotSatisfiable
from sandbox.simulators.files.ranges import MAX_RANGES, multipart, parse_range

TEXT = "files/inbox/a.txt"
ETAG = f'"{sha256(b"0123456789").hexdigest()}"'


def test_inbox_lists_recursively_by_path(world, read):
    response = world.call("GET", "files/inbox")
    assert response.status == 200
    assert read(response) == [
        {
            "path": "inbox/a.txt",
            "name": "a.txt",
            "size": 10,
            "content_type": "text/plain",
            "modified_at": "2026-04-23T09:00:00.000Z",
            "sha256": sha256(b"0123456789").hexdigest(),
            "url": "/v1/benchmark-runs/br_1/files/inbox/a.txt",
        },
        {
            "path": "inbox/referrals/b.pdf",
            "name": "b.pdf",
            "size": 10,
            "content_type": "application/pdf",
            "modified_at": "2026-04-23T09:00:00.000Z",
            "sha256": sha256(b"%PDF-1.4 b").hexdigest(),
            "url": "/v1/benchmark-runs/br_1/files/inbox/referrals/b.pdf",
        },
    ]
    assert world.last.type == "file_list"
    assert world.last.changes == ()


def test_seeded_files_keep_the_time_the_clock_began(world, read):
    world.clock.advance(3600)
    assert read(world.call("GET", "files/inbox"))[0]["modified_at"] == "2026-04-23T09:00:00.000Z"


def test_empty_inbox_is_a_list(make_world, read):
    empty = make_world()
    assert read(empty.call("GET", "files/inbox")) == []
    assert read(empty.call("GET", "files/inbox/")) == []
    assert [item["path"] for item in read(empty.call("GET", "files/"))] == ["archive", "inbox", "outbound"]


def test_a_listed_url_downloads_the_file(world, read):
    [entry] = read(world.call("GET", "files/?recursive=true"))[:1]
    assert entry["path"] == "archive/old name.json"
    assert entry["url"].endswith("/files/archive/old%20name.json")
    response = world.call("GET", entry["url"].removeprefix("/v1/benchmark-runs/br_1/"))
    assert response.status == 200
    assert response.body.startswith(b'{"status"')


def test_download(world):
    response = world.call("GET", TEXT)
    assert (response.status, response.body, response.content_type) == (200, b"0123456789", "text/plain")
    assert response.headers["ETag"] == ETAG
    assert response.headers["Last-Modified"] == "Thu, 23 Apr 2026 09:00:00 GMT"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert world.last.type == "file_read"


def test_head_has_the_length_and_no_content(world):
    response = world.call("HEAD", TEXT, headers={"range": "bytes=0-1"})
    assert (response.status, response.body, response.headers["Content-Length"]) == (200, b"", "10")
    assert response.headers["ETag"] == ETAG
    assert world.call("HEAD", "files/inbox/none.txt").status == 404


def test_directory_listing(world, read):
    response = world.call("GET", "files/outbound")
    assert world.last.type == "file_list"
    assert read(response) == [
        {
            "path": "outbound/claims",
            "name": "claims",
            "type": "directory",
            "url": "/v1/benchmark-runs/br_1/files/outbound/claims/",
        }
    ]
    [inside] = read(world.call("GET", "files/outbound/claims/"))
    assert (inside["path"], inside["type"], inside["content_type"]) == (
        "outbound/claims/837.x12",
        "file",
        "application/edi-x12",
    )
    [same] = read(world.call("GET", "files/outbound?recursive=true"))
    assert same == {key: value for key, value in inside.items() if key != "type"}


@pytest.mark.parametrize("path", ["inbox/none.txt", "none", "inbox/a.txt/", "inbox/a.txt/b", "INBOX/a.txt", "inbox/a"])
def test_missing(world, read, path):
    response = world.call("GET", f"files/{path}")
    assert response.status == 404
    assert read(response)["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("query", ["recursive=yes", "recursive=true&recursive=true", "depth=1"])
def test_unknown_and_wrong_parameters_are_named(world, read, query):
    response = world.call("GET", f"files/outbound?{query}")
    assert response.status == 400
    assert query.partition("=")[0] in read(response)["error"]["details"]
    assert world.call("GET", f"{TEXT}?recursive=true").status == 400


def test_strict_mode_lists_directories_but_knows_no_parameter(world):
    assert world.call("GET", "files/outbound", is_strict=True).status == 200
    assert world.call("GET", "files/outbound?recursive=true", is_strict=True).status == 400


# -- ranges ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "body", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-5", b"2345", "bytes 2-5/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=9-99", b"9", "bytes 9-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("BYTES = 1-2", b"12", "bytes 1-2/10"),
        ("bytes=,1-2, ,", b"12", "bytes 1-2/10"),
        ("bytes=50-60,1-2", b"12", "bytes 1-2/10"),
    ],
)
def test_one_range(world, header, body, content_range):
    response = world.call("GET", TEXT, headers={"range": header})
    assert (response.status, response.body) == (206, body)
    assert response.headers["Content-Range"] == content_range
    assert response.headers["ETag"] == ETAG


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=10-11,12-13"])
def test_unsatisfiable_range(world, read, header):
    response = world.call("GET", TEXT, headers={"range": header})
    assert response.status == 416
    assert response.headers["Content-Range"] == "bytes */10"
    assert read(response)["error"]["code"] == "RANGE_NOT_SATISFIABLE"


@pytest.mark.parametrize(
    "header", ["lines=0-1", "bytes", "bytes=", "bytes=a-b", "bytes=5-2", "bytes=-", "bytes=1-2-3", "bytes=0-5,3-8,4-9"]
)
def test_ignored_range(world, header):
    response = world.call("GET", TEXT, headers={"range": header})
    assert (response.status, response.body) == (200, b"0123456789")
    assert "Content-Range" not in response.headers


def test_several_ranges(world):
    response = world.call("GET", TEXT, headers={"range": "bytes=0-1,-2"})
    assert response.status == 206
    kind, _, boundary = (response.content_type or "").partition("; boundary=")
    assert kind == "multipart/byteranges"
    assert (
        response.body
        == (
            f"--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
            f"--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n"
            f"--{boundary}--\r\n"
        ).encode()
    )


def test_an_empty_file_has_no_range(make_world):
    empty = make_world({"inbox/e.txt": b""})
    assert empty.call("GET", "files/inbox/e.txt", headers={"range": "bytes=-1"}).status == 200
    assert empty.call("GET", "files/inbox/e.txt", headers={"range": "bytes=0-"}).status == 416


def test_number_of_ranges_at_and_past_the_limit():
    assert (
        len(parse_range("bytes=" + ",".join(f"{n * 2}-{n * 2}" for n in range(MAX_RANGES)), 1000) or ()) == MAX_RANGES
    )
    assert parse_range("bytes=" + ",".join(f"{n * 2}-{n * 2}" for n in range(MAX_RANGES + 1)), 1000) is None


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, 206),
        (f"W/{ETAG}", 200),
        ('"other"', 200),
        ("Thu, 23 Apr 2026 09:00:00 GMT", 206),
        ("Thu, 23 Apr 2026 09:00:01 GMT", 200),
        ("nonsense", 200),
    ],
)
def test_if_range(world, condition, status):
    assert world.call("GET", TEXT, headers={"range": "bytes=0-1", "if-range": condition}).status == status


@given(st.binary(max_size=50), st.lists(st.tuples(st.integers(0, 60) | st.none(), st.integers(0, 60) | st.none())))
def test_ranges_are_slices(content, bounds):
    """Whatever is asked, what comes back is a part of the file, and 416 only if nothing fits."""
    header = "bytes=" + ",".join(f"{'' if a is None else a}-{'' if b is None else b}" for a, b in bounds)
    try:
        ranges = parse_range(header, len(content))
    except RangeNotSatisfiable:
        fits = [(a, b) for a, b in bounds if (a is None and b) or (a is not None and a < len(content))]
        assert not fits
        return
    for item in ranges or ():
        assert 0 <= item.first <= item.last < len(content)
    if ranges and len(ranges) == 1 and len(bounds) == 1:
        first, last = bounds[0]
        wanted = content[-last:] if first is None else content[first : None if last is None else last + 1]
        assert content[ranges[0].first : ranges[0].last + 1] == wanted
    if ranges:
        body, content_type = multipart(content, ranges, "text/plain")
        boundary = content_type.partition("boundary=")[2].encode()
        assert body.count(b"--" + boundary) == len(ranges) + 1


@given(st.text(max_size=40))
def test_any_range_header_is_survived(text):
    for header in (text, f"bytes={text}"):
        try:
            parse_range(header, 10)
        except RangeNotSatisfiable as error:
            assert error.headers["Content-Range"] == "bytes */10"


# -- conditions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-none-match": ETAG}, 304),
        ({"if-none-match": f'"x", W/{ETAG}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-modified-since": "Thu, 23 Apr 2026 09:00:00 GMT"}, 304),
        ({"if-modified-since": "Thu, 23 Apr 2026 08:59:59 GMT"}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-none-match": '"x"', "if-modified-since": "Thu, 23 Apr 2026 09:00:00 GMT"}, 200),
        ({"if-match": ETAG}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": f"W/{ETAG}"}, 412),
        ({"if-match": '"x"'}, 412),
        ({"if-unmodified-since": "Thu, 23 Apr 2026 09:00:00 GMT"}, 200),
        ({"if-unmodified-since": "Thu, 23 Apr 2026 08:59:59 GMT"}, 412),
        ({"if-unmodified-since": "Thu, 23 Apr 99999999999 09:00:00 GMT"}, 200),
    ],
)
def test_conditional_read(world, headers, status):
    response = world.call("GET", TEXT, headers=headers)
    assert response.status == status
    if status == 304:
        assert response.body == b""
        assert response.headers["ETag"] == ETAG
