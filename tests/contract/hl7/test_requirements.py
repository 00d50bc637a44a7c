"""What a receiver insists on and what it reads past, in the messages that systems really send."""

from pathlib import Path

import pytest
import yaml

ADT_WITH_TELEPHONE = (
    "MSH|^~\\&|REG|MERCY|EHR|CLINIC|20260423091500||ADT^A01^ADT_A01|T1|P|{version}\r"
    "EVN||20260423091500\r"
    "PID|1||100234^^^MERCY^MR||VEGA^LINA||19840212|F|||12 ELM ST^^SPRINGFIELD^IL^62701||"
    "{telephone}\r"
    "PV1|1|I|ICU^101^A\r"
)


@pytest.mark.parametrize("version", ["2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.2"])
async def test_a_telephone_number_is_no_date_in_any_version(feed, version):
    telephone = "^PRN^PH^^1^217^5550188^^^^^+1 217 555 0188"
    answer = await feed.send(ADT_WITH_TELEPHONE.format(version=version, telephone=telephone))
    assert (answer["ack_code"], answer["errors"]) == ("AA", [])


@pytest.mark.parametrize("version", ["2.6", "2.7", "2.8", "2.8.1", "2.8.2"])
async def test_a_date_within_a_telephone_is_looked_for_where_it_stands(feed, version):
    telephone = "^PRN^PH^^1^217^5550188^^^^^+1 217 555 0188^last spring"
    answer = await feed.send(ADT_WITH_TELEPHONE.format(version=version, telephone=telephone))
    assert [(e["location"], e["code"]) for e in answer["errors"]] == [("PID^1^13^1^13", "102")]


@pytest.mark.parametrize(("time", "asks"), [("202604230915000500", True), ("20260423091530.12340500", False)])
async def test_an_offset_that_lost_its_sign_is_asked_after(feed, time, asks):
    message = ADT_WITH_TELEPHONE.format(version="2.5.1", telephone="").replace("EVN||20260423091500", f"EVN||{time}")
    answer = await feed.send(message)
    [error] = answer["errors"]
    assert (answer["ack_code"], error["location"], error["code"]) == ("AE", "EVN^1^2", "102")
    assert ("a sign before the offset 0500 (-0500 or +0500)" in error["message"]) is asks
    assert error["message"] in answer["ack"]


CORPUS = Path(__file__).parents[2] / "simulators" / "hl7" / "corpus"
EXTENDED = "MDM DFT VXU ACK OML OMG RDE RDS OUL BAR REF PPR".split()


def cases(file):
    return yaml.safe_load((CORPUS / file).read_text())


def text_of(case):
    return "".join(f"{segment}\r" for segment in case["segments"])


def type_of(case):
    header = case["segments"][0].lstrip()
    return header.split(header[3])[8].split(header[4])[0]


async def test_every_message_of_the_corpus_gets_its_verdict_over_http(feed):
    sent = [case for file in ("sound.yaml", "broken.yaml") for case in cases(file) if case["name"] != "batch"]
    for case in sent:
        answer = await feed.send(text_of(case))
        errors = [[error["location"], error["code"]] for error in answer["errors"]]
        assert (answer["ack_code"], errors) == (case["verdict"], case.get("errors", [])), case["name"]
        if "notes" in case:
            assert answer["notes"] == case["notes"], case["name"]
    kept = await feed.sent()
    assert [row["payload"] for row in kept] == [text_of(case) for case in sent]
    assert [row["ack_code"] for row in kept] == [case["verdict"] for case in sent]


def test_the_corpus_has_a_sound_message_of_every_type():
    assert {type_of(case) for case in cases("sound.yaml")} == {"ADT", "ORU", "ORM", "SIU", *EXTENDED}


async def test_strict_mode_takes_upstreams_types_only(serve, disk, kit):
    check = kit.criterion("sent", "hl7-structural", correlate_by={"message_type": "ADT"})
    disk.benchmark(kit.benchmark("wired", kit.task("a", check)))
    async with serve(is_strict=True) as live:
        run = await live.started("wired")
        for case in cases("sound.yaml"):
            answer = await run.call("POST", "hl7/outbound", json={"payload": text_of(case)})
            is_upstream = type_of(case) not in EXTENDED
            assert answer.json["accepted"] is is_upstream, case["name"]
            if not is_upstream:
                assert [e["code"] for e in answer.json["errors"]] == ["200"], case["name"]
