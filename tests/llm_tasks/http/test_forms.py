"""Forms as clients write them, byte by byte: charsets, blobs, names of files."""

import gzip

import pytest


def raw_form(*parts):
    """Return the bytes of a form: each part is its headers and its content."""
    body = b"".join(b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return body + b"--b--\r\n"


async def send_raw(api, task, *parts):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return await api.call("POST", f"task/{task['id']}/run", data=raw_form(*parts), headers=headers)


INPUT = (b"Content-Disposition: form-data; name=task_input", b'{"text": "Name: Ana"}')


async def test_the_input_may_come_as_a_blob(api):
    """A browser's `append(name, new Blob(…))` gives the part a file name."""
    head = b'Content-Disposition: form-data; name="task_input"; filename="blob"\r\nContent-Type: application/json'
    run = (await send_raw(api, await api.create(), (head, INPUT[1]))).json
    assert (run["response"], run["files"]) == ({"name": "Ana"}, [])


async def test_the_input_of_a_form_is_read_in_its_charset_and_never_guessed(api):
    task = await api.create()
    head = b"Content-Disposition: form-data; name=task_input"
    latin = "Name: José".encode("latin-1")
    said = await send_raw(
        api, task, (head + b"\r\nContent-Type: text/plain; charset=latin-1", b'{"text": "%s"}' % latin)
    )
    assert said.json["response"] == {"name": "José"}
    for kind in (
        b"",
        b"\r\nContent-Type: text/plain; charset=utf-8",
        b"\r\nContent-Type: text/plain; charset=none-such",
    ):
        refused = await send_raw(api, task, (head + kind, b'{"text": "%s"}' % latin))
        assert (refused.status, refused.json["detail"][0]["loc"]) == (422, ["body", "task_input"])
    half = await send_raw(
        api, task, (head + b"\r\nContent-Type: text/plain; charset=unicode_escape", rb'{"text": "\ud800"}')
    )
    assert half.status == 422


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (b'filename="\xff\xfe.txt"', "\ufffd\ufffd.txt"),
        ('filename="befund_ä.txt"'.encode(), "befund_ä.txt"),
        (b"filename*=UTF-8''l%C3%A9.txt", "lé.txt"),
        (b'filename="../../etc/passwd"', "passwd"),
        (b'filename="C:\\\\scans\\\\fax.TIF"', "fax.TIF"),
        (b'filename=".."', "file"),
        (b'filename=""', "task_file"),
        (b'filename="a\tb.txt"', "ab.txt"),
    ],
)
async def test_names_of_files_are_only_names(api, name, kept):
    head = b"Content-Disposition: form-data; name=task_file; " + name
    run = (await send_raw(api, await api.create(), INPUT, (head, b"abc"))).json
    (meta,) = run["files"]
    assert meta["original_filename"] == kept
    got = await api.call("GET", "/api/v1" + meta["download_url"])
    assert (got.status, got.body) == (200, b"abc")


async def test_a_form_that_is_compressed_is_refused_by_name(api):
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Encoding": "gzip"}
    task = await api.create()
    answer = await api.call("POST", f"task/{task['id']}/run", data=gzip.compress(raw_form(INPUT)), headers=headers)
    assert answer.status == 415 and "Content-Encoding" in str(answer.json)
