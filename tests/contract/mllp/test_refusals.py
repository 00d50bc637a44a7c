"""Messages that the receiving application refuses on purpose, whichever way they come."""

import pytest


@pytest.fixture
def refusing(serve, disk, kit):
    """`refusing(*refusals)`: a server whose interface engine has them."""

    def made(*refusals):
        definition = kit.benchmark("refusing", kit.task("t", kit.says(1)))
        simulator = {"type": "Hl7", "name": "Engine", "config": {"refusals": list(refusals)}}
        definition["environment"] = {**definition["environment"], "simulators": [simulator]}
        disk.benchmark(definition)
        return serve()

    return made


async def test_a_refused_message_is_taken_when_it_is_sent_again(refusing, wired, told):
    async with refusing({"messages": [2], "text": "Busy."}) as live:
        wire = await wired(live, reference="refusing@1")
        sender = await wire.connect()
        codes = [told(await sender.send(wire.oru(control))) for control in ("C-1", "C-2", "C-2")]
        assert codes == [["AA", "C-1"], ["AE", "C-2"], ["AA", "C-2"]]
        rows = await wire.sent()
        assert [(row["control_id"], row["accepted"]) for row in rows] == [("C-1", True), ("C-2", False), ("C-2", True)]
        assert rows[1]["errors"] == [{"location": "", "code": "207", "message": "Busy."}]
        assert "ERR|||207^Application internal error^HL70357|E||||Busy." in rows[1]["ack"]
        await sender.close()


async def test_the_count_goes_over_both_ways_and_leaves_out_what_is_wrong_anyway(refusing, wired, told):
    async with refusing({"every": 2, "ack_code": "AR", "times": 1}) as live:
        wire = await wired(live, reference="refusing@1")
        sender = await wire.connect()
        assert told(await sender.send(wire.oru("C-1"))) == ["AA", "C-1"]
        assert told(await sender.send(wire.oru("C-2").replace("|Reyes^Ana|", "||"))) == ["AE", "C-2"]
        ack = f"MSH|^~\\&|A|B|C|D|20260423||ACK^R01^ACK|K-1|P|2.5\rMSA|AA|{'X'}\r"
        assert told(await sender.send(ack)) == ["AA", "K-1"]
        for control, code in (("C-3", "AR"), ("C-4", "AA"), ("C-5", "AA")):
            answer = await wire.run.call("POST", "hl7/outbound", json={"payload": wire.oru(control)})
            assert (answer.status, answer.json["ack_code"]) == (200, code)
        await sender.close()
