"""Faults of the wire, as the definition declares them: carried out, counted, recorded."""

import asyncio
import json

import pytest

VT, END = b"\x0b", b"\x1c\r"


@pytest.fixture
def faulty(serve, disk, kit, wired):
    """`async with faulty(*faults) as wire`: a started run whose interface engine has them."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def made(*faults, **more):
        definition = kit.benchmark("faulty", kit.task("t", kit.says(1)))
        simulator = {"type": "Hl7", "name": "Engine", "config": {"faults": list(faults)}}
        definition["environment"] = {**definition["environment"], "simulators": [simulator]}
        disk.benchmark(definition)
        async with serve() as live:
            wire = await wired(live, reference="faulty@1", **more)
            yield wire
            for sender in wire.open:
                await sender.close()

    return made


async def told_of(wire):
    return [
        (e["response"]["body"]["fault"], e["response"]["body"]["control_id"])
        for e in await wire.events("fault_injected")
    ]


async def test_an_answer_in_two_parts(faulty, told):
    async with faulty({"fault": "split_ack", "messages": [1], "seconds": 0.3}) as wire:
        sender = await wire.connect()
        await sender.write(VT + wire.oru("C-1").encode() + END)
        first = await sender.reader.read(4096)
        assert not first.endswith(END)
        assert (first + await sender.reader.readuntil(END)).count(VT) == 1
        assert told(await sender.send(wire.oru("C-2"))) == ["AA", "C-2"]
        assert await told_of(wire) == [("split_ack", "C-1")]
        (event,) = await wire.events("fault_injected")
        assert (event["actor"], event["request"]["path"], event["via"]) == ("scenario", "mllp", None)


async def test_an_end_block_apart(faulty):
    async with faulty({"fault": "split_end_block", "seconds": 0.3}) as wire:
        sender = await wire.connect()
        await sender.write(VT + wire.oru("C-1").encode() + END)
        first = await sender.reader.read(4096)
        assert first.endswith(b"\r\x1c")
        assert await sender.reader.readexactly(1) == b"\r"


async def test_two_answers_in_one_packet(faulty, told):
    async with faulty({"fault": "ca_and_aa"}) as wire:
        sender = await wire.connect()
        await sender.write(VT + wire.oru("C-1").encode() + END)
        data = await sender.reader.read(8192)
        assert data.count(VT) == 2
        assert [told(part.decode())[0] for part in data.split(END) if part] == ["CA", "AA"]


async def test_an_answer_to_another_message(faulty, told):
    async with faulty({"fault": "wrong_control_id", "every": 2}) as wire:
        sender = await wire.connect()
        assert [told(await sender.send(wire.oru(f"C-{n}"))) for n in (1, 2, 3, 4)] == [
            ["AA", "C-1"], ["AA", "NOT-C-2"], ["AA", "C-3"], ["AA", "NOT-C-4"],
        ]  # fmt: skip
        assert [row["accepted"] for row in await wire.sent()] == [True] * 4
        assert await told_of(wire) == [("wrong_control_id", "C-2"), ("wrong_control_id", "C-4")]


async def test_a_close_without_an_answer(faulty, told):
    async with faulty({"fault": "close_without_ack", "times": 1}) as wire:
        sender = await wire.connect()
        await sender.write(VT + wire.oru("C-1").encode() + END)
        assert await sender.rest() == b""
        sender = await wire.connect()
        assert told(await sender.send(wire.oru("C-1"))) == ["AA", "C-1"]
        assert [row["control_id"] for row in await wire.sent()] == ["C-1", "C-1"]


async def test_an_answer_twice_and_line_ends_between(faulty, told):
    faults = {"fault": "repeated_ack", "messages": [1]}, {"fault": "crlf_between_frames", "messages": [2]}
    async with faulty(*faults) as wire:
        sender = await wire.connect()
        assert await sender.send(wire.oru("C-1")) == await sender.answer()
        assert told(await sender.send(wire.oru("C-2"))) == ["AA", "C-2"]
        assert await sender.reader.readexactly(2) == b"\r\n"


async def test_a_delay(faulty, told):
    async with faulty({"fault": "delay", "seconds": 0.4}) as wire:
        sender = await wire.connect()
        await sender.write(VT + wire.oru("C-1").encode() + END)
        waiting = asyncio.ensure_future(sender.answer())
        while not await wire.sent():
            assert not waiting.done()
        assert told(await waiting) == ["AA", "C-1"]


async def test_a_seed_gives_the_same_faults_again(faulty, told):
    found = []
    for _ in range(2):
        async with faulty({"fault": "wrong_control_id", "chance": 0.5}, seed=11) as wire:
            sender = await wire.connect()
            found.append([told(await sender.send(wire.oru(f"C-{n}")))[1] for n in range(16)])
    assert found[0] == found[1]
    assert 0 < sum(name.startswith("NOT") for name in found[0]) < 16


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"fault": "lose"}, "fault"),
        ({"fault": "delay", "every": 2, "chance": 0.5}, "one of messages, every, chance"),
        ({"fault": "delay", "messages": [0]}, "counted from 1"),
    ],
)
def test_a_fault_that_cannot_be_stops_the_load(disk, kit, registry, fault, said):
    from sandbox.definitions.library import load_library
    from sandbox.definitions.problems import DefinitionError

    definition = kit.benchmark("faulty", kit.task("t", kit.says(1)))
    simulator = {"type": "Hl7", "name": "Engine", "config": {"faults": [fault]}}
    definition["environment"] = {**definition["environment"], "simulators": [simulator]}
    disk.benchmark(definition)
    with pytest.raises(DefinitionError) as caught:
        load_library([disk.playgrounds], [disk.seeds], registry)
    assert said in json.dumps([str(problem) for problem in caught.value.problems])
