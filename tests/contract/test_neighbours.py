"""Whatever one tenant asks for, others go on: what is long leaves the event loop, what is too much is refused."""

import asyncio
import hashlib
import json
import threading

import pytest

from sandbox import limits, suggest, work
from sandbox.api import bodies
from sandbox.api.context import CREW
from sandbox.llm_tasks.http import bodies as llm_bodies
from sandbox.playground import playground
from sandbox.playground.events import Response
from sandbox.record import encode
from sandbox.record.export import har, jsonl
from sandbox.record.reader import Reader
from sandbox.simulators.fhir.rest import crud
from sandbox.wire import field_errors
from tests.bench.attacks import attacks

FHIR = {"Content-Type": "application/fhir+json"}
SCALE = 0.02
WAIT_S = 20


@pytest.fixture
async def two(live):
    """Two tenants' runs."""
    return await live.started(), await live.started()


class Gate:
    """Holds a create of a resource type on its thread until it is opened."""

    def __init__(self, monkeypatch):
        self.reached, self._open = asyncio.Event(), threading.Event()
        loop, create = asyncio.get_running_loop(), crud.validate

        def held(resource, *args):
            if resource.get("language") == "held":
                assert threading.current_thread() is not threading.main_thread()
                loop.call_soon_threadsafe(self.reached.set)
                assert self._open.wait(WAIT_S)
                return []
            return create(resource, *args)

        monkeypatch.setattr(crud, "validate", held)

    def open(self):
        self._open.set()


def basic(text):
    return {"resourceType": "Basic", "id": "b", "code": {"text": text}}


def long_patient(**more):
    return json.dumps({"resourceType": "Patient", **more, "name": [{"text": "x" * 40_000}]}).encode()


async def test_others_go_on_and_those_of_the_same_playground_wait_in_order(two, monkeypatch):
    one, other = two
    gate = Gate(monkeypatch)
    first = asyncio.create_task(one.call("POST", "fhir/Patient", body=long_patient(language="held"), headers=FHIR))
    await asyncio.wait_for(gate.reached.wait(), WAIT_S)
    second = asyncio.create_task(one.call("PUT", "files/outbox/a.txt", body=b"2"))
    await asyncio.sleep(0)
    for _ in range(20):
        assert (await other.call("GET", "fhir/Patient/ana")).status == 200
    third = asyncio.create_task(one.call("GET", "fhir/Patient"))
    assert (await other.call("POST", "hl7/outbound", body=b"x", headers={"Content-Type": "text/plain"})).status == 200
    assert not first.done() and not second.done() and not third.done()
    gate.open()
    assert (await first).status == 201
    assert (await second).status == 201
    assert (await third).json["total"] == 2
    paths = [event["request"]["path"] for event in await one.events() if event["type"] != "clock_advanced"]
    assert [path for path in paths if path.startswith(("fhir", "files"))] == [
        "fhir/Patient", "files/outbox/a.txt", "fhir/Patient"
    ]  # fmt: skip


async def test_a_completion_waits_for_what_is_being_done(two, monkeypatch):
    one, _ = two
    gate = Gate(monkeypatch)
    first = asyncio.create_task(one.call("POST", "fhir/Patient", body=long_patient(language="held"), headers=FHIR))
    await asyncio.wait_for(gate.reached.wait(), WAIT_S)
    completing = asyncio.create_task(one.complete())
    late = asyncio.create_task(one.call("GET", "fhir/Patient", at=0))
    assert not completing.done()
    gate.open()
    assert (await first).status == 201
    await completing
    assert (await late).status in (200, 409)


async def test_a_task_run_that_is_cancelled_meanwhile_keeps_nothing_of_it(two, live, monkeypatch):
    one, _ = two
    gate = Gate(monkeypatch)
    first = asyncio.create_task(one.call("POST", "fhir/Patient", body=long_patient(language="held"), headers=FHIR))
    await asyncio.wait_for(gate.reached.wait(), WAIT_S)
    await live.post(f"/task-runs/{one.tasks[0]}/cancel")
    gate.open()
    assert (await first).status == 409
    assert all(event["type"] != "fhir_request" for event in await one.events())


@pytest.mark.parametrize("attack", attacks(SCALE), ids=lambda attack: attack.name)
async def test_an_attack_is_answered_and_the_record_goes_on(two, attack):
    one, other = two
    for step in attack.before():
        answer = await one.call(step.method, step.path, body=step.body, headers={"Content-Type": step.media_type})
        assert answer.status < 400, answer
    before = one.state_hash()
    step = attack.request()
    attacking = asyncio.create_task(
        one.call(step.method, step.path, body=step.body, headers={"Content-Type": step.media_type})
    )
    assert (await other.call("GET", "fhir/Patient/ana")).status == 200
    answer = await attacking
    assert answer.status < 500
    assert answer.status < 400 or not attack.is_plain, answer
    if answer.status >= 400 and "prior-auths" not in step.path and step.media_type != "text/plain":
        assert one.state_hash() == before
    assert (await other.call("PUT", "files/outbox/after.txt", body=b"1")).status == 201


@pytest.mark.parametrize("more", [0, 1])
async def test_long_bodies_of_the_api_are_read_beside_the_loop(live, two, monkeypatch, more):
    threads = []

    def note(of):
        def noted(*args):
            threads.append(threading.current_thread() is threading.main_thread())
            return of(*args)

        return noted

    monkeypatch.setattr(bodies, "parse_body", note(bodies.parse_body))
    monkeypatch.setattr(llm_bodies, "_parsed", note(llm_bodies._parsed))
    whole = b'{"x":"' + b"y" * (bodies.LONG_BODY_BYTES + more - 8) + b'"}'
    (organization,) = (await live.get("/api/v1/org"))["results"]
    (project,) = (await live.get(f"/api/v1/org/{organization['id']}/project"))["results"]
    tasks = f"/api/v1/org/{organization['id']}/project/{project['id']}/task"
    for path, token in (("/v1/benchmark-runs", "vrl_slv_local"), (tasks, "vk_local")):
        answer = await live.call("POST", path, token, body=whole, headers={"Content-Type": "application/json"})
        assert answer.status in (400, 422), answer
    assert threads == [not more] * 2


async def test_events_are_shown_beside_the_loop_and_without_the_documents_they_changed(two, live, monkeypatch):
    one, _ = two
    size = limits.INLINE_BODY_BYTES + 1
    answer = await one.call("PUT", "fhir/Basic/b", body=json.dumps(basic("x" * size)).encode(), headers=FHIR)
    assert answer.status == 201
    entry = {"request": {"method": "PUT", "url": "Basic/b"}, "resource": basic("y" * size)}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert (await one.call("POST", "fhir", body=json.dumps(bundle).encode(), headers=FHIR)).status == 200
    threads, read, show, blobs = [], [], encode.event_json, Reader.blobs

    def note(row, read_blob):
        threads.append(threading.current_thread())
        return show(row, lambda name: read.append(name) or read_blob(name))

    async def counted(reader, names):
        read.extend(wanted := list(names))
        return await blobs(reader, wanted)

    monkeypatch.setattr(encode, "event_json", note)
    monkeypatch.setattr(Reader, "blobs", counted)
    events = await one.events()
    assert events[-1]["changes"][-1] == {"collection": "fhir/Basic", "key": "b", "version": 2, "op": "put"}
    stored = json.dumps(live.playground(one.tasks[0]).branch.get("fhir/Basic", "b"), separators=(",", ":")).encode()
    assert hashlib.sha256(stored).hexdigest() not in read and read
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("form", ["jsonl", "har"])
async def test_an_export_writes_long_events_beside_the_loop(two, live, monkeypatch, form):
    one, _ = two
    assert (await one.call("PUT", "files/out/short.txt", body=b"x")).status == 201
    assert (await one.call("PUT", "files/out/long.txt", body=b"x" * 100_000)).status == 201
    module, name = {"jsonl": (jsonl, "_line"), "har": (har, "_written")}[form]
    write, seen = getattr(module, name), {}

    def note(*args):
        recorded = next(arg for arg in args if hasattr(arg, "event"))
        seen[getattr(recorded.event.request, "path", None)] = threading.current_thread() is threading.main_thread()
        return write(*args)

    monkeypatch.setattr(module, name, note)
    answer = await live.call("GET", f"/benchmark-runs/{one.id}/export?format={form}", "vk_local")
    assert answer.status == 200 and b"long.txt" in answer.body
    assert (seen["files/out/short.txt"], seen["files/out/long.txt"]) == (True, False)


async def test_of_many_unknown_fields_few_are_guessed_at(two, monkeypatch):
    guessed = []
    monkeypatch.setattr(field_errors, "nearest", lambda *args: guessed.append(args))
    body = {f"k{n}": 1 for n in range(limits.BODY_FIELDS)}
    answer = await two[0].call("POST", "portal/prior-auths", json=body)
    assert answer.status == 400 and len(answer.json["error"]["details"]) >= limits.BODY_FIELDS
    assert len(guessed) <= suggest.SUGGESTED_MAX


@pytest.mark.parametrize("who", ["agent", "organization"])
async def test_what_a_wait_brings_comes_in_parts_between_which_others_go_on(two, live, monkeypatch, who):
    one, other = two
    monkeypatch.setattr(playground, "STEPS_AT_ONCE", 2)
    monkeypatch.setattr(work, "TRIAL_UNITS", 300)
    do, parts, steps = live.app[CREW].do, [], 9

    async def counted(job, budget=None):
        parts.append((await other.call("GET", "files/inbox")).status)
        return await do(job, budget)

    def schedule(tx):
        for number in range(steps):
            tx.schedule("tell", {"key": f"{number}"}, after_s=60)
        return Response.of_json({})

    mine = live.playground(one.tasks[0])
    mine.actions = {**mine.actions, "tell": lambda tx, args: tx.put("test/things", args["key"], {})}
    mine.interact("portal_request", schedule)
    monkeypatch.setattr(live.app[CREW], "do", counted)
    if who == "agent":
        assert (await one.call("POST", "clock/advance", json={"seconds": 3600})).status == 200
    else:
        await live.post(f"/playgrounds/{mine.id}/clock", json={"seconds": 3600})
    assert mine.branch.count("test/things") == steps
    assert len(parts) >= 3 and set(parts) == {200}


async def test_work_past_the_budget_is_refused_whole_in_the_surfaces_format(two, monkeypatch):
    one, other = two
    monkeypatch.setattr(work.Budget.__init__, "__defaults__", (20_000,))
    before = one.state_hash()
    bundle = {"resourceType": "Bundle", "type": "batch"}
    create = {
        "request": {"method": "POST", "url": "Basic"},
        "resource": {"resourceType": "Basic", "code": {"text": "x"}},
    }
    search = {"request": {"method": "GET", "url": "Patient?_revinclude=*"}}
    bundle["entry"] = [create] + [search] * 3_000
    answer = await one.call("POST", "fhir", body=json.dumps(bundle).encode(), headers=FHIR)
    assert answer.status == 422
    assert answer.json["resourceType"] == "OperationOutcome"
    assert answer.json["issue"][0]["code"] == "too-costly"
    assert one.state_hash() == before
    assert (await one.call("GET", "fhir/Patient/ana")).status == 200
    assert (await other.call("GET", "fhir/Patient/ana")).status == 200


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 422)])
async def test_an_answer_has_a_limit(two, monkeypatch, extra, status):
    one, _ = two
    whole = await one.call("GET", "fhir/Patient/ana")
    monkeypatch.setattr(limits, "ANSWER_BYTES", len(whole.body) - extra)
    answer = await one.call("GET", "fhir/Patient/ana")
    assert answer.status == status
    assert status == 200 or answer.json["issue"][0]["code"] == "too-costly"


async def test_what_was_sent_is_listed_in_pages(two):
    one, _ = two
    for number in range(5):
        message = f"MSH|^~\\&|A|B|C|D|20260423||ADT^A01|{number}|P|2.5\rEVN|A01|1\rPID|1||7||X\rPV1|1|I"
        await one.call("POST", "hl7/outbound", body=message.encode(), headers={"Content-Type": "text/plain"})
    found, path = [], "hl7/outbound?limit=2"
    while path:
        answer = await one.call("GET", path)
        assert len(answer.json) <= 2
        found += [row["control_id"] for row in answer.json]
        link = answer.headers.get("Link")
        path = link.partition(">")[0].partition(one.id + "/")[2] if link else None
    assert found == ["0", "1", "2", "3", "4"]
    whole = await one.call("GET", "hl7/outbound")
    assert len(whole.json) == 5 and "Link" not in whole.headers
    assert (await one.call("GET", "hl7/outbound?limit=0")).status == 400
    assert (await one.call("GET", "hl7/outbound?after=none")).status == 400


@pytest.mark.parametrize(
    ("form", "limit"),
    [
        ("&".join(["family=a"] * limits.FORM_FIELDS), None),
        ("&".join(["family=a"] * (limits.FORM_FIELDS + 1)), "1000 parameters"),
        ("family=" + ",".join(["a"] * limits.SEARCH_VALUES), None),
        ("family=" + ",".join(["a"] * (limits.SEARCH_VALUES + 1)), "10,000"),
        ("_sort=" + ",".join(["family"] * limits.SEARCH_SORT_KEYS), None),
        ("_sort=" + ",".join(["family"] * (limits.SEARCH_SORT_KEYS + 1)), "100"),
        ("_content=" + "%20".join(["a"] * limits.SEARCH_WORDS), None),
        ("_content=" + "%20".join(["a"] * (limits.SEARCH_WORDS + 1)), "1,000"),
    ],
)
async def test_a_search_is_bounded_at_its_limits(two, form, limit):
    one, _ = two
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await one.call("POST", "fhir/Patient/_search", body=form.encode(), headers=headers)
    assert answer.status == 200 if limit is None else answer.status in (400, 413)
    assert limit is None or limit in answer.json["issue"][0]["diagnostics"]


@pytest.mark.parametrize(("count", "status"), [(limits.BODY_FIELDS, 400), (limits.BODY_FIELDS + 1, 413)])
async def test_the_fields_of_a_body_are_bounded(two, live, count, status):
    one, _ = two
    body = {f"k{number}": 1 for number in range(count)}
    assert (await one.call("POST", "portal/prior-auths", json=body)).status == status
    assert (await live.call("POST", "/v1/benchmark-runs", "vrl_slv_local", json=body)).status == status
