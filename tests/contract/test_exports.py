"""Exports: a run as one file, for whoever holds the organization key; each format as others read it."""

import base64
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from haralyzer import HarParser

from sandbox.api.context import FORMATS
from sandbox.record.export.formats import Format

SCHEMA = Path(__file__).parents[1] / "record" / "export" / "junit-10.xsd"
BINARY = bytes(range(256))


@pytest.fixture
async def run(live, kit):
    run = await live.started(scored=True, agent="reader <script>")
    for method, path, more in [
        ("GET", "fhir/Patient?family=Reyes&_count=5", {}),
        ("POST", "hl7/outbound", {"json": {"payload": kit.adt}}),
        ("PUT", "files/outbox/scan.bin", {"body": BINARY}),
        ("GET", "files/outbox/scan.bin", {}),
        ("PUT", "files/outbox/note.txt", {"body": "é\x01".encode()}),
        ("GET", "files/none", {}),
        ("DELETE", "files/outbox/scan.bin", {}),
        ("GET", "portal/patients?name=a%20b&name=c", {}),
    ]:
        await run.call(method, path, **more)
    await run.complete()
    return run


async def export(live, run, form, **more):
    answer = await live.call("GET", f"/benchmark-runs/{run.id}/export?format={form}", "vk_local", **more)
    assert answer.status == 200, answer
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{run.id}.')
    return answer


async def test_json_lines_are_the_events_of_the_api(live, run):
    answer = await export(live, run, "jsonl")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.body.splitlines()]
    events = await run.events()
    assert [line["seq"] for line in lines] == [event["seq"] for event in events]
    for line, event in zip(lines, events, strict=True):
        added = {name: line.pop(name) for name in ("benchmark_run_id", "task_key", "server_at")}
        assert added["benchmark_run_id"] == run.id
        assert added["task_key"] == "refer"
        assert line == event
        assert event["at"].startswith("2026-04-23T09:") and not added["server_at"].startswith("2026-04-23")


async def test_the_server_s_time_is_told_across_a_clock_that_is_advanced(serve, disk, kit):
    steps = [{"action": "advance_clock", "seconds": 86_400}]
    disk.benchmark(kit.benchmark("later", kit.task("wait", kit.says(1), scenario={"steps": steps})))
    async with serve() as live:
        run = await live.started("later@1")
        await run.call("GET", "files/inbox")
        value = await run.get()
        lines = [json.loads(line) for line in (await export(live, run, "jsonl")).body.splitlines()]
    assert [line["type"] for line in lines][-1] == "file_list"
    assert lines[-1]["at"].startswith("2026-04-24T09:00")
    begun = value["task_runs"][0]["started_at"]
    assert begun[:16] <= lines[-1]["server_at"][:16]
    assert all(line["server_at"][:15] == begun[:15] for line in lines)


async def test_a_stepping_clock_does_not_tell_the_server_s_time(live):
    run = await live.started(seed=7)
    await run.call("GET", "files/inbox")
    lines = [json.loads(line) for line in (await export(live, run, "jsonl")).body.splitlines()]
    assert lines[-1]["server_at"] is None


async def test_a_har_reader_finds_every_call(live, run):
    answer = await export(live, run, "har")
    har = answer.json
    parser = HarParser(har)
    events = [e for e in await run.events() if e["request"] and e["request"]["method"] != "SCENARIO"]
    page, other = parser.pages
    assert page.page_id == run.tasks[0]
    assert other.page_id == run.tasks[1]
    assert not other.entries
    assert len(page.entries) == len(events) == 8
    for entry, event in zip(page.entries, events, strict=True):
        assert (entry.request.method, entry.response.status) == (
            event["request"]["method"],
            event["response"]["status"],
        )
        assert entry.time == event["duration_ms"]
        assert entry.request.url.startswith(f"{live.url}/v1/task-runs/{run.tasks[0]}/{event['request']['path']}")
        assert entry.startTime.isoformat(timespec="milliseconds").startswith(event["at"][:23])
    by_path = {entry.request.url.split("/", 6)[6]: entry for entry in page.entries if entry.request.method == "GET"}
    content = by_path["files/outbox/scan.bin"].raw_entry["response"]["content"]
    assert content["encoding"] == "base64"
    assert base64.b64decode(content["text"]) == BINARY
    found = by_path["fhir/Patient?family=Reyes&_count=5"]
    assert json.loads(found.response.text)["resourceType"] == "Bundle"
    assert found.request.queryString == [{"name": "family", "value": "Reyes"}, {"name": "_count", "value": "5"}]
    assert found.response.mimeType.startswith("application/fhir+json")
    posted = page.post_requests[0].raw_entry["request"]["postData"]
    assert json.loads(posted["text"])["payload"].startswith("MSH|")
    put = next(e for e in har["log"]["entries"] if e["request"]["method"] == "PUT")["request"]
    assert base64.b64decode(put["postData"]["text"]) == BINARY
    assert put["bodySize"] == 256


async def test_a_har_begins_pages_with_their_first_call(live, run):
    log = (await export(live, run, "har")).json["log"]
    assert log["version"] == "1.2"
    assert log["pages"][0]["startedDateTime"] == log["entries"][0]["startedDateTime"]
    assert "fail" in log["pages"][0]["title"] or "partial" in log["pages"][0]["title"]


async def test_junit_has_a_case_for_each_criterion_and_passes_the_schema(live, run):
    await run.start(1)
    await run.complete(1, output={"answer": 42})
    answer = await export(live, run, "junit")
    xmlschema.XMLSchema(SCHEMA).validate(answer.body.decode())
    root = ET.fromstring(answer.body)
    refer, told = root.findall("testsuite")
    assert (root.get("tests"), root.get("failures")) == ("5", str(int(refer.get("failures"))))
    assert [case.get("name") for case in refer.findall("testcase")] == [
        "prior authorization submitted",
        "admission announced",
        "note written",
        "patient registered",
    ]
    assert [case.get("group") for case in refer.findall("testcase")] == [
        "correctness",
        "communication",
        None,
        "correctness",
    ]
    failed = {case.get("name"): case.find("failure") for case in refer.findall("testcase")}
    assert failed["prior authorization submitted"].get("message")
    assert failed["note written"] is None
    properties = {p.get("name"): p.get("value") for p in refer.iter("property")}
    assert properties["criterion.1.weight"] == "2"
    assert properties["criterion.1.axis"] == "correctness"
    assert properties["agent"] == "reader <script>"
    assert properties["status"] == "completed"
    assert told.find("testcase/failure") is None
    assert told.get("failures") == "0"


async def test_junit_of_what_was_never_judged(live, kit):
    run = await live.started()
    await live.post(f"/benchmark-runs/{run.id}/cancel")
    answer = await export(live, run, "junit")
    xmlschema.XMLSchema(SCHEMA).validate(answer.body.decode())
    root = ET.fromstring(answer.body)
    assert root.get("failures") == "0"
    assert len(root.findall("testsuite/testcase/skipped")) == 5


async def test_junit_holds_what_xml_has_no_character_for(serve, disk, kit):
    disk.benchmark(kit.benchmark("odd", kit.task("a", kit.says("\x00\ud7ff & <\x1b>"))))
    async with serve() as live:
        run = await live.started("odd@1")
        await run.complete(output={"answer": "]]>\x0b\x85"})
        answer = await export(live, run, "junit")
    xmlschema.XMLSchema(SCHEMA).validate(answer.body.decode())


@pytest.mark.parametrize("form", ["jsonl", "har", "junit", "html"])
async def test_a_run_that_goes_on_is_exported_as_far_as_it_is(live, form):
    run = await live.started()
    await run.call("GET", "files/inbox")
    assert (await export(live, run, form)).body


async def test_refusals(live, run):
    path = f"/benchmark-runs/{run.id}/export"
    for token, status in ((None, 401), (run.token, 401), ("vrl_slv_local", 401)):
        assert (await live.call("GET", f"{path}?format=har", token)).status == status
    answer = await live.call("GET", path, "vk_local")
    assert answer.status == 400
    assert "format" in answer.error["details"]
    answer = await live.call("GET", f"{path}?format=otlp", "vk_local")
    assert answer.status == 400
    answer = await live.call("GET", "/benchmark-runs/br_none/export?format=har", "vk_local")
    assert answer.status == 404


async def test_an_export_that_breaks_off_is_no_whole_answer(live, run, monkeypatch):
    import aiohttp

    async def broken(*args, **more):
        yield b"{"
        raise RuntimeError("broken")

    monkeypatch.setitem(live.app[FORMATS], "har", Format("har", "har", "application/json", broken))
    with pytest.raises(aiohttp.ClientError):
        await export(live, run, "har")
