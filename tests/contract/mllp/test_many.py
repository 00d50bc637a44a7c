"""Many connections and broken ones: nothing acknowledged is lost, nothing is taken that was not sent whole."""

import asyncio
import itertools
import random
from collections import Counter

import pytest

from sandbox import limits
from sandbox.api.context import PORTS

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
CONNECTIONS, EACH = 20, 50
CUTS = 500


async def test_a_thousand_messages_over_twenty_connections(wire, told, mllp):
    async def send(number):
        sender = await wire.connect()
        names = [f"{number}-{count}" for count in range(EACH)]
        await sender.write(b"".join(mllp(wire.oru(name)) for name in names))
        assert [told(await sender.answer()) for _ in names] == [["AA", name] for name in names]

    await asyncio.gather(*(send(number) for number in range(CONNECTIONS)))
    kept = [row["control_id"] for row in await wire.sent()]
    assert len(kept) == len(set(kept)) == CONNECTIONS * EACH
    for number in range(CONNECTIONS):
        own = [name for name in kept if name.partition("-")[0] == str(number)]
        assert own == [f"{number}-{count}" for count in range(EACH)]
    assert len(await wire.events()) == CONNECTIONS * EACH


async def test_a_connection_cut_anywhere_loses_nothing_acknowledged(wire, told, mllp):
    """A sender that sends again what was not acknowledged, on a wire that is cut 500 times."""
    dice = random.Random(20260423)
    sent: Counter[str] = Counter()
    acknowledged: set[str] = set()
    cuts = 0
    for number in itertools.count():
        name = f"C-{number}"
        frame = mllp(wire.oru(name))
        while name not in acknowledged and cuts < CUTS:
            sender = await wire.connect()
            place = dice.randrange(len(frame) + len(frame) // 4)
            await sender.write(frame[:place])
            cuts += 1
            if place >= len(frame) - 1:  # the message is whole without its last byte, if the connection then ends
                sent[name] += 1
            if place >= len(frame) and dice.random() < 0.7:
                assert told(await sender.answer()) == ["AA", name]
                acknowledged.add(name)
            if dice.random() < 0.5:
                sender.writer.transport.abort()
            else:
                sender.writer.close()
        if cuts == CUTS:
            break
    assert told(await (await wire.connect()).send(wire.oru("last"))) == ["AA", "last"]
    kept = Counter(row["control_id"] for row in await wire.sent())
    del kept["last"]
    assert len(acknowledged) > 50
    assert all(kept[name] for name in acknowledged)
    assert all(count <= sent[name] for name, count in kept.items())
    assert Counter(event["response"]["body"].split("\r")[1] for event in await wire.events()).keys() == {
        f"MSA|AA|{name}" for name in (*kept, "last")
    }


async def test_a_frame_without_an_end_is_given_up(wire, told, monkeypatch):
    monkeypatch.setattr(limits, "MLLP_FRAME_S", 1)
    other = await wire.connect()
    sender = await wire.connect()
    await sender.write(VT + wire.oru("C-1").encode())
    assert told(await other.send(wire.oru("C-2"))) == ["AA", "C-2"]
    ack = await sender.answer()
    assert told(ack) == ["AR", "C-1"]
    assert "not ended" in ack
    assert await sender.rest() == b""
    assert [(row["control_id"], row["accepted"]) for row in await wire.sent()] == [("C-2", True), ("C-1", False)]


async def test_a_frame_without_an_end_keeps_no_more_than_a_message(wire, told):
    sender = await wire.connect()
    await sender.write(VT + wire.oru("C-1").encode())
    for _ in range(4):
        await sender.write(b"x" * limits.HL7_MESSAGE_BYTES)
    await sender.write(b"\r" + FS + CR)
    ack = await sender.answer()
    assert told(ack) == ["AR", "C-1"]
    (row,) = await wire.sent()
    assert len(row["payload"]) < 8 * limits.KIB


async def test_every_receiver_opens_its_own_sandbox_alone(live, wired, told):
    wires = [await wired(live) for _ in range(4)]
    sender = await wires[0].connect(live.app[PORTS].shared_port)
    names = [(w.credentials["receiving_application"], w.credentials["receiving_facility"]) for w in wires]
    tried = [
        (application, facility)
        for (one, _), (_, other) in itertools.product(names, names)
        for application, facility in ((one, other), (one.lower(), other), (other, one), (one, ""), ("", other))
    ]
    for number, receiver in enumerate(tried):
        text = wires[0].oru(f"T-{number}").replace("EHR|CLINIC", "|".join(receiver))
        assert told(await sender.send(text)) == ["AA" if receiver in names else "AR", f"T-{number}"]
    for w, name in zip(wires, names, strict=True):
        assert [row["control_id"] for row in await w.sent()] == [f"T-{n}" for n, r in enumerate(tried) if r == name]
    await sender.close()


@pytest.mark.parametrize("body", [b"", b"\r", b"MSH", b"MSH|", b"\xff\xfe\x00", b"MSH|^~\\&" * 2000])
async def test_what_is_no_message_is_refused_and_the_connection_goes_on(wire, told, mllp, body):
    sender = await wire.connect()
    await sender.write(mllp(body))
    assert "MSA|AR" in await sender.answer()
    assert told(await sender.send(wire.oru("C-1"))) == ["AA", "C-1"]
