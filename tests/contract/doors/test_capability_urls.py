"""A URL that needs nothing else: every surface below `/t/<secret>`, links that stay there, and who has no way in."""

import json
from urllib.parse import quote, urlsplit

import pytest

from sandbox.keys import capability_secret, read_key_file

FHIR = {"Content-Type": "application/fhir+json"}
SURFACES = {
    "fhir": "Patient/ana",
    "hl7": "inbox",
    "files": "inbox",
    "portal": "patients",
    "clearinghouse": "transactions",
}
TYPES = ("Fhir", "Hl7", "Files", "Payer", "Clearinghouse")


@pytest.fixture
async def door(live):
    return await opened(live)


async def opened(live, index=0, **more):
    """A started task run as one sees it who was handed its URLs."""
    run = await live.run(**more)
    return Door(live, run, index, await run.start(index))


def secret_of(live, task_run_id):
    """The secret that a task run's URLs would have."""
    return capability_secret(read_key_file(live.settings.data_dir), task_run_id)


class Door:
    def __init__(self, live, run, index, started):
        self.live, self.run, self.index, self.started = live, run, index, started
        self.urls = started["urls"]
        self.root = self.urls["fhir"].removesuffix("/fhir")
        self.secret = self.root.rpartition("/")[2]

    async def call(self, method, path, **more):
        url = path if path.startswith("http") else f"{self.root}/{path}"
        return await self.live.call(method, url.removeprefix(self.live.url), None, **more)


async def test_each_surface_opens_with_its_url_alone(door):
    assert {*door.urls} == {*SURFACES, "mcp", "clock"}
    assert len(door.secret) == 43
    for surface, path in SURFACES.items():
        assert door.urls[surface] == f"{door.live.url}/t/{door.secret}/{surface}"
        answer = await door.call("GET", f"{door.urls[surface]}/{path}")
        assert answer.status == 200, answer
    handed = {s["type"]: s["credentials"]["capability_url"] for s in door.started["sandboxes"]}
    assert handed == {kind: door.urls[s] for kind, s in zip(TYPES, SURFACES, strict=True)}
    await door.run.call("GET", "files/inbox")
    paths = [e["request"]["path"] for e in await door.run.events() if e["actor"] == "agent"]
    assert paths == [*(f"{surface}/{path}" for surface, path in SURFACES.items()), "files/inbox"]


async def test_the_urls_are_told_again_while_the_task_run_is_started_and_only_then(live):
    run = await live.run()
    assert all("urls" not in task_run for task_run in run.value["task_runs"])
    assert all(task_run["urls"] is None for task_run in (await run.get())["task_runs"])
    assert all("capability_url" not in s["credentials"] for s in run.value["sandboxes"])
    urls = (await run.start())["urls"]
    first, second = (await run.get())["task_runs"]
    assert first["urls"] == urls and second["urls"] is None
    await run.complete()
    assert all(task_run["urls"] is None for task_run in (await run.get())["task_runs"])
    assert all("capability_url" not in s["credentials"] for s in (await run.get())["sandboxes"])


async def test_links_of_bundles_and_locations_stay_below_it(door):
    for number in range(3):
        made = await door.call(
            "POST", "fhir/Patient", json={"resourceType": "Patient", "id": f"p{number}"}, headers=FHIR
        )
        assert made.status == 201 and made.headers["Location"].startswith(f"{door.urls['fhir']}/Patient/")
        assert (await door.call("GET", made.headers["Location"])).status == 200
    page, seen = await door.call("GET", "fhir/Patient?_count=2"), []
    while page is not None:
        assert page.status == 200
        links = {link["relation"]: link["url"] for link in page.json["link"]}
        assert all(url.startswith(f"{door.urls['fhir']}") for url in links.values()), links
        seen += [entry["fullUrl"] for entry in page.json["entry"]]
        page = await door.call("GET", links["next"]) if "next" in links else None
    assert len(seen) == 4 and all(url.startswith(f"{door.urls['fhir']}/Patient/") for url in seen)
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": f"{door.urls['fhir']}/Patient/ana"}}],
    }
    batch = await door.call("POST", "fhir", json=bundle, headers=FHIR)
    assert batch.json["entry"][0]["response"]["status"].startswith("200")
    history = await door.call("GET", "fhir/Patient/ana/_history")
    statement = await door.call("GET", "fhir/metadata")
    for answer in (batch, history, statement):
        assert door.run.tasks[0] not in answer.body.decode()


async def test_what_files_and_the_portal_say_of_themselves_stays_below_it(door, kit):
    path = f"/t/{door.secret}"
    listed = (await door.call("GET", "files/inbox")).json
    assert listed and all(row["url"].startswith(f"{path}/files/inbox/") for row in listed)
    put = await door.call("PUT", "files/outbox/a.txt", body=b"1")
    assert put.headers["Location"] == put.json["url"] == f"{path}/files/outbox/a.txt"
    front = (await door.call("GET", "portal")).json
    assert {front["log_in"]["url"], *front["links"].values()} == {
        f"{door.urls['portal']}/{name}"
        for name in ("login", "prior-auths", "patients", "providers", "formulary", "questions")
    }
    held = next(s["credentials"] for s in door.started["sandboxes"] if s["type"] == "Payer")
    entered = await door.call("POST", "portal/login", json={n: held[n] for n in ("username", "password")})
    assert f"Path={path}/portal;" in entered.headers["Set-Cookie"]
    made = await door.call("POST", "portal/prior-auths", json=kit.prior_auth)
    assert made.headers["Location"].startswith(f"{path}/portal/prior-auths/")
    discovery = await door.call("GET", "fhir/.well-known/smart-configuration")
    assert discovery.json["token_endpoint"] == f"{door.urls['fhir']}/token"
    for answer in (put, entered, made, discovery):
        assert door.run.tasks[0] not in f"{answer.body!r} {answer.headers}"


async def test_references_to_it_are_kept_as_those_of_the_task_run(door):
    patient = f"{door.urls['fhir']}/Patient/ana"
    escaped = patient.replace("/", "\\/")
    for key, reference in (("o1", patient), ("o2", escaped)):
        body = (
            f'{{"resourceType":"Observation","id":"{key}","status":"final","code":{{"text":"x"}},'
            f'"subject":{{"reference":"{reference}"}}}}'
        )
        made = await door.call("PUT", f"fhir/Observation/{key}", body=body, headers=FHIR)
        assert made.status == 201, made
        assert made.json["subject"]["reference"] == patient
    own = f"{door.live.url}/v1/task-runs/{door.run.tasks[0]}/fhir/Patient/ana"
    through_the_run = await door.run.call("GET", "fhir/Observation/o1", at=0)
    assert through_the_run.json["subject"]["reference"] == own
    for value in (patient, quote(patient, safe=""), "Patient/ana"):
        found = await door.call("GET", f"fhir/Observation?subject={value}")
        assert [e["resource"]["id"] for e in found.json["entry"]] == ["o1", "o2"], value
        assert door.run.tasks[0] not in found.body.decode()
    posted = await door.call(
        "POST",
        "fhir/Observation/_search",
        body=f"subject={quote(patient, safe='')}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert len(posted.json["entry"]) == 2


@pytest.mark.parametrize("length", [10, 50_000])
@pytest.mark.parametrize("spelled", [lambda url: url, lambda url: url.replace("/", "\\/")], ids=["plain", "escaped"])
async def test_it_is_not_kept_whatever_path_names_it_and_however_long_the_body_is(door, length, spelled):
    patient = f"{door.urls['fhir']}/Patient/ana"
    body = (
        f'{{"resourceType":"Observation","id":"o3","status":"final","code":{{"text":"{"x" * length}"}},'
        f'"subject":{{"reference":"{spelled(patient)}"}}}}'
    )
    made = await door.run.call("PUT", "fhir/Observation/o3", at=0, body=body.encode(), headers=FHIR)
    assert made.status == 201, made
    own = f"{door.live.url}/v1/task-runs/{door.run.tasks[0]}/fhir/Patient/ana"
    assert made.json["subject"]["reference"] == own and door.secret not in made.body.decode()


async def test_content_is_its_owners_to_the_byte(door):
    content = json.dumps({"own": f"/v1/task-runs/{door.run.tasks[0]}/fhir", "other": f"/t/{door.secret}/fhir"}).encode()
    put = await door.call("PUT", "files/outbox/a.json", body=content, headers={"Content-Type": "application/json"})
    assert put.status == 201
    read = await door.call("GET", "files/outbox/a.json")
    assert read.body == content and read.headers["ETag"] == f'"{put.json["sha256"]}"'
    part = await door.call("GET", "files/outbox/a.json", headers={"Range": "bytes=0-9"})
    assert (part.status, part.body) == (206, content[:10])


async def test_no_page_is_told_where_it_came_from(door):
    for method, path, status in (
        ("GET", "fhir/Patient/ana", 200),
        ("GET", "fhir/Patient/nobody", 404),
        ("GET", "files/inbox/referral.txt", 200),
        ("HEAD", "files/inbox/referral.txt", 200),
        ("DELETE", "files/inbox/referral.txt", 204),
        ("GET", "nonsense", 404),
        ("PATCH", "files/inbox", 405),
        ("POST", "clock/advance", 400),
    ):
        answer = await door.call(method, path)
        assert (answer.status, answer.headers.get("Referrer-Policy")) == (status, "no-referrer"), (path, answer)
    assert "Referrer-Policy" not in (await door.run.call("GET", "fhir/Patient/ana")).headers


async def test_a_form_of_its_own_page_may_be_sent_and_no_other(door):
    """A page without a referrer says "null" where it says its origin."""
    for origin, status in (("null", 201), ("https://evil.test", 403)):
        made = await door.call("PUT", f"files/{status}.txt", body=b"1", headers={"Origin": origin})
        assert made.status == status
    refused = await door.run.call("PUT", "files/a.txt", body=b"1", headers={"Origin": "null"})
    assert refused.status == 403


async def test_who_has_no_way_in(live, door):
    """A wrong secret, another's, one that is not yet good: nothing is there, in the surface's own words."""
    other = await live.run()
    not_yet = secret_of(live, other.tasks[0])
    secrets = ["x", "x" * 43, door.secret[:-1], door.secret + "A", door.secret.swapcase(), not_yet]
    before = door.run.state_hash()
    for secret in secrets:
        for path in SURFACES.items():
            refused = await live.call("GET", f"/t/{secret}/{'/'.join(path)}", None)
            assert refused.status == 404, (secret, refused)
            if path[0] == "fhir":
                assert refused.json["resourceType"] == "OperationOutcome"
            else:
                assert refused.error["code"] == "NOT_FOUND"
        for path in ("fhir/metadata", "portal", "fhir/.well-known/smart-configuration"):
            assert (await live.call("GET", f"/t/{secret}/{path}", None)).status == 404
        for path in ("fhir/token", "portal/login", "clock/advance", "hl7/outbound"):
            assert (await live.call("POST", f"/t/{secret}/{path}", None, json={"seconds": 1})).status == 404
        assert (await live.call("GET", f"/t/{secret}/fhir/Patient", door.run.token)).status == 404
    for path in ("/t", "/t/", f"/t/{door.secret}", f"/t/{door.secret}/", f"/t/{door.secret}/faxes"):
        assert (await live.call("GET", path, None)).status == 404, path
    assert door.run.state_hash() == before and await other.events() == []


@pytest.mark.parametrize("end", ["complete", "cancel", "teardown", "expire"])
async def test_it_ends_with_its_task_run(serve, kit, end):
    clock = kit.clock()
    async with serve(clock=clock, run_token_lifetime_s=60) as live:
        door, bystander = await opened(live), await opened(live)
        assert (await door.call("GET", "files/inbox")).status == 200
        if end == "complete":
            await door.run.complete()
        elif end == "cancel":
            await live.post(f"/task-runs/{door.run.tasks[0]}/cancel")
        elif end == "teardown":
            await live.post(f"/playgrounds/{door.run.value['task_runs'][0]['playground_id']}/teardown")
        else:
            clock.advance(60)
        for surface, path in SURFACES.items():
            assert (await door.call("GET", f"{surface}/{path}")).status == 404
        assert (await door.call("POST", "clock/advance", json={"seconds": 1})).status == 404
        if end != "expire":
            assert (await bystander.call("GET", "files/inbox")).status == 200


async def test_it_outlives_a_restart(serve):
    async with serve() as live:
        door = await opened(live)
        await door.call("PUT", "files/outbox/a.txt", body=b"1")
        state = door.run.state_hash()
    async with serve() as live:
        door.run.live = door.live = live
        again = (await door.run.get())["task_runs"][0]["urls"]
        assert {urlsplit(url).path for url in again.values()} == {urlsplit(url).path for url in door.urls.values()}
        assert door.run.state_hash() == state
        assert (await live.call("GET", f"/t/{door.secret}/files/outbox/a.txt", None)).body == b"1"


async def test_each_of_several_started_task_runs_has_its_own(serve, disk, kit):
    disk.benchmark(kit.benchmark("two", kit.task("a"), kit.task("b"), concurrency=2))
    async with serve() as live:
        run = await live.run("two")
        first, second = [Door(live, run, i, await run.start(i)) for i in (0, 1)]
        await first.call("PUT", "files/outbox/first.txt", body=b"1")
        assert (await second.call("GET", "files/outbox/first.txt")).status == 404
        assert (await first.call("GET", "files/outbox/first.txt")).status == 200


async def test_it_is_the_same_as_the_task_scoped_path(live, kit):
    """Two runs of a seed, one over each: the same events and the same state, and no secret in them."""

    async def tour(call):
        patient = {"resourceType": "Patient", "name": [{"family": "Smith"}], "gender": "male"}
        made = (await call("POST", "fhir/Patient", json=patient, headers=FHIR)).json
        await call("GET", "fhir/Patient?_count=1")
        await call("GET", "fhir/Patient?favourite-colour=red")
        document = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "resource": {
                        "resourceType": "Observation",
                        "status": "final",
                        "code": {"text": "weight"},
                        "subject": {"reference": f"Patient/{made['id']}"},
                    },
                    "request": {"method": "POST", "url": "Observation"},
                }
            ],
        }
        await call("POST", "fhir", json=document, headers=FHIR)
        await call("PUT", "files/outbox/a.txt", body=b"1", headers={"Referer": "http://127.0.0.1/"})
        await call("GET", "files/inbox")
        await call("POST", "portal/prior-auths", json=kit.prior_auth)
        await call("GET", "portal")
        await call("POST", "hl7/outbound", json={"payload": kit.adt.format(control="C1", family="Smith")})
        await call("POST", "clock/advance", json={"seconds": 60})

    door, plain = await opened(live, seed=11), await live.started(seed=11)
    await tour(door.call)
    await tour(lambda method, path, **more: plain.call(method, path, at=0, **more))
    assert door.run.state_hash() == plain.state_hash()

    def said(events, run):
        text = json.dumps([{k: v for k, v in e.items() if k != "duration_ms"} for e in events])
        for index, sandbox in enumerate(run.value["sandboxes"]):
            text = text.replace(sandbox["id"], f"sb{index}").replace(sandbox["playground_id"], "pg")
        return text.replace(run.tasks[0], "tr")

    through, beside = await door.run.events(), await plain.events()
    assert said(through, door.run) == said(beside, plain)
    assert door.secret not in json.dumps(through)


async def test_a_smart_client_at_home_below_it(door):
    held = next(s["credentials"] for s in door.started["sandboxes"] if s["type"] == "Fhir")
    form = f"grant_type=client_credentials&client_id={held['client_id']}&client_secret={held['client_secret']}"
    answer = await door.call(
        "POST", "fhir/token", body=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status == 200 and answer.json["access_token"]
    wrong = await door.call(
        "POST", "fhir/token", body=form + "x", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert (await door.call("GET", "fhir/Patient/ana", headers=headers)).status == 200


async def test_strict_mode_has_none(serve):
    async with serve(is_strict=True) as live:
        run = await live.run()
        started = await run.start()
        assert "urls" not in started and "waiting" not in started
        assert all("capability_url" not in s["credentials"] for s in started["sandboxes"])
        secret = secret_of(live, run.tasks[0])
        for path in ("fhir/Patient/ana", "files/inbox", "fhir/metadata"):
            assert (await live.call("GET", f"/t/{secret}/{path}", None)).status == 404
