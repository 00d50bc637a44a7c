"""Dates and instants, over HTTP: what one surface reads every other reads, and none breaks on."""

import json

import pytest

FAR_YEAR = "Mon, 20 Nov 99999999999999999999 00:00:00 GMT"
BEFORE_THE_YEAR_1 = "0001-01-01T00:00:00+14:00"
LEAP_SECOND = "2016-12-31T23:59:60Z"
FHIR = {"Content-Type": "application/fhir+json"}


@pytest.mark.parametrize("path", ["fhir/Patient/ana", "files/inbox/referral.txt"])
@pytest.mark.parametrize("since", [FAR_YEAR, "Mon, 20 Nov 1995 00:00:00 +99999999999999999999", "1", "x"])
async def test_a_date_that_is_none_is_ignored_on_every_surface(live, path, since):
    run = await live.started()
    assert (await run.call("GET", path, headers={"If-Modified-Since": since})).status == 200


async def test_an_instant_outside_of_the_years_that_there_are_is_none_that_breaks(live):
    run = await live.started()
    read = {"method": "GET", "url": "Patient/ana", "ifModifiedSince": BEFORE_THE_YEAR_1}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": read}]}
    answer = await run.call("POST", "fhir", body=json.dumps(bundle), headers=FHIR)
    assert [entry["response"]["status"] for entry in answer.json["entry"]] == ["200 OK"]
    assert (await run.call("GET", "fhir/Patient/ana", headers={"If-Modified-Since": BEFORE_THE_YEAR_1})).status == 200


@pytest.mark.parametrize(
    ("instant", "http"),
    [
        (LEAP_SECOND, "Sun, 01 Jan 2017 00:00:00 GMT"),
        (BEFORE_THE_YEAR_1, "Mon, 01 Jan 0001 00:00:00 GMT"),
        ("2017-01-01T02:00:00.5+02:00", "Sun, 01 Jan 2017 00:00:00 GMT"),
    ],
)
async def test_what_a_seed_says_was_changed_when_is_read_alike_by_headers_history_and_search(
    serve, disk, kit, instant, http
):
    patient = {"resourceType": "Patient", "id": "old", "meta": {"lastUpdated": instant}}
    disk.dataset("small", {"fhir/old.ndjson": json.dumps(patient).encode() + b"\n"})
    async with serve() as live:
        run = await live.started()
        read = await run.call("GET", "fhir/Patient/old")
        assert (read.status, read.headers["Last-Modified"]) == (200, http)
        assert (await run.call("GET", "fhir/Patient/old", headers={"If-Modified-Since": http})).status == 304
        assert (await run.call("GET", "fhir/Patient/old/_history")).json["total"] == 1
        assert (await run.call("GET", "fhir/Patient/old/_history?_since=0001")).json["total"] == 1
        found = await run.call("GET", "fhir/Patient?_id=old&_lastUpdated=le2018")
        assert found.json["total"] == 1
