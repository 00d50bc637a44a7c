"""What the processors put into the prompt, over HTTP and against a local page."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.llm_tasks.engines import media
from sandbox.llm_tasks.input_processors.url_fetcher import PAGE_BYTES_MAX, UrlFetcher, to_markdown

PAGE = """<html><head><title>x</title><script>var secret</script></head><body>
<h1>Clinic</h1><p>Name: <b>Ana Reyes</b></p><ul><li>One</li><li>Two</li></ul>
<a href="/more">more</a><table><tr><th>Test</th><th>Result</th></tr></table></body></html>"""


async def make(api, processor, config=None, *, name="Task", **fields):
    use = {"param_name": "text", "input_processor": processor, "config": config}
    return await api.create(name, input_processors=[use], **fields)


@pytest.fixture
async def pages():
    async def redirect(request):
        raise web.HTTPFound(request.query["to"])

    async def big(request):
        return web.Response(body=b"x" * (PAGE_BYTES_MAX + int(request.query["more"])))

    async def odd(request):
        return web.Response(
            body=b"Name: Jos\xe9", headers={"Content-Type": f"text/plain; charset={request.query['as']}"}
        )

    async def half(request):
        return web.Response(body=rb"Name: A\ud800B", headers={"Content-Type": "text/plain; charset=unicode_escape"})

    app = web.Application()
    app.router.add_get("/half", half)
    for path, text, kind in (("/page", PAGE, "text/html"), ("/plain", "Name: <b>Bo</b>", "text/plain")):
        app.router.add_get(path, _giving(text, kind))
    app.router.add_get("/go", redirect)
    app.router.add_get("/odd", odd)
    app.router.add_get("/big", big)
    async with TestServer(app) as server:
        yield server


def _giving(text, kind):
    async def give(request):
        return web.Response(text=text, content_type=kind)

    return give


async def test_a_page_becomes_markdown(api, pages):
    task = await make(api, "url_fetcher")
    url = str(pages.make_url("/page"))
    run = (await api.run(task, {"text": url})).json
    assert run["response"] == {"name": "Ana Reyes"}
    assert run["run_data"]["text_preprocessed"] == url
    text = run["run_data"]["submitted"]["text"]
    assert text.startswith("# Clinic\n")
    assert "- One\n- Two" in text
    assert "[more](/more)" in text
    assert "secret" not in text
    assert run["input_processor_timing"] > 0
    assert run["input_processor_charged_credits"] == "0.00"


async def test_the_older_name_and_the_length(api, pages):
    task = await make(api, "url_scraper", {"max_length": "6", "extract_text": True})
    run = (await api.run(task, {"text": str(pages.make_url("/plain"))})).json
    assert run["run_data"]["submitted"]["text"] == "Name: "


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("http://example.com/", "neither loopback nor"),
        ("http://127.0.0.1.example.com/", "neither loopback nor"),
        ("http://169.254.169.254/latest", "neither loopback nor"),
        ("http://0.0.0.0/", "neither loopback nor"),
        ("http://user@example.com@127.0.0.1.evil/", "neither loopback nor"),
        ("http://127.0.0.1@example.com/", "neither loopback nor"),
        ("http://127.0.0.1:80\\@example.com/", "neither loopback nor"),
        ("http://2130706433/", "neither loopback nor"),
        ("http://0x7f000001/", "neither loopback nor"),
        ("http://127.1/", "neither loopback nor"),
        ("http://[::ffff:169.254.169.254]/", "neither loopback nor"),
        ("http://127.0.0.1\n.example.com/", "neither loopback nor"),
        ("http://127.0.0.1%00.example.com/", "neither loopback nor"),
        ("http://[::1/", "cannot be fetched"),
        ("//127.0.0.1/", "is not an http URL"),
        ("file:///etc/passwd", "is not an http URL"),
        ("not a url", "is not an http URL"),
        ("{PAGES}/gone", "answered 404"),
        ("{PAGES}/go?to=http://example.com/", "neither loopback nor"),
        ("{PAGES}/go?to=//example.com/", "neither loopback nor"),
        ("{PAGES}/go?to=http://169.254.169.254/", "neither loopback nor"),
        ("{PAGES}/go?to=file:///etc/passwd", "is not an http URL"),
        ("{PAGES}/go?to=/go?to=/go", "cannot be fetched|answered"),
        ("{PAGES}/big?more=1", "is larger than"),
        (5, "is not a URL"),
    ],
)
async def test_what_may_not_be_fetched_is_an_error_run(api, pages, value, says):
    task = await make(api, "url_fetcher")
    if isinstance(value, str):
        value = value.replace("{PAGES}", str(pages.make_url("/")).rstrip("/"))
    run = (await api.run(task, {"text": value})).json
    error = run["response"]["error"]
    assert (run["is_error"], error["type"]) == (True, "input_processor_error")
    assert any(part in error["message"] for part in says.split("|")), error


async def test_a_page_of_the_largest_size_is_read(api, pages):
    task = await make(api, "url_fetcher", {"max_length": 5})
    run = (await api.run(task, {"text": str(pages.make_url("/big?more=0"))})).json
    assert run["run_data"]["submitted"]["text"] == "xxxxx"


@pytest.mark.parametrize(
    ("charset", "name"),
    [("latin-1", "José"), ("none-such", "Jos\ufffd"), ("utf-8", "Jos\ufffd"), ("idna", "Jos\ufffd")],
)
async def test_a_page_in_any_charset_is_read(api, pages, charset, name):
    run = (await api.run(await make(api, "url_fetcher"), {"text": str(pages.make_url(f"/odd?as={charset}"))})).json
    assert run["response"] == {"name": name}


async def test_a_page_in_what_is_no_character_set_is_read_as_utf_8(api, pages):
    run = (await api.run(await make(api, "url_fetcher"), {"text": str(pages.make_url("/half"))})).json
    assert run["response"] == {"name": r"A\ud800B"}


async def test_a_processor_that_breaks_is_an_error_run(api, monkeypatch):
    async def fall(*args):
        raise KeyError("inside")

    monkeypatch.setattr(UrlFetcher, "process", fall)
    run = (await api.run(await make(api, "url_fetcher"), {"text": "http://127.0.0.1/"})).json
    assert run["response"]["error"] == {
        "type": "input_processor_error",
        "message": "url_fetcher failed on text: it broke (KeyError)",
    }
    run = (await api.run(await make(api, "url_fetcher", {"fallback_text": "Name: Bo"}, name="Other"))).json
    assert run["response"] == {"name": "Bo"}


async def test_redirects_within_are_followed(api, pages):
    task = await make(api, "url_fetcher")
    run = (await api.run(task, {"text": str(pages.make_url("/go?to=/page"))})).json
    assert run["response"] == {"name": "Ana Reyes"}


async def test_an_allowed_host_is_asked(start, unused_tcp_port):
    api = await start(llm_fetch_hosts=("Host.Invalid",))
    task = await make(api, "url_fetcher")
    run = (await api.run(task, {"text": f"http://host.invalid:{unused_tcp_port}/"})).json
    assert "cannot be fetched" in run["response"]["error"]["message"]


async def test_the_fallback_text_takes_over(api, pages):
    task = await make(api, "url_fetcher", {"fallback_text": "Name: Nobody"})
    run = (await api.run(task, {"text": str(pages.make_url("/gone"))})).json
    assert (run["is_error"], run["response"]) == (False, {"name": "Nobody"})
    note = run["run_data"]["input_processors"]["text"]
    assert (note["used_fallback_text"], "404" in note["reason"]) == (True, True)


def test_markdown_of_pages():
    assert to_markdown("<p>a</p><p>b &amp; c</p>") == "a\n\nb & c"
    assert to_markdown("<table><tr><td>1</td><td>2</td></tr></table>") == "| 1 | 2"
    assert to_markdown("plain <unclosed") == "plain <unclosed"


# -- documents -----------------------------------------------------------------------------------


async def send(api, task, name, content, kind="application/pdf", task_input="{}"):
    data = aiohttp.FormData(quote_fields=False)
    data.add_field("task_input", task_input)
    data.add_field("task_file", content, filename=name, content_type=kind)
    return (await api.call("POST", f"task/{task['id']}/run", data=data)).json


@pytest.mark.parametrize("wanted", ["Letter.PDF", "*.pdf"])
async def test_a_document_fills_its_placeholder(api, wanted):
    task = await make(api, "document_content_extractor", {"filename": wanted})
    run = await send(api, task, "letter.pdf", media.document("Name: Ana Reyes"))
    assert run["response"] == {"name": "Ana Reyes"}
    assert run["run_data"]["submitted"] == {"text": "Name: Ana Reyes"}
    assert run["run_data"]["text_preprocessed"] is None


async def test_the_value_may_name_the_document(api):
    task = await make(api, "document_content_extractor", {"filename": "letter.pdf"})
    run = await send(api, task, "other.pdf", media.document("Name: Ana"), task_input='{"text": "other.pdf"}')
    assert run["response"] == {"name": "Ana"}
    assert run["run_data"]["text_preprocessed"] == "other.pdf"


@pytest.mark.parametrize(
    ("name", "content", "kind", "says"),
    [
        ("x.pdf", media.document("y"), "application/pdf", "no file named letter.pdf was sent (sent: x.pdf)"),
        ("letter.pdf", b"%PDF-1.4 broken", "application/pdf", "the PDF cannot be read"),
        ("letter.xyz", b"\x00\x01", "application/octet-stream", "no text that can be read"),
        ("letter.pdf", b" \n", "text/plain", "has no text"),
    ],
)
async def test_a_document_that_cannot_be_read_is_an_error_run(api, name, content, kind, says):
    wanted = name if name.startswith("letter") else "letter.pdf"
    task = await make(api, "document_content_extractor", {"filename": wanted})
    run = await send(api, task, name, content, kind)
    assert run["is_error"] is True
    assert says in run["response"]["error"]["message"]


async def test_the_strategies(api):
    for strategy in ("fast", "hi_res", "auto"):
        config = {"filename": "a.pdf", "strategy": strategy}
        task = await make(api, "document_content_extractor", config, name=f"With {strategy}".replace("_", " "))
        assert (await send(api, task, "a.pdf", media.document("Name: Ana")))["response"] == {"name": "Ana"}
    wrong = {
        "param_name": "text",
        "input_processor": "document_content_extractor",
        "config": {"filename": "a", "strategy": "x"},
    }
    assert (await api.post("task", {**await api.draft(), "input_processors": [wrong]})).status == 422


# -- searches ------------------------------------------------------------------------------------

FIXTURE = """\
query: metformin renal
results:
  - {title: Dosing, url: "https://a.example/1", snippet: "Name: Ana"}
  - {title: Second, snippet: more}
"""


@pytest.fixture
async def searching(start, tmp_path):
    folder = tmp_path / "search"
    folder.mkdir()
    (folder / "metformin.yaml").write_text(FIXTURE)
    (folder / "other.yaml").write_text("matches: '^weather'\nresults: []\n")
    return await start(llm_search_dir=folder)


async def test_a_search_is_served_from_fixtures(searching):
    task = await make(searching, "perplexity_search", {"max_results": "1", "query_context": "Renal dosing of {text}"})
    run = (await searching.run(task, {"text": "Metformin"})).json
    assert run["run_data"]["submitted"]["text"] == "1. Dosing\nhttps://a.example/1\nName: Ana"
    assert run["run_data"]["text_preprocessed"] == "Metformin"


async def test_a_search_without_a_fixture_fails_or_falls_back(searching):
    task = await make(searching, "perplexity_search")
    run = (await searching.run(task, {"text": "aspirin"})).json
    assert "no search fixture fits 'aspirin'" in run["response"]["error"]["message"]
    kinder = await make(searching, "perplexity_search", {"fallback_text": "Name: None"}, name="Kinder")
    assert (await searching.run(kinder, {"text": "aspirin"})).json["is_error"] is False


@pytest.mark.parametrize(
    "text", ["results: []", "query: x\nmatches: y\nresults: []", "matches: (\nresults: []", "a: ["]
)
async def test_a_broken_fixture_is_named(start, tmp_path, text):
    folder = tmp_path / "search"
    folder.mkdir()
    (folder / "bad.yaml").write_text(text)
    api = await start(llm_search_dir=folder)
    run = (await api.run(await make(api, "perplexity_search"), {"text": "x"})).json
    assert "bad.yaml" in run["response"]["error"]["message"]


async def test_processors_run_in_order_and_keep_the_first_value(api, pages):
    uses = [
        {"param_name": "a", "input_processor": "url_fetcher"},
        {"param_name": "b", "input_processor": "url_fetcher", "config": {"fallback_text": "none"}},
    ]
    task = await api.create(user_prompt="{a} {b}", input_processors=uses)
    page = str(pages.make_url("/plain"))
    run = (await api.run(task, {"a": page, "b": "nonsense"})).json
    assert run["run_data"]["submitted"] == {"a": "Name: <b>Bo</b>", "b": "none"}
    assert (run["run_data"]["a_preprocessed"], run["run_data"]["b_preprocessed"]) == (page, "nonsense")


async def test_two_processors_of_one_input_keep_what_was_sent(api, pages):
    uses = [
        {"param_name": "text", "input_processor": "url_fetcher"},
        {"param_name": "text", "input_processor": "url_fetcher", "config": {"fallback_text": "Name: Last"}},
    ]
    page = str(pages.make_url("/plain"))
    run = (await api.run(await api.create(input_processors=uses), {"text": page})).json
    assert (run["response"], run["run_data"]["text_preprocessed"]) == ({"name": "Last"}, page)
