"""History at instance, type and system level."""

import pytest


def versions(reply):
    rows = []
    for entry in reply.entries:
        name = entry["fullUrl"].rpartition("/fhir/")[2]
        rows.append((entry["request"]["method"], name, entry["response"]["etag"].strip('W/"')))
    return rows


@pytest.fixture
def busy(make_ehr, seeded, patient):
    """One seeded patient, changed; one created, changed, deleted, created again. A second between the steps."""
    ehr = make_ehr(seeded({**patient, "id": "seed"}, {**patient, "id": "still"}))
    ehr.playground.start_clock(ehr.clock.moment)
    ehr.put("Patient/seed", {**patient, "id": "seed", "gender": "male"})  # 09:00:01
    ehr.put("Patient/a", {**patient, "id": "a"})  # 02
    ehr.patch("Patient/a", [{"op": "remove", "path": "/gender"}])  # 03
    ehr.delete("Patient/a")  # 04
    ehr.put("Patient/a", {**patient, "id": "a"})  # 05
    ehr.post("Organization", {"resourceType": "Organization", "name": "X"})  # 06
    return ehr


def test_of_an_instance(busy):
    reply = busy.get("Patient/a/_history")
    assert reply.json["type"] == "history" and reply.json["total"] == 4
    assert versions(reply) == [
        ("PUT", "Patient/a", "4"),
        ("DELETE", "Patient/a", "3"),
        ("PATCH", "Patient/a", "2"),
        ("PUT", "Patient/a", "1"),
    ]
    deletion = reply.entries[1]
    assert "resource" not in deletion
    assert deletion["response"]["status"] == "204 No Content"
    assert deletion["response"]["lastModified"] == "2026-04-23T09:00:04.000Z"
    assert [e["response"]["status"] for e in reply.entries] == [
        "201 Created",
        "204 No Content",
        "200 OK",
        "201 Created",
    ]


def test_of_a_seeded_instance(busy):
    assert versions(busy.get("Patient/seed/_history")) == [("PUT", "Patient/seed", "2"), ("PUT", "Patient/seed", "1")]


def test_of_a_type_and_of_the_system(busy):
    rows = versions(busy.get("Patient/_history"))
    assert rows[:5] == [
        ("PUT", "Patient/a", "4"),
        ("DELETE", "Patient/a", "3"),
        ("PATCH", "Patient/a", "2"),
        ("PUT", "Patient/a", "1"),
        ("PUT", "Patient/seed", "2"),
    ]
    assert set(rows[5:]) == {("PUT", "Patient/seed", "1"), ("PUT", "Patient/still", "1")}
    system = versions(busy.get("_history"))
    assert system[0][0] == "POST" and system[0][1].startswith("Organization/")
    assert system[1:] == rows


def test_a_created_resource_names_its_type_in_the_request(busy):
    first = busy.get("Organization/_history").entries[0]
    assert first["request"] == {"method": "POST", "url": "Organization"}


def test_history_is_valid_fhir(busy):
    from sandbox.r4.validation import validate

    for url in ("Patient/a/_history", "Patient/_history", "_history"):
        assert validate(busy.get(url).json) == []


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-04-23T09:00:04Z", 2),
        ("2026-04-23T09:00:05Z", 1),
        ("2026-04-23T11:00:05%2B02:00", 1),
        ("2026-04-23", 4),
        ("2026", 4),
        ("2027", 0),
    ],
)
def test_since(busy, since, expected):
    assert busy.get(f"Patient/a/_history?_since={since}").json["total"] == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-04-23T09:00:02.500Z", ["1"]),
        ("2026-04-23T09:00:03Z", ["2"]),
        ("2026-04-23T09:00:10Z", ["4"]),
        ("2026-04-23", ["4", "3", "2", "1"]),
        ("2025", []),
    ],
)
def test_at(busy, at, expected):
    assert [v for _, _, v in versions(busy.get(f"Patient/a/_history?_at={at}"))] == expected


def follow(ehr, url):
    pages = [ehr.get(url)]
    while True:
        links = {link["relation"]: link["url"] for link in pages[-1].json["link"]}
        if "next" not in links:
            return pages
        pages.append(ehr.get(links["next"].partition("/fhir/")[2]))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
def test_paging(busy, size):
    pages = follow(busy, f"_history?_count={size}")
    assert [v for page in pages for v in versions(page)] == versions(busy.get("_history"))
    assert {p.json["total"] for p in pages} == {8}


def test_pages_are_stable_while_the_store_is_written_to(busy, patient):
    whole = versions(busy.get("Patient/_history"))
    first = busy.get("Patient/_history?_count=2")
    busy.put("Patient/new", {**patient, "id": "new"})
    busy.put("Patient/a", {**patient, "id": "a"})
    link = next(link["url"] for link in first.json["link"] if link["relation"] == "next")
    second = busy.get(link.partition("/fhir/")[2])
    assert versions(first) + versions(second) == whole[:4]


def test_count_zero_gives_the_total(busy):
    value = busy.get("_history?_count=0").json
    assert value["total"] == 8 and "entry" not in value
    assert [link["relation"] for link in value["link"]] == ["self"]


@pytest.mark.parametrize(
    "query",
    ["_count=x", "_count=-1", "_since=yesterday", "_at=x", "name=chen", "_sort=date", "_remaining=x", "_since=2026-13"],
)
def test_bad_parameters(busy, query):
    reply = busy.get(f"Patient/_history?{query}")
    assert reply.status == 400
    assert reply.issues[0][2] == "http." + query.partition("=")[0]


def test_lenient_handling_leaves_unknown_parameters_out_of_the_link(busy):
    reply = busy.get("Patient/_history?name=chen", Prefer="handling=lenient")
    assert reply.status == 200
    assert "name" not in reply.json["link"][0]["url"]


def test_of_what_never_was(ehr):
    assert ehr.get("Patient/none/_history").status == 404
    assert ehr.get("Patient/_history").json["total"] == 0
    assert ehr.get("_history").json["total"] == 0


def test_a_seeded_instant_is_compared_to_all_of_its_digits(make_ehr, seeded, patient):
    stamps = {"a": "2026-01-01T00:00:00.0165Z", "b": "2026-01-01T00:00:00.016Z", "c": "2026-01-01T02:00:00.0168+02:00"}
    ehr = make_ehr(seeded(*({**patient, "id": i, "meta": {"lastUpdated": at}} for i, at in stamps.items())))
    assert [e["resource"]["id"] for e in ehr.get("Patient/_history").entries] == ["c", "a", "b"]
    since = ehr.get("Patient/_history?_since=2026-01-01T00:00:00.0165000Z")
    assert [e["resource"]["id"] for e in since.entries] == ["c", "a"]
    assert [e["response"]["lastModified"][-12:] for e in since.entries] == ["0:00.016800Z", "0:00.016500Z"]
