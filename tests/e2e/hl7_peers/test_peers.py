"""Senders, listeners and gateways that nobody here wrote, against a live server."""

import pytest

from tests.e2e.hl7_peers.conftest import HERE, oru

pytestmark = pytest.mark.timeout(1200)  # the first test waits for the packages

SENDERS = [
    ("peers.py", "mllp_send"),
    ("peers.py", "hl7.MLLPClient"),
    ("peers.py", "hl7 asyncio"),
    ("peers.py", "hl7lw"),
    ("peers.mjs", "node-hl7-client@3"),
    ("peers.mjs", "node-hl7-client@4"),
    ("peers.mjs", "simple-hl7"),
    ("peers.mjs", "@medplum/hl7"),
]
LISTENERS = [
    ("peers.py", "hl7 listener"),
    ("peers.py", "hl7lw listener"),
    ("peers.mjs", "node-hl7-server"),
    ("peers.mjs", "simple-hl7 listener"),
    ("peers.mjs", "@medplum/hl7 listener"),
]
CONFIG = HERE / "bridge.toml"
NAMED = [f"C-{number}" for number in range(1, 5)]
MESSAGES = [oru("C-1"), oru("C-2", "Núñez^José"), oru("C-3", ""), oru("C-4")]


@pytest.mark.parametrize(("script", "name"), SENDERS)
async def test_a_sender(feed, sends, script, name):
    engine = feed.engine
    told = await sends(script, name, (engine["mllp_host"], engine["mllp_port"]), MESSAGES)
    assert told == [["AA", "C-1"], ["AA", "C-2"], ["AE", "C-3"], ["AA", "C-4"]]
    rows = await feed.get("hl7/outbound")
    assert [(row["control_id"], row["accepted"]) for row in rows] == [
        *zip(NAMED, [True, True, False, True], strict=True)
    ]
    assert [row["payload"].strip("\r").split("\r")[3] for row in rows] == [oru("x").split("\r")[3]] * 4
    assert "Núñez^José" in rows[1]["payload"]


@pytest.mark.parametrize(("script", "name"), LISTENERS)
async def test_a_listener(feed, listens, script, name):
    async with listens(script, name) as peer:
        await feed.name(peer.port)
        rows = await feed.settled()
    assert [(row["delivery"]["state"], row["delivery"]["attempts"]) for row in rows] == [("delivered", 1)] * 4
    assert peer.came == ["L-1", "L-2", "L-3", "L-4"]


async def test_mllp2http_before_the_http_surface(feed, listens, sends):
    url = {"url": f"{feed.session.base_url}/hl7/outbound"}
    async with listens("peers.py", "mllp2http", url, HTTP_AUTHORIZATION=f"Bearer {feed.session.token}") as gateway:
        told = await sends("peers.py", "hl7lw", ("127.0.0.1", gateway.port), MESSAGES)
    assert told == [["AA", "C-1"], ["AA", "C-2"], ["AE", "C-3"], ["AA", "C-4"]]
    rows = await feed.get("hl7/outbound")
    assert [row["control_id"] for row in rows] == NAMED
    assert [row["payload"] for row in rows] == MESSAGES


@pytest.mark.parametrize("feed", ["pathway"], indirect=True)
async def test_a_bridge_turns_the_feed_into_transactions(feed, listens):
    given = {"url": feed.session.urls["fhir"], "config": str(CONFIG)}
    async with listens("peers.py", "bridge", given) as bridge:
        await feed.name(bridge.port)
        rows = await feed.settled()
    assert [(row["message_type"], row["delivery"]["ack_code"]) for row in rows] == [
        ("ADT^A01", "AA"), ("ORM^O01", "AA"), ("ORU^R01", "AA"), ("ORU^R01", "AA"), ("ADT^A02", "AA"),
    ]  # fmt: skip
    found = {}
    for kind in ("Patient", "Encounter", "ServiceRequest", "DiagnosticReport", "Provenance"):
        bundle = await feed.get(f"fhir/{kind}")
        found[kind] = [entry["resource"] for entry in bundle["entry"]]
    # The transfer is acknowledged, and nothing of it kept.
    once = dict.fromkeys(("Patient", "Encounter", "ServiceRequest", "DiagnosticReport"), 1)
    assert {kind: len(rows) for kind, rows in found.items()} == {**once, "Provenance": 4}
    (patient,), (order,), (report,) = (found[kind] for kind in ("Patient", "ServiceRequest", "DiagnosticReport"))
    assert (patient["identifier"][0]["value"], patient["name"][0]["family"]) == ("P-7", "Reyes")
    assert (report["status"], report["conclusion"], report["meta"]["versionId"]) == ("corrected", "No nodule.", "2")
    assert report["basedOn"] == [{"reference": f"ServiceRequest/{order['id']}"}]
    assert [row["value"] for row in order["identifier"]] == ["O1", "F1"]
