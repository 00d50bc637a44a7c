"""The type a file was sent with comes back whole, on every way; a form is no file."""

import pytest

TYPES = [
    ("text/plain; charset=windows-1252", "text/plain; charset=windows-1252"),
    ("Text/Plain;charset=Windows-1252", "text/plain; charset=Windows-1252"),
    ('text/csv; header=present; charset="utf-8"', 'text/csv; header=present; charset="utf-8"'),
    ('application/x.note; Title="a; b=\\"c\\""', 'application/x.note; title="a; b=\\"c\\""'),
    ("application/dicom;", "application/dicom"),
    ("multipart/mixed; boundary=b", "multipart/mixed; boundary=b"),
]
FORM_TYPE = {"Content-Type": "multipart/form-data; boundary=B"}
TEXT = "Größe: 5 µg “José”".encode("windows-1252")
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="d.txt"\r\n'
    b"Content-Type: text/plain; charset=windows-1252\r\n\r\n" + TEXT + b"\r\n--B--\r\n"
)


async def put(run, path, body, content_type):
    return await run.call("PUT", f"files/{path}", body=body, headers={"Content-Type": content_type})


@pytest.mark.parametrize(("sent", "kept"), TYPES)
async def test_a_type_comes_back_with_its_parameters(live, sent, kept):
    run = await live.started()
    written = await put(run, "inbox/a.txt", TEXT, sent)
    assert (written.status, written.json["content_type"]) == (201, kept)
    for method in ("GET", "HEAD"):
        assert (await run.call(method, "files/inbox/a.txt")).headers["Content-Type"] == kept
    part = await run.call("GET", "files/inbox/a.txt", headers={"Range": "bytes=0-1"})
    assert (part.status, part.headers["Content-Type"]) == (206, kept)
    parts = await run.call("GET", "files/inbox/a.txt", headers={"Range": "bytes=0-1,4-5"})
    assert f"Content-Type: {kept}\r\n".encode() in parts.body
    for listing in ("files/inbox", "files/?recursive=true"):
        [entry] = [e for e in (await run.call("GET", listing)).json if e["path"] == "inbox/a.txt"]
        assert entry["content_type"] == kept
    moved = await run.call("POST", "files/inbox/a.txt?move_to=outbound/b.bin")
    assert moved.json["content_type"] == kept
    assert (await run.call("GET", "files/outbound/b.bin")).headers["Content-Type"] == kept
    assert (await run.call("GET", "files/outbound/b.bin")).body == TEXT


async def test_types_outlive_a_restart(serve):
    async with serve() as live:
        run = await live.started()
        await put(run, "inbox/a.txt", TEXT, "text/plain; charset=windows-1252")
        await put(run, "inbox/b.csv", b"a,b", "application/octet-stream")
    async with serve() as live:
        run.live = live
        for path, kept in (
            ("a.txt", "text/plain; charset=windows-1252"),
            ("b.csv", "text/csv"),
            ("referral.txt", "text/plain"),
        ):
            assert (await run.call("GET", f"files/inbox/{path}")).headers["Content-Type"] == kept


async def test_a_type_nobody_chose_follows_the_name(live):
    """Files are put under a passing name and renamed when they are whole."""
    run = await live.started()
    for sent in (
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
    ):
        assert (await put(run, "outbound/x.part", b"%PDF-1.7", sent)).json["content_type"] == "application/octet-stream"
        moved = await run.call("POST", "files/outbound/x.part?move_to=outbound/x.pdf")
        assert moved.json["content_type"] == "application/pdf"
        assert (await run.call("GET", "files/outbound/x.pdf")).headers["Content-Type"] == "application/pdf"
        assert (await run.call("DELETE", "files/outbound/x.pdf")).status == 204
    moved = await run.call("POST", "files/inbox/referral.txt?move_to=archive/referral.md")
    assert moved.json["content_type"] == "text/markdown"


NO_TYPES = ["text", "text/", "/plain", "text/plain; charset", "text/plain; =x", 'text/plain; a="b', "text/plain; a=b c"]
NO_TYPES += ["text/plain, text/csv", "a/b; x=" + "y" * 300, "text/plain; charset=utf-8; charset=latin-1"]


@pytest.mark.parametrize("sent", NO_TYPES)
async def test_what_is_no_type_is_refused(live, sent):
    run = await live.started()
    before = run.state_hash()
    refused = await put(run, "outbound/x.txt", b"x", sent)
    assert (refused.status, list(refused.error["details"])) == (400, ["Content-Type"])
    assert run.state_hash() == before


async def test_a_form_is_no_file(live):
    run = await live.started()
    before = run.state_hash()
    refused = await run.call("PUT", "files/outbound/note.txt", body=FORM, headers=FORM_TYPE)
    assert (refused.status, refused.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    for said in ("multipart/form-data", "curl -T", "--data-binary"):
        assert said in refused.error["message"]
    refused = await run.call("POST", "files/outbound/note.txt", body=FORM, headers=FORM_TYPE)
    assert (refused.status, refused.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "PUT" in refused.error["message"] and "curl -T" in refused.error["message"]
    assert run.state_hash() == before


async def test_portal_attachments_keep_their_type(live, kit):
    run = await live.started()
    inline = {"filename": "a.txt", "content_type": "text/plain; charset=windows-1252", "content_base64": "YQ=="}
    made = await run.call("POST", "portal/prior-auths", json={"draft": True, "attachments": [inline]})
    path = f"portal/prior-auths/{made.json['request_id']}/attachments"
    await run.call("POST", path, json={**inline, "content_type": "Text/Plain; Charset=windows-1252"})
    await run.call(
        "POST", f"{path}?filename=c.txt", body=TEXT, headers={"Content-Type": "text/plain;charset=windows-1252"}
    )
    await run.call("POST", path, body=FORM, headers=FORM_TYPE)
    listed = (await run.call("GET", path)).json["data"]
    assert [item["content_type"] for item in listed] == ["text/plain; charset=windows-1252"] * 4
    for item in listed:
        got = await run.call("GET", f"{path}/{item['id']}")
        assert got.headers["Content-Type"] == "text/plain; charset=windows-1252"


async def test_checks_read_text_in_its_charset(serve, disk, kit):
    says = kit.criterion("text", "sftp-file-present", glob="outbound/a.txt", contains=["Größe", "“José”"])
    row = kit.criterion(
        "row",
        "sftp-file-present",
        glob="outbound/a.csv",
        csv={"row": {"name": "José"}},
        fields=[{"path": "µ", "expected": "5"}],
    )
    value = kit.criterion(
        "json", "sftp-file-present", glob="outbound/a.json", fields=[{"path": "name", "expected": "José"}]
    )
    utf8 = kit.criterion("utf-8", "sftp-file-present", glob="outbound/u.txt", contains=["José"])
    disk.benchmark(kit.benchmark("texts", kit.task("a", says, row, value, utf8)))
    async with serve() as live:
        run = await live.started("texts")
        await put(run, "outbound/a.txt", TEXT, "text/plain; charset=windows-1252")
        await put(run, "outbound/a.csv", "name,µ\nJosé,5\n".encode("latin-1"), 'text/csv; charset="iso-8859-1"')
        await put(run, "outbound/a.json", '{"name": "José"}'.encode("utf-16"), "application/json; charset=utf-16")
        await put(run, "outbound/u.txt", "\ufeffJosé".encode(), "text/plain")
        assert (await run.complete())["score"] == 1


async def test_a_charset_that_nobody_knows_is_said(serve, disk, kit):
    says = kit.criterion("text", "sftp-file-present", glob="outbound/a.txt", contains=["x"])
    disk.benchmark(kit.benchmark("texts", kit.task("a", says)))
    async with serve() as live:
        run = await live.started("texts")
        await put(run, "outbound/a.txt", b"x", "text/plain; charset=klingon")
        assert (await run.complete())["score"] == 0
        [criterion] = (await live.get(f"/criterion-runs?task_run_id={run.tasks[0]}"))["data"]
        assert "klingon" in str(criterion["evidence"]["unreadable"])
