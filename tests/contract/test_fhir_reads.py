"""FHIR reads over HTTP: limits that clip, what belongs to a record, instants, leniency, values."""

import json
from typing import Any
from urllib.parse import quote

import pytest

PATIENTS = 1_005
STEPS = 12
MANY = 10_050
UCUM = "http://unitsofmeasure.org"
ENCOUNTER = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}


def observation(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": "x"}, **more}


def to(reference: str) -> dict[str, str]:
    return {"reference": reference}


def lines(*resources: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(r).encode() for r in resources) + b"\n"


def report(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "DiagnosticReport", "id": name, "status": "final", "code": {"text": "x"}, **more}


def chart() -> bytes:
    """A record whose parts are partly nobody's and partly another patient's."""
    return lines(
        {"resourceType": "Patient", "id": "own", "photo": [{"url": "Binary/photo"}]},
        {"resourceType": "Patient", "id": "other"},
        {"resourceType": "Patient", "id": "big"},
        {**ENCOUNTER, "id": "e", "subject": to("Patient/own")},
        {**ENCOUNTER, "id": "e2", "subject": to("Patient/other")},
        report(
            "r",
            subject=to("Patient/own"),
            encounter=to("Encounter/e"),
            specimen=[to("Specimen/s"), to("Specimen/theirs")],
            result=[to("Observation/nobodys"), to("Observation/theirs"), to("Observation/panel")],
            presentedForm=[{"contentType": "text/plain", "url": "Binary/form"}],
        ),
        {"resourceType": "Specimen", "id": "s"},
        {"resourceType": "Specimen", "id": "theirs", "subject": to("Patient/other")},
        observation("nobodys", performer=[{"display": "Lab"}]),
        observation("panel", hasMember=[to("Observation/member")]),
        observation("member"),
        observation("theirs", subject=to("Patient/other")),
        observation("unrelated"),
        {"resourceType": "Binary", "id": "photo", "contentType": "text/plain", "data": "aGk="},
        {"resourceType": "Binary", "id": "form", "contentType": "text/plain", "data": "aGk="},
        {
            "resourceType": "Binary", "id": "guarded", "contentType": "text/plain", "data": "aGk=",
            "securityContext": to("Patient/other"),
        },
        {
            "resourceType": "DocumentReference", "id": "d", "status": "current", "subject": to("Patient/own"),
            "content": [{"attachment": {"url": "Binary/guarded"}}],
            "relatesTo": [{"code": "appends", "target": to("DocumentReference/old")}],
        },
        {
            "resourceType": "DocumentReference", "id": "old", "status": "current",
            "content": [{"attachment": {"title": "t"}}],
        },
    )  # fmt: skip


@pytest.fixture
async def ehr(disk, serve, kit):
    many = lines(
        *(
            {"resourceType": "Basic", "id": f"b{n}", "code": {"text": "x"}, "subject": to("Patient/big")}
            for n in range(PATIENTS)
        )
    )
    chain = lines(
        *(
            {
                "resourceType": "Organization",
                "id": f"o{n}",
                "name": "x",
                **({"partOf": to(f"Organization/o{n + 1}")} if n < STEPS else {}),
            }
            for n in range(STEPS + 1)
        )
    )
    quantity = observation("q", valueQuantity={"value": 5, "system": UCUM, "code": "mg", "unit": "mg"})
    stamped = {
        "resourceType": "Location",
        "id": "l",
        "name": "x",
        "meta": {"lastUpdated": "2026-01-02T03:04:05.016Z"},
    }
    disk.dataset(
        "reads",
        {
            "fhir/chart.ndjson": chart(),
            "fhir/many.ndjson": many,
            "fhir/chain.ndjson": chain,
            "fhir/single.ndjson": lines(quantity, stamped),
        },
    )
    environment = {
        "name": "Clinic",
        "clock": "2026-04-23T09:00:00Z",
        "simulators": [{"type": "Fhir", "name": "EHR", "dataset": "reads"}],
    }
    disk.benchmark(kit.benchmark("reads", kit.task("look", kit.says(1)), environment=environment))
    async with serve() as live:
        yield await live.started("reads@1")


async def get(run: Any, path: str, status: int = 200, **headers: str) -> Any:
    answer = await run.call("GET", f"fhir/{path}", headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status == status, answer
    return answer.json


def found(bundle: Any, mode: str | None = None) -> set[str]:
    rows = [e for e in bundle.get("entry", ()) if mode is None or e["search"]["mode"] == mode]
    return {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in rows if "fullUrl" in e}


def links(bundle: Any) -> dict[str, str]:
    return {row["relation"]: row["url"] for row in bundle["link"]}


def said(bundle: Any) -> list[tuple[str, str]]:
    outcomes = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "OperationOutcome"]
    return [(i["severity"], i["diagnostics"]) for o in outcomes for i in o["issue"]]


# -- a limit that clips is no refusal


@pytest.mark.parametrize("count", ["1001", "2147483647", "9" * 40])
@pytest.mark.parametrize(
    "path", ["Basic?", "Basic/_history?", "_history?", "?_type=Basic&", "Patient/big/$everything?"]
)
async def test_a_count_past_the_page_limit_is_a_full_page(ehr, path, count):
    page = await get(ehr, f"{path}_count={count}")
    assert len(page["entry"]) == 1000
    rest = await ehr.live.call("GET", links(page)["next"].removeprefix(ehr.live.url), ehr.token)
    assert rest.status == 200
    assert len(rest.json["entry"]) >= PATIENTS - 1000
    if path == "Basic?":
        assert "_count=1000" in links(page)["self"]


async def test_a_count_past_the_page_limit_in_a_form_and_in_a_bundle(ehr):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    page = await ehr.call("POST", "fhir/Basic/_search", body=b"_count=5000", headers=form)
    assert page.status == 200 and len(page.json["entry"]) == 1000 and "next" in links(page.json)
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": f"{p}?_count=2147483647"}} for p in ("Basic", "Basic/_history")],
    }
    answered = await ehr.call("POST", "fhir", json=batch)
    pages = [row["resource"] for row in answered.json["entry"]]
    assert [len(p["entry"]) for p in pages] == [1000, 1000] and all("next" in links(p) for p in pages)


@pytest.mark.parametrize("path", ["Basic", "Basic/_history", "Patient/big/$everything"])
@pytest.mark.parametrize(
    ("query", "status"), [("_count=0", 200), ("_count=-1", 400), ("_count=1.5", 400), ("_count=x", 400)]
)
async def test_a_count_is_read_alike_everywhere(ehr, path, query, status):
    answer = await get(ehr, f"{path}?{query}", status)
    if status == 200:
        assert answer["total"] > 5 and "entry" not in answer and set(links(answer)) == {"self"}
    else:
        assert answer["issue"][0]["expression"] == ["http._count"]


async def test_iterating_goes_on_until_nothing_is_new(ehr):
    path = "Organization?_id=o0&_include=Organization:partof&_include:iterate=Organization:partof"
    bundle = await get(ehr, path)
    assert found(bundle, "include") == {f"Organization/o{n}" for n in range(1, STEPS + 1)}
    back = await get(ehr, f"Organization?_id=o{STEPS}&_revinclude:iterate=Organization:partof")
    assert found(back, "include") == {f"Organization/o{n}" for n in range(STEPS)}


async def test_includes_past_the_result_limit_are_cut_and_said(disk, serve, kit):
    rows = lines(
        {"resourceType": "Patient", "id": "p"},
        *(observation(f"o{n}", subject=to("Patient/p")) for n in range(MANY)),
    )
    disk.dataset("large", {"fhir/all.ndjson": rows})
    environment = {"name": "x", "simulators": [{"type": "Fhir", "name": "EHR", "dataset": "large"}]}
    disk.benchmark(kit.benchmark("large", kit.task("look", kit.says(1)), environment=environment))
    async with serve() as live:
        run = await live.started("large@1")
        bundle = await get(run, "Patient?_revinclude=Observation:subject")
    assert bundle["total"] == 1 and len(found(bundle)) == 10_000
    [(severity, text)] = said(bundle)
    assert severity == "warning" and "10000" in text


# -- what belongs to a record


async def test_everything_has_what_is_nobodys_and_nothing_of_anothers(ehr):
    bundle = await get(ehr, "Patient/own/$everything")
    supporting = {
        "Specimen/s", "Observation/nobodys", "Observation/panel", "Observation/member", "Binary/photo", "Binary/form",
        "DocumentReference/old",
    }  # fmt: skip
    assert found(bundle, "match") == {"Patient/own", "Encounter/e", "DiagnosticReport/r", "DocumentReference/d"}
    assert found(bundle, "include") == supporting


async def test_everything_of_an_encounter_likewise(ehr):
    bundle = await get(ehr, "Encounter/e/$everything")
    assert found(bundle, "match") == {"Encounter/e", "DiagnosticReport/r"}
    assert found(bundle, "include") == {
        "Patient/own", "Binary/photo", "Specimen/s", "Observation/nobodys", "Observation/panel", "Observation/member",
        "Binary/form",
    }  # fmt: skip


# -- a stored instant is a point


@pytest.mark.parametrize("shown", [".016Z", ".0160Z", ".0160000+00:00", ".016000000Z", ".0160000 00:00"])
async def test_a_stored_instant_is_a_point_however_many_zeros_follow(ehr, shown):
    moment = quote("2026-01-02T03:04:05" + shown)
    for prefix, is_there in (("", 1), ("eq", 1), ("le", 1), ("ge", 1), ("gt", 0), ("lt", 0), ("ne", 0)):
        assert (await get(ehr, f"Location?_lastUpdated={prefix}{moment}"))["total"] == is_there, prefix
    assert (await get(ehr, f"Location/_history?_since={moment}"))["total"] == 1
    assert (await get(ehr, f"Location/_history?_at={moment}"))["total"] == 1


async def test_an_instant_to_the_second_is_a_point_and_so_is_a_time_with_a_fraction(ehr):
    second = {"resourceType": "Location", "id": "s", "name": "x"}
    await ehr.call("PUT", "fhir/Location/s", json=second)
    instant = observation("i", effectiveInstant="2026-02-01T10:00:00Z")
    fraction = observation("f", effectiveDateTime="2026-02-02T10:00:00.5Z")
    period = observation("p", effectivePeriod={"start": "2026-02-03T10:00:00Z", "end": "2026-02-03T11:00:00.25Z"})
    for resource in (instant, fraction, period):
        assert (await ehr.call("PUT", f"fhir/Observation/{resource['id']}", json=resource)).status == 201
    for name, moment in (
        ("i", "2026-02-01T10:00:00.000Z"),
        ("f", "2026-02-02T10:00:00.500000Z"),
        ("p", "2026-02-03T11:00:00.2500Z"),
    ):
        assert found(await get(ehr, f"Observation?_id={name}&date=le{moment}")) == {f"Observation/{name}"}, name
        assert found(await get(ehr, f"Observation?_id={name}&date=gt{moment}")) == set(), name


# -- leniency reaches every parameter


@pytest.mark.parametrize(
    ("path", "kept", "gone"),
    [
        ("?_type=Location,Nonsense&_id=l", "_type=Location", "Nonsense"),
        ("?_type=Nonsense&_id=l", "_id=l", "_type"),
        ("?_type=Location&_type=Basic&_id=l", "_type=Location", "Basic"),
        ("Patient/own/*?_type=Encounter,Location", "_type=Encounter", "Location"),
        ("Location?_type=Basic", "Location", "_type"),
        ("?_type:not=Basic&_id=l", "_id=l", "_type"),
        ("Location?_count=x", "Location", "_count"),
        ("Location/_history?_since=x", "_history", "_since"),
        ("Location/_history?_at=x&_count=-1&_since=2020", "_since=2020", "_at"),
        ("_history?name=x&_count=5", "_count=5", "name"),
        ("Patient/own/$everything?_type=Encounter,Nonsense", "everything", "Nonsense"),
        ("Patient/own/$everything?start=x&end=y&_since=z&_count=-1&name=x", "everything", "name"),
        ("Observation/$lastn?patient=own&code=x&max=x&nonsense=1", "lastn", "nonsense"),
    ],
)
async def test_leniency_reaches_every_parameter(ehr, path, kept, gone):
    refused = await get(ehr, path, 400)
    assert refused["issue"][0]["expression"][0].startswith("http.")
    bundle = await get(ehr, path, Prefer="handling=lenient")
    rows = said(bundle)
    assert rows and all(severity == "warning" and text.startswith("Ignored: ") for severity, text in rows)
    assert len(rows) == (5 if "end=y" in path else 2 if "max=x" in path or "_at=x" in path else 1)
    own = links(bundle)["self"]
    assert kept in own and gone not in own


async def test_a_lenient_answer_is_a_valid_bundle(ehr):
    bundle = await get(ehr, "Location/_history?name=x", Prefer="handling=lenient")
    checked = await ehr.call("POST", "fhir/Bundle/$validate", json=bundle)
    assert checked.json["issue"][0]["diagnostics"] == "All OK"
    assert bundle["total"] == 1 and found(bundle) == {"Location/l"}


async def test_a_lenient_page_of_a_result(ehr):
    page = await get(ehr, "Basic?_count=10")
    following = links(page)["next"].partition("/fhir/")[2]
    assert (await get(ehr, following + "&name=x", 400))["issue"][0]["expression"] == ["http.name"]
    lenient = await get(ehr, following + "&name=x", Prefer="handling=lenient")
    assert len(found(lenient)) == 10 and len(said(lenient)) == 1


# -- values that other servers take


@pytest.mark.parametrize("order", ["DocumentReference/old$appends", "appends$DocumentReference/old", "old$appends"])
async def test_a_relationship_in_either_order(ehr, order):
    assert found(await get(ehr, f"DocumentReference?relationship={order}")) == {"DocumentReference/d"}
    assert found(await get(ehr, f"DocumentReference?relationship={order.replace('appends', 'signs')}")) == set()


@pytest.mark.parametrize(
    ("value", "is_there"),
    [
        (f"5|{UCUM}", True),
        (f"5|{UCUM}|", True),
        (f"gt4|{UCUM}", True),
        (f"4|{UCUM}", False),
        (f"ne5|{UCUM}", False),
        ("5|urn:other", False),
        ("5|urn:other|", False),
    ],
)
async def test_a_quantity_by_its_system_alone(ehr, value, is_there):
    assert found(await get(ehr, f"Observation?value-quantity={value}")) == ({"Observation/q"} if is_there else set())
    assert found(await get(ehr, f"Observation?code-value-quantity=x${value}")) == set()
